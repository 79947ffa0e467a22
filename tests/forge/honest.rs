//! The way of a lookup as it must go.
use motlan_audit::Ledger;
use motlan_exchange::{Ask, Caller, Provider, Reply, Unrecorded};
use motlan_policy::Rules;

async fn lookup(
    caller: Caller,
    ask: Ask,
    rules: &Rules,
    ledger: &Ledger,
    owners: &impl Provider,
) -> Result<Reply, Unrecorded> {
    let outcome = match caller.ask(ask).decide(rules) {
        Ok(permitted) => permitted.announce(ledger).await?.fetch(owners).await.mask(),
        Err(refused) => refused,
    };
    Ok(outcome.record(ledger).await?.release())
}

fn main() {}
