//! The way of a lookup as it must go.
use motlan_audit::Ledger;
use motlan_exchange::{Ask, Caller, Duties, Limits, Provider, Reply, Unrecorded};
use motlan_policy::Rules;

async fn lookup(
    caller: Caller,
    ask: Ask,
    rules: &Rules,
    (limits, duties): (&Limits, &impl Duties),
    ledger: &Ledger,
    owners: &impl Provider,
) -> Result<Reply, Unrecorded> {
    let reserved = match caller.ask(ask).decide(rules) {
        Ok(permitted) => permitted.reserve(limits, duties).await,
        Err(refused) => Err(refused),
    };
    let outcome = match reserved {
        Ok(reserved) => {
            let announced = reserved.announce(ledger).await?;
            announced.fetch(owners, duties).await.mask(duties).await
        }
        Err(refused) => refused,
    };
    Ok(outcome.record(ledger).await?.release())
}

fn main() {}
