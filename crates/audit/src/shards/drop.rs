//! Dropping the oldest log: first on record, then removed.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::{Link, LinkDirection, RecordKind};
use thiserror::Error;

use super::turn::ended;
use super::{PastError, Shards, goes_on, lock};
use crate::disk::{self, Disk};
use crate::ledger::{AppendError, CloseError, Ledger, ReadError, is_line};
use crate::origin::{Origin, Quarter, RecordId};

/// The longest ground, and the longest name of who drops.
const TEXT_BYTES_MAX: usize = 200;

/// Which log to drop, and why.
#[derive(Clone, Debug)]
pub struct Dropping {
    /// Its quarter: the oldest that is here, and not the newest.
    pub quarter: Quarter,
    /// The legal ground. It stands in a leaf, which is public.
    pub ground: String,
    /// Who drops it. Sealed.
    pub by: String,
    /// How many quarters behind it must have begun; `None` to drop it before its time.
    pub keep_quarters: Option<u32>,
    /// The time, in microseconds since the Unix epoch.
    pub time_us: i64,
}

/// A log that was dropped.
#[derive(Debug)]
pub struct Dropped {
    /// Which.
    pub origin: Origin,
    /// How many records it had.
    pub records: u64,
    /// The record of that.
    pub record: RecordId,
}

