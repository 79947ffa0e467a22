//! Making an empty ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::known;
use crate::checkpoint::{self, Checkpoint, speaks_for};
use crate::disk::{self, Disk, parent};
use crate::identity::Identity;
use crate::note::SignerKey;
use crate::origin::Origin;
use crate::sealing::Sealing;
use crate::segment;
use crate::tree::Tree;

/// Why no ledger was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is something in the folder.
    #[error("`{}` is not empty: a new ledger needs a folder of its own", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The key is named after another log.
    #[error("the key `{key}` does not speak for the log `{origin}`")]
    Key {
        /// The key's name.
        key: String,
        /// The origin.
        origin: Origin,
    },
    /// The file for the known checkpoint lies in the ledger's own folder.
    #[error(
        "`{}` lies in the ledger's own folder, and would be put back together with it: name a file \
         outside",
        file.display()
    )]
    KnownInside {
        /// The file.
        file: PathBuf,
    },
    /// The file for the known checkpoint speaks for records that a new ledger does not have.
    #[error(
        "`{}` already keeps the checkpoint of a ledger: put that ledger back, or name another file",
        file.display()
    )]
    KnownTaken {
        /// The file.
        file: PathBuf,
    },
    /// The sealing file lies in the ledger's own folder.
    #[error(
        "the sealing file `{}` lies in the ledger's own folder, so that a copy of the folder could \
         be read: name a file outside",
        file.display()
    )]
    SealingInside {
        /// The file.
        file: PathBuf,
    },
    /// There is a sealing file already.
    #[error(
        "`{}` is there already, and may be all that opens another ledger's sealed parts: name \
         another file",
        file.display()
    )]
    SealingTaken {
        /// The file.
        file: PathBuf,
    },
    /// The folder could not be made or written.
    #[error("cannot make a ledger in `{}`", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) fn create(
    disk: &dyn Disk,
    folder: &Path,
    known: Option<&Path>,
    sealing: &Path,
    origin: &Origin,
    key: &SignerKey,
) -> Result<(), CreateError> {
    let name = key.verifier().name();
    if !speaks_for(name, origin) {
        return Err(CreateError::Key {
            key: name.to_owned(),
            origin: origin.clone(),
        });
    }
    let failed = |source| CreateError::Io {
        folder: folder.to_owned(),
        source,
    };
    if fs::exists(folder).map_err(failed)? && !is_free(folder).map_err(failed)? {
        return Err(CreateError::NotEmpty {
            folder: folder.to_owned(),
        });
    }
    if let Some(file) = known {
        known::may_begin(disk, file, folder, origin, key.verifier())?;
    }
    may_seal(sealing, folder)?;
    let checkpoint = Checkpoint {
        origin: origin.clone(),
        size: 0,
        root: Tree::default().root(),
    };
    let note = checkpoint.sign(key);
    let write = || {
        disk::create_folders(disk, &segment::folder(folder))?;
        // Also where an interrupted creation made it, and died before it would last.
        disk.sync_folder(parent(folder))?;
        disk::replace(disk, &folder.join(checkpoint::FILE), &note)?;
        if let Some(file) = known {
            disk::create_folders(disk, parent(file))?;
            disk::replace(disk, file, &note)?;
        }
        let identity = Identity::generate(origin, key.verifier())?;
        Sealing::begin(disk, sealing, identity.id)?;
        // A folder with this file is a whole ledger: opening it finishes what comes after.
        identity.write(disk, folder)?;
        Sealing::finish(disk, sealing)
    };
    write().map_err(failed)
}

/// Whether a new ledger in `folder` may have its sealing file here.
fn may_seal(sealing: &Path, folder: &Path) -> Result<(), CreateError> {
    let file = sealing.to_owned();
    if known::is_inside(sealing, folder) {
        return Err(CreateError::SealingInside { file });
    }
    match fs::exists(sealing) {
        Ok(false) => Ok(()),
        _ => Err(CreateError::SealingTaken { file }),
    }
}

/// Whether nothing is in `folder`, or only what an interrupted creation leaves.
fn is_free(folder: &Path) -> io::Result<bool> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        let left = match file.file_name().to_str() {
            Some("checkpoint" | "checkpoint.new" | "log.new") => true,
            Some("segments") => fs::read_dir(file.path())?.next().is_none(),
            _ => false,
        };
        if !left {
            return Ok(false);
        }
    }
    Ok(true)
}
