//! Erasing: a record that says so, then the end of the keys.
//!
//! The record comes first and lists what it destroys, in its own sealed part, so that whatever
//! comes between the two, a crash or an older copy of the sealing file, is made good when the
//! ledger is next opened. It names no subject: nothing could make it unreadable then.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use motlan_api::audit::v1::{self as wire, ErasureScope, Record, RecordKind, Sealed};
use prost::Message as _;
use thiserror::Error;

use super::append::{AppendError, Entry};
use super::opened::{entries, parts};
use super::read::ReadError;
use super::{Handle, Ledger};
use crate::format::is_leaf_of;
use crate::origin::RecordId;
use crate::sealing::{Label, Opened, Target, is_of_dataset, label, normalised};

/// The longest ground.
const GROUND_BYTES_MAX: usize = 200;
/// The longest name of who erases: 128 characters of any kind, as a token may have.
const BY_BYTES_MAX: usize = 512;
/// A name of fewer letters and digits is a word of a ground, or not in it; a longer one may be
/// anywhere in it.
const NAME_CHARS_MIN: usize = 4;
/// How many records one record of an erasure lists at most; more take several.
const ERASED_MAX: usize = 6_000;
/// What an index takes in a list at most, and what the rest of such a record takes.
const INDEX_BYTES: usize = 10;
const REST_BYTES: usize = 800;
/// After so many records that no erasure is among, the sealing file takes note of that.
const SETTLED_EVERY: u64 = 1 << 16;

/// What to make unreadable, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whose sealed parts.
    pub whose: Whose,
    /// The legal ground. It stands in the leaf, which is public: nothing personal.
    pub ground: String,
    /// Who erases. Sealed, like an official who asks.
    pub by: String,
    /// The system that asked for it; empty where it was the operator.
    pub caller: String,
    /// When, in microseconds since the Unix epoch.
    pub time_us: i64,
}

/// Whose sealed parts.
#[derive(Clone, PartialEq, Eq)]
pub enum Whose {
    /// All that is recorded of a subject by now.
    Subject {
        /// The subject's identifier, as in the lookups. Spaces around it and the case of letters do
        /// not count.
        subject: String,
        /// Of this dataset only; of all where it is `None`.
        dataset: Option<String>,
    },
    /// All of a dataset in this log. Nothing more can be recorded of it here.
    Dataset(String),
}

impl fmt::Debug for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Subject { dataset, .. } => write!(f, "Subject(.., {dataset:?})"),
            Whose::Dataset(dataset) => write!(f, "Dataset({dataset:?})"),
        }
    }
}

/// What was made unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// How many records' sealed parts, by dataset. Empty where there were none: then nothing was
    /// recorded either.
    pub datasets: BTreeMap<String, u64>,
    /// The records, in the order of the log.
    pub indices: Vec<u64>,
    /// The records of the erasure.
    pub records: Vec<RecordId>,
}

/// What of a dataset can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// How many sealed parts.
    pub records: u64,
    /// When the newest of them was made, in microseconds since the Unix epoch.
    pub newest_us: i64,
}

