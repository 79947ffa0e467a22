//! `motlan-audit` on small ledgers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test fails the test"
)]

mod export;
mod grounds;
mod ledgers;
mod looks;
mod program;
mod proofs;
mod quarters;
mod search;

// The player of guides of the whole-system tests.
#[path = "../../../../tests/preview/play.rs"]
mod play;
