//! An outcome is dropped on the floor instead of being recorded.
#![deny(unused_must_use)]
use motlan_exchange::Answer;

fn dropped(answer: Answer) {
    answer.mask();
}

fn main() {}
