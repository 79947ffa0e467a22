//! The file of an index: a redb database.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `stamp` | | what the index speaks for, see [`Stamp`] |
//! | `marks` | chunk, field, value | which records of the chunk have it: a [`Set`] |
//! | `tags` | run, field, tag | which records of the run have it: a list |
//! | `times` | number of a block | when its records were made |
//! | `spans` | chunk | the earliest and the latest time of its records |
//! | `ended` | dataset | its keys were destroyed: no tags any more; 1 while some are there still |
//! | `doomed` | record | its tags are to be removed |
//!
//! Numbers in keys are big-endian.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase as _, TableDefinition,
    WriteTransaction,
};

use super::error::{IndexError, damaged};
use super::field::Field;
use super::follow::guarded;
use super::log::Log;
use super::set::{Set, decode_list};
use super::times;
use crate::identity::LogId;
use crate::sealing::Tag;
use crate::tree::Hash;

pub(super) const STAMP: TableDefinition<(), &[u8]> = TableDefinition::new("stamp");
pub(super) const MARKS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("marks");
pub(super) const TAGS: TableDefinition<&TagKey, &[u8]> = TableDefinition::new("tags");
pub(super) const TIMES: TableDefinition<u64, &[u8]> = TableDefinition::new("times");
pub(super) const SPANS: TableDefinition<u32, (i64, i64)> = TableDefinition::new("spans");
pub(super) const ENDED: TableDefinition<&str, u8> = TableDefinition::new("ended");
pub(super) const DOOMED: TableDefinition<u64, ()> = TableDefinition::new("doomed");

const VERSION: u16 = 1;
const MODE: u32 = 0o600;
/// What the database keeps in memory.
const CACHE_BYTES: usize = 64 << 20;
/// In the place of a field: the records that have tags.
const TAGGED: u8 = 0;

/// Where a tag stands: run, field, tag.
pub(super) type TagKey = [u8; 21];

/// What an index speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) log: LogId,
    /// How many records, from the first on.
    pub(super) size: u64,
    /// The root of the tree over them.
    pub(super) root: Hash,
    /// Whether it has tags.
    pub(super) is_keyed: bool,
}

