//! Comparing an index with its log: what each run of records should add is gathered anew, and
//! compared with what stands there.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::PoisonError;

use redb::{ReadTransaction, ReadableDatabase as _};

use super::batch::{Batch, Gone, end_of};
use super::book::{self, MARKS, SPANS, TAGS, TIMES};
use super::error::{IndexError, damaged};
use super::log::Log;
use super::set::{CHUNK, RUN, Set, encode_list};
use super::times::{self, BLOCK};
use super::{Shared, follow};

/// How many differences are named; all are counted.
const NAMED_MAX: usize = 100;

/// What of an index is not what its log says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Differences {
    /// How many records it speaks for.
    pub indexed_to: u64,
    /// How many the log has.
    pub size: u64,
    /// Whether subjects, dossiers and officials were compared as well.
    pub is_keyed: bool,
    /// How many differences there are.
    pub count: u64,
    /// The first 100 of them.
    pub first: Vec<String>,
}

impl Differences {
    fn add(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(what);
        }
    }

    /// Compares which records are marked.
    fn sets(&mut self, of: &dyn Display, what: &dyn Display, first: u64, due: &Set, found: &Set) {
        let (missing, extra) = (due.clone().without(found), found.clone().without(due));
        for place in missing.places() {
            let index = first + u64::from(place);
            self.add(format!(
                "record {of}{index} is not found by {what}, and should be"
            ));
        }
        for place in extra.places() {
            let index = first + u64::from(place);
            self.add(format!(
                "record {of}{index} is found by {what}, and should not be"
            ));
        }
    }
}

