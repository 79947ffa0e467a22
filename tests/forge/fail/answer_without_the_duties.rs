//! An answer leaves without what the grant obliges to.
use motlan_exchange::{Answer, Outcome};

async fn undutiful(answer: Answer) -> Outcome {
    answer.mask().await
}

fn main() {}
