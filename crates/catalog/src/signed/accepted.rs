//! What an operator took in force last, so that nothing older ever is again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::json::Object;
use super::key::sha256;
use crate::load::bounded;

/// The largest file of it, in bytes.
const BYTES_MAX: usize = 4096;

/// A set, told by its number and by what its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The revision of the manifest.
    pub revision: u64,
    /// The SHA-256 of the manifest, in hexadecimal digits.
    pub manifest: String,
}

/// Why a set is not taken in force, or why that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The file is not there.
    #[error("`{}` is not there", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("`{}` cannot be read or written", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what was written there.
    #[error("`{}` {what}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// An older set than was in force.
    #[error("the set is revision {found}, but revision {known} was in force already")]
    RolledBack {
        /// Its revision.
        found: u64,
        /// The newest that was in force.
        known: u64,
    },
    /// Another set of the same number.
    #[error("the set is another revision {0} than the one that was in force")]
    Twofold(u64),
}

impl Accepted {
    pub(super) fn of(revision: u64, manifest: &[u8]) -> Self {
        Self {
            revision,
            manifest: sha256(manifest),
        }
    }

    /// What was taken in force last.
    ///
    /// # Errors
    /// [`AcceptError`], where there is no such file or it is not what was written.
    pub fn read(file: &Path) -> Result<Self, AcceptError> {
        let content = bounded(file, BYTES_MAX).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => AcceptError::Missing {
                file: file.to_owned(),
            },
            _ => failed(file)(source),
        })?;
        Self::parse(&content).map_err(|what| AcceptError::Content {
            file: file.to_owned(),
            what,
        })
    }

    fn parse(content: &[u8]) -> Result<Self, String> {
        let mut object = Object::parse(content)?;
        let accepted = Self {
            revision: object.number("revision")?,
            manifest: object.text("manifest")?,
        };
        object.finish()?;
        Ok(accepted)
    }

    /// R86: whether `self` may follow on `known`: the same set or a later one.
    ///
    /// # Errors
    /// [`AcceptError::RolledBack`] and [`AcceptError::Twofold`].
    pub fn follows(&self, known: &Self) -> Result<(), AcceptError> {
        if self.revision < known.revision {
            return Err(AcceptError::RolledBack {
                found: self.revision,
                known: known.revision,
            });
        }
        if self.revision == known.revision && self.manifest != known.manifest {
            return Err(AcceptError::Twofold(self.revision));
        }
        Ok(())
    }

    /// R86: has `file` say so, where it says an earlier set or the same. Returns once it would
    /// after a power cut. Where it says so already, nothing is written.
    pub(super) fn advance(&self, file: &Path) -> Result<(), AcceptError> {
        if Self::read(file)? == *self {
            return Ok(());
        }
        let _lock = lock(file).map_err(failed(file))?;
        // What was read before the lock may be no longer so.
        self.follows(&Self::read(file)?)?;
        self.write(file)
    }

    /// Like [`Accepted::advance`], but makes the file where there is none.
    pub(super) fn begin(&self, file: &Path) -> Result<(), AcceptError> {
        let _lock = lock(file).map_err(failed(file))?;
        match Self::read(file) {
            Ok(known) if known == *self => return Ok(()),
            Ok(known) => self.follows(&known)?,
            Err(AcceptError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        self.write(file)
    }

    /// Has `file` say so, whatever it says. Returns once it would after a power cut. For whoever
    /// made the set and nobody else uses it yet: nothing is compared.
    ///
    /// # Errors
    /// [`AcceptError::File`].
    pub fn write(&self, file: &Path) -> Result<(), AcceptError> {
        let text = json!({ "revision": self.revision, "manifest": self.manifest });
        replace(file, format!("{text}\n").as_bytes()).map_err(failed(file))
    }
}

/// Keeps others, in this process and in any, from moving `file` forward until it is dropped. What
/// is locked is a hidden file beside it: the file itself is replaced.
fn lock(file: &Path) -> io::Result<File> {
    let options = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .clone();
    let lock = options.open(hidden(file, "lock")?)?;
    lock.lock()?;
    Ok(lock)
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> AcceptError {
    let file = file.to_owned();
    |source| AcceptError::File { file, source }
}

/// Puts `content` in place of a file, whole or not at all, and returns once it would survive a
/// power cut. A file that is there keeps who may read it. What is written on the way has a hidden
/// name, and so is no part of a catalogue; whatever has that name is removed, and never followed.
pub(super) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let draft = hidden(file, "new")?;
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new().write(true).create_new(true).clone();
    let permissions = match fs::metadata(file) {
        Ok(found) => Some(found.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if permissions.is_some() {
        // Nobody else, until it is known who.
        options.mode(0o600);
    }
    let mut written = options.open(&draft)?;
    written.write_all(content)?;
    if let Some(permissions) = permissions {
        written.set_permissions(permissions)?;
    }
    written.sync_all()?;
    drop(written);
    fs::rename(&draft, file)?;
    File::open(folder(file))?.sync_all()
}

/// A name beside `file` that is no part of a catalogue.
fn hidden(file: &Path, end: &str) -> io::Result<PathBuf> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(folder(file).join(format!(".{}.{end}", name.to_string_lossy())))
}

/// The folder that `file` lies in.
fn folder(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
