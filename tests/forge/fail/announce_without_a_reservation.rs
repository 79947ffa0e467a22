//! A question is announced that limits, or cases nobody reviewed, may stand in the way of.
use motlan_audit::Ledger;
use motlan_exchange::{Announced, Permitted, Unrecorded};

async fn hasty(permitted: Permitted, ledger: &Ledger) -> Result<Announced, Unrecorded> {
    permitted.announce(ledger).await
}

fn main() {}
