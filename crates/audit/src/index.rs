//! The search index of one log: derived from it, in a file of its own outside the log's folder, and
//! made anew by one command.
//!
//! In scope: finding records by time, caller, dataset, method, procedure, grant, kind, result and
//! reason, and by keyed tags of subject, dossier and official; keeping up with a running ledger;
//! comparing an index with its log. Out of scope: who may search, and the record of that.
//!
//! The index decides which records are looked at and nothing else: each is read from the log and
//! compared with the query before it is shown. What it lacks, [`Index::check`] finds.
//!
//! Limits: a page has at most 1,000 records; a filter's value has at most 4,096 bytes; a search
//! waits at most 5 s for the index to reach the ledger; a check names its first 100 differences.

mod batch;
mod book;
mod check;
mod error;
mod field;
mod follow;
mod forget;
mod log;
mod query;
mod search;
mod set;
mod times;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redb::{Database, ReadTransaction, ReadableDatabase as _};

use crate::ledger::Ledger;
use batch::{Gone, end_of};
use book::Stamp;
pub use check::Differences;
pub use error::IndexError;
pub use field::Field;
use log::Log;
pub use log::{FolderError, LogFolder};
pub use query::{Page, Query, SearchError};
use search::Reading;
use set::RUN;

/// How long a search waits for the index to reach the size that the ledger had then.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// An index that is open. Cheap to clone; all clones are the same index. When the last is dropped,
/// it is stopped as by [`Index::stop`]. All methods block.
#[derive(Clone)]
pub struct Index(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    follower: Mutex<Option<JoinHandle<()>>>,
}

/// How an index is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IndexState {
    /// It is being opened.
    Opening,
    /// It can be searched.
    Ready,
    /// It cannot be used; why.
    Failed(Arc<IndexError>),
    /// It was stopped.
    Stopped,
}

/// What the handles and the follower share.
struct Shared {
    log: Box<dyn Log>,
    /// Whether a thread keeps it up with its log.
    is_followed: bool,
    file: PathBuf,
    book: RwLock<Option<Database>>,
    progress: Mutex<Progress>,
    changed: Condvar,
}

struct Progress {
    state: IndexState,
    indexed_to: u64,
    /// A search waits for this size.
    wanted: u64,
    is_stopping: bool,
}

impl Index {
    /// The usual file of the index of the ledger in `folder`: beside it.
    pub fn beside(folder: &Path) -> PathBuf {
        let mut name = folder.as_os_str().to_owned();
        name.push(".index");
        name.into()
    }

    /// Follows a running ledger in a thread of its own: opens the index, or makes it where there is
    /// none, catches up and keeps up. Returns at once; appends never wait for it. The ledger can be
    /// closed meanwhile.
    ///
    /// # Errors
    /// Where no thread can be started. What is wrong with the index, [`Index::state`] tells.
    pub fn follow(ledger: Ledger, file: &Path) -> io::Result<Index> {
        let shared = Shared::new(Box::new(ledger), file, IndexState::Opening);
        let followed = Arc::clone(&shared);
        let follower = thread::Builder::new()
            .name("ledger-index".to_owned())
            .spawn(move || follow::run(&followed))?;
        Ok(Index::of(shared, Some(follower)))
    }

    /// Opens the index of a folder.
    pub fn open(log: LogFolder, file: &Path) -> Result<Index, IndexError> {
        let (book, stamp) = book::open(file, &log)?;
        let shared = Shared::new(Box::new(log), file, IndexState::Ready);
        *shared.book.write().unwrap_or_else(PoisonError::into_inner) = Some(book);
        shared.reached(stamp.size);
        follow::forget_what_is_due(&shared)?;
        Ok(Index::of(shared, None))
    }

