//! One permit, two lookups.
use motlan_audit::Ledger;
use motlan_exchange::Permitted;

async fn twice(permitted: Permitted, ledger: &Ledger) {
    let _first = permitted.announce(ledger).await;
    let _second = permitted.announce(ledger).await;
}

fn main() {}
