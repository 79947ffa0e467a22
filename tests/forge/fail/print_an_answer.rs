//! An answer that is not masked is printed.
use motlan_exchange::Answer;

fn printed(answer: &Answer) -> String {
    format!("{answer:?}")
}

fn shown(answer: &Answer) -> String {
    format!("{answer}")
}

fn main() {}
