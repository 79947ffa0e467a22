//! An outcome is dropped on the floor instead of being recorded.
#![deny(unused_must_use)]
use motlan_exchange::{Answer, Duties};

async fn dropped(answer: Answer, duties: &impl Duties) {
    answer.mask(duties).await;
}

fn main() {}
