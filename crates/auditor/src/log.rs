//! Which log a command is about: `--ledger` names the folder of one quarter's log, or the folder of
//! all.

use std::path::{Path, PathBuf};

use clap::Args;
use motlan_audit::{Index, Layout, LayoutError, Ledger, Quarter, Sealing, SealingError};
use thiserror::Error;

/// The name of the file that each log's folder has.
const LOG: &str = "log";

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The folder of a quarter's log, with the file `log` in it; or the folder of all quarters, of
    /// which the newest is taken.
    #[arg(long, value_name = "DIR")]
    pub(crate) ledger: PathBuf,
    /// The quarter, e.g. `2026q4`, where the folder is that of all.
    #[arg(long, value_name = "QUARTER")]
    pub(crate) quarter: Option<Quarter>,
}

/// Why there is no such log.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(
        "`{}` holds no ledger: neither a file `log`, nor a quarter's folder with one",
        folder.display()
    )]
    None { folder: PathBuf },
    #[error("`{}` holds no log of `{quarter}`; there are `{known}`", folder.display())]
    NoQuarter {
        folder: PathBuf,
        quarter: Quarter,
        known: String,
    },
    #[error(
        "`{}` is the folder of one log, and `--quarter` chooses among those of a folder of all",
        folder.display()
    )]
    One { folder: PathBuf },
    #[error("`{named}` and `--quarter {quarter}` name two logs")]
    Two { named: Quarter, quarter: Quarter },
    #[error(transparent)]
    Sealing(#[from] SealingError),
}

impl Log {
    /// Whether the folder is that of one log.
    pub(crate) fn is_one(&self) -> bool {
        self.ledger.join(LOG).exists()
    }

    /// The folder of the log: that of `named`, where a record of it was asked for, else the one of
    /// `--quarter`, else the newest.
    pub(crate) fn folder(&self, named: Option<Quarter>) -> Result<PathBuf, LogError> {
        let folder = self.ledger.clone();
        if self.is_one() {
            return match self.quarter {
                None => Ok(folder),
                Some(_) => Err(LogError::One { folder }),
            };
        }
        let quarter = match (named, self.quarter) {
            (Some(named), Some(quarter)) if named != quarter => {
                return Err(LogError::Two { named, quarter });
            }
            (named, quarter) => named.or(quarter),
        };
        let layout = Layout::beside(&folder);
        let quarters = layout.quarters()?;
        let Some(newest) = quarters.last().copied() else {
            return Err(LogError::None { folder });
        };
        match quarter {
            None => Ok(layout.ledger(newest)),
            Some(quarter) if quarters.contains(&quarter) => Ok(layout.ledger(quarter)),
            Some(quarter) => {
                let known: Vec<_> = quarters.iter().map(ToString::to_string).collect();
                let known = known.join("`, `");
                Err(LogError::NoQuarter {
                    folder,
                    quarter,
                    known,
                })
            }
        }
    }
}

impl Log {
    /// As [`Log::folder`], and says so where that is one of several that are there: what is looked
    /// for may be in another.
    pub(crate) fn folder_told(&self) -> Result<PathBuf, LogError> {
        let folder = self.folder(None)?;
        if !self.is_one() && self.quarter.is_none() {
            let others = Layout::beside(&self.ledger).quarters()?.len() - 1;
            if others > 0 {
                let folder = folder.display();
                eprintln!(
                    "motlan-audit: only `{folder}` is read, and not the {others} older here: \
                     `--quarter` chooses another"
                );
            }
        }
        Ok(folder)
    }
}

/// Reads a log's sealing file: `given`, or the log's own in it, where it is the folder of all.
pub(crate) fn sealing(given: Option<&Path>, folder: &Path) -> Result<Option<Sealing>, LogError> {
    let Some(given) = given else { return Ok(None) };
    let quarter = Ledger::named_in(folder).map(|(origin, _)| origin.quarter());
    let file = match quarter {
        Ok(quarter) if given.is_dir() => given.join(quarter.to_string()),
        _ => given.to_owned(),
    };
    Ok(Some(Sealing::read(&file)?))
}

/// The usual index of a log: that of its quarter beside the folder of all, or `<folder>.index`.
pub(crate) fn index_file(folder: &Path) -> PathBuf {
    let name = folder.file_name().and_then(|name| name.to_str());
    let quarter = name.and_then(|name| name.parse().ok());
    match (quarter, folder.parent()) {
        (Some(quarter), Some(all)) if all != Path::new("") => {
            Layout::beside(all.components().collect::<PathBuf>()).index(quarter)
        }
        // `ledger/` and `ledger` are one folder.
        _ => Index::beside(&folder.components().collect::<PathBuf>()),
    }
}
