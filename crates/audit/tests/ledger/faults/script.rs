//! What is done with a ledger on a disk that fails.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use motlan_audit::{Entry, Erasure, Whose};
use motlan_testkit::disk::{Operation, Verb};

use crate::common::question;
use crate::sealing::{of_subject, subject};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// A ledger is made, opened, written over several segments, and closed.
    Anew,
    /// A ledger whose first tile is nearly full is opened, written, and closed.
    Tile,
    /// A ledger that a crash left with a torn frame and a spare segment is opened, written, and
    /// closed.
    Torn,
    /// As [`Script::Torn`], with records that take more than one reading.
    Long,
    /// A subject with records of two datasets is erased, then another, and something is written.
    Subject,
    /// A dataset is erased, and something is written after it.
    Dataset,
    /// A ledger is opened whose sealing file was put back from before an erasure.
    Unsettled,
}

impl Script {
    /// Those whose every change of a file goes wrong once.
    pub(super) const ALL: [Script; 6] = [
        Script::Anew,
        Script::Tile,
        Script::Torn,
        Script::Subject,
        Script::Dataset,
        Script::Unsettled,
    ];

    pub(super) fn appends(self) -> u64 {
        match self {
            Script::Anew => 6,
            Script::Tile => 3,
            Script::Torn | Script::Long | Script::Subject | Script::Dataset | Script::Unsettled => {
                1
            }
        }
    }

    /// What it erases in a run.
    pub(super) fn erasures(self) -> Vec<Erasure> {
        match self {
            Script::Subject => vec![of_subject(&subject(1)), of_subject(&subject(2))],
            Script::Dataset => vec![Erasure {
                whose: Whose::Dataset(SECOND.to_owned()),
                ..of_subject("")
            }],
            _ => Vec::new(),
        }
    }

    /// With an erasure only when the ledger is opened and closed: else the committer and who erases
    /// use the disk at the same time, in no order.
    pub(super) fn checkpoint_every(self) -> Duration {
        match self {
            Script::Subject | Script::Dataset => Duration::from_secs(3600),
            _ => Duration::ZERO,
        }
    }

    /// The operations of a run that are tried: of some scripts only what the others have not.
    pub(super) fn tried(self, operations: &[Operation]) -> Vec<(usize, &Operation)> {
        let is_frame = |operation: &Operation| {
            operation.verb == Verb::Write && operation.path.ends_with("segments/00000000")
        };
        let is_sealing = |operation: &Operation| operation.path == Path::new("ledger.sealing");
        let from = match self {
            Script::Anew | Script::Tile | Script::Torn | Script::Long => Some(0),
            Script::Subject | Script::Dataset => operations.iter().position(is_frame),
            Script::Unsettled => operations.iter().position(is_sealing),
        };
        let of_interest = |operation: &Operation| {
            self != Script::Tile || operation.path.starts_with("ledger/tile")
        };
        // Behind an erasure, up to the closing.
        let erases = [Script::Subject, Script::Dataset, Script::Unsettled].contains(&self);
        let closes = |operation: &Operation| erases && operation.path.ends_with("checkpoint.new");
        let each = operations.iter().enumerate().skip(from.unwrap());
        each.take_while(|(_, operation)| !closes(operation))
            .filter(|(_, operation)| of_interest(operation))
            .collect()
    }
}

/// The dataset that is erased.
const SECOND: &str = "civil-status";

/// A question about subject `n` in that dataset.
pub(super) fn second(n: u64) -> Entry {
    let mut entry = question(n);
    entry.record.dataset = SECOND.to_owned();
    entry
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Script::Anew => "anew",
            Script::Tile => "tile",
            Script::Torn => "torn",
            Script::Long => "long",
            Script::Subject => "subject",
            Script::Dataset => "dataset",
            Script::Unsettled => "unsettled",
        })
    }
}
