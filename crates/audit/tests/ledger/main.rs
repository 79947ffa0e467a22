//! The ledger as its users see it: on disk, through crashes, damage and failing stores.
#![cfg(test)]

mod common;
mod concurrent;
mod damage;
mod failure;
mod open;
mod torn;
