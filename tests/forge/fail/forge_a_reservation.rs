//! A question for which no limit was charged.
use motlan_exchange::{Permitted, Reserved};

fn forged(permitted: Permitted) -> Reserved {
    Reserved { permitted }
}

fn main() {}
