//! What an operator took in force last, so that nothing older ever is again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
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

    /// Returns once `file` would say so after a power cut. Whoever writes it has verified the set,
    /// as [`super::accept`] does, or made it.
    ///
    /// # Errors
    /// [`AcceptError::File`].
    pub fn write(&self, file: &Path) -> Result<(), AcceptError> {
        let text = json!({ "revision": self.revision, "manifest": self.manifest });
        replace(file, format!("{text}\n").as_bytes()).map_err(failed(file))
    }
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> AcceptError {
    let file = file.to_owned();
    |source| AcceptError::File { file, source }
}

/// Puts `content` in place of a file, whole or not at all, and returns once it would survive a
/// power cut. What is written on the way has a hidden name, and so is no part of a catalogue.
pub(super) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let draft = folder.join(format!(".{}.new", name.to_string_lossy()));
    let options = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .clone();
    let mut written = options.open(&draft)?;
    written.write_all(content)?;
    written.sync_all()?;
    drop(written);
    fs::rename(&draft, file)?;
    File::open(folder)?.sync_all()
}
