//! The messages of the ledger, for those who write entries.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
pub use motlan_api::audit::v1::{
    Change, ChangeSubject, Channel, Component, GroundOutcome, Record, RecordKind, Result, Sealed,
};

/// SHA-256 of messages as they lie in a gRPC body: each behind its five-byte prefix.
#[must_use]
pub fn frames_sha256(messages: &[Bytes]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    for message in messages {
        digest.update(&[0]);
        // A body is limited to far less than 4 GiB.
        digest.update(
            &u32::try_from(message.len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        digest.update(message);
    }
    digest.finish().as_ref().to_vec()
}
