//! A provider is asked before the ledger has heard of it.
use motlan_exchange::{Answer, Permitted, Provider};

async fn early(permitted: Permitted, owners: &impl Provider) -> Answer {
    permitted.fetch(owners).await
}

fn main() {}