impl Stamp {
    /// For an index that holds nothing.
    pub(super) fn empty(log: &dyn Log) -> Stamp {
        Stamp {
            log: log.identity().id,
            size: 0,
            root: crate::tree::sha256(&[]),
            is_keyed: log.sealing().is_some(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let parts: [&[u8]; 5] = [
            &VERSION.to_be_bytes(),
            &[u8::from(self.is_keyed)],
            &self.log.0,
            &self.size.to_be_bytes(),
            &self.root,
        ];
        parts.concat()
    }

    fn decode(bytes: &[u8]) -> Option<Stamp> {
        let (version, rest) = bytes.split_first_chunk()?;
        let ([keyed], rest) = rest.split_first_chunk()?;
        let (log, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let stamp = Stamp {
            log: LogId(*log),
            size: u64::from_be_bytes(*size),
            root: rest.try_into().ok()?,
            is_keyed: *keyed == 1,
        };
        (u16::from_be_bytes(*version) == VERSION && *keyed <= 1).then_some(stamp)
    }

    pub(super) fn write(&self, to: &WriteTransaction) -> Result<(), redb::Error> {
        to.open_table(STAMP)?.insert((), self.encode().as_slice())?;
        Ok(())
    }
}

/// Makes an empty index; what was under that name goes. It gets its name once it is whole.
pub(super) fn create(file: &Path, stamp: &Stamp) -> Result<Database, IndexError> {
    let failed = |source| IndexError::io(file, source);
    let mut half = file.as_os_str().to_owned();
    half.push(".half");
    let half = PathBuf::from(half);
    discard(&half).map_err(failed)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&half)
        .map_err(failed)?;
    let make = || {
        let book = builder().create(&half)?;
        let writing = book.begin_write()?;
        stamp.write(&writing)?;
        writing.open_table(MARKS)?;
        writing.open_table(TAGS)?;
        writing.open_table(TIMES)?;
        writing.open_table(SPANS)?;
        writing.open_table(ENDED)?;
        writing.open_table(DOOMED)?;
        writing.commit()?;
        Ok(book)
    };
    let book = make().map_err(|error| IndexError::database(file, error))?;
    discard(file).map_err(failed)?;
    fs::rename(&half, file).map_err(failed)?;
    Ok(book)
}

/// Opens the index of `log`.
pub(super) fn open(file: &Path, log: &dyn Log) -> Result<(Database, Stamp), IndexError> {
    let metadata = file
        .metadata()
        .map_err(|source| IndexError::io(file, source))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let what = "others may read it: take that right from them (`chmod 600`)";
        let source = io::Error::new(io::ErrorKind::PermissionDenied, what);
        return Err(IndexError::io(file, source));
    }
    let open = || {
        // Made whole, or not at all: an empty file is what a crash left.
        let book = builder().open(file)?;
        let stamp = stamp(&book.begin_read()?)?;
        Ok((book, stamp))
    };
    let (book, stamp) = guarded(open).map_err(|error| IndexError::database(file, error))?;
    must_be_of(&stamp, log, file)?;
    Ok((book, stamp))
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Refuses an index that does not speak for this log.
fn must_be_of(stamp: &Stamp, log: &dyn Log, file: &Path) -> Result<(), IndexError> {
    use crate::ledger::ReadError;
    let (file, size) = (file.to_owned(), stamp.size);
    if stamp.log != log.identity().id {
        return Err(IndexError::OtherLog { file });
    }
    match log.root(size) {
        Ok(root) if root == stamp.root => Ok(()),
        Ok(_) => Err(IndexError::OtherRecords { file, size }),
        Err(ReadError::Unknown { .. }) => Err(IndexError::Ahead { file, size }),
        Err(ReadError::Damaged { .. }) if size > log.size() => {
            Err(IndexError::Ahead { file, size })
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes zeroes over a file, so that nothing of it is left, and removes it. Nothing where there is
/// none.
pub(super) fn discard(file: &Path) -> io::Result<()> {
    let opened = match OpenOptions::new().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    blank(&opened)?;
    std::fs::remove_file(file)
}

/// Writes zeroes over a file, so that they last.
pub(super) fn blank(opened: &File) -> io::Result<()> {
    crate::disk::blank(&crate::disk::LocalDisk, opened, 0, opened.metadata()?.len())?;
    opened.sync_all()
}

/// Begins to change an index; what is committed lasts if that is asked for.
pub(super) fn begin(book: &Database, lasts: bool) -> Result<WriteTransaction, redb::Error> {
    let mut writing = book.begin_write()?;
    if !lasts {
        writing.set_durability(Durability::None)?;
    }
    Ok(writing)
}

/// What the index speaks for.
pub(super) fn stamp(from: &ReadTransaction) -> Result<Stamp, redb::Error> {
    let table = from.open_table(STAMP)?;
    let found = table.get(())?;
    let found = found.as_ref().map_or(&[][..], |found| found.value());
    Stamp::decode(found).ok_or_else(|| match found.first_chunk() {
        Some(version) if u16::from_be_bytes(*version) > VERSION => damaged(&format!(
            "it is of version {}, written by a newer motlan (this one reads up to {VERSION})",
            u16::from_be_bytes(*version)
        )),
        _ => damaged("it does not say what it speaks for"),
    })
}

/// Where the records of a chunk that have a value stand; without a field, those that have tags.
pub(super) fn mark_key(chunk: u32, field: Option<Field>, value: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(5 + value.len());
    put_mark_key(&mut key, chunk, field, value);
    key
}

/// The same into a buffer.
pub(super) fn put_mark_key(key: &mut Vec<u8>, chunk: u32, field: Option<Field>, value: &str) {
    key.extend_from_slice(&chunk.to_be_bytes());
    key.push(field.map_or(TAGGED, Field::code));
    key.extend_from_slice(value.as_bytes());
}

/// What a key of `marks` is about; no field for the records that have tags.
pub(super) fn of_mark_key(key: &[u8]) -> Option<(u32, Option<Field>, &str)> {
    let (chunk, rest) = key.split_first_chunk()?;
    let (code, value) = rest.split_first()?;
    let field = Field::of_code(*code);
    if field.is_none() && *code != TAGGED {
        return None;
    }
    Some((
        u32::from_be_bytes(*chunk),
        field,
        std::str::from_utf8(value).ok()?,
    ))
}

/// Where the records of a run that have a tag stand.
pub(super) fn tag_key(run: u32, field: Field, tag: &Tag) -> TagKey {
    let mut key = [0; 21];
    let parts: [&[u8]; 3] = [&run.to_be_bytes(), &[field.code()], &tag.0];
    let bytes = parts.into_iter().flatten();
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    key
}

/// What a key of `tags` is about.
pub(super) fn of_tag_key(key: &TagKey) -> Option<(u32, Field)> {
    let (run, rest) = key.split_first_chunk()?;
    Some((u32::from_be_bytes(*run), Field::of_code(*rest.first()?)?))
}

/// Reads a value of `marks`.
pub(super) fn set(bytes: &[u8]) -> Result<Set, redb::Error> {
    Set::decode(bytes).ok_or_else(|| damaged("a set of records cannot be read"))
}

/// Reads a value of `tags`.
pub(super) fn list(bytes: &[u8]) -> Result<Vec<u32>, redb::Error> {
    decode_list(bytes).ok_or_else(|| damaged("a list of records cannot be read"))
}

/// Reads a value of `times`.
pub(super) fn times(bytes: &[u8]) -> Result<Vec<i64>, redb::Error> {
    times::decode(bytes).ok_or_else(|| damaged("the times of records cannot be read"))
}

#[cfg(test)]
mod tests {
    use redb::ReadableDatabase as _;

    use super::*;

    #[test]
    fn an_index_of_a_later_version_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (log, is_keyed) = (LogId([1; 16]), false);
        let (size, root) = (0, Hash::default());
        let right = Stamp {
            log,
            size,
            root,
            is_keyed,
        };
        let book = create(&dir.path().join("index"), &right).unwrap();
        let read = || stamp(&book.begin_read().unwrap());
        assert_eq!(read().unwrap(), right);
        let told = |bytes: &[u8]| {
            let writing = book.begin_write().unwrap();
            writing
                .open_table(STAMP)
                .unwrap()
                .insert((), bytes)
                .unwrap();
            writing.commit().unwrap();
            read().unwrap_err().to_string()
        };
        let mut later = right.encode();
        later[1] += 1;
        assert!(told(&later).contains("written by a newer motlan"));
        assert!(!told(&later[2..]).contains("newer"));
    }
}
