//! Why a proof was not made.

use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::identity::IdentityError;
use crate::ledger::ReadError;

/// Why a proof was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The folder holds no ledger.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file could not be read, or what stands there is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A checkpoint is not believed.
    #[error("the checkpoint is not believed")]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of another log.
    #[error("the folder holds the log `{folder}`, and the checkpoint is of `{checkpoint}`")]
    OtherLog {
        /// The folder's origin.
        folder: String,
        /// The checkpoint's origin.
        checkpoint: String,
    },
    /// The caller's: there is no such record.
    #[error("there is no record {index}: the checkpoint speaks for {size}, counted from 0")]
    NoRecord {
        /// Which.
        index: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// The caller's: the older tree is the larger one.
    #[error("the older log has {old_size} records and the newer {new_size}: give them in order")]
    Order {
        /// The older size.
        old_size: u64,
        /// The newer size.
        new_size: u64,
    },
    /// The caller's: the log is not that large.
    #[error("the log in the folder has {signed} records under its checkpoint, not {size}")]
    Size {
        /// The size asked for.
        size: u64,
        /// That of the folder's checkpoint.
        signed: u64,
    },
    /// A checkpoint speaks for records that are not there.
    #[error(
        "the checkpoint speaks for {size} records, and the folder does not hold all of them (its \
         own checkpoint speaks for {signed}): this is an older copy, or records were dropped"
    )]
    Ahead {
        /// The checkpoint's size.
        size: u64,
        /// That of the folder's checkpoint.
        signed: u64,
    },
    /// The files are not the log that was signed.
    #[error(
        "the first {size} records in the folder are not those that the checkpoint speaks for: \
         verify the ledger"
    )]
    OtherRecords {
        /// The checkpoint's size.
        size: u64,
    },
}

impl ProveError {
    /// Whether this is wrong with the log, not with what was asked or with reading it.
    pub fn is_finding(&self) -> bool {
        match self {
            ProveError::Checkpoint(_)
            | ProveError::OtherRecords { .. }
            | ProveError::Ahead { .. }
            | ProveError::Read(ReadError::Damaged { .. }) => true,
            ProveError::Identity(_)
            | ProveError::Read(_)
            | ProveError::OtherLog { .. }
            | ProveError::NoRecord { .. }
            | ProveError::Size { .. }
            | ProveError::Order { .. } => false,
        }
    }
}
