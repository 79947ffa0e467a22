//! What goes into the ledger, and what its writer gets.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand;
use motlan_api::audit::v1::{GroundOutcome, Record, RecordKind, Sealed};
use prost::Message as _;
use thiserror::Error;
use tokio::sync::oneshot;

use super::queue::Pending;
use crate::format::FORMAT;
use crate::frame::{self, Part, encode_part};
use crate::identity::LogId;
use crate::origin::RecordId;
use crate::sealing::{self, Bound, NONCE_BYTES, Sealer};
use crate::tree::{leaf_hash, sha256};
use crate::verify::{tells_a_change, tells_a_component, tells_a_hold, tells_a_look};

/// How long a salt is.
pub(crate) const SALT_BYTES: usize = 16;

/// What to write: a record and its personal part.
#[derive(Clone, Default)]
pub struct Entry {
    /// The public part. `format` and `sealed_sha256` are the ledger's to set.
    pub record: Record,
    /// The personal part. `salt` is the ledger's to set. It is written encrypted.
    pub sealed: Sealed,
}

/// What an entry is prepared for.
pub(super) struct Preparation<'a> {
    pub(super) log: LogId,
    pub(super) sealer: &'a Sealer,
    /// No part may be longer.
    pub(super) part_bytes_max: usize,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Refuses what only the ledger itself may write, or what verification would find wrong.
    pub(super) fn check(&self) -> Result<(), AppendError> {
        let malformed = |what| Err(AppendError::Malformed(what));
        match self.record.kind() {
            RecordKind::Question if self.record.question.is_some() => {
                malformed("a question does not answer another")
            }
            RecordKind::Unspecified => malformed("`kind` is not set"),
            RecordKind::Erasure => malformed("only an erasure is recorded as one"),
            RecordKind::Link => malformed("only a turn of the quarter is recorded as a link"),
            RecordKind::Look if !tells_a_look(&self.record) => {
                malformed("a look says what was shown, or why nothing was")
            }
            RecordKind::Hold if !tells_a_hold(&self.record) => {
                malformed("a hold says until when, and why")
            }
            RecordKind::Change if !tells_a_change(&self.record) => {
                malformed("a change says of what, and to what")
            }
            RecordKind::Change if self.sealed != Sealed::default() => {
                malformed("a change is about nobody")
            }
            RecordKind::Component if !tells_a_component(&self.record) => {
                malformed("a component says what became of what")
            }
            RecordKind::Component if is_ground(&self.record) => {
                malformed("a ground is recorded where it is signed")
            }
            kind if kind != RecordKind::Change && self.record.change.is_some() => {
                malformed("only a change says what changed")
            }
            _ if self.record.erasure.is_some() || !self.sealed.erased.is_empty() => {
                malformed("only an erasure says what was erased")
            }
            _ => Ok(()),
        }
    }

    /// Salts, commits to the personal part, hashes and seals: all that can be done beside the
    /// committer.
    pub(super) fn prepare(self, to: &Preparation<'_>) -> Result<(Pending, Receiver), AppendError> {
        let Entry {
            mut record,
            mut sealed,
        } = self;
        let mut random = [0; SALT_BYTES + NONCE_BYTES];
        rand::fill(&mut random).map_err(|_| AppendError::Random)?;
        let (salt, nonce) = random.split_last_chunk().ok_or(AppendError::Random)?;
        sealed.salt = salt.to_vec();
        let content = sealed.encode_to_vec();
        record.format = FORMAT;
        record.sealed_sha256 = sha256(&content).to_vec();
        let leaf = record.encode_to_vec();
        // Before it is sealed: a number that is drawn is used up.
        let sealed_bytes = content.len() + Sealer::overhead_bytes();
        let length = frame::LENGTHS_BYTES + leaf.len() + sealed_bytes;
        let limits = [
            frame::PART_BYTES_MAX,
            frame::PART_BYTES_MAX,
            to.part_bytes_max,
        ];
        for (bytes, bytes_max) in [leaf.len(), sealed_bytes, length].into_iter().zip(limits) {
            if bytes > bytes_max {
                return Err(AppendError::TooLarge { bytes, bytes_max });
            }
        }
        let leaf_hash = leaf_hash(&leaf);
        let bound = Bound {
            log: to.log,
            leaf: leaf_hash,
        };
        // R37: what is personal reaches no file in the clear.
        let sealed = to
            .sealer
            .seal(sealing::label(&record), &bound, *nonce, &content)
            .ok_or(AppendError::NoKey)?;
        let mut part = Vec::with_capacity(length);
        encode_part(
            &mut part,
            Part {
                leaf: &leaf,
                sealed: &sealed,
            },
        );
        let (waiter, receiver) = oneshot::channel();
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

fn is_ground(record: &Record) -> bool {
    let component = record.component.as_ref();
    component.is_some_and(|it| it.outcome() != GroundOutcome::Unspecified)
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
    /// The log has named its successor: it takes only outcomes of earlier questions.
    #[error("the quarter of this log is over: new questions go into the next log")]
    Ended,
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
    /// The keys of the record's dataset were destroyed, so that its personal part cannot be sealed.
    #[error(
        "the keys of this dataset were destroyed: nothing more about it can be recorded in this log"
    )]
    NoKey,
    /// The system gave no randomness for salt and nonce.
    #[error("no randomness to be had")]
    Random,
}
