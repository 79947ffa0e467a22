//! A reply that no record stands behind.
use motlan_audit::RecordId;
use motlan_exchange::{Release, Reply};

fn made(record: RecordId, release: Release) -> Reply {
    Reply { record, index: 0, result: Ok(release) }
}

fn main() {}
