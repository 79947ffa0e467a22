//! What some records add to an index: gathered in memory, then written at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use motlan_api::audit::v1::{ErasureScope, Record, RecordKind};
use redb::{ReadableTable as _, WriteTransaction};

use super::book::{self, DOOMED, ENDED, MARKS, SPANS, TAGS, TIMES, TagKey};
use super::field::Field;
use super::forget::DUE;
use super::log::{Log, entries, is_erasure};
use super::set::{CHUNK, Set, chunk_of, encode_list, run_of};
use super::times::{self, BLOCK};
use crate::ledger::ReadError;
use crate::sealing::{Opened, Tag, is_of_dataset};
use crate::verify::ReadEntry;

/// Of so many values of a keyed field the tags are remembered while a batch is gathered.
const REMEMBERED_MAX: usize = 100_000;

/// What erasures on record have ended.
#[derive(Default)]
pub(super) struct Gone {
    /// Datasets.
    pub(super) ended: BTreeSet<String>,
    /// Records.
    pub(super) doomed: BTreeSet<u64>,
}

impl Gone {
    /// All that the first `size` records say.
    pub(super) fn read(log: &dyn Log, size: u64) -> Result<Gone, ReadError> {
        let mut read = Batch::default();
        entries(log, 0, size, &is_erasure, &mut |entry| {
            read.erased(&entry);
            ControlFlow::Continue(())
        })?;
        let Batch { ended, doomed, .. } = read;
        Ok(Gone { ended, doomed })
    }

    fn has(&self, index: u64, record: &Record) -> bool {
        self.has_ended(record) || self.doomed.contains(&index)
    }

    fn has_ended(&self, record: &Record) -> bool {
        self.ended.contains(&record.dataset) && is_of_dataset(record)
    }
}

/// What consecutive records add.
#[derive(Default)]
pub(super) struct Batch {
    /// By chunk, field and value.
    pub(super) marks: HashMap<Vec<u8>, Vec<u16>>,
    /// By run, field and tag.
    pub(super) tags: HashMap<TagKey, Vec<u32>>,
    pub(super) times: Vec<i64>,
    /// What erasures on record say must not be found by subject, dossier or official.
    doomed: BTreeSet<u64>,
    /// The same for all records of a dataset.
    ended: BTreeSet<String>,
    first: u64,
    /// The tag of a value, while it is likely to come again.
    known: HashMap<(Field, String), Tag>,
    /// The key that was made last, for its room.
    key: Vec<u8>,
}

impl Batch {
    /// Reads the records `first..end`. What is gone gets no tags.
    pub(super) fn gather(
        log: &dyn Log,
        first: u64,
        end: u64,
        gone: &Gone,
    ) -> Result<Batch, ReadError> {
        let mut batch = Batch {
            first,
            ..Batch::default()
        };
        entries(log, first, end, &|_| true, &mut |entry| {
            batch.add(log, &entry, gone);
            ControlFlow::Continue(())
        })?;
        Ok(batch)
    }

    fn add(&mut self, log: &dyn Log, entry: &ReadEntry, gone: &Gone) {
        let (index, record) = (entry.id.index(), &entry.record);
        self.times.push(record.time_us);
        let (chunk, place) = chunk_of(index);
        for field in Field::PLAIN {
            let value = field.plain(record);
            if !value.is_empty() {
                self.mark(chunk, Some(field), value, place);
            }
        }
        let is_erasure = record.kind() == RecordKind::Erasure;
        if is_erasure {
            self.erased(entry);
        }
        let (Opened::Sealed(sealed), Some(sealing)) = (&entry.sealed, log.sealing()) else {
            return;
        };
        // Keys of a dataset that was ended may be there still, when its erasure is met.
        let has_ended = self.ended.contains(&record.dataset) && is_of_dataset(record);
        if !is_erasure && (gone.has(index, record) || has_ended) {
            return;
        }
        let mut is_tagged = false;
        let (run, place_in_run) = run_of(index);
        for field in Field::KEYED {
            let value = field.sealed(sealed);
            if value.is_empty() {
                continue;
            }
            let tag = self.tag(field, value, || field.tag(sealing, value));
            let list = self.tags.entry(book::tag_key(run, field, &tag));
            list.or_default().push(place_in_run);
            is_tagged = true;
        }
        if is_tagged {
            self.mark(chunk, None, "", place);
        }
    }

    fn mark(&mut self, chunk: u32, field: Option<Field>, value: &str, place: u16) {
        self.key.clear();
        book::put_mark_key(&mut self.key, chunk, field, value);
        match self.marks.get_mut(&self.key) {
            Some(places) => places.push(place),
            None => drop(self.marks.insert(self.key.clone(), vec![place])),
        }
    }

