//! One permit, two lookups.
use motlan_audit::Ledger;
use motlan_exchange::Reserved;

async fn twice(reserved: Reserved, ledger: &Ledger) {
    let _first = reserved.announce(ledger).await;
    let _second = reserved.announce(ledger).await;
}

fn main() {}
