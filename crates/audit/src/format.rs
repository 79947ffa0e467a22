//! Versions of what lies on disk, and what a newer program wrote.
//!
//! Each file says its version where every version says it: a leaf in its first field, a frame and a
//! header behind their magic, the file `log` in its first line. A number alone is not believed, for
//! a damaged byte is a number too: what vouches for it is the checksum that stands over it, at the
//! same place in every version; and for the file `log`, its hash in the first segment.
//! `docs/LEDGER.md` says what later versions must keep.

use std::io;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::RecordKind;
use prost::encoding::decode_varint;
use thiserror::Error;

use crate::disk::Disk;
use crate::identity::LogId;
use crate::segment::{self, Scan};

/// The version of a record that is written, and the newest that is read. 2: there are changes. A
/// build for the drill of an upgrade says another number, and differs in nothing else.
pub(crate) const FORMAT: u32 = match option_env!("MOTLAN_LEDGER_FORMAT") {
    None => FORMAT_OF_CHANGES,
    Some(number) => match u32::from_str_radix(number, 10) {
        Ok(number) => number,
        Err(_) => 0,
    },
};
/// The first version that has records of kind CHANGE.
pub(crate) const FORMAT_OF_CHANGES: u32 = 2;

const _: () = assert!(
    FORMAT >= FORMAT_OF_CHANGES,
    "MOTLAN_LEDGER_FORMAT is no number, or earlier than what this program writes"
);

/// How the leaf of a record begins: in every version with `format` and `kind`.
const FORMAT_TAG: u8 = 0x08;
const KIND_TAG: u8 = 0x10;

/// What a newer version of the program wrote, and this one does not read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{}` holds {what} of format {format}, written by a newer motlan (this one reads up to \
     {known}): use that version or a later one; nothing was changed",
    file.display()
)]
#[non_exhaustive]
pub struct Newer {
    /// The file.
    pub file: PathBuf,
    /// What it holds, e.g. "records".
    pub what: &'static str,
    /// Of which format.
    pub format: u32,
    /// The newest that this program reads.
    pub known: u32,
}

impl Newer {
    /// `what` of a version behind `known`.
    pub(crate) fn new(file: &Path, what: &'static str, format: u32, known: u32) -> Newer {
        let file = file.to_owned();
        Newer {
            file,
            what,
            format,
            known,
        }
    }

    /// What a leaf in a frame whose checksums hold says, if it is of a newer version.
    pub(crate) fn leaf(file: &Path, leaf: &[u8]) -> Option<Newer> {
        let format = leaf_format(leaf).filter(|format| *format > FORMAT)?;
        Some(Newer::new(file, "records", format, FORMAT))
    }
}

/// Which format a leaf says it has.
pub(crate) fn leaf_format(leaf: &[u8]) -> Option<u32> {
    number(FORMAT_TAG, leaf).map(|(format, _)| format)
}

/// Whether a leaf is of a record of this kind.
pub(crate) fn is_leaf_of(leaf: &[u8], kind: RecordKind) -> bool {
    let found = number(FORMAT_TAG, leaf).and_then(|(_, rest)| number(KIND_TAG, rest));
    found.is_some_and(|(found, _)| i64::from(found) == i64::from(kind as i32))
}

/// The number behind a tag, and what comes after it.
fn number(tag: u8, bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (found, mut rest) = bytes.split_first()?;
    let number = (*found == tag).then(|| decode_varint(&mut rest).ok())??;
    Some((u32::try_from(number).unwrap_or(u32::MAX), rest))
}

/// Whether the log in `folder` has a record; the newest segment that has one is looked through.
/// Versions only rise in a log, so what is newer than this program stands there.
///
/// # Errors
/// [`Unread`] where something of a newer version stands there, before anything is used or changed.
/// Of damage nothing is said: whoever reads the log finds it.
pub(crate) fn look(disk: &dyn Disk, folder: &Path, log: LogId) -> Result<bool, Unread> {
    let failed = |file: PathBuf| move |source| Unread::Read { file, source };
    let listed = segment::list(disk, folder);
    let (numbers, _) = listed.map_err(failed(segment::folder(folder)))?;
    for number in numbers.into_iter().rev() {
        let path = segment::path(folder, number);
        let (mut scan, header) = Scan::open(disk, folder, number).map_err(failed(path.clone()))?;
        if let Some(newer) = scan.newer_header() {
            return Err(newer.into());
        }
        if header.is_some_and(|header| header.log == log)
            && scan.look(log).map_err(failed(path))??
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why a log is not read.
#[derive(Debug)]
pub(crate) enum Unread {
    Newer(Newer),
    Read { file: PathBuf, source: io::Error },
}

impl From<Newer> for Unread {
    fn from(newer: Newer) -> Unread {
        Unread::Newer(newer)
    }
}

#[cfg(test)]
mod tests;