/// Compares an index with its log.
pub(super) fn check(
    shared: &Shared,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Differences, IndexError> {
    let log = &*shared.log;
    let failed = |error| IndexError::database(&shared.file, error);
    let book = shared.book.read().unwrap_or_else(PoisonError::into_inner);
    let book = book.as_ref().ok_or(IndexError::Stopped)?;
    let from = book.begin_read().map_err(|error| failed(error.into()))?;
    let stamp = follow::guarded(|| book::stamp(&from)).map_err(failed)?;
    if stamp.is_keyed && log.sealing().is_none() {
        let file = shared.file.clone();
        return Err(IndexError::Sealing { file });
    }
    let size = stamp.size;
    let mut differences = Differences {
        indexed_to: size,
        size: log.size(),
        is_keyed: stamp.is_keyed,
        ..Differences::default()
    };
    // An erasure that the log got since then may be carried out in its keys already.
    let gone = Gone::read(log, size)?;
    let mut first = 0;
    while first < size {
        progress(first, size);
        let end = end_of(first, RUN, size);
        let mut due = Batch::gather(log, first, end, &gone)?;
        if !stamp.is_keyed {
            due.without_tags();
        }
        follow::guarded(|| compare(log, &from, first, end, due, &mut differences))
            .map_err(failed)?;
        first = end;
    }
    follow::guarded(|| compare_end(&from, size, &mut differences)).map_err(failed)?;
    progress(size, size);
    Ok(differences)
}

fn compare(
    log: &dyn Log,
    from: &ReadTransaction,
    first: u64,
    end: u64,
    due: Batch,
    differences: &mut Differences,
) -> Result<(), redb::Error> {
    let origin = &log.identity().origin;
    // All but the number of a record's name.
    let name = format!("{}-", origin.record_id(0).shard());
    let run = number(first / RUN);
    compare_tags(from, run, &name, due.tags, differences)?;
    let chunks = number(first / CHUNK)..number(end.div_ceil(CHUNK));
    let mut found: BTreeMap<Vec<u8>, Set> = BTreeMap::new();
    let keys = book::mark_key(chunks.start, None, "")..book::mark_key(chunks.end, None, "");
    let range = from.open_table(MARKS)?;
    for entry in range.range(keys.start.as_slice()..keys.end.as_slice())? {
        let (key, value) = entry?;
        found.insert(key.value().to_owned(), book::set(value.value())?);
    }
    let mut marks: BTreeMap<_, _> = due.marks.into_iter().collect();
    for key in found
        .keys()
        .filter(|key| !marks.contains_key(*key))
        .cloned()
        .collect::<Vec<_>>()
    {
        marks.insert(key, Vec::new());
    }
    for (key, places) in marks {
        let of = book::of_mark_key(&key).ok_or_else(|| damaged("a key cannot be read"))?;
        let what = match of {
            (_, Some(field), value) => format!("{} `{value}`", field.name()),
            (_, None, _) => "the note that it has tags".to_owned(),
        };
        let found = found.remove(&key).unwrap_or_default();
        let first = u64::from(of.0) * CHUNK;
        differences.sets(&name, &what, first, &Set::of(places), &found);
    }
    compare_times(from, first, &due.times, &name, differences)
}

/// Names what is found by a tag by its field alone.
fn compare_tags(
    from: &ReadTransaction,
    run: u32,
    name: &str,
    due: HashMap<book::TagKey, Vec<u32>>,
    differences: &mut Differences,
) -> Result<(), redb::Error> {
    let mut due: BTreeMap<_, _> = due.into_iter().collect();
    let mut tell = |key: &book::TagKey, places: &[u32], but: &[u32], how: &str| {
        let field = book::of_tag_key(key).map_or("a tag", |(_, field)| field.name());
        for place in places
            .iter()
            .filter(|place| but.binary_search(place).is_err())
        {
            let index = u64::from(run) * RUN + u64::from(*place);
            differences.add(format!(
                "record {name}{index} {how}",
                how = how.replace("{}", field)
            ));
        }
    };
    let (missing, extra) = (
        "is not found by its {}, and should be",
        "is found by a {} that is not its own",
    );
    let table = from.open_table(TAGS)?;
    let mut from_key = [0; 21];
    from_key
        .iter_mut()
        .zip(run.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    for entry in table.range::<&book::TagKey>(&from_key..)? {
        let (key, value) = entry?;
        let key = key.value();
        if !key.starts_with(&run.to_be_bytes()) {
            break;
        }
        let found = book::list(value.value())?;
        let listed = due.remove(key).unwrap_or_default();
        if encode_list(&listed) != value.value() {
            tell(key, &listed, &found, missing);
            tell(key, &found, &listed, extra);
        }
    }
    for (key, places) in &due {
        tell(key, places, &[], missing);
    }
    Ok(())
}

fn compare_times(
    from: &ReadTransaction,
    first: u64,
    due: &[i64],
    name: &str,
    differences: &mut Differences,
) -> Result<(), redb::Error> {
    let (blocks, spans) = (from.open_table(TIMES)?, from.open_table(SPANS)?);
    let in_block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
    for (due, block) in due.chunks(in_block).zip(first / BLOCK..) {
        let found = blocks.get(block)?;
        if found.is_none_or(|found| found.value() != times::encode(due)) {
            let (first, last) = (block * BLOCK, block * BLOCK + due.len() as u64 - 1);
            differences.add(format!(
                "records {name}{first} to {last} are found by other times"
            ));
        }
    }
    let in_chunk = usize::try_from(CHUNK).unwrap_or(usize::MAX);
    for (due, chunk) in due.chunks(in_chunk).zip(first / CHUNK..) {
        let span = due.iter().min().copied().zip(due.iter().max().copied());
        let found = spans.get(number(chunk))?.map(|found| found.value());
        if found != span {
            let first = chunk * CHUNK;
            differences.add(format!(
                "records {name}{first} and on are passed over by time"
            ));
        }
    }
    Ok(())
}

/// What stands behind the last record.
fn compare_end(
    from: &ReadTransaction,
    size: u64,
    differences: &mut Differences,
) -> Result<(), redb::Error> {
    let marks = from.open_table(MARKS)?;
    let key = book::mark_key(number(size.div_ceil(CHUNK)), None, "");
    let mut behind = marks.range(key.as_slice()..)?.count();
    let tags = from.open_table(TAGS)?;
    let mut key = [0; 21];
    let run = number(size.div_ceil(RUN)).to_be_bytes();
    key.iter_mut().zip(run).for_each(|(to, from)| *to = from);
    behind += tags.range::<&book::TagKey>(&key..)?.count();
    behind += from
        .open_table(TIMES)?
        .range(size.div_ceil(BLOCK)..)?
        .count();
    behind += from
        .open_table(SPANS)?
        .range(number(size.div_ceil(CHUNK))..)?
        .count();
    if behind > 0 {
        differences.add(format!(
            "{behind} entries are of records after the last one"
        ));
    }
    Ok(())
}

fn number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
