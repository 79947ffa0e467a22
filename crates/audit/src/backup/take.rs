//! Taking a backup: the newest log first, each up to a checkpoint that was published.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::extent::{records_on_disk, segments};
use super::folder::{Place, copy_secret, read_note, read_secret, write_note};
use super::{BackedUp, BackupError, LogTaken, Taking, backup_layout};
use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::disk;
use crate::identity::{self, Identity};
use crate::ledger::is_inside;
use crate::origin::Quarter;
use crate::prove::{ProveError, Prover, TreeAt};
use crate::segment;
use crate::shards::{Layout, LayoutError, ShardsReport, verify_shards};

/// How long a checkpoint is waited for: it is published every second.
const SIGNED_MAX: Duration = Duration::from_secs(10);
/// How long an erasure may take from its record to the new sealing file.
const ERASING_MAX: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often it is begun anew where a quarter turned or somebody was erased meanwhile.
const TRIES_MAX: usize = 3;

/// R108: takes a backup of the logs of all quarters, which may be written meanwhile, and verifies
/// it before it has its name. It holds all that was on disk when this began. Where the folder holds
/// an earlier one of this ledger, what of it is the same is kept, and its sealing files are wiped.
/// Blocking: it reads all logs.
///
/// # Errors
/// [`BackupError`]: there is no new backup, and the one before is as it was.
pub fn back_up(taking: &Taking<'_>) -> Result<BackedUp, BackupError> {
    let Layout {
        ledgers, sealings, ..
    } = taking.layout;
    if [ledgers, sealings]
        .iter()
        .any(|own| is_inside(taking.to, own))
    {
        let to = taking.to.to_owned();
        return Err(BackupError::Inside { to });
    }
    let quarters = taking.layout.quarters()?;
    let newest = quarters.last().copied().ok_or_else(|| LayoutError::Empty {
        folder: ledgers.clone(),
    })?;
    let place = Place::take(&*taking.disk, taking.to, taking.name)?;
    let before = before(&place, newest)?;
    let taken = (0..TRIES_MAX).find_map(|tried| {
        let mut one = Try::new(taking, &place, before.as_ref());
        // What the backup before holds may have been damaged: then all is copied.
        one.may_link = tried == 0;
        one.copy_and_verify().transpose()
    });
    let taken = taken.unwrap_or(Err(BackupError::Moving));
    taken.inspect_err(|_| {
        // It is wiped by the next one too.
        let _unfinished = place.abandon();
    })
}

/// Where the logs of the backup before lie, if there is one that holds no later log.
fn before(place: &Place<'_>, newest: Quarter) -> Result<Option<Layout>, BackupError> {
    let failed = |source| BackupError::io(&place.whole, source);
    if read_note(&place.whole).map_err(failed)?.is_none() {
        return Ok(None);
    }
    let before = backup_layout(&place.whole);
    match before.quarters()?.last() {
        Some(last) if *last > newest => {
            let log = before.ledger(*last).display().to_string();
            Err(BackupError::Gone { log })
        }
        _ => Ok(Some(before)),
    }
}

/// One go at it.
struct Try<'a> {
    taking: &'a Taking<'a>,
    place: &'a Place<'a>,
    /// The backup before.
    before: Option<&'a Layout>,
    to: Layout,
    /// Whether segments of the one before are kept.
    may_link: bool,
    copied_bytes: u64,
    kept_bytes: u64,
}

