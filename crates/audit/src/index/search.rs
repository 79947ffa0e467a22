//! Answering a query: the sets of records that fit each filter are intersected, from the newest
//! chunk to the oldest, until a page is full.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use redb::{ReadOnlyTable, ReadTransaction};

use super::book::{self, MARKS, SPANS, TAGS, TIMES, TagKey};
use super::error::damaged;
use super::field::Field;
use super::log::{Log, entries};
use super::query::{Plan, SearchError};
use super::set::{CHUNK, RUN, Set};
use super::times::BLOCK;
use crate::sealing::Opened;
use crate::verify::ReadEntry;

/// Reads an index.
pub(super) struct Reading {
    marks: ReadOnlyTable<&'static [u8], &'static [u8]>,
    tags: ReadOnlyTable<&'static TagKey, &'static [u8]>,
    times: ReadOnlyTable<u64, &'static [u8]>,
    spans: ReadOnlyTable<u32, (i64, i64)>,
    /// The block of times that was read last.
    block: Option<(u64, Vec<i64>)>,
}

impl Reading {
    pub(super) fn new(from: &ReadTransaction) -> Result<Reading, redb::Error> {
        Ok(Reading {
            marks: from.open_table(MARKS)?,
            tags: from.open_table(TAGS)?,
            times: from.open_table(TIMES)?,
            spans: from.open_table(SPANS)?,
            block: None,
        })
    }

    /// The newest records before `end` that fit, at most `count`, newest first.
    pub(super) fn find(
        &mut self,
        plan: &Plan,
        end: u64,
        count: usize,
    ) -> Result<Vec<u64>, redb::Error> {
        let mut found = Vec::new();
        for run in (0..end.div_ceil(RUN)).rev() {
            let listed = self.listed(plan, run)?;
            if listed.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let first = run * RUN / CHUNK;
            for chunk in (first..first + RUN / CHUNK).rev() {
                if chunk * CHUNK >= end {
                    continue;
                }
                let set = match &listed {
                    None => Set::below((end - chunk * CHUNK).min(CHUNK)),
                    Some(list) => of_chunk(list, chunk, end),
                };
                self.find_in_chunk(plan, chunk, set, count, &mut found)?;
                if found.len() >= count {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// The records of a run that fit all tags; `None` where no tag is asked for.
    fn listed(&self, plan: &Plan, run: u64) -> Result<Option<Vec<u32>>, redb::Error> {
        let mut listed: Option<Vec<u32>> = None;
        let run = u32::try_from(run).unwrap_or(u32::MAX);
        for (field, tag) in &plan.tags {
            let list = match self.tags.get(&book::tag_key(run, *field, tag))? {
                None => Vec::new(),
                Some(found) => book::list(found.value())?,
            };
            let both = match listed {
                None => list,
                Some(mut listed) => {
                    listed.retain(|place| list.binary_search(place).is_ok());
                    listed
                }
            };
            if both.is_empty() {
                return Ok(Some(both));
            }
            listed = Some(both);
        }
        Ok(listed)
    }

    fn find_in_chunk(
        &mut self,
        plan: &Plan,
        chunk: u64,
        mut set: Set,
        count: usize,
        found: &mut Vec<u64>,
    ) -> Result<(), redb::Error> {
        let number = u32::try_from(chunk).unwrap_or(u32::MAX);
        let (first, last) = plan.times;
        let span = self.spans.get(number)?.map(|found| found.value());
        let (earliest, latest) = span.ok_or_else(|| damaged("a chunk has no times"))?;
        if earliest > last || latest < first {
            return Ok(());
        }
        let is_within = first <= earliest && latest <= last;
        for (field, value) in &plan.plain {
            if set.is_empty() {
                return Ok(());
            }
            let key = book::mark_key(number, Some(*field), value);
            let Some(marked) = self.marks.get(key.as_slice())? else {
                return Ok(());
            };
            set = set.and(&book::set(marked.value())?);
        }
        for place in set.places().rev() {
            let index = chunk * CHUNK + u64::from(place);
            if is_within || (first..=last).contains(&self.time(index)?) {
                found.push(index);
                if found.len() >= count {
                    break;
                }
            }
        }
        Ok(())
    }

    /// When a record was made.
    fn time(&mut self, index: u64) -> Result<i64, redb::Error> {
        let lacking = || damaged("a record has no time");
        let number = index / BLOCK;
        if self.block.as_ref().is_none_or(|(read, _)| *read != number) {
            let block = self.times.get(number)?.ok_or_else(lacking)?;
            self.block = Some((number, book::times(block.value())?));
        }
        let place = usize::try_from(index % BLOCK).unwrap_or(usize::MAX);
        let block = self.block.as_ref().and_then(|(_, times)| times.get(place));
        block.copied().ok_or_else(lacking)
    }

    /// All values of a plain field.
    pub(super) fn values(&self, field: Field, size: u64) -> Result<BTreeSet<String>, redb::Error> {
        let mut values = BTreeSet::new();
        for chunk in 0..size.div_ceil(CHUNK) {
            let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
            let from = book::mark_key(chunk, Some(field), "");
            for entry in self.marks.range(from.as_slice()..)? {
                let (key, _) = entry?;
                let key = book::of_mark_key(key.value());
                let (found, due, value) = key.ok_or_else(|| damaged("a key cannot be read"))?;
                if found != chunk || due != Some(field) {
                    break;
                }
                if !values.contains(value) {
                    values.insert(value.to_owned());
                }
            }
        }
        Ok(values)
    }
}

/// What of a run's list is in a chunk, before `end`.
fn of_chunk(list: &[u32], chunk: u64, end: u64) -> Set {
    let low = chunk * CHUNK % RUN;
    let high = low + (end - chunk * CHUNK).min(CHUNK);
    let places = list.iter().map(|place| u64::from(*place));
    let here = places.filter(|place| (low..high).contains(place));
    Set::of(
        here.filter_map(|place| u16::try_from(place - low).ok())
            .collect(),
    )
}

/// Reads the records that were found, and compares each with the query. One whose sealed part was
/// erased meanwhile is left out where a tag found it.
pub(super) fn load(
    log: &dyn Log,
    plan: &Plan,
    found: &[u64],
) -> Result<Vec<ReadEntry>, SearchError> {
    let mut records = Vec::with_capacity(found.len());
    // In the order of the log: that is quicker to read.
    for index in found.iter().rev() {
        let mut read = None;
        entries(log, *index, index + 1, &|_| true, &mut |entry| {
            read = Some(entry);
            ControlFlow::Break(())
        })?;
        let wrong = SearchError::Wrong { index: *index };
        let entry = read.ok_or(wrong)?;
        if !plan.tags.is_empty() && entry.sealed == Opened::Erased {
            continue;
        }
        if !fits(log, plan, &entry) {
            return Err(SearchError::Wrong { index: *index });
        }
        records.push(entry);
    }
    records.reverse();
    Ok(records)
}

/// Whether a record is one that was asked for.
pub(super) fn fits(log: &dyn Log, plan: &Plan, entry: &ReadEntry) -> bool {
    let (first, last) = plan.times;
    let plain = |(field, value): &(Field, String)| field.plain(&entry.record) == value;
    let keyed = || {
        plan.tags.iter().all(|(field, tag)| {
            let (Some(sealed), Some(sealing)) = (entry.sealed.sealed(), log.sealing()) else {
                return false;
            };
            let value = field.sealed(sealed);
            !value.is_empty() && field.tag(sealing, value) == *tag
        })
    };
    (first..=last).contains(&entry.record.time_us) && plan.plain.iter().all(plain) && keyed()
}
