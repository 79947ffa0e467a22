//! Verifying all logs of an instance, and that each goes on from the one before it.

mod chain;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use motlan_api::audit::v1::Link;

use super::layout::{LayoutError, quarters};
use crate::disk::{Disk, LocalDisk};
use crate::identity::Identity;
use crate::ledger::Links;
use crate::note::VerifierKey;
use crate::origin::{Origin, Quarter};
use crate::sealing::Sealing;
use crate::verify::{End, Findings, Report, VerifyError, verify_to};
use chain::Chain;

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
/// and that each goes on from the one before it. Each is checked with its own key: that must be one
/// of `keys`, or named by a signed link of a log next to it whose key is vouched for. `sealings` is
/// the folder of their sealing files.
/// `from` leaves out older logs, which are elsewhere; otherwise it is a finding that the log before
/// the oldest is missing and not on record as dropped. `progress` gets the quarter, the bytes read
/// and the bytes there are.
///
/// # Errors
/// [`VerifyError`] where it could not be done.
pub fn verify_shards(
    folder: &Path,
    keys: &[VerifierKey],
    sealings: Option<&Path>,
    from: Option<Quarter>,
    mut progress: impl FnMut(Quarter, u64, u64),
) -> Result<ShardsReport, VerifyError> {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    let mut report = ShardsReport::default();
    let mut newer: Option<Seen> = None;
    let mut dropped = Vec::new();
    let mut left = listed(folder, from)?;
    let mut chain = Chain::new(keys, folder, &left);
    while let Some(quarter) = left.pop_last() {
        let of_quarter = folder.join(quarter.to_string());
        // What is wrong with a log's description is found below.
        let identity = Identity::read(&of_quarter).ok();
        let key = chain.key_of(identity.as_ref()).ok_or(VerifyError::NoKey)?;
        let sealing = identity
            .zip(sealings)
            .map(|(own, all)| Sealing::find(&*disk, &all.join(quarter.to_string()), own.id))
            .transpose()?;
        let end = newer.as_ref().and_then(|newer| newer.end_of(quarter));
        let mut tell = |done, total| progress(quarter, done, total);
        let (found, links) = verify_to(&disk, &of_quarter, &key, sealing.as_ref(), end, &mut tell)?;
        if newer.is_none() && links.successor.is_some() {
            let now = listed(folder, from)?;
            if now.last().is_some_and(|newest| *newest > quarter) {
                // The quarter turned meanwhile: the newest log is another one now.
                left = now;
                continue;
            }
        }
        let own = found.origin.as_ref();
        if own.is_some_and(|origin| origin.quarter() != quarter) {
            let what = "its folder is named after another quarter";
            report.links.add(&of_quarter, None, None, what);
        }
        let seen = Seen {
            quarter,
            origin: own.map(ToString::to_string).unwrap_or_default(),
            records: found.records,
            is_understood: found.newer.is_none(),
            links,
            key: key.to_string(),
        };
        chain.push(&of_quarter, &seen, found.unsigned_links == 0);
        dropped.extend(seen.links.dropped.iter().cloned());
        // What a log of a newer format says of others is not known.
        if seen.is_understood && newer.as_ref().is_none_or(|next| next.is_understood) {
            report.compare(&of_quarter, &seen, newer.as_ref());
        }
        if dropped.iter().any(|link| link.origin == seen.origin) {
            let what = "is on record as dropped, and is here";
            report.links.add(&of_quarter, None, None, what);
        }
        report.logs.insert(0, (quarter, found));
        newer = Some(seen);
    }
    let oldest = newer.ok_or_else(|| LayoutError::Empty {
        folder: folder.to_owned(),
    })?;
    chain.tell(&mut report.links);
    report.look_before(folder, &oldest, &dropped, from);
    report.is_turning &= report.logs.len() > 1;
    Ok(report)
}

/// The quarters that have a log, from `from` on.
fn listed(folder: &Path, from: Option<Quarter>) -> Result<BTreeSet<Quarter>, LayoutError> {
    let mut all = quarters(folder)?;
    all.retain(|quarter| from.is_none_or(|from| from <= *quarter));
    Ok(all)
}

/// What a log says of itself and others.
struct Seen {
    quarter: Quarter,
    origin: String,
    records: u64,
    /// Whether this program could read all of it.
    is_understood: bool,
    links: Links,
    /// The key that it was checked with.
    key: String,
}

