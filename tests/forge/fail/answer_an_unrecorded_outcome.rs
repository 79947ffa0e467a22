//! A caller hears of an outcome before the ledger has.
use motlan_exchange::{Outcome, Reply};

fn early(outcome: Outcome) -> Reply {
    outcome.release()
}

fn main() {}