impl<'a> Try<'a> {
    fn new(taking: &'a Taking<'a>, place: &'a Place<'a>, before: Option<&'a Layout>) -> Try<'a> {
        Try {
            taking,
            place,
            before,
            to: backup_layout(&place.fresh),
            may_link: true,
            copied_bytes: 0,
            kept_bytes: 0,
        }
    }

    /// `None` where the logs changed meanwhile, and it is to be begun anew.
    fn copy_and_verify(&mut self) -> Result<Option<BackedUp>, BackupError> {
        let (taking, disk) = (self.taking, &*self.taking.disk);
        let fresh = &self.place.fresh;
        let failed = |source| BackupError::io(fresh, source);
        self.place.begin().map_err(failed)?;
        let quarters = taking.layout.quarters()?;
        let mut logs = Vec::new();
        for folder in [&self.to.ledgers, &self.to.sealings] {
            disk.create_folder(folder).map_err(failed)?;
        }
        // The newest first: what it says of where another ended is then true of the copy.
        for quarter in quarters.iter().rev() {
            logs.insert(0, self.log(*quarter)?);
        }
        for (name, file) in &taking.beside {
            copy_secret(disk, file, &fresh.join(name))
                .map_err(|source| BackupError::io(file, source))?;
        }
        let mut synced = [&self.to.ledgers, &self.to.sealings].into_iter();
        synced
            .try_for_each(|folder| disk.sync_folder(folder))
            .map_err(failed)?;
        if taking.layout.quarters()? != quarters {
            return Ok(None);
        }
        let report = verify_shards(
            &self.to.ledgers,
            taking.keys,
            Some(&self.to.sealings),
            None,
            |_, _, _| {},
        )?;
        if let Err(unsound) = sound(&report) {
            // Whoever is being erased is on record first, and the keys are destroyed then.
            return match self.kept_bytes > 0 || self.erasing(&quarters)? {
                true => Ok(None),
                false => Err(unsound),
            };
        }
        write_note(disk, fresh, taking.time_s, &logs).map_err(failed)?;
        self.place
            .finish()
            .map_err(|source| BackupError::io(&self.place.whole, source))?;
        Ok(Some(BackedUp {
            folder: self.place.whole.clone(),
            logs,
            copied_bytes: self.copied_bytes,
            kept_bytes: self.kept_bytes,
        }))
    }

    /// Copies one log and its sealing file.
    fn log(&mut self, quarter: Quarter) -> Result<LogTaken, BackupError> {
        let (disk, layout) = (&*self.taking.disk, self.taking.layout);
        let (from, to) = (layout.ledger(quarter), self.to.ledger(quarter));
        let failed = |source| BackupError::io(&to, source);
        let identity = Identity::read_through(disk, &from)?;
        // What is erased from here on shows as another sealing file in the end.
        let sealing = layout.sealing(quarter);
        copy_secret(disk, &sealing, &self.to.sealing(quarter))
            .map_err(|source| BackupError::io(&sealing, source))?;
        let cosigned = cosigned(layout, quarter, &identity)?;
        let (note, signed) = self.signed(&from, &identity, cosigned.as_ref())?;
        let before = self.before.map(|before| before.ledger(quarter));
        let before = before.filter(|before| before.join(identity::FILE).exists());
        if let Some(before) = &before {
            self.must_extend(before, &from, &identity, (&note, signed.size))?;
        }
        disk::create_folders(disk, &segment::folder(&to)).map_err(failed)?;
        self.segments(&from, &to, before.as_deref(), signed.size)?;
        if let Some((text, _)) = cosigned {
            disk::replace(disk, &self.to.cosigned(quarter), &text).map_err(failed)?;
        }
        disk::replace(disk, &to.join(checkpoint::FILE), &note).map_err(failed)?;
        let file = from.join(identity::FILE);
        copy_secret(disk, &file, &to.join(identity::FILE))
            .map_err(|source| BackupError::io(&file, source))?;
        disk.sync_folder(&to).map_err(failed)?;
        Ok(LogTaken {
            origin: identity.origin,
            records: signed.size,
            checkpoint: note,
        })
    }

    /// The published checkpoint, once it speaks for all that is on disk now, and for what
    /// witnesses cosigned.
    fn signed(
        &self,
        from: &Path,
        identity: &Identity,
        cosigned: Option<&(String, Checkpoint)>,
    ) -> Result<(String, Checkpoint), BackupError> {
        let disk = &*self.taking.disk;
        let on_disk =
            records_on_disk(disk, from).map_err(|source| BackupError::io(from, source))?;
        let due = cosigned.map_or(on_disk, |(_, cosigned)| cosigned.size.max(on_disk));
        let begun = Instant::now();
        loop {
            let note = checkpoint::read(disk, from)
                .map_err(|source| BackupError::io(&from.join(checkpoint::FILE), source))?;
            let signed = believed(&note, identity)?;
            if signed.size >= due {
                return Ok((note, signed));
            }
            if begun.elapsed() >= SIGNED_MAX {
                return Err(BackupError::Unsigned {
                    origin: identity.origin.clone(),
                    published: signed.size,
                    due,
                });
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Refuses a log that does not begin with what the backup before holds of it.
    fn must_extend(
        &self,
        before: &Path,
        from: &Path,
        identity: &Identity,
        (note, size): (&str, u64),
    ) -> Result<(), BackupError> {
        if Identity::read(before)?.id != identity.id {
            return Err(BackupError::Other {
                backup: before.to_owned(),
                ledger: from.to_owned(),
            });
        }
        let kept = checkpoint::read(&*self.taking.disk, before)
            .map_err(|source| BackupError::io(before, source))?;
        let earlier = believed(&kept, identity)?;
        let origin = identity.origin.clone();
        if earlier.size > size {
            return Err(BackupError::Ahead {
                origin,
                backup: earlier.size,
                found: size,
            });
        }
        let proven = Prover::open(from).and_then(|mut prover| {
            prover.consistency(TreeAt::Checkpoint(&kept), TreeAt::Checkpoint(note))
        });
        proven
            .map(|_| ())
            .map_err(|source| BackupError::Forked { origin, source })
    }

    /// Copies the segments, or links to those of the backup before that are the same as far as they
    /// are written; what is in them is verified either way.
    fn segments(
        &mut self,
        from: &Path,
        to: &Path,
        before: Option<&Path>,
        size: u64,
    ) -> Result<(), BackupError> {
        let disk = &*self.taking.disk;
        let failed = |source| BackupError::io(from, source);
        let kept = before.map_or(Ok(Vec::new()), |before| segments(disk, before, u64::MAX));
        let kept = kept.map_err(failed)?;
        for (path, file, extent) in segments(disk, from, size).map_err(failed)? {
            let target = segment::path(to, extent.header.number);
            let failed = |source| BackupError::io(&target, source);
            let same = kept.iter().filter(|_| self.may_link);
            let same = same.into_iter().find(|(_, _, kept)| *kept == extent);
            // A file system without links gets a copy.
            if let Some((same, _, _)) = same
                && fs::hard_link(same, &target).is_ok()
            {
                self.kept_bytes += extent.end;
                continue;
            }
            let copy = disk.create(&target).map_err(failed)?;
            extent
                .copy(disk, &file, &copy)
                .map_err(|source| match disk::is_full(&source) {
                    true => failed(source),
                    false => BackupError::io(&path, source),
                })?;
            disk.sync(&copy).map_err(failed)?;
            // What is verified is to come from the disk, and not from the cache.
            disk.forget(&copy).map_err(failed)?;
            self.copied_bytes += extent.end;
        }
        disk.sync_folder(&segment::folder(to)).map_err(failed)
    }

    /// Whether a sealing file is another one than was copied, or becomes so.
    fn erasing(&self, quarters: &BTreeSet<Quarter>) -> Result<bool, BackupError> {
        let disk = &*self.taking.disk;
        let begun = Instant::now();
        loop {
            for quarter in quarters {
                let (own, copy) = (
                    self.taking.layout.sealing(*quarter),
                    self.to.sealing(*quarter),
                );
                let read = |file: &PathBuf| {
                    read_secret(disk, file).map_err(|source| BackupError::io(file, source))
                };
                if *read(&own)? != *read(&copy)? {
                    return Ok(true);
                }
            }
            if begun.elapsed() >= ERASING_MAX {
                return Ok(false);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// The cosigned checkpoint of a log, if there is one.
fn cosigned(
    layout: &Layout,
    quarter: Quarter,
    identity: &Identity,
) -> Result<Option<(String, Checkpoint)>, BackupError> {
    let file = layout.cosigned(quarter);
    match fs::read_to_string(&file) {
        Ok(text) => {
            let cosigned = believed(&text, identity)?;
            Ok(Some((text, cosigned)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BackupError::io(&file, source)),
    }
}

/// A checkpoint of this very log.
fn believed(note: &str, identity: &Identity) -> Result<Checkpoint, BackupError> {
    let forked = |source: ProveError| BackupError::Forked {
        origin: identity.origin.clone(),
        source,
    };
    let signed = Checkpoint::open(note, &identity.key)
        .map_err(|error: CheckpointError| forked(error.into()))?;
    match signed.origin == identity.origin {
        true => Ok(signed),
        false => Err(forked(ProveError::OtherLog {
            folder: identity.origin.to_string(),
            checkpoint: signed.origin.to_string(),
        })),
    }
}

/// The first thing that is wrong with what was read, if anything is.
pub(super) fn sound(report: &ShardsReport) -> Result<(), BackupError> {
    let logs = report.logs.iter().map(|(_, report)| &report.findings);
    let all = || logs.clone().chain([&report.links]);
    let first = all().flat_map(|findings| &findings.first).next();
    match first {
        None if report.is_sound() => Ok(()),
        None => Err(BackupError::Unsound {
            first: "a newer program wrote some of it".to_owned(),
            count: 1,
        }),
        Some(first) => Err(BackupError::Unsound {
            first: first.to_string(),
            count: all().map(|findings| findings.count).sum(),
        }),
    }
}
