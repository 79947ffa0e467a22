//! The result is taken out of an outcome that is not recorded.
use motlan_exchange::{Denial, Outcome, Release};

fn opened(outcome: Outcome) -> Result<Release, Denial> {
    outcome.result.0
}

fn main() {}
