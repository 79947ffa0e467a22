//! Whether a ledger went on after its backup, as far as anybody outside the backup knows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::identity::{Identity, IdentityError};
use crate::origin::{Origin, Quarter};
use crate::prove::{ProveError, Prover, TreeAt};
use crate::shards::Layout;

/// Why it is not known that a backup holds all that was recorded, or known that it does not.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnknownError {
    /// The ledger went on after the backup.
    #[error(
        "`{}` speaks for {known} records of `{origin}`, and the backup holds {backup}: the ledger \
         went on after it. Whoever was told of the rest holds proofs of them, so nothing may be \
         signed on from here. Keep the backup for reading (`motlan-audit`), and make a new ledger \
         under another `instance`",
        file.display()
    )]
    Behind {
        /// Where it is known from.
        file: PathBuf,
        /// Which log.
        origin: Origin,
        /// How many records are known.
        known: u64,
        /// How many the backup holds.
        backup: u64,
    },
    /// A later log is known.
    #[error(
        "`{}` is of the log of `{known}`, and the newest in the backup is that of `{backup}`: the \
         ledger went on after it. Keep the backup for reading (`motlan-audit`), and make a new \
         ledger under another `instance`",
        file.display()
    )]
    Later {
        /// Where it is known from.
        file: PathBuf,
        /// The quarter of the later log.
        known: Quarter,
        /// The newest of the backup.
        backup: Quarter,
    },
    /// The log in the backup is another one.
    #[error(
        "`{}` speaks for other records of `{origin}` than the backup holds: there are two \
         histories, or one of them was changed. Keep both, and verify them",
        file.display()
    )]
    Contradicted {
        /// Where it is known from.
        file: PathBuf,
        /// Which log.
        origin: Origin,
        /// What was found.
        source: Box<ProveError>,
    },
    /// What was given says nothing of the end of the backup.
    #[error(
        "`{}` speaks for {known} records of `{origin}`, and the backup holds {backup}: it does \
         not say whether the ledger went on after that. Give the newest checkpoint or receipt \
         that anybody holds",
        file.display()
    )]
    Older {
        /// The file given.
        file: PathBuf,
        /// Which log.
        origin: Origin,
        /// How many records it speaks for.
        known: u64,
        /// How many the backup holds.
        backup: u64,
    },
    /// Nothing outside the backup says anything.
    #[error(
        "nothing outside the backup says whether the ledger went on after it: put \
         `ledger.known_checkpoint` back as the last gateway left it, or give the newest checkpoint \
         that anybody holds by `--checkpoint`, or have `ledger.witnesses_required_at_start` \
         witnesses asked. If it went on, or nobody knows, keep the backup for reading, and make a \
         new ledger under another `instance`"
    )]
    Nothing,
    /// What was given lies in the backup itself.
    #[error(
        "`{}` lies in the backup, which cannot vouch for itself: give a checkpoint from elsewhere",
        file.display()
    )]
    Own {
        /// The file given.
        file: PathBuf,
    },
    /// What was given is of no log in the backup.
    #[error("`{}` is of the log `{origin}`, which is not in the backup", file.display())]
    Foreign {
        /// The file given.
        file: PathBuf,
        /// The log.
        origin: String,
    },
    /// It is not believed.
    #[error("`{}` is not believed", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// A log in the backup cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A log in a backup, and how many records it holds.
pub(super) struct Held {
    pub(super) quarter: Quarter,
    pub(super) folder: PathBuf,
    pub(super) size: u64,
}

impl Held {
    /// Compares it with a checkpoint that somebody else holds; the size that this speaks for.
    fn compare(&self, file: &Path, note: &str) -> Result<u64, UnknownError> {
        let own = Identity::read(&self.folder)?;
        let known =
            Checkpoint::open(note, &own.key).map_err(|source| UnknownError::Checkpoint {
                file: file.to_owned(),
                source,
            })?;
        let (file, origin) = (file.to_owned(), own.origin.clone());
        if known.origin != own.origin {
            let origin = known.origin.to_string();
            return Err(UnknownError::Foreign { file, origin });
        }
        if known.size > self.size {
            return Err(UnknownError::Behind {
                file,
                origin,
                known: known.size,
                backup: self.size,
            });
        }
        let proven = Prover::open(&self.folder).and_then(|mut prover| {
            prover.consistency(TreeAt::Checkpoint(note), TreeAt::Size(self.size))
        });
        match proven {
            Ok(_) => Ok(known.size),
            Err(source) => Err(UnknownError::Contradicted {
                file,
                origin,
                source: Box::new(source),
            }),
        }
    }
}

/// Whether the known checkpoints that the last gateway left say that the backup holds all. False
/// where there is none of its newest log.
pub(super) fn kept_says_so(known: &Layout, logs: &[Held]) -> Result<bool, UnknownError> {
    let Some(folder) = &known.known_checkpoints else {
        return Ok(false);
    };
    let Some(newest) = logs.last() else {
        return Ok(false);
    };
    for entry in listed(folder)? {
        let name = entry.file_name().and_then(|name| name.to_str());
        let quarter: Option<Quarter> = name.and_then(|name| name.parse().ok());
        if let Some(later) = quarter.filter(|quarter| *quarter > newest.quarter) {
            return Err(UnknownError::Later {
                file: entry,
                known: later,
                backup: newest.quarter,
            });
        }
    }
    let mut says_so = false;
    for log in logs {
        let Some(file) = known.known_checkpoint(log.quarter) else {
            continue;
        };
        match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(UnknownError::Read { file, source }),
            Ok(note) => {
                log.compare(&file, &note)?;
                says_so |= log.quarter == newest.quarter;
            }
        }
    }
    Ok(says_so)
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, UnknownError> {
    let failed = |source| UnknownError::Read {
        file: folder.to_owned(),
        source,
    };
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => {
            let entries = listed.map_err(failed)?;
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<Result<_, _>>().map_err(failed)
        }
    }
}

/// Whether a checkpoint that somebody holds says that the backup holds all: it must speak for the
/// very end of the newest log.
pub(super) fn given_says_so(
    file: &Path,
    note: &str,
    backup: &Path,
    logs: &[Held],
) -> Result<bool, UnknownError> {
    let own = || UnknownError::Own {
        file: file.to_owned(),
    };
    if crate::ledger::is_inside(file, backup) {
        return Err(own());
    }
    let Some(newest) = logs.last() else {
        return Ok(false);
    };
    let said = note.lines().next().unwrap_or_default();
    let origin: Option<Origin> = said.parse().ok();
    let newest_origin = Identity::read(&newest.folder)?.origin;
    if let Some(origin) = &origin
        && origin.instance() == newest_origin.instance()
        && origin.quarter() > newest.quarter
    {
        return Err(UnknownError::Later {
            file: file.to_owned(),
            known: origin.quarter(),
            backup: newest.quarter,
        });
    }
    let log = logs.iter().find(|log| {
        origin
            .as_ref()
            .is_some_and(|it| it.quarter() == log.quarter)
    });
    let Some(log) = log else {
        return Err(UnknownError::Foreign {
            file: file.to_owned(),
            origin: said.to_owned(),
        });
    };
    let known = log.compare(file, note)?;
    if log.quarter == newest.quarter && known == log.size {
        return Ok(true);
    }
    Err(UnknownError::Older {
        file: file.to_owned(),
        origin: newest_origin,
        known,
        backup: log.size,
    })
}
