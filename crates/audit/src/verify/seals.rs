//! The sealed parts of a log, opened with its sealing file: each is what its leaf commits to, or
//! was erased by an erasure that is on record; and what was erased is gone.

use std::collections::{BTreeMap, BTreeSet};

use motlan_api::audit::v1::{ErasureScope, Record, RecordKind, Sealed};

use super::report::{Findings, SealedParts};
use crate::identity::LogId;
use crate::ledger::SALT_BYTES;
use crate::sealing::{Bound, Label, Opened, Opener, Sealing, Target, is_of_dataset};
use crate::tree::Hash;

/// What has been seen of the sealed parts so far.
pub(super) struct Seals<'a> {
    log: LogId,
    sealing: &'a Sealing,
    opener: Opener<'a>,
    parts: SealedParts,
    /// The records whose keys are gone, by dataset.
    erased: BTreeMap<String, Vec<u64>>,
    /// The records that erasures list.
    listed: BTreeSet<u64>,
    /// The datasets that were erased whole, each with the erasure's index.
    datasets: BTreeMap<String, u64>,
}

impl<'a> Seals<'a> {
    pub(super) fn new(log: LogId, sealing: &'a Sealing) -> Seals<'a> {
        Seals {
            log,
            sealing,
            opener: sealing.opener(),
            parts: SealedParts::default(),
            erased: BTreeMap::new(),
            listed: BTreeSet::new(),
            datasets: BTreeMap::new(),
        }
    }

    /// Opens the next sealed part and tells what is wrong with it.
    pub(super) fn check(
        &mut self,
        index: u64,
        leaf_hash: &Hash,
        record: &Record,
        sealed: &[u8],
        wrong: &mut dyn FnMut(String),
    ) {
        let bound = Bound {
            log: self.log,
            leaf: *leaf_hash,
        };
        match self.opener.open(record, &bound, sealed) {
            Opened::Sealed(sealed) => {
                self.parts.opened += 1;
                if sealed.salt.len() != SALT_BYTES {
                    wrong("the sealed part is not salted".to_owned());
                }
                self.note_erasure(index, record, &sealed, wrong);
            }
            Opened::Erased => {
                self.parts.erased += 1;
                // The erasure of a dataset explains no other kind of record.
                let dataset = is_of_dataset(record).then(|| record.dataset.clone());
                let erased = self.erased.entry(dataset.unwrap_or_default()).or_default();
                erased.push(index);
                if record.kind() == RecordKind::Erasure {
                    wrong("the sealed part of an erasure was erased".to_owned());
                }
            }
            Opened::Damaged | Opened::NoKey => wrong(
                "the sealed part is not the one that the record commits to, or was changed".into(),
            ),
        }
    }

    fn note_erasure(
        &mut self,
        index: u64,
        record: &Record,
        sealed: &Sealed,
        wrong: &mut dyn FnMut(String),
    ) {
        let scope = record.erasure.as_ref().map(|erasure| erasure.scope());
        match scope {
            Some(ErasureScope::Dataset) => {
                self.datasets.insert(record.dataset.clone(), index);
            }
            Some(ErasureScope::Subject) => {
                let before = record.erasure.as_ref().map_or(0, |erasure| erasure.before);
                if sealed.erased.iter().any(|erased| *erased >= before) {
                    wrong("an erasure that lists a record which came after it".to_owned());
                }
                self.listed.extend(&sealed.erased);
            }
            Some(ErasureScope::Log | ErasureScope::Unspecified) | None => {}
        }
    }

    /// What was seen, without saying what of it should not be so.
    pub(super) fn parts(self) -> SealedParts {
        self.parts
    }

    /// Compares what is gone with what the erasures say. `size` is that of the log.
    pub(super) fn finish(self, file: &std::path::Path, findings: &mut Findings) -> SealedParts {
        let mut find = |record, what: &str| findings.add(file, None, Some(record), what);
        for (dataset, index) in &self.datasets {
            if self.sealing.holds(&Target::label(Label::dataset(dataset))) {
                find(
                    *index,
                    "an erasure whose keys are in the sealing file still",
                );
            }
        }
        let mut gone = BTreeSet::new();
        for (dataset, erased) in self.erased {
            for index in erased {
                if !self.listed.contains(&index) && !self.datasets.contains_key(&dataset) {
                    find(
                        index,
                        "its key was destroyed, and no erasure on record says so",
                    );
                }
                gone.insert(index);
            }
        }
        for index in self.listed.difference(&gone) {
            find(
                *index,
                "an erasure lists it, and its key is in the sealing file still",
            );
        }
        self.parts
    }
}