    /// Makes the index of a folder anew, in place of what has its name. `progress` gets how many
    /// records are done, and how many there are.
    pub fn rebuild(
        log: LogFolder,
        file: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Index, IndexError> {
        must_be_free(file)?;
        let size = log.size();
        let gone = Gone::read(&log, size)?;
        let fresh = forget::fresh(file);
        let book = book::create(&fresh, &Stamp::empty(&log))?;
        follow::note_ended(&book, &gone).map_err(|error| IndexError::database(&fresh, error))?;
        let mut first = 0;
        while first < size {
            progress(first, size);
            let end = end_of(first, RUN, size);
            follow::fill(&log, &book, &fresh, first..end, &gone, end == size)?;
            first = end;
        }
        progress(size, size);
        let before = forget::put_in_place(file)?;
        before
            .map_or(Ok(()), |before| book::blank(&before))
            .map_err(|source| IndexError::io(file, source))?;
        let shared = Shared::new(Box::new(log), file, IndexState::Ready);
        *shared.book.write().unwrap_or_else(PoisonError::into_inner) = Some(book);
        shared.reached(size);
        Ok(Index::of(shared, None))
    }

    fn of(shared: Arc<Shared>, follower: Option<JoinHandle<()>>) -> Index {
        let follower = Mutex::new(follower);
        Index(Arc::new(Handle { shared, follower }))
    }

    /// Goes on to the end of the log, where nothing follows it. `progress` as in
    /// [`Index::rebuild`].
    pub fn update(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), IndexError> {
        let shared = &self.0.shared;
        let size = shared.log.size();
        while self.indexed_to() < size {
            let first = self.indexed_to();
            progress(first, size);
            follow::advance(shared, end_of(first, RUN, size), true)?;
        }
        progress(size, size);
        Ok(())
    }

    /// Answers a query. Waits, at most 5 s, until the index has reached the size that a ledger it
    /// follows has now.
    pub fn search(&self, query: &Query) -> Result<Page, SearchError> {
        let shared = &self.0.shared;
        let plan = query.plan(shared.log.sealing())?;
        shared.wait(plan.from.map(|(size, _)| size))?;
        let (size, mut found) = shared
            .read(|from, stamp| {
                let (size, end) = plan.from.unwrap_or((stamp.size, stamp.size));
                if !plan.tags.is_empty() && !stamp.is_keyed {
                    return Ok(None);
                }
                let found = Reading::new(from)?.find(&plan, end, plan.limit + 1)?;
                Ok(Some((size, found)))
            })?
            .ok_or(SearchError::Unkeyed)?;
        let has_more = found.len() > plan.limit;
        found.truncate(plan.limit);
        let next = found.last().filter(|_| has_more);
        let next = next.map(|last| plan.page(size, *last));
        Ok(Page {
            records: search::load(&*shared.log, &plan, &found)?,
            indexed_to: size,
            next,
        })
    }

    /// All values of a field that are on record; none for a keyed field. Waits as a search does.
    pub fn values(&self, field: Field) -> Result<BTreeSet<String>, SearchError> {
        self.0.shared.wait(None)?;
        let read =
            |from: &ReadTransaction, stamp: &Stamp| Reading::new(from)?.values(field, stamp.size);
        self.0.shared.read(read)
    }

    /// Compares the index with its log, entirely. `progress` as in [`Index::rebuild`].
    pub fn check(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Differences, IndexError> {
        check::check(&self.0.shared, progress)
    }

    /// How many records of the log it speaks for.
    pub fn indexed_to(&self) -> u64 {
        self.0.shared.progress().indexed_to
    }

    /// How many records it is behind.
    pub fn lag(&self) -> u64 {
        self.0.shared.log.size().saturating_sub(self.indexed_to())
    }

    /// Waits until it has reached the size that the ledger it follows has now, however long that
    /// takes.
    pub fn catch_up(&self) -> Result<(), SearchError> {
        loop {
            match self.0.shared.wait(None) {
                Err(SearchError::Behind { .. }) => {}
                waited => return waited,
            }
        }
    }

    /// How it is.
    pub fn state(&self) -> IndexState {
        self.0.shared.progress().state.clone()
    }

    /// Ends the following, and closes the file. What was not reached is when it is opened again.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Handle {
    fn stop(&self) {
        let shared = &self.shared;
        shared.progress().is_stopping = true;
        shared.changed.notify_all();
        let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = follower.take() {
            // It has caught its own panics.
            let _ = thread.join();
        }
        drop(
            shared
                .book
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let mut progress = shared.progress();
        if !matches!(progress.state, IndexState::Failed(_)) {
            progress.state = IndexState::Stopped;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { file, .. } = &*self.0.shared;
        write!(
            f,
            "Index({}, {} records)",
            file.display(),
            self.indexed_to()
        )
    }
}

/// Refuses a file that another process has open.
fn must_be_free(file: &Path) -> Result<(), IndexError> {
    match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(IndexError::io(file, source)),
        // As the database does it; given back when it is closed.
        Ok(opened) => match opened.try_lock() {
            Err(TryLockError::WouldBlock) => Err(IndexError::InUse {
                file: file.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(IndexError::io(file, source)),
            Ok(()) => Ok(()),
        },
    }
}

impl Shared {
    fn new(log: Box<dyn Log>, file: &Path, state: IndexState) -> Arc<Shared> {
        Arc::new(Shared {
            log,
            is_followed: matches!(state, IndexState::Opening),
            file: file.to_owned(),
            book: RwLock::new(None),
            progress: Mutex::new(Progress {
                state,
                indexed_to: 0,
                wanted: 0,
                is_stopping: false,
            }),
            changed: Condvar::new(),
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, size: u64) {
        self.progress().indexed_to = size;
        self.changed.notify_all();
    }

    fn set_state(&self, state: IndexState) {
        self.progress().state = state;
        self.changed.notify_all();
    }

    /// Waits until the index speaks for `size` records; for all of a ledger that it follows, where
    /// none is given.
    fn wait(&self, size: Option<u64>) -> Result<(), SearchError> {
        let log_size = self.log.size();
        let mut progress = self.progress();
        let due = match size {
            Some(size) if size > log_size.max(progress.indexed_to) => {
                return Err(SearchError::Page);
            }
            Some(size) => size,
            None if self.is_followed => log_size,
            None => progress.indexed_to,
        };
        progress.wanted = progress.wanted.max(due);
        self.changed.notify_all();
        let end = Instant::now() + WAIT_MAX;
        loop {
            match &progress.state {
                IndexState::Failed(error) => return Err(SearchError::Index(Arc::clone(error))),
                IndexState::Stopped => return Err(SearchError::Index(IndexError::Stopped.into())),
                IndexState::Ready if progress.indexed_to >= due => return Ok(()),
                IndexState::Ready | IndexState::Opening => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SearchError::Behind {
                    indexed_to: progress.indexed_to,
                    size: due,
                });
            }
            let waited = self.changed.wait_timeout(progress, left);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Reads the index as it is at one instant.
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction, &Stamp) -> Result<T, redb::Error>,
    ) -> Result<T, SearchError> {
        let failed = |error| SearchError::Index(Arc::new(error));
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        let book = book.as_ref().ok_or_else(|| failed(IndexError::Stopped))?;
        follow::guarded(|| {
            let from = book.begin_read()?;
            let stamp = book::stamp(&from)?;
            read(&from, &stamp)
        })
        .map_err(|error| failed(IndexError::database(&self.file, error)))
    }
}
