//! What goes into the ledger, and what its writer gets.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand;
use motlan_api::audit::v1::{Record, RecordKind, Sealed};
use prost::Message as _;
use thiserror::Error;
use tokio::sync::oneshot;

use super::queue::Pending;
use crate::frame::{self, Part, encode_part};
use crate::origin::RecordId;
use crate::tree::{leaf_hash, sha256};

/// The version of [`Record`] that is written.
pub(crate) const FORMAT: u32 = 1;
/// How long a salt is.
pub(crate) const SALT_BYTES: usize = 16;

/// What to write: a record and its personal part.
#[derive(Clone, Default)]
pub struct Entry {
    /// The public part. `format` and `sealed_sha256` are the ledger's to set.
    pub record: Record,
    /// The personal part. `salt` is the ledger's to set.
    pub sealed: Sealed,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Salts, encodes, commits to the sealed part and hashes: all that can be done beside the
    /// committer. No part may be longer than `part_bytes_max`.
    pub(super) fn prepare(self, part_bytes_max: usize) -> Result<(Pending, Receiver), AppendError> {
        let Entry {
            mut record,
            mut sealed,
        } = self;
        match record.kind() {
            RecordKind::Question if record.question.is_some() => {
                return Err(AppendError::Malformed("a question does not answer another"));
            }
            RecordKind::Question | RecordKind::Outcome => {}
            RecordKind::Unspecified => return Err(AppendError::Malformed("`kind` is not set")),
        }
        let mut salt = vec![0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| AppendError::Random)?;
        sealed.salt = salt;
        let sealed = sealed.encode_to_vec();
        record.format = FORMAT;
        record.sealed_sha256 = sha256(&sealed).to_vec();
        let leaf = record.encode_to_vec();
        let length = frame::LENGTHS_BYTES + leaf.len() + sealed.len();
        let limits = [frame::PART_BYTES_MAX, frame::PART_BYTES_MAX, part_bytes_max];
        for (bytes, bytes_max) in [leaf.len(), sealed.len(), length].into_iter().zip(limits) {
            if bytes > bytes_max {
                return Err(AppendError::TooLarge { bytes, bytes_max });
            }
        }
        let mut part = Vec::with_capacity(length);
        encode_part(
            &mut part,
            Part {
                leaf: &leaf,
                sealed: &sealed,
            },
        );
        let (waiter, receiver) = oneshot::channel();
        let leaf_hash = leaf_hash(&leaf);
        Ok((
            Pending {
                part,
                leaf_hash,
                question: record.question,
                waiter,
            },
            receiver,
        ))
    }
}

/// Where the committer's answer arrives.
pub(super) type Receiver = oneshot::Receiver<Result<Durable, AppendError>>;

/// Proof that one record would survive a power cut: made only by the committer, after the store has
/// returned and the record is in the tree and under a signed checkpoint.
#[must_use]
pub struct Durable {
    id: RecordId,
}

impl Durable {
    pub(super) fn new(id: RecordId) -> Durable {
        Durable { id }
    }

    /// The record's index.
    pub fn index(&self) -> u64 {
        self.id.index()
    }

    /// The record's name.
    pub fn id(&self) -> &RecordId {
        &self.id
    }
}

/// Why an entry was not recorded.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The ledger has failed. Whether this entry lasts is not known; nobody may act on it.
    #[error("the ledger has failed and writes nothing more: {0}")]
    Failed(Arc<str>),
    /// The ledger is closed.
    #[error("the ledger is closed")]
    Closed,
    /// The caller's: a part of the entry does not fit into a frame.
    #[error("a part of the record has {bytes} bytes, and {bytes_max} is the most")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The caller's: the record breaks a rule that verification would find broken.
    #[error("not a record for the ledger: {0}")]
    Malformed(&'static str),
    /// The system gave no randomness for the salt.
    #[error("no randomness to be had")]
    Random,
}