/// Why nothing was erased, or not for good.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EraseError {
    /// The caller's: no subject or no dataset.
    #[error("an erasure needs a subject or a dataset")]
    Nobody,
    /// The caller's: no ground that can be recorded.
    #[error(
        "an erasure needs a ground of 1 to {GROUND_BYTES_MAX} bytes and a name of 1 to \
         {BY_BYTES_MAX}, each on one line"
    )]
    Ground,
    /// The caller's: the ground is personal.
    #[error("the ground names the subject, and would be public for ever")]
    Personal,
    /// The log could not be read. Nothing was erased.
    #[error("the log could not be read; nothing was erased")]
    Read(#[from] ReadError),
    /// The erasure could not be recorded, or not all of it. Nothing was erased.
    #[error(
        "the erasure could not be recorded, and nothing was erased: if a record of it lasts, the \
         next opening of the ledger carries that out"
    )]
    Append(#[from] AppendError),
    /// It is on record, and the keys are in the file still. This ledger does not use them any more.
    #[error(
        "the erasure is on record, and the keys in `{}` could not be destroyed: the next erasure \
         does that, or the next opening of the ledger", file.display()
    )]
    Keys {
        /// The sealing file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is to be destroyed.
struct Found {
    index: u64,
    dataset: String,
    target: Target,
}

impl Ledger {
    /// As [`Ledger::erase`], of nothing but the first `before` records.
    ///
    /// # Errors
    /// As [`Ledger::erase`].
    pub fn erase_before(&self, erasure: &Erasure, before: u64) -> Result<Erased, EraseError> {
        erase_first(&self.0, erasure, before)
    }
}

impl Erasure {
    /// Whether a ground names somebody or something. Only letters and digits count, so that no
    /// space or stroke between them hides a name.
    pub fn names(ground: &str, name: &str) -> bool {
        let name = letters(name);
        match name.chars().count() {
            0 => false,
            1..NAME_CHARS_MIN => ground.split_whitespace().any(|word| letters(word) == name),
            _ => letters(ground).contains(&name),
        }
    }
}

fn letters(text: &str) -> String {
    let letters = text.chars().filter(|char| char.is_alphanumeric());
    letters.flat_map(char::to_uppercase).collect()
}

/// Records an erasure, then destroys the keys.
pub(super) fn erase(ledger: &Handle, erasure: &Erasure) -> Result<Erased, EraseError> {
    erase_first(ledger, erasure, u64::MAX)
}

fn erase_first(ledger: &Handle, erasure: &Erasure, before: u64) -> Result<Erased, EraseError> {
    check(erasure)?;
    // One at a time: two could destroy, and count, the same.
    let _one = ledger
        .erasing
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let erased = match &erasure.whose {
        Whose::Subject { .. } => erase_found(ledger, erasure, before),
        Whose::Dataset(dataset) => {
            let (sealer, label) = (&ledger.sealer, Label::dataset(dataset));
            sealer.ends(label, true);
            let erased = erase_found(ledger, erasure, before);
            let on_record = match &erased {
                Ok(erased) => !erased.records.is_empty(),
                Err(error) => matches!(error, EraseError::Keys { .. }),
            };
            sealer.ends(label, on_record);
            erased
        }
    };
    if ledger.sealer.sealing().is_behind() && erased.is_ok() {
        // An earlier erasure, which this one found nothing left of, and did not finish.
        destroy(ledger, &[], 0)?;
    }
    erased
}

fn erase_found(ledger: &Handle, erasure: &Erasure, before: u64) -> Result<Erased, EraseError> {
    let before = before.min(ledger.shared.size());
    let found = find(ledger, &erasure.whose, before)?;
    let mut erased = Erased::default();
    if found.is_empty() {
        return Ok(erased);
    }
    let lists = match &erasure.whose {
        Whose::Subject { .. } => found.chunks(list_max(ledger)),
        Whose::Dataset(_) => found.chunks(found.len()),
    };
    // R38: on record before it is done.
    for list in lists {
        let recorded = block_on(ledger.append(entry(erasure, before, list)))?;
        erased.records.push(recorded.id().clone());
    }
    for Found { index, dataset, .. } in &found {
        erased.indices.push(*index);
        *erased.datasets.entry(dataset.clone()).or_default() += 1;
    }
    let targets = match &erasure.whose {
        Whose::Subject { .. } => found.into_iter().map(|found| found.target).collect(),
        Whose::Dataset(dataset) => vec![Target::label(Label::dataset(dataset))],
    };
    // Not further than `before`: behind it another record may stand that was not looked at.
    destroy(ledger, &targets, before)?;
    Ok(erased)
}

/// Whether a text that is recorded says something, on one line of so many bytes at most.
pub(crate) fn is_line(text: &str, bytes_max: usize) -> bool {
    let length = text.trim().len();
    (1..=bytes_max).contains(&length) && !text.chars().any(char::is_control)
}

fn check(erasure: &Erasure) -> Result<(), EraseError> {
    let Erasure {
        whose, ground, by, ..
    } = erasure;
    let name = match whose {
        Whose::Subject { subject, .. } => normalised(subject),
        Whose::Dataset(dataset) => dataset.clone(),
    };
    if name.is_empty() {
        return Err(EraseError::Nobody);
    }
    if !is_line(ground, GROUND_BYTES_MAX) || !is_line(by, BY_BYTES_MAX) {
        return Err(EraseError::Ground);
    }
    match whose {
        Whose::Subject { .. } if Erasure::names(ground, &name) => Err(EraseError::Personal),
        _ => Ok(()),
    }
}

/// What can still be read of it among the first `before` records.
fn find(ledger: &Handle, whose: &Whose, before: u64) -> Result<Vec<Found>, ReadError> {
    let mut found = Vec::new();
    let mut indices = Vec::new();
    entries(ledger, 0, before, &mut |entry| {
        let Some(sealed) = entry.sealed.sealed() else {
            return ControlFlow::Continue(());
        };
        let record = &entry.record;
        let is_meant = record.kind() != RecordKind::Erasure
            && match whose {
                Whose::Subject { subject, dataset } => {
                    normalised(&sealed.subject) == normalised(subject)
                        && dataset.as_ref().is_none_or(|due| *due == record.dataset)
                }
                Whose::Dataset(dataset) => *dataset == record.dataset && is_of_dataset(record),
            };
        if is_meant {
            indices.push(entry.id.index());
        }
        ControlFlow::Continue(())
    })?;
    for index in indices {
        let (record, target) = target(ledger, index)?;
        let dataset = record.dataset;
        found.push(Found {
            index,
            dataset,
            target,
        });
    }
    Ok(found)
}

/// Where the key of a record's sealed part lies.
fn target(ledger: &Handle, index: u64) -> Result<(Record, Target), ReadError> {
    let mut read = None;
    parts(ledger, index, index + 1, &mut |index, part| {
        let record = Record::decode(part.leaf).map_err(|_| ReadError::Damaged { index })?;
        let target = Target::part(label(&record), part.sealed);
        read = target.map(|target| (record, target));
        Ok(ControlFlow::Continue(()))
    })?;
    read.ok_or(ReadError::Damaged { index })
}

/// How many indices fit into one record of an erasure.
fn list_max(ledger: &Handle) -> usize {
    let room = ledger.shared.queue.part_bytes_max();
    let fits = room.saturating_sub(REST_BYTES) / INDEX_BYTES;
    fits.clamp(1, ERASED_MAX)
}

fn entry(erasure: &Erasure, before: u64, list: &[Found]) -> Entry {
    let (scope, dataset, erased) = match &erasure.whose {
        Whose::Subject { dataset, .. } => {
            let indices = list.iter().map(|found| found.index).collect();
            let dataset = dataset.clone().unwrap_or_default();
            (ErasureScope::Subject, dataset, indices)
        }
        Whose::Dataset(dataset) => (ErasureScope::Dataset, dataset.clone(), Vec::new()),
    };
    let record = Record {
        kind: RecordKind::Erasure.into(),
        time_us: erasure.time_us,
        caller: erasure.caller.clone(),
        dataset,
        erasure: Some(wire::Erasure {
            scope: scope.into(),
            ground: erasure.ground.trim().to_owned(),
            before,
            records: list.len() as u64,
            log: None,
        }),
        ..Record::default()
    };
    let sealed = Sealed {
        official: erasure.by.trim().to_owned(),
        erased,
        ..Sealed::default()
    };
    Entry { record, sealed }
}

fn destroy(ledger: &Handle, targets: &[Target], settled: u64) -> Result<u64, EraseError> {
    let sealing = ledger.sealer.sealing();
    let destroyed = sealing.destroy(&*ledger.disk, targets, settled);
    ledger.sealer.forget();
    destroyed.map_err(|source| EraseError::Keys {
        file: sealing.file().to_owned(),
        source,
    })
}

/// Carries out what an erasure on record says and the sealing file does not know of: a crash came
/// between, or the file was put back from an older copy.
pub(super) fn settle(ledger: &Handle) -> Result<(), EraseError> {
    let sealing = ledger.sealer.sealing();
    let size = ledger.shared.size();
    let settled = sealing.settled().min(size);
    let mut targets = Vec::new();
    for index in recorded(ledger, settled, size)? {
        targets.extend(targets_of(ledger, index)?);
    }
    targets.retain(|target| sealing.holds(target));
    let destroyed = match targets.is_empty() {
        true if size - settled < SETTLED_EVERY => return Ok(()),
        _ => destroy(ledger, &targets, size),
    };
    match destroyed {
        Ok(0) => Ok(()),
        Ok(keys) => {
            tracing::warn!(
                keys,
                "carried out what was left of an erasure that is on record"
            );
            Ok(())
        }
        // The note that there was nothing to do can wait.
        Err(EraseError::Keys { .. }) if targets.is_empty() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The records of erasures among `first..end`.
fn recorded(ledger: &Handle, first: u64, end: u64) -> Result<Vec<u64>, ReadError> {
    let mut found = Vec::new();
    parts(ledger, first, end, &mut |index, part| {
        if is_leaf_of(part.leaf, RecordKind::Erasure) {
            found.push(index);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// What a record of an erasure says was destroyed.
fn targets_of(ledger: &Handle, index: u64) -> Result<Vec<Target>, ReadError> {
    let mut read = None;
    entries(ledger, index, index + 1, &mut |entry| {
        read = Some(entry);
        ControlFlow::Continue(())
    })?;
    let damaged = || ReadError::Damaged { index };
    let entry = read.ok_or_else(damaged)?;
    let erasure = entry.record.erasure.as_ref().ok_or_else(damaged)?;
    match erasure.scope() {
        ErasureScope::Unspecified => Err(damaged()),
        // Its keys were in a sealing file of its own.
        ErasureScope::Log => Ok(Vec::new()),
        ErasureScope::Dataset => {
            let label = Label::dataset(&entry.record.dataset);
            Ok(vec![Target::label(label)])
        }
        ErasureScope::Subject => {
            let Opened::Sealed(sealed) = &entry.sealed else {
                return Err(damaged());
            };
            let of_earlier = |erased: &u64| match *erased < index {
                true => target(ledger, *erased).map(|(_, target)| target),
                false => Err(damaged()),
            };
            sealed.erased.iter().map(of_earlier).collect()
        }
    }
}

/// What can be read, by dataset.
pub(super) fn holdings(ledger: &Handle) -> Result<BTreeMap<String, Holding>, ReadError> {
    let mut holdings: BTreeMap<String, Holding> = BTreeMap::new();
    entries(ledger, 0, ledger.shared.size(), &mut |entry| {
        let record = entry.record;
        if is_of_dataset(&record) && entry.sealed.sealed().is_some() {
            let holding = holdings.entry(record.dataset).or_default();
            holding.records += 1;
            holding.newest_us = holding.newest_us.max(record.time_us);
        }
        ControlFlow::Continue(())
    })?;
    Ok(holdings)
}

/// Waits for an answer on a thread that blocks, whether that is one of an async runtime or not.
pub(crate) fn block_on<T>(answer: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut answer = pin!(answer);
    loop {
        match answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answered) => return answered,
            Poll::Pending => thread::park(),
        }
    }
}