    fn tag(&mut self, field: Field, value: &str, make: impl FnOnce() -> Tag) -> Tag {
        if self.known.len() > REMEMBERED_MAX {
            self.known.clear();
        }
        let entry = self.known.entry((field, value.to_owned()));
        *entry.or_insert_with(make)
    }

    fn erased(&mut self, entry: &ReadEntry) {
        let erasure = entry.record.erasure.as_ref();
        match erasure.map(|erasure| erasure.scope()) {
            Some(ErasureScope::Dataset) => {
                self.ended.insert(entry.record.dataset.clone());
            }
            _ => {
                let erased = entry.sealed.sealed().map(|sealed| &sealed.erased);
                self.doomed.extend(erased.into_iter().flatten());
            }
        }
    }

    /// For an index that finds nobody.
    pub(super) fn without_tags(&mut self) {
        self.tags.clear();
        let is_field =
            |key: &Vec<u8>| book::of_mark_key(key).is_some_and(|(_, field, _)| field.is_some());
        self.marks.retain(|key, _| is_field(key));
    }

    /// Writes it behind what is there. Whether anything is to be forgotten now.
    pub(super) fn write(
        mut self,
        to: &WriteTransaction,
        is_keyed: bool,
    ) -> Result<bool, redb::Error> {
        if !is_keyed {
            self.without_tags();
        }
        let mut marks = to.open_table(MARKS)?;
        for (key, places) in sorted(self.marks) {
            let mut set = match marks.get(key.as_slice())? {
                Some(found) => book::set(found.value())?,
                None => Set::default(),
            };
            set.add(&places);
            marks.insert(key.as_slice(), set.encode().as_slice())?;
        }
        let mut tags = to.open_table(TAGS)?;
        for (key, places) in sorted(self.tags) {
            let mut list = match tags.get(&key)? {
                Some(found) => book::list(found.value())?,
                None => Vec::new(),
            };
            list.extend(places);
            tags.insert(&key, encode_list(&list).as_slice())?;
        }
        write_times(to, self.first, &self.times)?;
        let mut ended = to.open_table(ENDED)?;
        let mut is_due = false;
        for dataset in &self.ended {
            if ended.get(dataset.as_str())?.is_none() {
                ended.insert(dataset.as_str(), DUE)?;
                is_due = true;
            }
        }
        let mut doomed = to.open_table(DOOMED)?;
        for index in self.doomed {
            let (chunk, place) = chunk_of(index);
            let found = marks.get(book::mark_key(chunk, None, "").as_slice())?;
            let is_tagged = found.map(|found| book::set(found.value())).transpose()?;
            if is_tagged.is_some_and(|tagged| tagged.has(place)) {
                doomed.insert(index, ())?;
                is_due = true;
            }
        }
        Ok(is_due)
    }
}

/// In the order of the file: it is written front to back then.
fn sorted<K: Ord, V>(map: HashMap<K, V>) -> impl Iterator<Item = (K, V)> {
    let mut entries: Vec<_> = map.into_iter().collect();
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    entries.into_iter()
}

fn write_times(to: &WriteTransaction, first: u64, added: &[i64]) -> Result<(), redb::Error> {
    let mut blocks: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    let mut ends: BTreeMap<u32, (i64, i64)> = BTreeMap::new();
    for (time, index) in added.iter().zip(first..) {
        blocks.entry(index / BLOCK).or_default().push(*time);
        widen(
            ends.entry(chunk_of(index).0).or_insert((*time, *time)),
            (*time, *time),
        );
    }
    let mut table = to.open_table(TIMES)?;
    for (block, fresh) in blocks {
        let mut all = match table.get(block)? {
            Some(found) => book::times(found.value())?,
            None => Vec::new(),
        };
        all.extend(fresh);
        table.insert(block, times::encode(&all).as_slice())?;
    }
    let mut spans = to.open_table(SPANS)?;
    for (chunk, mut span) in ends {
        if let Some(found) = spans.get(chunk)? {
            widen(&mut span, found.value());
        }
        spans.insert(chunk, span)?;
    }
    Ok(())
}

fn widen(span: &mut (i64, i64), by: (i64, i64)) {
    *span = (span.0.min(by.0), span.1.max(by.1));
}

/// The end of the chunk, or of the run, in which `first` lies, or `size` where that comes sooner.
pub(super) fn end_of(first: u64, records: u64, size: u64) -> u64 {
    (first / records)
        .saturating_add(1)
        .saturating_mul(records)
        .min(size)
}

/// How many records are taken at once: those of a chunk.
pub(super) fn next_end(first: u64, size: u64) -> u64 {
    end_of(first, CHUNK, size)
}
