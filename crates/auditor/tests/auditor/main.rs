//! `motlan-audit` on small ledgers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test fails the test"
)]

mod export;
mod ledgers;
mod looks;
mod program;
mod proofs;
mod quarters;
mod search;
