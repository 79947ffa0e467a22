//! Keeping an index up with its log, off the way of those who write.

use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use super::batch::{Batch, Gone, next_end};
use super::book::{self, ENDED, Stamp};
use super::error::{IndexError, damaged};
use super::forget::{self, DONE};
use super::log::Log;
use super::set::CHUNK;
use super::{IndexState, Shared};

/// How long the follower rests, where nobody waits and it is not far behind: many records at once
/// cost little more than one.
const REST: Duration = Duration::from_millis(200);
/// How often what it has written is made to last. What a crash takes is read from the log again.
const LASTS_EVERY: Duration = Duration::from_secs(2);

/// The follower's thread.
pub(super) fn run(shared: &Shared) {
    let ran = catch_unwind(AssertUnwindSafe(|| follow(shared)));
    let panicked = || IndexError::database(&shared.file, damaged("the database panicked"));
    let ended = ran.unwrap_or_else(|_| Err(panicked()));
    drop(
        shared
            .book
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take(),
    );
    match ended {
        Ok(()) => shared.set_state(IndexState::Stopped),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(
                %error,
                cause,
                "the search index cannot be used; lookups go on"
            );
            shared.set_state(IndexState::Failed(Arc::new(error)));
        }
    }
}

fn follow(shared: &Shared) -> Result<(), IndexError> {
    let (log, file) = (&*shared.log, &*shared.file);
    let (book, stamp) = match book::open(file, log) {
        Err(IndexError::Missing { .. }) => {
            // Derived, and empty: nothing can be lost by making it.
            let stamp = Stamp::empty(log);
            (book::create(file, &stamp)?, stamp)
        }
        opened => opened?,
    };
    book::discard(&forget::fresh(file)).map_err(|source| IndexError::io(file, source))?;
    if !stamp.is_keyed {
        let file = file.to_owned();
        return Err(IndexError::Unkeyed { file });
    }
    *shared.book.write().unwrap_or_else(PoisonError::into_inner) = Some(book);
    forget_what_is_due(shared)?;
    shared.reached(stamp.size);
    shared.set_state(IndexState::Ready);
    let (mut lasting_to, mut lasted) = (stamp.size, Instant::now());
    while !shared.progress().is_stopping {
        let (first, size) = (shared.progress().indexed_to, log.size());
        let end = next_end(first, size).max(first);
        let lasts = end - first == CHUNK || lasted.elapsed() >= LASTS_EVERY;
        if first < end || (lasts && lasting_to < first) {
            advance(shared, end, lasts)?;
        }
        if lasts {
            (lasting_to, lasted) = (end, Instant::now());
        }
        if log.size() - end < CHUNK {
            rest(shared);
        }
    }
    let size = shared.progress().indexed_to;
    advance(shared, size, true)
}

/// Rests, unless somebody waits or it is to stop.
fn rest(shared: &Shared) {
    let is_idle = |progress: &mut super::Progress| {
        !progress.is_stopping && progress.wanted <= progress.indexed_to
    };
    let rested = shared
        .changed
        .wait_timeout_while(shared.progress(), REST, is_idle);
    drop(rested);
}

/// Takes the index on to `end`, and forgets what is met on the way.
pub(super) fn advance(shared: &Shared, end: u64, lasts: bool) -> Result<(), IndexError> {
    let first = shared.progress().indexed_to;
    let is_due = {
        let book = shared.book.read().unwrap_or_else(PoisonError::into_inner);
        let book = book.as_ref().ok_or(IndexError::Stopped)?;
        let gone = gone(book).map_err(|error| IndexError::database(&shared.file, error))?;
        fill(&*shared.log, book, &shared.file, first..end, &gone, lasts)?
    };
    if is_due {
        forget_what_is_due(shared)?;
    }
    shared.reached(end);
    Ok(())
}

/// The datasets that have no tags any more.
fn gone(book: &Database) -> Result<Gone, redb::Error> {
    let mut ended = BTreeSet::new();
    for entry in book.begin_read()?.open_table(ENDED)?.iter()? {
        ended.insert(entry?.0.value().to_owned());
    }
    Ok(Gone {
        ended,
        ..Gone::default()
    })
}

/// Takes note of datasets that get no tags.
pub(super) fn note_ended(book: &Database, gone: &Gone) -> Result<(), redb::Error> {
    let writing = book::begin(book, false)?;
    for dataset in &gone.ended {
        writing.open_table(ENDED)?.insert(dataset.as_str(), DONE)?;
    }
    Ok(writing.commit()?)
}

/// Adds records. Whether something is to be forgotten then.
pub(super) fn fill(
    log: &dyn Log,
    book: &Database,
    file: &Path,
    records: Range<u64>,
    gone: &Gone,
    lasts: bool,
) -> Result<bool, IndexError> {
    let Range { start, end } = records;
    let before = Stamp::empty(log);
    let is_keyed = guarded(|| Ok(book::stamp(&book.begin_read()?)?.is_keyed));
    let is_keyed = is_keyed.map_err(|error| IndexError::database(file, error))?;
    if is_keyed && log.sealing().is_none() {
        let file = file.to_owned();
        return Err(IndexError::Sealing { file });
    }
    let batch = Batch::gather(log, start, end, gone)?;
    let stamp = Stamp {
        size: end,
        root: log.root(end)?,
        is_keyed,
        ..before
    };
    let write = || {
        let writing = book::begin(book, lasts)?;
        let is_due = batch.write(&writing, is_keyed)?;
        stamp.write(&writing)?;
        writing.commit()?;
        Ok(is_due)
    };
    guarded(write).map_err(|error| IndexError::database(file, error))
}

/// Copies the index without what erasures on record have ended, if there is any.
pub(super) fn forget_what_is_due(shared: &Shared) -> Result<(), IndexError> {
    let file = &*shared.file;
    let failed = |error| IndexError::database(file, error);
    let copy = {
        let book = shared.book.read().unwrap_or_else(PoisonError::into_inner);
        let book = book.as_ref().ok_or(IndexError::Stopped)?;
        let is_due = guarded(|| forget::is_due(&book.begin_read()?)).map_err(failed)?;
        if !is_due {
            return Ok(());
        }
        forget::copy(book, file)?
    };
    let before = {
        let mut book = shared.book.write().unwrap_or_else(PoisonError::into_inner);
        drop(book.take());
        let before = forget::put_in_place(file)?;
        *book = Some(copy);
        before
    };
    let blank = before.map_or(Ok(()), |before| book::blank(&before));
    blank.map_err(|source| IndexError::io(file, source))
}

/// A file that was changed by others can make the database panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(damaged("the database panicked")))
}