impl Seen {
    /// Where the log of `quarter` ended, if this one says so.
    fn end_of(&self, quarter: Quarter) -> Option<End> {
        let link = self.links.predecessor.as_ref()?;
        let origin: Origin = link.origin.parse().ok()?;
        let root = link.root.as_slice().try_into().ok()?;
        let size = link.size;
        (origin.quarter() == quarter).then_some(End { size, root })
    }
}

impl ShardsReport {
    /// Compares what a log says of the next one, and the next one of it. The newest has none.
    fn compare(&mut self, folder: &Path, log: &Seen, next: Option<&Seen>) {
        let mut wrong = |what: String| self.links.add(folder, None, None, what);
        let named = |link: &Link| format!("`{}`", link.origin);
        let Some(next) = next else {
            if let Some(link) = &log.links.successor {
                wrong(format!("{} follows it, and is not here", named(link)));
            }
            self.is_turning = log.links.predecessor.is_none();
            return;
        };
        let is_new = self.logs.len() == 1 && next.links.predecessor.is_none();
        match &log.links.successor {
            Some(link) if link.origin == next.origin && link.key == next.key => {}
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
            Some(link) if link.origin == log.origin && link.key == log.key => {
                if next.end_of(log.quarter).is_none() {
                    let what = "names it as the log before it, and not where it ended";
                    wrong(format!("`{}` {what}", next.origin));
                }
            }
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

    /// Looks what became of the log before the oldest.
    fn look_before(
        &mut self,
        folder: &Path,
        oldest: &Seen,
        dropped: &[Link],
        from: Option<Quarter>,
    ) {
        let Some(link) = &oldest.links.predecessor else {
            return;
        };
        self.before = Some(link.origin.clone());
        let of_oldest = folder.join(oldest.quarter.to_string());
        let mut wrong = |what: String| self.links.add(&of_oldest, None, None, what);
        let as_dropped = dropped.iter().find(|it| it.origin == link.origin);
        let Some(as_dropped) = as_dropped else {
            let before: Option<Origin> = link.origin.parse().ok();
            // Whoever says from where on tells that older ones are elsewhere.
            let is_older = |from: Quarter| before.is_some_and(|it| it.quarter() < from);
            if !from.is_some_and(is_older) {
                wrong(format!(
                    "goes on from `{}`, which is not here, and not on record as dropped",
                    link.origin
                ));
            }
            return;
        };
        self.before_was_dropped = true;
        // Behind the end that was stated there may be erasures, and nothing may be taken away.
        let is_other = as_dropped.size == link.size && as_dropped.root != link.root;
        if as_dropped.size < link.size || is_other || as_dropped.root.len() != link.root.len() {
            wrong(format!(
                "`{}` is on record as dropped with {} records, and they are not the {} that it \
                 ended with",
                link.origin, as_dropped.size, link.size
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(size: u64, root: &[u8]) -> Link {
        Link {
            origin: "a/b/2026q3".into(),
            size,
            root: root.to_vec(),
            ..Link::default()
        }
    }

    /// What is found where the oldest log says that it goes on from one with these records, and
    /// this was dropped.
    fn found(ended: Link, dropped: Link) -> u64 {
        let links = Links {
            predecessor: Some(ended),
            ..Links::default()
        };
        let oldest = Seen {
            quarter: "2026q4".parse().unwrap(),
            origin: "a/b/2026q4".into(),
            records: 2,
            is_understood: true,
            links,
            key: String::new(),
        };
        let mut report = ShardsReport::default();
        report.look_before(Path::new("ledger"), &oldest, &[dropped], None);
        report.links.count
    }

    #[test]
    fn a_log_was_dropped_as_it_ended_or_with_erasures_behind_that() {
        let ended = || link(5, &[7; 32]);
        assert_eq!(found(ended(), link(5, &[7; 32])), 0);
        assert_eq!(found(ended(), link(6, &[8; 32])), 0);
        assert_eq!(found(ended(), link(4, &[7; 32])), 1);
        assert_eq!(found(ended(), link(5, &[8; 32])), 1);
        assert_eq!(found(ended(), link(6, &[8; 31])), 1);
    }
}
