//! The logs of one instance: one for each quarter, each linked to the next, so that retention is
//! dropping the oldest.
//!
//! In scope: where they lie, which one is written, the turn from one to the next, dropping one.
//! Out of scope: what time it is, and who asks for a turn.
//!
//! **The turn.** The next log is made and opened. Then nobody may begin a lookup for the moment
//! that it takes to record in the old log which one follows it; from there on lookups begin in the
//! new one. Those that had begun end in the old one: they hold it by a [`Shard`]. When the last has
//! ended, the new log records where the old one ended. Each step is durable before the next, and
//! [`Shards::open`] goes on from wherever a crash came.

mod drop;
mod erase;
mod keys;
mod layout;
mod lease;
mod open;
mod turn;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{RwLock, watch};

use crate::disk::{Disk, LocalDisk};
use crate::ledger::{CloseError, Ledger, OnCommit, OpenError, ReadError, Settings};
use crate::note::SignerKey;
use crate::origin::{Origin, Quarter};
use crate::reserve::{Reserve, Reserving};
use lease::Open;

pub use drop::{DropError, Dropped, Dropping};
pub use erase::EraseAllError;
pub use keys::Keys;
pub use layout::{Layout, LayoutError};
pub use lease::Shard;
pub use open::OpenShardsError;
pub use turn::TurnError;
pub use verify::{ShardsReport, verify_shards};

/// How many quarters a log may be behind the clock: a clock that is wrong by years makes no log.
pub(crate) const QUARTERS_AHEAD_MAX: i64 = 4;
/// How long the last lookups of a quarter may take before they are spoken of.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to open the logs of an instance.
#[derive(Clone, Debug)]
pub struct ShardSettings {
    /// Where they lie.
    pub layout: Layout,
    /// The key that signs all of them, unless there are others: its name is a leading part of each
    /// origin.
    pub key: Arc<SignerKey>,
    /// The other keys; none if not changed.
    pub keys: Keys,
    /// As [`Settings::segment_bytes`]; as usual where it is `None`.
    pub segment_bytes: Option<u64>,
    /// As [`Settings::free_bytes_min`]; as usual where it is `None`.
    pub free_bytes_min: Option<u64>,
    /// How long the last lookups of a quarter may take before a warning says that they are waited
    /// for; half a minute if not changed.
    pub patience: Duration,
    /// Hears of each commit; nobody if not changed.
    pub on_commit: Option<OnCommit>,
    /// What files are changed with; the system's disk if not changed.
    pub disk: Arc<dyn Disk>,
}

impl ShardSettings {
    /// Settings with all else as usual.
    pub fn new(layout: Layout, key: impl Into<Arc<SignerKey>>) -> ShardSettings {
        ShardSettings {
            layout,
            key: key.into(),
            keys: Keys::default(),
            segment_bytes: None,
            free_bytes_min: None,
            patience: PATIENCE,
            on_commit: None,
            disk: Arc::new(LocalDisk),
        }
    }

    /// The settings of one quarter's log.
    pub fn of(&self, quarter: Quarter) -> Settings {
        let mut own = Settings::new(self.layout.ledger(quarter), self.key_of(quarter));
        own.sealing = self.layout.sealing(quarter);
        own.known_checkpoint = self.layout.known_checkpoint(quarter);
        own.segment_bytes = self.segment_bytes.unwrap_or(own.segment_bytes);
        own.free_bytes_min = self.free_bytes_min.unwrap_or(own.free_bytes_min);
        own.on_commit.clone_from(&self.on_commit);
        let reserve = Reserve::of(&self.layout.ledgers);
        own.disk = Arc::new(Reserving::new(Arc::clone(&self.disk), reserve));
        own
    }
}

/// The logs of one instance, the newest of which is written. Cheap to clone; all clones are the
/// same.
#[derive(Clone, Debug)]
pub struct Shards(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ShardSettings,
    /// Read by whoever begins a lookup until its question is recorded; written by the turn.
    gate: Arc<RwLock<Arc<Open>>>,
    newest: watch::Sender<Ledger>,
    /// Logs of earlier quarters that are open.
    past: Mutex<BTreeMap<Quarter, Ledger>>,
    /// Held while one of them is opened.
    opening: Mutex<()>,
    /// All that are here.
    kept: Mutex<BTreeSet<Quarter>>,
    /// Held by the turn or the dropping under way: the log before the newest, as long as the
    /// newest does not say where it ended.
    changing: Mutex<Option<Arc<Open>>>,
    is_closing: AtomicBool,
}

impl Shards {
    /// The log that is written, held so that what is begun in it ends in it. Waits while a quarter
    /// turns, for as long as one record takes.
    pub async fn current(&self) -> Shard {
        Shard::take(Arc::clone(&self.0.gate).read_owned().await)
    }

    /// The log that is written, for reading it. Questions go through [`Shards::current`].
    pub fn newest(&self) -> Ledger {
        self.0.newest.borrow().clone()
    }

    /// The log that is written, and each one that follows it.
    pub fn follow(&self) -> watch::Receiver<Ledger> {
        self.0.newest.subscribe()
    }

    /// The quarters whose logs are here, the newest first.
    pub fn quarters(&self) -> Vec<Quarter> {
        lock(&self.0.kept).iter().rev().copied().collect()
    }

    /// Where the logs lie.
    pub fn layout(&self) -> &Layout {
        &self.0.settings.layout
    }

    /// The log of a quarter, if it is open.
    pub fn opened(&self, quarter: Quarter) -> Option<Ledger> {
        let newest = self.newest();
        match newest.origin().quarter() == quarter {
            true => Some(newest),
            false => lock(&self.0.past).get(&quarter).cloned(),
        }
    }

