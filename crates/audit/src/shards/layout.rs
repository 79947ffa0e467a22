//! Where the logs of an instance lie.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::identity;
use crate::origin::Quarter;

/// Where the logs of an instance lie: four folders, in each one entry for each quarter, named after
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The folders of the logs.
    pub ledgers: PathBuf,
    /// Their sealing files.
    pub sealings: PathBuf,
    /// Their search indexes.
    pub indexes: PathBuf,
    /// Their known checkpoints, if any are kept.
    pub known_checkpoints: Option<PathBuf>,
}

impl Layout {
    /// The usual places beside a folder of logs: `<folder>.sealing`, `<folder>.index`, and no known
    /// checkpoints.
    pub fn beside(ledgers: impl Into<PathBuf>) -> Layout {
        let ledgers = ledgers.into();
        let beside = |ending: &str| {
            let mut name = ledgers.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Layout {
            sealings: beside(".sealing"),
            indexes: beside(".index"),
            known_checkpoints: None,
            ledgers,
        }
    }

    /// The folder of a quarter's log.
    pub fn ledger(&self, quarter: Quarter) -> PathBuf {
        self.ledgers.join(quarter.to_string())
    }

    /// Its sealing file.
    pub fn sealing(&self, quarter: Quarter) -> PathBuf {
        self.sealings.join(quarter.to_string())
    }

    /// Its search index.
    pub fn index(&self, quarter: Quarter) -> PathBuf {
        self.indexes.join(quarter.to_string())
    }

    /// Its known checkpoint, if one is kept.
    pub fn known_checkpoint(&self, quarter: Quarter) -> Option<PathBuf> {
        let folder = self.known_checkpoints.as_ref()?;
        Some(folder.join(quarter.to_string()))
    }

    /// Its cosigned checkpoint, where there are witnesses.
    pub fn cosigned(&self, quarter: Quarter) -> PathBuf {
        self.ledgers.join(format!("{quarter}.cosigned"))
    }

    /// The quarters that have a log. A folder without the file `log` in it has none: its making was
    /// interrupted, and goes on with the next turn.
    ///
    /// # Errors
    /// Where the folder cannot be read, or holds a log itself, as it was before there were
    /// quarters.
    pub fn quarters(&self) -> Result<BTreeSet<Quarter>, LayoutError> {
        quarters(&self.ledgers)
    }
}

/// The quarters that have a log below `folder`.
pub(super) fn quarters(folder: &Path) -> Result<BTreeSet<Quarter>, LayoutError> {
    let failed = |source| LayoutError::Read {
        folder: folder.to_owned(),
        source,
    };
    if fs::exists(folder.join(identity::FILE)).map_err(failed)? {
        return Err(LayoutError::One {
            folder: folder.to_owned(),
        });
    }
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        listed => listed.map_err(failed)?,
    };
    let mut found = BTreeSet::new();
    for entry in listed {
        let entry = entry.map_err(failed)?;
        let quarter = entry.file_name().to_str().and_then(|it| it.parse().ok());
        let Some(quarter) = quarter else { continue };
        if fs::exists(entry.path().join(identity::FILE)).map_err(failed)? {
            found.insert(quarter);
        }
    }
    Ok(found)
}

/// Why it is not known which logs there are.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The folder holds one log itself.
    #[error(
        "`{}` holds a log itself, where a folder for each quarter belongs, such as \
         `{}/2026q4`: name the folder above, or make a new ledger",
        folder.display(), folder.display()
    )]
    One {
        /// The folder.
        folder: PathBuf,
    },
    /// There is none.
    #[error("`{}` holds the log of no quarter", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the folder `{}`", folder.display())]
    Read {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
