//! Backups of all logs of an instance, taken while they are written, and putting one back.
//!
//! In scope: a copy that ends at a published checkpoint and is verified before it has its name;
//! what of an earlier one can be kept; whether a ledger may go on from a backup. Out of scope: the
//! search indexes, which are derived; where copies are taken to, and for how long they are kept.
//!
//! A backup is a folder, named after the instance, in a folder for backups:
//!
//! | name | what |
//! | --- | --- |
//! | `backup` | which logs, up to which checkpoint; written last: without it there is no backup |
//! | `ledger/<quarter>/` | `log`, `checkpoint` and segments, as in a ledger's folder |
//! | `ledger/<quarter>.cosigned` | the cosigned checkpoint, where there are witnesses |
//! | `sealing/<quarter>` | the sealing file |
//!
//! and beside them what the caller adds. It is made as `<instance>.new`; the one before is
//! `<instance>.old` for the moment between two renamings, and then wiped.
//!
//! **A ledger goes on from a backup only if it did not go on after it.** Whoever was told of later
//! records holds proofs of them: a log that is signed on from an earlier day would be a second
//! history under one name. So [`restore`] asks something from outside the backup.

mod extent;
mod folder;
mod known;
mod restore;
mod take;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::disk::{self, Disk, LocalDisk};
use crate::identity::IdentityError;
use crate::note::VerifierKey;
use crate::origin::Origin;
use crate::prove::ProveError;
use crate::shards::{Layout, LayoutError};
use crate::verify::VerifyError;

pub use folder::backup_layout;
pub use known::UnknownError;
pub(crate) use restore::is_half_restored;
pub use restore::{RestoreError, Restored, Restoring, Vouched, restore};
pub use take::back_up;

/// What to back up, and to where.
#[derive(Debug)]
pub struct Taking<'a> {
    /// Where the logs lie.
    pub layout: &'a Layout,
    /// What the backup is called in the folder: the instance.
    pub name: &'a str,
    /// The keys that check the logs.
    pub keys: &'a [VerifierKey],
    /// The folder for backups. Made where it is not there.
    pub to: &'a Path,
    /// What else goes into it: names, and the files.
    pub beside: Vec<(String, PathBuf)>,
    /// The time, in seconds since the Unix epoch.
    pub time_s: i64,
    /// What it is written with.
    pub disk: Arc<dyn Disk>,
}

impl<'a> Taking<'a> {
    /// A backup of the logs alone, through the system's disk.
    pub fn new(
        layout: &'a Layout,
        name: &'a str,
        keys: &'a [VerifierKey],
        to: &'a Path,
    ) -> Taking<'a> {
        Taking {
            layout,
            name,
            keys,
            to,
            beside: Vec::new(),
            time_s: 0,
            disk: Arc::new(LocalDisk),
        }
    }
}

/// A backup that was taken and verified.
#[derive(Debug)]
#[non_exhaustive]
pub struct BackedUp {
    /// Where it lies.
    pub folder: PathBuf,
    /// Its logs, the oldest first.
    pub logs: Vec<LogTaken>,
    /// How many bytes of records were copied.
    pub copied_bytes: u64,
    /// How many bytes of records the backup before had already.
    pub kept_bytes: u64,
}

/// One log of a backup.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogTaken {
    /// Which.
    pub origin: Origin,
    /// How many records: the size of its checkpoint.
    pub records: u64,
    /// The checkpoint, a signed note.
    pub checkpoint: String,
}

/// Why no backup was taken. The one before is as it was, unless the error says otherwise.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It is not known which logs there are.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A folder holds no ledger.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The backup would lie in what it is of.
    #[error(
        "`{}` lies in the ledger's own folders: name one outside, best on another machine",
        to.display()
    )]
    Inside {
        /// The folder for backups.
        to: PathBuf,
    },
    /// Another backup is under way.
    #[error("another backup to `{}` is under way: wait for it", to.display())]
    Busy {
        /// The folder for backups.
        to: PathBuf,
    },
    /// What lies there is of another ledger.
    #[error(
        "`{}` is a backup of another log than the one in `{}`: name another folder for backups",
        backup.display(),
        ledger.display()
    )]
    Other {
        /// The log in the backup.
        backup: PathBuf,
        /// The log that is to be backed up.
        ledger: PathBuf,
    },
    /// The backup before holds records that the log does not.
    #[error(
        "the backup before holds {backup} records of `{origin}`, and the log {found}: the log was \
         put back from an earlier day. Keep that backup, and verify both"
    )]
    Ahead {
        /// Which log.
        origin: Origin,
        /// The records of the backup before.
        backup: u64,
        /// Those of the log.
        found: u64,
    },
    /// The backup before holds a log that is gone, and was not dropped on record.
    #[error(
        "the backup before holds `{log}`, which is not here and not on record as dropped: keep \
         that backup, and find out what became of the log"
    )]
    Gone {
        /// Its folder in the backup.
        log: String,
    },
    /// The log is not the one that the backup before is of.
    #[error(
        "the log `{origin}` does not begin with what the backup before holds: one of them was \
         changed, or there are two histories. Keep both, and verify them"
    )]
    Forked {
        /// Which log.
        origin: Origin,
        /// What was found.
        source: ProveError,
    },
    /// The checkpoint is behind the records.
    #[error(
        "the published checkpoint of `{origin}` speaks for {published} records, and {due} are on \
         disk: nobody signs for the rest. Start the gateway, then take the backup again"
    )]
    Unsigned {
        /// Which log.
        origin: Origin,
        /// What is signed for.
        published: u64,
        /// What is there.
        due: u64,
    },
    /// What was copied is not sound.
    #[error(
        "what was copied is not sound, and is no backup: {first}{}. Verify the ledger itself",
        more(*count)
    )]
    Unsound {
        /// The first finding.
        first: String,
        /// How many there are.
        count: u64,
    },
    /// What was copied could not be verified.
    #[error("what was copied could not be verified")]
    Verify(#[from] VerifyError),
    /// The logs changed faster than they could be copied.
    #[error("the quarter turned, or a log was dropped, meanwhile: take the backup again")]
    Moving,
    /// The disk for backups is full.
    #[error("cannot write `{}`: the disk is full; make room for a second backup", file.display())]
    Full {
        /// The file.
        file: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot use `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn more(count: u64) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    }
}

impl BackupError {
    fn io(file: &Path, source: io::Error) -> BackupError {
        let file = file.to_owned();
        match disk::is_full(&source) {
            true => BackupError::Full { file },
            false => BackupError::Io { file, source },
        }
    }
}
