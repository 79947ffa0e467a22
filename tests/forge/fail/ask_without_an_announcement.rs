//! A provider is asked before the ledger has heard of it.
use motlan_exchange::{Answer, Duties, Permitted, Provider};

async fn early(permitted: Permitted, owners: &impl Provider, duties: &impl Duties) -> Answer {
    permitted.fetch(owners, duties).await
}

fn main() {}