/// Why a log was not dropped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DropError {
    /// There is no such log, or it cannot be opened.
    #[error(transparent)]
    Past(#[from] PastError),
    /// It is being written.
    #[error(
        "`{0}` is the log that is being written: only one of an earlier quarter can be dropped"
    )]
    Newest(Quarter),
    /// There is an older one.
    #[error("the log of `{oldest}` is older: drop that one first, so that none is missing between")]
    NotOldest {
        /// The oldest.
        oldest: Quarter,
    },
    /// It is to be kept.
    #[error("the log of `{quarter}` is to be kept until `{until}` has begun")]
    Young {
        /// Which.
        quarter: Quarter,
        /// When its time has come.
        until: Quarter,
    },
    /// The log after it does not say where it ended.
    #[error("the log of `{next}` does not say where that of `{quarter}` ended: verify both")]
    Unlinked {
        /// The one to be dropped.
        quarter: Quarter,
        /// The one after it.
        next: Quarter,
    },
    /// A hold is in force.
    #[error("holds are in force, so nothing is dropped: {}", names(.0))]
    Held(Vec<RecordId>),
    /// No ground that can be recorded.
    #[error("dropping a log needs a ground and a name of 1 to 200 bytes each, on one line")]
    Ground,
    /// A log could not be read.
    #[error("a log could not be read; nothing was dropped")]
    Read(#[from] ReadError),
    /// It could not be recorded.
    #[error("it could not be recorded; nothing was dropped")]
    Append(#[from] AppendError),
    /// The log did not close well.
    #[error("it is on record, and the log did not close well; opening the ledger removes it")]
    Close(#[from] CloseError),
    /// It is on record, and something is there still.
    #[error("it is on record, and not all was removed; opening the ledger does that")]
    Remove(#[source] io::Error),
}

fn names(holds: &[RecordId]) -> String {
    let names: Vec<_> = holds.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl Shards {
    /// Drops a log as a whole. That it was, with its size and root, is recorded in the newest log
    /// first; then its sealing file is written over, and all its files are removed. Blocking: it
    /// reads all logs.
    ///
    /// # Errors
    /// [`DropError`].
    pub fn drop_log(&self, dropping: &Dropping) -> Result<Dropped, DropError> {
        let _change = lock(&self.0.changing);
        let Dropping { quarter, .. } = *dropping;
        self.may_drop(dropping)?;
        let log = self.past(quarter)?;
        let mut end = ended(&log)?;
        end.direction = LinkDirection::Unspecified.into();
        let (ground, by) = (dropping.ground.trim(), dropping.by.trim());
        // R78: on record before it is done.
        let recorded = self
            .newest()
            .append_dropped(end.clone(), (ground, by), dropping.time_us)?;
        let origin = log.origin().clone();
        lock(&self.0.past).remove(&quarter);
        log.close()?;
        finish(self, &end).map_err(DropError::Remove)?;
        Ok(Dropped {
            origin,
            records: end.size,
            record: recorded.id().clone(),
        })
    }

    fn may_drop(&self, dropping: &Dropping) -> Result<(), DropError> {
        let Dropping {
            quarter, time_us, ..
        } = *dropping;
        let texts = [&dropping.ground, &dropping.by];
        if !texts.into_iter().all(|text| is_line(text, TEXT_BYTES_MAX)) {
            return Err(DropError::Ground);
        }
        let newest = self.newest().origin().quarter();
        if quarter == newest {
            return Err(DropError::Newest(quarter));
        }
        let log = self.past(quarter)?;
        let kept = lock(&self.0.kept).clone();
        if let Some(oldest) = kept.range(..quarter).next().copied() {
            return Err(DropError::NotOldest { oldest });
        }
        let last = match dropping.keep_quarters {
            Some(_) => last_quarter(&log)?,
            None => quarter,
        };
        let until = last.after(dropping.keep_quarters.unwrap_or(0).saturating_add(1));
        if newest < until {
            return Err(DropError::Young { quarter, until });
        }
        let next = kept.range(quarter.after(1)..).next().copied();
        let next = next.unwrap_or(newest);
        if !goes_on(&log, &self.past(next)?)? {
            return Err(DropError::Unlinked { quarter, next });
        }
        match self.holds(time_us)? {
            holds if holds.is_empty() => Ok(()),
            holds => Err(DropError::Held(holds)),
        }
    }

    /// The holds that are in force at `now_us`, in all logs.
    fn holds(&self, now_us: i64) -> Result<Vec<RecordId>, DropError> {
        let (mut holds, mut ended) = (Vec::new(), Vec::new());
        for quarter in self.quarters() {
            self.past(quarter)?.entries(0, |entry| {
                if entry.record.kind() == RecordKind::Hold
                    && let Some(hold) = entry.record.hold
                {
                    match hold.ends.is_empty() {
                        true if hold.until_us > now_us => holds.push(entry.id),
                        true => {}
                        false => ended.push(hold.ends),
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        holds.retain(|hold| !ended.contains(&hold.to_string()));
        Ok(holds)
    }
}

/// The quarter of the newest record of a log, which may be later than the log's own: one that is
/// over goes on where the turn fails.
fn last_quarter(log: &Ledger) -> Result<Quarter, ReadError> {
    let mut last = log.origin().quarter();
    log.entries(0, |entry| {
        // An outcome belongs to its question; the others stand at the end, or behind it.
        let counts = match entry.record.kind() {
            RecordKind::Link | RecordKind::Erasure => false,
            _ => entry.record.question.is_none(),
        };
        if counts {
            last = last.max(Quarter::containing(entry.record.time_us));
        }
        ControlFlow::Continue(())
    })?;
    Ok(last)
}

/// Removes what is there of a log whose dropping is on record.
pub(super) fn finish(shards: &Shards, dropped: &Link) -> io::Result<()> {
    let origin: Option<Origin> = dropped.origin.parse().ok();
    let Some(quarter) = origin.map(|origin| origin.quarter()) else {
        return Ok(());
    };
    let (layout, disk) = (shards.layout(), &*shards.0.settings.disk);
    // First what reads the personal parts.
    let sealing = layout.sealing(quarter);
    for file in [fresh(&sealing), sealing.clone()] {
        match disk.open(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                let file = opened?;
                disk::blank(disk, &file, 0, file.metadata()?.len())?;
                disk.sync(&file)?;
            }
        }
    }
    let files = [sealing, layout.index(quarter), layout.cosigned(quarter)];
    for file in files.into_iter().chain(layout.known_checkpoint(quarter)) {
        remove(disk, &fresh(&file))?;
        remove(disk, &file)?;
    }
    let folder = layout.ledger(quarter);
    // Without the file `log` no folder is taken for a log's.
    remove(disk, &folder.join(crate::identity::FILE))?;
    if fs::exists(&folder)? {
        // Where the name leads elsewhere, the records lie there.
        let place = fs::canonicalize(&folder)?;
        fs::remove_dir_all(&place)?;
        disk.sync_folder(disk::parent(&place))?;
    }
    if fs::symlink_metadata(&folder).is_ok() {
        remove(disk, &folder)?;
    }
    lock(&shards.0.kept).remove(&quarter);
    Ok(())
}

/// Half of a replacement of `file` that a crash stopped.
fn fresh(file: &Path) -> PathBuf {
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    fresh.into()
}

fn remove(disk: &dyn Disk, file: &Path) -> io::Result<()> {
    match disk.remove(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => disk.sync_folder(disk::parent(file)),
    }
}
