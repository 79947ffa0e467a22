//! A proof that a record is durable, made by somebody who wrote nothing.
use motlan_audit::{Durable, RecordId};

fn forged(id: RecordId) -> Durable {
    Durable { id }
}

fn main() {}
