//! The ledger as its users see it: on disk, through crashes, damage and failing stores.
#![cfg(test)]

mod bytes;
mod changes;
mod common;
mod concurrent;
mod damage;
mod erasing;
mod failure;
mod faults;
mod grounds;
mod index;
mod known;
mod looks;
mod open;
mod oracle;
mod proofs;
mod sealing;
mod shards;
mod torn;
