//! What a witness cosigned last of each log: one small file for each, replaced whole.
//!
//! The files are notes that the logs signed, so a changed one is known as such when it is read. A
//! file that was put back from an earlier day is not: a witness's folder is never restored.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::Settings;
use crate::checkpoint::{Checkpoint, CheckpointError, speaks_for};
use crate::disk::{self, Disk};
use crate::note::{Note, VerifierKey, WitnessVerifierKey};
use crate::origin::Origin;
use crate::tree::{Hash, sha256};

/// The file that says whose folder it is.
const IDENTITY: &str = "witness";
const FIRST_LINE: &str = "motlan witness 1";
/// The folder of the notes.
const LOGS: &str = "logs";
/// How a file is named that a crash left half replaced.
const UNFINISHED: &str = "new";
/// The most logs that are kept.
const LOGS_MAX: usize = 4096;
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// Why a witness was not made or not opened, or could not keep what it was to sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Something lies there already.
    #[error("`{}` is not empty: a witness needs a folder of its own", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// It is not the folder of a witness.
    #[error("`{}` holds no witness: `motlan-audit witness init` makes one", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// It is another witness's.
    #[error("`{}` was made for the witness `{due}`, and the key of `{given}` was given",
        folder.display())]
    Key {
        /// The folder.
        folder: PathBuf,
        /// Its witness.
        due: Box<WitnessVerifierKey>,
        /// The one whose key was given.
        given: Box<WitnessVerifierKey>,
    },
    /// Another process has it open.
    #[error("`{}` is open elsewhere: two witnesses with one key could sign two histories",
        folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot use `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was kept of a log is not what was written.
    #[error("`{}` is not what was written: sign nothing with this key until it is known why",
        file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Why it is not believed, if it reads as a note.
        source: Option<CheckpointError>,
    },
    /// There is no room for one more log.
    #[error("there are {max} logs already, and that is the most")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

impl WitnessError {
    fn io(file: &Path) -> impl FnOnce(io::Error) -> WitnessError {
        let file = file.to_owned();
        move |source| WitnessError::Io { file, source }
    }
}

/// What was cosigned last, in memory and on disk.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    /// By origin.
    last: BTreeMap<String, Last>,
    /// So many files are there, those of logs that are not known any more included.
    files: usize,
    /// Held while it is open.
    _lock: File,
}

#[derive(Debug)]
struct Last {
    size: u64,
    root: Hash,
    note: String,
}

impl Memory {
    /// Makes the folder, empty.
    pub(super) fn create(
        disk: &dyn Disk,
        folder: &Path,
        key: &WitnessVerifierKey,
    ) -> Result<(), WitnessError> {
        let make =
            |folder: &Path| disk::create_folders(disk, folder).map_err(WitnessError::io(folder));
        make(folder)?;
        let mut there = fs::read_dir(folder).map_err(WitnessError::io(folder))?;
        if there.next().is_some() {
            return Err(WitnessError::Taken {
                folder: folder.to_owned(),
            });
        }
        make(&folder.join(LOGS))?;
        let identity = folder.join(IDENTITY);
        let text = format!("{FIRST_LINE}\nkey {key}\n");
        disk::replace(disk, &identity, &text).map_err(WitnessError::io(&identity))
    }

    /// Reads what is there, and has it last.
    pub(super) fn open(settings: &Settings) -> Result<Memory, WitnessError> {
        let folder = &settings.folder;
        check_identity(folder, settings.key.verifier())?;
        let mut memory = Memory {
            folder: folder.clone(),
            disk: Arc::clone(&settings.disk),
            last: BTreeMap::new(),
            files: 0,
            _lock: lock(folder)?,
        };
        let logs = folder.join(LOGS);
        for entry in fs::read_dir(&logs).map_err(WitnessError::io(&logs))? {
            let file = entry.map_err(WitnessError::io(&logs))?.path();
            if file
                .extension()
                .is_none_or(|extension| extension != UNFINISHED)
            {
                memory.take(&file, &settings.logs)?;
            }
        }
        Ok(memory)
    }

    /// Takes what was kept of one log.
    fn take(&mut self, file: &Path, logs: &[VerifierKey]) -> Result<(), WitnessError> {
        let damaged = |source| WitnessError::Damaged {
            file: file.to_owned(),
            source,
        };
        self.files += 1;
        if self.files > LOGS_MAX {
            return Err(WitnessError::TooMany { max: LOGS_MAX });
        }
        let note = read(file).map_err(WitnessError::io(file))?;
        let origin = Note::parse(&note).ok();
        let origin = origin.and_then(|note| note.text().lines().next()?.parse().ok());
        let origin: Origin = origin.ok_or_else(|| damaged(None))?;
        if file_name(&origin) != file.file_name().unwrap_or_default().to_string_lossy() {
            return Err(damaged(None));
        }
        let mut error = None;
        for key in logs.iter().filter(|key| speaks_for(key.name(), &origin)) {
            match Checkpoint::open(&note, key) {
                Ok(checkpoint) => {
                    // A crash may have left a name that would not survive a power cut, and this
                    // process would go on from it as if it did.
                    disk::replace(&*self.disk, file, &note).map_err(WitnessError::io(file))?;
                    self.remember(&checkpoint, note);
                    return Ok(());
                }
                Err(source) => error = Some(source),
            }
        }
        match error {
            // No key speaks for it any more, so nothing of it is signed, and it stays as it is.
            None => Ok(()),
            Some(source) => Err(damaged(Some(source))),
        }
    }

    /// Size and root of what was cosigned last; those of the empty log if nothing was.
    pub(super) fn last(&self, origin: &Origin) -> (u64, Hash) {
        let last = self.last.get(origin.as_str());
        last.map_or_else(|| (0, sha256(&[])), |last| (last.size, last.root))
    }

    /// The note that was cosigned last; empty if none was.
    pub(super) fn note(&self, origin: &Origin) -> &str {
        let last = self.last.get(origin.as_str());
        last.map_or("", |last| last.note.as_str())
    }

    /// Returns once the checkpoint, and `note` that it was read from, would survive a power cut.
    /// After an error it is not known which of the old and the new does.
    pub(super) fn keep(&mut self, checkpoint: &Checkpoint, note: &str) -> Result<(), WitnessError> {
        let last = self.last.get(checkpoint.origin().as_str());
        if last.is_some_and(|last| last.size == checkpoint.size()) {
            return Ok(());
        }
        if last.is_none() && self.files == LOGS_MAX {
            return Err(WitnessError::TooMany { max: LOGS_MAX });
        }
        self.files += usize::from(last.is_none());
        let file = self.folder.join(LOGS).join(file_name(checkpoint.origin()));
        disk::replace(&*self.disk, &file, note).map_err(WitnessError::io(&file))?;
        self.remember(checkpoint, note.to_owned());
        Ok(())
    }

    fn remember(&mut self, checkpoint: &Checkpoint, note: String) {
        let last = Last {
            size: checkpoint.size(),
            root: *checkpoint.root(),
            note,
        };
        self.last.insert(checkpoint.origin().to_string(), last);
    }
}

/// The SHA-256 of the origin, in hexadecimal: an origin has slashes.
fn file_name(origin: &Origin) -> String {
    let hash = sha256(origin.as_str().as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_identity(folder: &Path, given: &WitnessVerifierKey) -> Result<(), WitnessError> {
    let missing = || WitnessError::Missing {
        folder: folder.to_owned(),
    };
    let file = folder.join(IDENTITY);
    let text = match read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        text => text.map_err(WitnessError::io(&file))?,
    };
    let mut lines = text.lines();
    let due = lines.next().filter(|line| *line == FIRST_LINE);
    let due = due.and_then(|_| lines.next()?.strip_prefix("key ")?.parse().ok());
    let due: WitnessVerifierKey = due.ok_or_else(missing)?;
    if due == *given {
        return Ok(());
    }
    let (due, given) = (Box::new(due), Box::new(given.clone()));
    Err(WitnessError::Key {
        folder: folder.to_owned(),
        due,
        given,
    })
}

/// Locks the folder itself: a file in it could be deleted, and a second process lock another.
fn lock(folder: &Path) -> Result<File, WitnessError> {
    let lock = File::open(folder).map_err(WitnessError::io(folder))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(WitnessError::Locked {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(WitnessError::io(folder)(source)),
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)?;
    Ok(text)
}
