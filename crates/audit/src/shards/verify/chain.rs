//! Whether the key of each log is vouched for: it was given, or a log next to it that is vouched
//! for names it in a link under its signed checkpoint. A link behind that checkpoint could have
//! been written by whoever has the folder, without any key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Seen;
use crate::identity::Identity;
use crate::note::VerifierKey;
use crate::origin::Quarter;
use crate::verify::Findings;

/// The keys of the logs, as far as they were read.
pub(super) struct Chain<'k> {
    given: &'k [VerifierKey],
    /// Whether one of the logs says that it has one of the keys given; else the first of those is
    /// taken for all, and each log is found to be another's.
    has_given: bool,
    /// The oldest first.
    logs: Vec<Named>,
}

/// What a log says of its own key and of those next to it.
struct Named {
    folder: PathBuf,
    key: String,
    is_vouched: bool,
    /// The key of the log after it, as a signed link says.
    after: Option<String>,
    /// The key of the log before it.
    before: Option<String>,
}

impl Named {
    /// Whether it vouches for the key of a log next to it, of which it `says` that it has this key.
    fn vouches_for(&self, other: &Named, says: Option<&String>) -> bool {
        self.is_vouched && (self.key == other.key || says == Some(&other.key))
    }
}

impl<'k> Chain<'k> {
    pub(super) fn new(
        given: &'k [VerifierKey],
        folder: &Path,
        quarters: &BTreeSet<Quarter>,
    ) -> Chain<'k> {
        let has_given = quarters.iter().any(|quarter| {
            let own = Identity::read(&folder.join(quarter.to_string()));
            own.is_ok_and(|own| given.contains(&own.key))
        });
        let logs = Vec::new();
        Chain {
            given,
            has_given,
            logs,
        }
    }

    /// The key to check a log with; whether that is vouched for is told in the end.
    pub(super) fn key_of(&self, log: Option<&Identity>) -> Option<VerifierKey> {
        let own = log.filter(|_| self.has_given).map(|log| log.key.clone());
        own.or_else(|| self.given.first().cloned())
    }

    /// Takes note of a log, older than those before. `is_signed` says that all its links stand
    /// under its checkpoint.
    pub(super) fn push(&mut self, folder: &Path, log: &Seen, is_signed: bool) {
        let key = |link: &Option<motlan_api::audit::v1::Link>| {
            let link = link.as_ref().filter(|_| is_signed);
            link.map(|link| link.key.clone())
        };
        let named = Named {
            folder: folder.to_owned(),
            key: log.key.clone(),
            is_vouched: self.given.iter().any(|given| given.to_string() == log.key),
            after: key(&log.links.successor),
            before: key(&log.links.predecessor),
        };
        self.logs.insert(0, named);
    }

    /// Tells of each log whose key nobody vouches for.
    pub(super) fn tell(mut self, findings: &mut Findings) {
        for at in 1..self.logs.len() {
            if let Some([old, new]) = self.logs.get_mut(at - 1..=at) {
                new.is_vouched |= old.vouches_for(new, old.after.as_ref());
            }
        }
        for at in (1..self.logs.len()).rev() {
            if let Some([old, new]) = self.logs.get_mut(at - 1..=at) {
                old.is_vouched |= new.vouches_for(old, new.before.as_ref());
            }
        }
        for log in self.logs.iter().filter(|log| !log.is_vouched) {
            let what = format!(
                "is signed with the key `{}`: neither was that given, nor does a signed link of a \
                 log next to it name it",
                log.key
            );
            findings.add(&log.folder, None, None, what);
        }
    }
}