    /// Whether the newest log does not say yet where the one before it ended: [`Shards::turn`]
    /// goes on with that. Not while one is at it.
    pub fn is_ending(&self) -> bool {
        let changing = self.0.changing.try_lock();
        changing.is_ok_and(|ending| ending.is_some())
    }

    /// The log of a quarter, opened if need be, after those that follow it; it stays open. Each is
    /// used only if the next one goes on from it. Blocking: opening reads it whole.
    ///
    /// # Errors
    /// [`PastError`] where it is not here, cannot be opened, or is not what it was.
    pub fn past(&self, quarter: Quarter) -> Result<Ledger, PastError> {
        if let Some(open) = self.opened(quarter) {
            return Ok(open);
        }
        // One at a time, and not under the lock of `past`: others are read meanwhile.
        let _opening = lock(&self.0.opening);
        let mut next = self.newest();
        let newest = next.origin().quarter();
        let kept = lock(&self.0.kept).clone();
        if newest < quarter || !kept.contains(&quarter) {
            return Err(PastError::Unknown { quarter });
        }
        let mut dropped = next.links().dropped;
        for at in kept.range(quarter..newest).rev().copied() {
            let due = next.origin().in_quarter(at);
            if dropped.iter().any(|link| link.origin == due.as_str()) {
                return Err(PastError::Dropped { quarter: at });
            }
            next = match self.opened(at) {
                Some(open) => open,
                None => self.open_before(&next, &due)?,
            };
            dropped.extend(next.links().dropped);
        }
        Ok(next)
    }

    /// Opens the log `due`, from which `next` goes on.
    fn open_before(&self, next: &Ledger, due: &Origin) -> Result<Ledger, PastError> {
        // `close` takes what is there, and nothing may come after it.
        if self.0.is_closing.load(Ordering::Acquire) {
            return Err(PastError::Closing);
        }
        let quarter = due.quarter();
        let own = self.0.settings.of(quarter);
        if let Ok((found, _)) = Ledger::named_in(&own.folder)
            && found != *due
        {
            let due = due.clone();
            return Err(PastError::Other { due, found });
        }
        let opened = Ledger::open(own);
        let ledger = opened.map_err(|source| PastError::Open { quarter, source })?;
        let refused = match goes_on(&ledger, next) {
            Ok(true) => None,
            Ok(false) => Some(PastError::Unlinked {
                quarter,
                next: next.origin().quarter(),
            }),
            Err(source) => Some(PastError::Read { quarter, source }),
        };
        let mut past = lock(&self.0.past);
        let is_closing = self.0.is_closing.load(Ordering::Acquire);
        if let Some(error) = refused.or(is_closing.then_some(PastError::Closing)) {
            drop(past);
            // It is not used; whether it closes well changes nothing of that.
            let _closed = ledger.close();
            return Err(error);
        }
        past.insert(quarter, ledger.clone());
        Ok(ledger)
    }

    /// Closes all logs, the newest last. A turn that waits for lookups ends without them: the next
    /// opening goes on from there. Blocking.
    ///
    /// # Errors
    /// Where one had failed, or fails now; all are closed nevertheless.
    pub fn close(&self) -> Result<(), CloseError> {
        self.0.is_closing.store(true, Ordering::Release);
        let _change = lock(&self.0.changing);
        let past = std::mem::take(&mut *lock(&self.0.past));
        let all = past.into_values().chain([self.newest()]);
        let closed: Vec<_> = all.map(Ledger::close).collect();
        closed.into_iter().collect()
    }
}

/// Whether `old` names `next` as the log after it, and ended as `next` says.
fn goes_on(old: &Ledger, next: &Ledger) -> Result<bool, ReadError> {
    let (named, ended) = (old.links().successor, next.links().predecessor);
    let (Some(named), Some(ended)) = (named, ended) else {
        return Ok(false);
    };
    if named != turn::successor(next) || ended.origin != old.origin().as_str() {
        return Ok(false);
    }
    // R71: what was put back from an earlier day has fewer records, or others.
    Ok(ended.size <= old.size() && ended.root == old.root(ended.size)?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why the log of an earlier quarter cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PastError {
    /// It is not here.
    #[error("there is no log of `{quarter}` here")]
    Unknown {
        /// The quarter.
        quarter: Quarter,
    },
    /// All is being closed.
    #[error("the ledger is being closed")]
    Closing,
    /// It was dropped.
    #[error(
        "the log of `{quarter}` is on record as dropped, and is here again: remove its folder, \
         its sealing file and its index, and find out who put them back"
    )]
    Dropped {
        /// The quarter.
        quarter: Quarter,
    },
    /// In its folder lies another log.
    #[error("in the place of the log `{due}` lies the log `{found}`")]
    Other {
        /// What should be there.
        due: Origin,
        /// What is.
        found: Origin,
    },
    /// The next log does not go on from it.
    #[error(
        "the log of `{next}` does not go on from that of `{quarter}` as it is here: it was put \
         back from an earlier day, or changed, so it is not used; verify both"
    )]
    Unlinked {
        /// The quarter.
        quarter: Quarter,
        /// That of the next log.
        next: Quarter,
    },
    /// Its end could not be read.
    #[error("the end of the log of `{quarter}` cannot be read")]
    Read {
        /// The quarter.
        quarter: Quarter,
        /// Why.
        source: ReadError,
    },
    /// It cannot be opened.
    #[error("the log of `{quarter}` cannot be opened")]
    Open {
        /// The quarter.
        quarter: Quarter,
        /// Why.
        source: OpenError,
    },
}
