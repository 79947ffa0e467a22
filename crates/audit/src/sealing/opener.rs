//! Opening sealed parts.

use std::collections::HashMap;
use std::fmt;

use motlan_api::audit::v1::{Record, RecordKind, Sealed};
use prost::Message as _;

use super::envelope::{Bound, Envelope};
use super::number::{DIGITS, Label};
use super::tree::Walker;
use super::{Sealing, State};
use crate::tree::sha256;

/// A sealed part, as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// It can.
    Sealed(Box<Sealed>),
    /// Its key was destroyed: nobody can any more.
    Erased,
    /// There is no sealing file to read it with.
    NoKey,
    /// Its key is there and does not open it, or it is not the one that the leaf commits to.
    Damaged,
}

impl Opened {
    /// The content, where it could be read.
    pub fn sealed(&self) -> Option<&Sealed> {
        match self {
            Opened::Sealed(sealed) => Some(sealed),
            Opened::Erased | Opened::NoKey | Opened::Damaged => None,
        }
    }
}

/// Opens the sealed parts of a log. Quicker by far for records in the order of the log than for one
/// here and one there.
pub(crate) struct Opener<'a> {
    sealing: &'a Sealing,
    walkers: HashMap<Label, Walker>,
}

impl fmt::Debug for Opener<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener of {:?}", self.sealing)
    }
}

impl Sealing {
    /// Opens sealed parts, one after the other.
    pub(crate) fn opener(&self) -> Opener<'_> {
        let (sealing, walkers) = (self, HashMap::new());
        Opener { sealing, walkers }
    }
}

impl Opener<'_> {
    /// Opens the sealed part of `record`, as it stands on disk, and compares it with what the leaf
    /// commits to.
    pub(crate) fn open(&mut self, record: &Record, bound: &Bound, sealed: &[u8]) -> Opened {
        let Some(envelope) = Envelope::parse(sealed) else {
            return Opened::Damaged;
        };
        let label = label(record);
        let path = envelope.number.path(label);
        let walker = self.walkers.entry(label).or_default();
        let key = self
            .sealing
            .state(|State { tree, .. }| walker.derive(tree, &path));
        let Some(key) = key else {
            return Opened::Erased;
        };
        let content = envelope.open(&key, bound);
        let content = content.filter(|content| record.sealed_sha256 == sha256(content));
        let sealed = content.and_then(|content| Sealed::decode(content.as_slice()).ok());
        sealed.map_or(Opened::Damaged, |sealed| Opened::Sealed(Box::new(sealed)))
    }
}

/// Under which label the keys of such records lie.
pub(crate) fn label(record: &Record) -> Label {
    match record.kind() {
        RecordKind::Erasure => Label::erasures(),
        RecordKind::Look => Label::looks(),
        RecordKind::Hold => Label::holds(),
        RecordKind::Link => Label::links(),
        RecordKind::Change => Label::changes(),
        RecordKind::Unspecified
        | RecordKind::Question
        | RecordKind::Outcome
        | RecordKind::Component => Label::dataset(&record.dataset),
    }
}

/// Whether its key goes with those of its dataset: a look names a dataset too, and stays when that
/// is erased.
pub(crate) fn is_of_dataset(record: &Record) -> bool {
    label(record) == Label::dataset(&record.dataset)
}

/// Where the key of a sealed part lies in the key tree.
pub(super) fn path(label: Label, sealed: &[u8]) -> Option<[u8; DIGITS]> {
    Envelope::parse(sealed).map(|envelope| envelope.number.path(label))
}

/// Whether these bytes have the form of a sealed part.
pub(crate) fn is_envelope(sealed: &[u8]) -> bool {
    Envelope::parse(sealed).is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::disk::LocalDisk;
    use crate::identity::LogId;
    use crate::sealing::{Sealer, Target};

    const BOUND: Bound = Bound {
        log: LogId([1; 16]),
        leaf: [2; 32],
    };

    fn sealing() -> (TempDir, Arc<Sealing>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sealing");
        Sealing::begin(&LocalDisk, &file, BOUND.log).unwrap();
        let sealing = Sealing::open(&LocalDisk, &file, BOUND.log).unwrap();
        (dir, Arc::new(sealing))
    }

    fn record(content: &[u8]) -> Record {
        Record {
            dataset: "land".into(),
            sealed_sha256: sha256(content).to_vec(),
            ..Record::default()
        }
    }

    fn content(subject: &str) -> Vec<u8> {
        let sealed = Sealed {
            subject: subject.into(),
            ..Sealed::default()
        };
        sealed.encode_to_vec()
    }

    #[test]
    fn whoever_has_the_keys_cannot_put_another_content_under_a_leaf() {
        let (_dir, sealing) = sealing();
        let sealer = Sealer::new(Arc::clone(&sealing), 0);
        let (own, other) = (content("own"), content("other"));
        let record = record(&own);
        let opened = |content: &[u8]| {
            let sealed = sealer.seal(label(&record), &BOUND, [0; 12], content);
            sealing.opener().open(&record, &BOUND, &sealed.unwrap())
        };
        assert_eq!(opened(&own).sealed().unwrap().subject, "own");
        assert_eq!(opened(&other), Opened::Damaged);
        assert_eq!(
            sealing.opener().open(&record, &BOUND, b"x"),
            Opened::Damaged
        );
    }

    #[test]
    fn an_opener_that_has_opened_a_part_does_not_open_it_once_it_is_erased() {
        let (_dir, sealing) = sealing();
        let sealer = Sealer::new(Arc::clone(&sealing), 0);
        let own = content("own");
        let record = record(&own);
        let seal = || sealer.seal(label(&record), &BOUND, [0; 12], &own).unwrap();
        let (first, second) = (seal(), seal());
        let mut opener = sealing.opener();
        assert!(opener.open(&record, &BOUND, &first).sealed().is_some());
        let target = Target::part(label(&record), &first).unwrap();
        assert_eq!(sealing.destroy(&LocalDisk, &[target], 0).unwrap(), 1);
        assert_eq!(opener.open(&record, &BOUND, &first), Opened::Erased);
        assert!(opener.open(&record, &BOUND, &second).sealed().is_some());
    }
}
