//! The checkpoint that is kept apart from the ledger: a folder that was put back from an earlier
//! day brings its own `checkpoint` with it, and only something outside can tell.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::create::CreateError;
use super::open::{OpenError, believed};
use super::recover::Log;
use super::{Ledger, Settings};
use crate::checkpoint::Checkpoint;
use crate::disk::{self, Disk, parent};
use crate::identity::Identity;
use crate::note::{NOTE_BYTES_MAX, VerifierKey};
use crate::origin::Origin;

/// A checkpoint that the log must reach.
pub(super) struct Known {
    file: PathBuf,
    pub(super) checkpoint: Checkpoint,
}

impl Known {
    /// Reads the file that is set, if one is.
    pub(super) fn read(
        settings: &Settings,
        identity: &Identity,
    ) -> Result<Option<Known>, OpenError> {
        let Some(file) = settings.known_checkpoint.clone() else {
            return Ok(None);
        };
        refuse_inside(&file, &settings.folder)?;
        let note = match disk::read_text(&*settings.disk, &file, NOTE_BYTES_MAX + 1) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::KnownMissing { file });
            }
            Err(source) => return Err(OpenError::Io { file, source }),
        };
        match believed(&note, identity) {
            Ok(checkpoint) => Ok(Some(Known { file, checkpoint })),
            Err(source) => Err(OpenError::Checkpoint { file, source }),
        }
    }

    /// Compares it with what was read.
    pub(super) fn check(&self, log: &Log) -> Result<(), OpenError> {
        let (file, known, found) = (self.file.clone(), self.checkpoint.size, log.tree.size());
        match log.roots.get(&known) {
            Some(root) if *root == self.checkpoint.root => Ok(()),
            Some(_) => Err(OpenError::Contradicted { file, known, found }),
            None => Err(OpenError::Restored { file, known, found }),
        }
    }
}

/// The file `known` must not come back with a snapshot of the ledger.
fn refuse_inside(file: &Path, folder: &Path) -> Result<(), OpenError> {
    if is_inside(file, folder) {
        return Err(OpenError::KnownInside {
            file: file.to_owned(),
        });
    }
    Ok(())
}

/// Whether a file lies in the ledger's own folder.
pub(crate) fn is_inside(file: &Path, folder: &Path) -> bool {
    real(file).starts_with(real(folder))
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path
        .ancestors()
        .find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there {
        Some((above, real)) => real.join(path.strip_prefix(above).unwrap_or(&path)),
        None => path,
    }
}

/// Whether a new ledger `origin` may keep its checkpoint in `file`: it is not there, or an
/// interrupted creation of a ledger of this name left it.
pub(super) fn may_begin(
    disk: &dyn Disk,
    file: &Path,
    folder: &Path,
    origin: &Origin,
    key: &VerifierKey,
) -> Result<(), CreateError> {
    let taken = || CreateError::KnownTaken {
        file: file.to_owned(),
    };
    refuse_inside(file, folder).map_err(|_| CreateError::KnownInside {
        file: file.to_owned(),
    })?;
    let note = match disk::read_text(disk, file, NOTE_BYTES_MAX + 1) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) => return Err(taken()),
    };
    match Checkpoint::open(&note, key) {
        Ok(left) if left.origin == *origin && left.size == 0 => Ok(()),
        _ => Err(taken()),
    }
}

/// Makes the file `known_checkpoint` of a ledger that has been without.
pub(super) fn make(mut settings: Settings) -> Result<u64, OpenError> {
    let file = settings.known_checkpoint.take();
    let file = file.filter(|file| !fs::exists(file).unwrap_or(true));
    if let Some(file) = &file {
        refuse_inside(file, &settings.folder)?;
    }
    let disk = settings.disk.clone();
    let ledger = Ledger::open(settings)?;
    if let Some(file) = file {
        let made = disk::create_folders(&*disk, parent(&file))
            .and_then(|()| disk::replace(&*disk, &file, &ledger.checkpoint()));
        made.map_err(|source| OpenError::io(file, source))?;
    }
    Ok(ledger.size())
}
