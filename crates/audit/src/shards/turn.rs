//! The turn from one quarter's log to the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use motlan_api::audit::v1::{Link, LinkDirection};
use thiserror::Error;

use super::lease::Open;
use super::{QUARTERS_AHEAD_MAX, ShardSettings, Shards, lock};
use crate::identity::{Identity, IdentityError};
use crate::ledger::{AppendError, CreateError, Ledger, OpenError, ReadError, State, block_on};
use crate::note::KeyError;
use crate::origin::{Origin, Quarter};

/// How often a turn that waits looks whether all is being closed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a quarter did not turn. Until its successor is on record, the old log goes on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TurnError {
    /// The clock is far ahead of the newest log.
    #[error(
        "the clock says `{now}`, and the newest log is that of `{newest}`: a wrong clock must not \
         begin a log that no later one could come before. If the clock is right, stop the gateway \
         and run `motlan ledger turn`"
    )]
    Ahead {
        /// The quarter of the clock.
        now: Quarter,
        /// That of the newest log.
        newest: Quarter,
    },
    /// The next log could not be made.
    #[error("the log of the next quarter was not made")]
    Create(#[from] CreateError),
    /// The key that was laid ready for it cannot be used.
    #[error("the key of the next log cannot be used")]
    Key(#[from] KeyError),
    /// What lies in its place is not it.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// In its place lies another log.
    #[error("in the place of the log `{due}` lies the log `{found}`")]
    Other {
        /// What should be there.
        due: Origin,
        /// What is.
        found: Origin,
    },
    /// It has records, and nothing leads to it.
    #[error(
        "the log `{origin}` has {records} records, and the one before it does not name it: no \
         crash leaves this; verify both, and restore them from a copy"
    )]
    Unlinked {
        /// Which log.
        origin: Origin,
        /// How many it has.
        records: u64,
    },
    /// It could not be opened.
    #[error("the log of the next quarter cannot be opened")]
    Open(#[from] OpenError),
    /// The link could not be recorded.
    #[error("the link to the other log could not be recorded")]
    Append(#[from] AppendError),
    /// The old log could not be read.
    #[error("the end of the old log could not be read")]
    Read(#[from] ReadError),
    /// The old log has failed, so it is not known where it ended.
    #[error(
        "the log `{origin}` has failed, so where it ended is recorded when the gateway is started \
         anew: {reason}"
    )]
    OldFailed {
        /// Which log.
        origin: Origin,
        /// Why it failed.
        reason: Arc<str>,
    },
    /// All is being closed.
    #[error("the ledger is being closed")]
    Closing,
}

impl Shards {
    /// Turns to the quarter of `now_us`, microseconds since the Unix epoch, if that is later than
    /// the newest log's; whether it did. Never turns back. Blocking: it waits for the lookups that
    /// have begun in the old log, and stops no other.
    ///
    /// # Errors
    /// [`TurnError`]; it can be tried again, unless a log has failed.
    pub fn turn(&self, now_us: i64) -> Result<bool, TurnError> {
        self.turn_within(now_us, QUARTERS_AHEAD_MAX)
    }

    /// As [`Shards::turn`], however far ahead the quarter is: because somebody says so who has
    /// looked at the clock.
    ///
    /// # Errors
    /// As [`Shards::turn`].
    pub fn turn_far(&self, now_us: i64) -> Result<bool, TurnError> {
        self.turn_within(now_us, i64::MAX)
    }

    fn turn_within(&self, now_us: i64, ahead_max: i64) -> Result<bool, TurnError> {
        let mut ending = lock(&self.0.changing);
        if self.0.is_closing.load(Ordering::Acquire) {
            return Err(TurnError::Closing);
        }
        self.finish(&mut ending, now_us)?;
        let old = self.newest();
        let (newest, now) = (old.origin().quarter(), Quarter::containing(now_us));
        let ahead = now.since(newest);
        if ahead <= 0 {
            return Ok(false);
        }
        if ahead > ahead_max {
            return Err(TurnError::Ahead { now, newest });
        }
        let new = next_log(&self.0.settings, &old, now)?;
        *ending = Some(self.pass_on(&new, now_us)?);
        self.finish(&mut ending, now_us)?;
        tracing::info!(from = %old.origin(), to = %new.origin(), "the quarter has turned");
        Ok(true)
    }

