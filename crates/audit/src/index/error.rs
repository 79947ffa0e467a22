//! What can be wrong with an index.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ledger::ReadError;

/// Why an index cannot be used, or was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// It is not there.
    #[error("there is no index `{}`: `motlan-audit index rebuild` makes it", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// Another process has it open.
    #[error(
        "the index `{}` is in use by another program, e.g. the gateway: stop that one, or give \
         another file by `--index`",
        file.display()
    )]
    InUse {
        /// The file.
        file: PathBuf,
    },
    /// It is of another log.
    #[error(
        "the index `{}` is of another log: give the right one, or have \
         `motlan-audit index rebuild` make it anew",
        file.display()
    )]
    OtherLog {
        /// The file.
        file: PathBuf,
    },
    /// It speaks for records that the log does not hold.
    #[error(
        "the index `{}` speaks for {size} records, and the log does not hold as many: the log was \
         cut or is an older copy. Verify it; `motlan-audit index rebuild` then makes the index \
         anew",
        file.display()
    )]
    Ahead {
        /// The file.
        file: PathBuf,
        /// How many records it speaks for.
        size: u64,
    },
    /// The log has other records at the size that it speaks for.
    #[error(
        "the first {size} records of the log are not those that the index `{}` speaks for: the log \
         or the index was changed. Verify the log; `motlan-audit index rebuild` then makes the \
         index anew",
        file.display()
    )]
    OtherRecords {
        /// The file.
        file: PathBuf,
        /// How many records it speaks for.
        size: u64,
    },
    /// It is no index, or of another version, or was changed.
    #[error(
        "`{}` is no index of this version, or is damaged: `motlan-audit index rebuild` makes it \
         anew",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<redb::Error>,
    },
    /// The disk failed.
    #[error("cannot read or write the index `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds keyed tags, and the log was opened without its sealing file.
    #[error(
        "the index `{}` finds subjects: it goes on, or is compared, only with the log's sealing \
         file",
        file.display()
    )]
    Sealing {
        /// The file.
        file: PathBuf,
    },
    /// It was made without the sealing file.
    #[error(
        "the index `{}` was made without the sealing file and cannot find subjects: \
         `motlan-audit index rebuild --sealing` makes it anew",
        file.display()
    )]
    Unkeyed {
        /// The file.
        file: PathBuf,
    },
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    /// It was stopped.
    #[error("the index was stopped")]
    Stopped,
}

impl IndexError {
    pub(super) fn io(file: &Path, source: io::Error) -> IndexError {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => IndexError::Missing { file },
            _ => IndexError::Io { file, source },
        }
    }

    /// What the database said of `file`.
    pub(super) fn database(file: &Path, error: redb::Error) -> IndexError {
        let file = file.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen => IndexError::InUse { file },
            redb::Error::Io(source) => IndexError::io(&file, source),
            error => IndexError::Damaged {
                file,
                source: Box::new(error),
            },
        }
    }
}

/// What the database holds is not what was written.
pub(super) fn damaged(what: &str) -> redb::Error {
    redb::Error::Corrupted(what.to_owned())
}
