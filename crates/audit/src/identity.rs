//! The file `log`: which log a folder holds. Its hash is the log's id, which stands in each segment
//! and each frame, so that a piece of another log is known as such.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use thiserror::Error;

use crate::disk::{self, Disk, LocalDisk};
use crate::format::Newer;
use crate::note::VerifierKey;
use crate::origin::Origin;
use crate::segment;
use crate::tree::sha256;

/// The name of the file in the ledger's folder.
pub(crate) const FILE: &str = "log";
const FIRST_WORDS: &str = "motlan ledger ";
const VERSION: u32 = 2;
/// The longest such file that is read.
const BYTES_MAX: usize = 4096;

/// The first 16 bytes of the SHA-256 of the file `log`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogId(pub(crate) [u8; 16]);

impl LogId {
    fn of(text: &str) -> LogId {
        let mut id = [0; 16];
        id.iter_mut()
            .zip(sha256(text.as_bytes()))
            .for_each(|(to, from)| *to = from);
        LogId(id)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the file `log` says.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) origin: Origin,
    pub(crate) key: VerifierKey,
    pub(crate) id: LogId,
}

/// The description of a log that is not made yet.
pub(crate) struct Draft {
    text: String,
    pub(crate) id: LogId,
}

impl Draft {
    /// Writes the file.
    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> io::Result<()> {
        disk::replace(disk, &folder.join(FILE), &self.text)
    }
}

impl Identity {
    /// Describes a new log. The nonce makes two logs of one name and key two logs.
    pub(crate) fn generate(origin: &Origin, key: &VerifierKey) -> io::Result<Draft> {
        let mut nonce = [0; 16];
        rand::fill(&mut nonce).map_err(|_| io::Error::other("no randomness to be had"))?;
        let mut text = String::new();
        let nonce = u128::from_be_bytes(nonce);
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "{FIRST_WORDS}{VERSION}\norigin {origin}\nkey {key}\nnonce {nonce:032x}\n"
        );
        let id = LogId::of(&text);
        Ok(Draft { text, id })
    }

    /// Reads the file.
    pub(crate) fn read(folder: &Path) -> Result<Identity, IdentityError> {
        Identity::read_through(&LocalDisk, folder)
    }

    /// As [`Identity::read`], through `disk`.
    pub(crate) fn read_through(disk: &dyn Disk, folder: &Path) -> Result<Identity, IdentityError> {
        let file = folder.join(FILE);
        match disk::read_text(disk, &file, BYTES_MAX) {
            Ok(text) => parse(&text).ok_or_else(|| match newer(disk, folder, &text) {
                Some(newer) => newer.into(),
                None => IdentityError::Malformed { file },
            }),
            Err(source) => Err(match source.kind() {
                io::ErrorKind::NotFound => IdentityError::Missing {
                    folder: folder.to_owned(),
                },
                _ => IdentityError::Read { file, source },
            }),
        }
    }
}

/// What a newer program says of the log. Its number alone is not believed: the first segment names
/// the log by the hash of this file, whatever version it has.
fn newer(disk: &dyn Disk, folder: &Path, text: &str) -> Option<Newer> {
    let found = text.lines().next().and_then(version);
    let found = found.filter(|found| *found > VERSION)?;
    let is_whole = segment::log_of_first(disk, folder) == Some(LogId::of(text));
    is_whole.then(|| Newer::new(&folder.join(FILE), "a ledger", found, VERSION))
}

fn version(first_line: &str) -> Option<u32> {
    let number = first_line.strip_prefix(FIRST_WORDS)?;
    let found = number.parse().ok()?;
    // In the one form in which it is written.
    (number == u32::to_string(&found)).then_some(found)
}

fn parse(text: &str) -> Option<Identity> {
    let mut lines = text.lines();
    if version(lines.next()?) != Some(VERSION) {
        return None;
    }
    let origin = lines.next()?.strip_prefix("origin ")?.parse().ok()?;
    let key = lines.next()?.strip_prefix("key ")?.parse().ok()?;
    let nonce = lines.next()?.strip_prefix("nonce ")?;
    if nonce.len() != 32 || lines.next().is_some() || !text.ends_with('\n') {
        return None;
    }
    Some(Identity {
        origin,
        key,
        id: LogId::of(text),
    })
}

/// Why a folder is not taken for a ledger.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no file `log`.
    #[error("`{}` holds no ledger: `motlan ledger init` makes one", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// The file `log` could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is of a newer version.
    #[error("the ledger is newer than this program")]
    Newer(#[from] Newer),
    /// The file `log` is not what was written.
    #[error(
        "`{}` does not describe a ledger of version 2: it was changed, or is newer",
        file.display()
    )]
    Malformed {
        /// The file.
        file: PathBuf,
    },
}
