//! Making the first log, and opening the logs of an instance: what a crash left of a turn or of a
//! dropping is finished first.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use thiserror::Error;
use tokio::sync::{RwLock, watch};

use super::layout::LayoutError;
use super::lease::Open;
use super::turn::{TurnError, ended, successor};
use super::{Inner, ShardSettings, Shards, drop, lock};
use crate::backup::is_half_restored;
use crate::ledger::{CreateError, Ledger, OpenError};
use crate::origin::{Origin, Quarter};

/// Why the logs of an instance were not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenShardsError {
    /// It is not known which there are.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// There is none.
    #[error("`{folder}` holds no ledger: `motlan ledger init` makes one")]
    None {
        /// The folder.
        folder: String,
    },
    /// A backup was being put back.
    #[error(
        "`{folder}` holds half of a backup: `motlan ledger restore` was interrupted; run it again"
    )]
    Half {
        /// The folder.
        folder: String,
    },
    /// One cannot be opened.
    #[error("the log of `{quarter}` cannot be opened")]
    Open {
        /// Its quarter.
        quarter: Quarter,
        /// Why.
        source: OpenError,
    },
    /// The newest log names one that follows it, which is not here.
    #[error(
        "the log `{origin}` says that `{successor}` follows it, which is not here: records were \
         lost; restore the folder of that log from a copy"
    )]
    Lost {
        /// The newest that is here.
        origin: Origin,
        /// The one that it names.
        successor: String,
    },
    /// A quarter could not be turned to.
    #[error("the quarter cannot turn")]
    Turn(#[from] TurnError),
    /// A log that was dropped, on record, could not be removed.
    #[error("a log whose dropping is on record could not be removed")]
    Remove(#[source] std::io::Error),
}

impl Shards {
    /// Makes the first log of an instance, that of the origin's quarter, where there is none yet.
    /// An interrupted making is finished.
    ///
    /// # Errors
    /// [`CreateError`] where something lies in its place, or the key is another's.
    pub fn create(settings: &ShardSettings, origin: &Origin) -> Result<(), CreateError> {
        Ledger::create_with(&settings.of(origin.quarter()), origin)
    }

    /// Opens the newest log, finishes what a crash left of a turn, and turns to the quarter of
    /// `now_us` if that is later. Blocking: it reads the newest log whole.
    ///
    /// # Errors
    /// [`OpenShardsError`], upon which nothing is open.
    pub fn open(settings: ShardSettings, now_us: i64) -> Result<Shards, OpenShardsError> {
        let shards = Shards::open_newest(settings)?;
        shards.resume()?;
        shards.turn(now_us)?;
        Ok(shards)
    }

    /// Opens the newest log and writes nothing, so that it can be compared with what others know of
    /// it. Nothing may begin in it before [`Shards::resume`].
    ///
    /// # Errors
    /// As [`Shards::open`].
    pub fn open_newest(settings: ShardSettings) -> Result<Shards, OpenShardsError> {
        let kept = settings.layout.quarters()?;
        if is_half_restored(&settings.layout.ledgers) {
            return Err(OpenShardsError::Half {
                folder: settings.layout.ledgers.display().to_string(),
            });
        }
        let quarter = kept.last().copied().ok_or_else(|| OpenShardsError::None {
            folder: settings.layout.ledgers.display().to_string(),
        })?;
        let newest = open_one(&settings, quarter)?;
        if let Some(successor) = newest.links().successor {
            return Err(OpenShardsError::Lost {
                origin: newest.origin().clone(),
                successor: successor.origin,
            });
        }
        Ok(Shards(Arc::new(Inner {
            gate: Arc::new(RwLock::new(Open::new(newest.clone()))),
            newest: watch::Sender::new(newest),
            past: Mutex::default(),
            opening: Mutex::default(),
            kept: Mutex::new(kept),
            changing: Mutex::default(),
            is_closing: AtomicBool::new(false),
            settings,
        })))
    }

    /// Finishes what a crash left of a turn or of a dropping. Blocking.
    ///
    /// # Errors
    /// [`OpenShardsError`], upon which nothing may begin.
    pub fn resume(&self) -> Result<(), OpenShardsError> {
        let _change = lock(&self.0.changing);
        let newest = self.newest();
        let (quarter, links) = (newest.origin().quarter(), newest.links());
        let before = lock(&self.0.kept).range(..quarter).next_back().copied();
        if let Some(before) = before
            && links.predecessor.is_none()
        {
            let old = open_one(&self.0.settings, before)?;
            finish_turn(&old, &newest)?;
            lock(&self.0.past).insert(before, old);
        }
        for dropped in &links.dropped {
            let quarter = dropped
                .origin
                .parse()
                .map(|origin: Origin| origin.quarter());
            if quarter.is_ok_and(|quarter| lock(&self.0.kept).contains(&quarter)) {
                // A crash stopped the dropping, or somebody put the log back.
                let origin = &dropped.origin;
                tracing::warn!(
                    origin,
                    "a log that is on record as dropped is here: removing it"
                );
            }
            drop::finish(self, dropped).map_err(OpenShardsError::Remove)?;
        }
        Ok(())
    }
}

fn open_one(settings: &ShardSettings, quarter: Quarter) -> Result<Ledger, OpenShardsError> {
    Ledger::open(settings.of(quarter)).map_err(|source| OpenShardsError::Open { quarter, source })
}

/// Goes on with a turn from `old` to `new` from where a crash came.
fn finish_turn(old: &Ledger, new: &Ledger) -> Result<(), OpenShardsError> {
    let begins_us = new.origin().quarter().begins_us();
    let due = successor(new);
    match old.links().successor {
        Some(named) if named == due => {}
        Some(named) => {
            return Err(OpenShardsError::Lost {
                origin: old.origin().clone(),
                successor: named.origin,
            });
        }
        None if new.size() == 0 => {
            let _recorded = old.append_link(due, begins_us).map_err(TurnError::from)?;
        }
        None => {
            let (origin, records) = (new.origin().clone(), new.size());
            return Err(TurnError::Unlinked { origin, records }.into());
        }
    }
    let ended = ended(old).map_err(TurnError::from)?;
    let _recorded = new.append_link(ended, begins_us).map_err(TurnError::from)?;
    tracing::warn!(
        from = %old.origin(),
        to = %new.origin(),
        "finished a turn of the quarter that was interrupted"
    );
    Ok(())
}
