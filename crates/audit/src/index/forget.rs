//! Forgetting: after an erasure no tag of an erased record is left in the file, not in its free
//! pages either. So it is copied without them, and the old one overwritten.
//!
//! The tags of a record cannot be made again once it is erased: they are found by its index.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::RecordKind;
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _, Table,
    TableDefinition, Value,
};

use super::book::{self, DOOMED, ENDED, MARKS, SPANS, TAGS, TIMES};
use super::error::{IndexError, damaged};
use super::field::Field;
use super::set::{CHUNK, RUN, Set, chunk_of, encode_list};
use crate::disk::{self, Disk as _, LocalDisk};

/// So many entries are copied in one transaction: it is held in memory.
const ENTRIES_AT_ONCE: usize = 100_000;
/// A dataset of which tags are there still.
pub(super) const DUE: u8 = 1;
/// One of which none are.
pub(super) const DONE: u8 = 0;

/// What lies beside an index while it is made anew.
pub(super) fn fresh(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Whether something is to be forgotten.
pub(super) fn is_due(from: &ReadTransaction) -> Result<bool, redb::Error> {
    let mut is_due = from.open_table(DOOMED)?.iter()?.next().is_some();
    for entry in from.open_table(ENDED)?.iter()? {
        is_due |= entry?.1.value() == DUE;
    }
    Ok(is_due)
}

/// Copies an index without what is to be forgotten, into the file that [`fresh`] names.
pub(super) fn copy(book: &Database, file: &Path) -> Result<Database, IndexError> {
    let failed = |error| IndexError::database(file, error);
    let read = || {
        let from = book.begin_read()?;
        Ok::<_, redb::Error>((book::stamp(&from)?, doomed(&from)?, from))
    };
    let (stamp, doomed, from) = read().map_err(failed)?;
    let copy = book::create(&fresh(file), &stamp)?;
    copy_all(&from, &copy, &doomed).map_err(failed)?;
    Ok(copy)
}

/// The records whose tags are to be removed, by chunk.
fn doomed(from: &ReadTransaction) -> Result<BTreeMap<u32, Set>, redb::Error> {
    let mut places: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
    for entry in from.open_table(DOOMED)?.iter()? {
        let (chunk, place) = chunk_of(entry?.0.value());
        places.entry(chunk).or_default().push(place);
    }
    let chunks = u32::try_from(book::stamp(from)?.size.div_ceil(CHUNK)).unwrap_or(u32::MAX);
    let marks = from.open_table(MARKS)?;
    for entry in from.open_table(ENDED)?.iter()? {
        let (dataset, state) = entry?;
        if state.value() != DUE {
            continue;
        }
        for chunk in 0..chunks {
            let key = book::mark_key(chunk, Some(Field::Dataset), dataset.value());
            let Some(found) = marks.get(key.as_slice())? else {
                continue;
            };
            let mut of_dataset = book::set(found.value())?;
            // The erasure itself is still found by who erased, and a look by who looked.
            for kind in [RecordKind::Erasure, RecordKind::Look] {
                let key = book::mark_key(chunk, Some(Field::Kind), kind.as_str_name());
                if let Some(others) = marks.get(key.as_slice())? {
                    of_dataset = of_dataset.without(&book::set(others.value())?);
                }
            }
            let of_chunk = places.entry(chunk).or_default();
            of_chunk.extend(of_dataset.places());
            of_chunk.sort_unstable();
            of_chunk.dedup();
        }
    }
    let sets = places
        .into_iter()
        .map(|(chunk, places)| (chunk, Set::of(places)));
    Ok(sets.collect())
}

fn copy_all(
    from: &ReadTransaction,
    to: &Database,
    doomed: &BTreeMap<u32, Set>,
) -> Result<(), redb::Error> {
    let unread = || damaged("a key cannot be read");
    let marks = from.open_table(MARKS)?;
    in_steps(to, MARKS, marks.iter()?, |table, (key, value)| {
        let (chunk, field, _) = book::of_mark_key(key.value()).ok_or_else(unread)?;
        let Some(doomed) = doomed.get(&chunk).filter(|_| field.is_none()) else {
            table.insert(key.value(), value.value())?;
            return Ok(());
        };
        let left = book::set(value.value())?.without(doomed);
        if !left.is_empty() {
            table.insert(key.value(), left.encode().as_slice())?;
        }
        Ok(())
    })?;
    let tags = from.open_table(TAGS)?;
    in_steps(to, TAGS, tags.iter()?, |table, (key, value)| {
        let (run, _) = book::of_tag_key(key.value()).ok_or_else(unread)?;
        let mut list = book::list(value.value())?;
        list.retain(|place| {
            let (chunk, place) = chunk_of(u64::from(run) * RUN + u64::from(*place));
            !doomed.get(&chunk).is_some_and(|doomed| doomed.has(place))
        });
        if !list.is_empty() {
            table.insert(key.value(), encode_list(&list).as_slice())?;
        }
        Ok(())
    })?;
    let times = from.open_table(TIMES)?;
    in_steps(to, TIMES, times.iter()?, |table, (block, times)| {
        table.insert(block.value(), times.value())?;
        Ok(())
    })?;
    let spans = from.open_table(SPANS)?;
    in_steps(to, SPANS, spans.iter()?, |table, (chunk, span)| {
        table.insert(chunk.value(), span.value())?;
        Ok(())
    })?;
    let ended = from.open_table(ENDED)?;
    in_steps(to, ENDED, ended.iter()?, |table, (dataset, _)| {
        table.insert(dataset.value(), DONE)?;
        Ok(())
    })?;
    // What is committed last, lasts, and with it all before.
    Ok(book::begin(to, true)?.commit()?)
}

/// Copies entries into a table, so many in each transaction.
fn in_steps<K: Key + 'static, V: Value + 'static, E>(
    to: &Database,
    table: TableDefinition<'_, K, V>,
    mut entries: impl Iterator<Item = Result<E, redb::StorageError>>,
    mut copy: impl FnMut(&mut Table<'_, K, V>, E) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut next = entries.next();
    while next.is_some() {
        let writing = book::begin(to, false)?;
        let mut table = writing.open_table(table)?;
        for _ in 0..ENTRIES_AT_ONCE {
            let Some(entry) = next else { break };
            copy(&mut table, entry?)?;
            next = entries.next();
        }
        drop(table);
        writing.commit()?;
    }
    Ok(())
}

/// Gives a fresh index its name. The one that had it must be closed; it is to be overwritten by
/// [`book::blank`].
pub(super) fn put_in_place(file: &Path) -> Result<Option<File>, IndexError> {
    let put = || {
        let before = match OpenOptions::new().write(true).open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
        fs::rename(fresh(file), file)?;
        LocalDisk.sync_folder(disk::parent(file))?;
        Ok(before)
    };
    put().map_err(|source| IndexError::io(file, source))
}
