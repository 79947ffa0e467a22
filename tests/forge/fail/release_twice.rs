//! One record, two replies.
use motlan_exchange::{Recorded, Reply};

fn twice(recorded: Recorded) -> (Reply, Reply) {
    (recorded.release(), recorded.release())
}

fn main() {}