    /// Waits for what began in the old log, if there is one, and records where it ended.
    fn finish(&self, ending: &mut Option<Arc<Open>>, now_us: i64) -> Result<(), TurnError> {
        let Some(old) = ending else { return Ok(()) };
        self.wait_for(old)?;
        let end = ended(&old.ledger)?;
        // What a failed log has on disk is known once it is opened anew, and not before.
        if let State::Failed(reason) = old.ledger.state() {
            let origin = old.ledger.origin().clone();
            return Err(TurnError::OldFailed { origin, reason });
        }
        let _recorded = self.newest().append_link(end, now_us)?;
        *ending = None;
        Ok(())
    }

    /// Records in the old log that `new` follows it, and has all that begins from here on begin in
    /// `new`. Gives the old one.
    fn pass_on(&self, new: &Ledger, now_us: i64) -> Result<Arc<Open>, TurnError> {
        // Held while one record is written: nothing may begin in the old log behind it.
        let mut gate = block_on(self.0.gate.write());
        let old = Arc::clone(&gate);
        let _recorded = old.ledger.append_link(successor(new), now_us)?;
        *gate = Open::new(new.clone());
        let quarter = old.ledger.origin().quarter();
        lock(&self.0.past).insert(quarter, old.ledger.clone());
        lock(&self.0.kept).insert(new.origin().quarter());
        self.0.newest.send_replace(new.clone());
        Ok(old)
    }

    /// Waits until all that began in the old log has ended.
    fn wait_for(&self, old: &Open) -> Result<(), TurnError> {
        let mut told = Instant::now();
        loop {
            let lookups = old.wait(LOOK_EVERY);
            if lookups == 0 {
                return Ok(());
            }
            if self.0.is_closing.load(Ordering::Acquire) {
                return Err(TurnError::Closing);
            }
            if told.elapsed() > self.0.settings.patience {
                told = Instant::now();
                tracing::warn!(lookups, "the last lookups of the quarter are waited for");
            }
        }
    }
}

/// Makes the log of `quarter`, unless an interrupted turn has, and opens it.
fn next_log(
    settings: &ShardSettings,
    before: &Ledger,
    quarter: Quarter,
) -> Result<Ledger, TurnError> {
    let (due, mut own) = (before.origin().in_quarter(quarter), settings.of(quarter));
    match Identity::read(&own.folder) {
        Ok(there) if there.origin == due => {}
        Ok(there) => {
            let found = there.origin;
            return Err(TurnError::Other { due, found });
        }
        // An interrupted making is begun again.
        Err(IdentityError::Missing { .. }) => {
            // R109: the link that the old log gets names it, so the old key vouches for it.
            own.key = match settings.keys.next()? {
                Some(next) => next,
                None => Arc::clone(before.key()),
            };
            Ledger::create_with(&own, &due)?;
        }
        Err(error) => return Err(error.into()),
    }
    let new = Ledger::open(own)?;
    match new.size() {
        0 => Ok(new),
        records => Err(TurnError::Unlinked {
            origin: due,
            records,
        }),
    }
}

/// The link to the log that follows.
pub(super) fn successor(new: &Ledger) -> Link {
    Link {
        direction: LinkDirection::Successor.into(),
        origin: new.origin().to_string(),
        key: new.verifier().to_string(),
        ..Link::default()
    }
}

/// The link to the log that went before, as far as it has come.
pub(super) fn ended(old: &Ledger) -> Result<Link, ReadError> {
    let size = old.size();
    Ok(Link {
        direction: LinkDirection::Predecessor.into(),
        origin: old.origin().to_string(),
        key: old.verifier().to_string(),
        size,
        root: old.root(size)?.to_vec(),
    })
}
