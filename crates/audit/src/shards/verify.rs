//! Verifying all logs of an instance, and that each goes on from the one before it.

use std::path::Path;
use std::sync::Arc;

use motlan_api::audit::v1::Link;

use super::layout::{LayoutError, quarters};
use crate::disk::{Disk, LocalDisk};
use crate::identity::Identity;
use crate::ledger::Links;
use crate::note::VerifierKey;
use crate::origin::Quarter;
use crate::sealing::Sealing;
use crate::verify::{End, Findings, Report, VerifyError, verify_to};

/// What a verification of all logs found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ShardsReport {
    /// Each log, the oldest first.
    pub logs: Vec<(Quarter, Report)>,
    /// What is wrong between them.
    pub links: Findings,
    /// The log before the oldest, which is not here.
    pub before: Option<String>,
    /// Whether one of the logs has on record that that one was dropped.
    pub before_was_dropped: bool,
    /// Whether the newest does not say yet where the one before it ended: the quarter is turning,
    /// or a crash came meanwhile, which the next opening makes good.
    pub is_turning: bool,
}

impl ShardsReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.links.count == 0 && self.logs.iter().all(|(_, report)| report.is_sound())
    }
}

/// Verifies the logs of all quarters in `folder`, as [`verify_with`](crate::verify_with) does one,
/// and that each goes on from the one before it. `sealings` is the folder of their sealing files.
/// `progress` gets the quarter, the bytes read and the bytes there are.
///
/// # Errors
/// [`VerifyError`] where it could not be done.
pub fn verify_shards(
    folder: &Path,
    key: &VerifierKey,
    sealings: Option<&Path>,
    mut progress: impl FnMut(Quarter, u64, u64),
) -> Result<ShardsReport, VerifyError> {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    let mut report = ShardsReport::default();
    let mut newer: Option<Seen> = None;
    let mut dropped = Vec::new();
    for quarter in quarters(folder)?.into_iter().rev() {
        let of_quarter = folder.join(quarter.to_string());
        // What is wrong with a log's description is found below.
        let identity = Identity::read(&of_quarter).ok().zip(sealings);
        let sealing = identity
            .map(|(own, all)| Sealing::find(&*disk, &all.join(quarter.to_string()), own.id))
            .transpose()?;
        let end = newer.as_ref().and_then(|newer| newer.end_of(quarter));
        let mut tell = |done, total| progress(quarter, done, total);
        let (found, links) = verify_to(&disk, &of_quarter, key, sealing.as_ref(), end, &mut tell)?;
        let own = found.origin.as_ref();
        if own.is_some_and(|origin| origin.quarter() != quarter) {
            let what = "its folder is named after another quarter";
            report.links.add(&of_quarter, None, None, what);
        }
        let seen = Seen {
            origin: own.map(ToString::to_string).unwrap_or_default(),
            records: found.records,
            links,
        };
        dropped.extend(seen.links.dropped.iter().map(|link| link.origin.clone()));
        report.compare(&of_quarter, &seen, newer.as_ref(), key);
        report.logs.insert(0, (quarter, found));
        newer = Some(seen);
    }
    let oldest = newer.ok_or_else(|| LayoutError::Empty {
        folder: folder.to_owned(),
    })?;
    report.before = oldest.links.predecessor.map(|link| link.origin);
    let before = report.before.as_ref();
    report.before_was_dropped = before.is_some_and(|before| dropped.contains(before));
    report.is_turning &= report.logs.len() > 1;
    Ok(report)
}

/// What a log says of itself and others.
struct Seen {
    origin: String,
    records: u64,
    links: Links,
}

impl Seen {
    /// Where the log of `quarter` ended, if this one says so.
    fn end_of(&self, quarter: Quarter) -> Option<End> {
        let link = self.links.predecessor.as_ref()?;
        let origin: crate::origin::Origin = link.origin.parse().ok()?;
        let root = link.root.as_slice().try_into().ok()?;
        let size = link.size;
        (origin.quarter() == quarter).then_some(End { size, root })
    }
}

impl ShardsReport {
    /// Compares what a log says of the next one, and the next one of it. The newest has none.
    fn compare(&mut self, folder: &Path, log: &Seen, next: Option<&Seen>, key: &VerifierKey) {
        let mut wrong = |what: String| self.links.add(folder, None, None, what);
        let named = |link: &Link| format!("`{}`", link.origin);
        let Some(next) = next else {
            if let Some(link) = &log.links.successor {
                wrong(format!("{} follows it, and is not here", named(link)));
            }
            self.is_turning = log.links.predecessor.is_none();
            return;
        };
        let is_key = |link: &Link| link.key == key.to_string();
        let is_new = self.logs.len() == 1 && next.links.predecessor.is_none();
        match &log.links.successor {
            Some(link) if link.origin == next.origin && is_key(link) => {}
            Some(link) => wrong(format!(
                "names {} with the key `{}` as the log that follows it, and the next one here is \
                 `{}`",
                named(link),
                link.key,
                next.origin
            )),
            None if is_new && next.records == 0 => {}
            None => wrong(format!("does not name `{}`, which follows it", next.origin)),
        }
        match &next.links.predecessor {
            Some(link) if link.origin == log.origin && is_key(link) => {}
            Some(link) => wrong(format!(
                "`{}` goes on from {} with the key `{}`: one between them is missing, or another",
                next.origin,
                named(link),
                link.key
            )),
            None if is_new => {}
            None => wrong(format!("`{}` does not say where it ended", next.origin)),
        }
    }
}
