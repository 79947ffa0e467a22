//! The ledger of a gateway that was stopped.

use std::ops::ControlFlow;
use std::path::Path;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Opened, RecordId, Sealing, VerifierKey, read_entries, verify_with};
use motlan_testkit::Sample;
use motlan_testkit::provider::{CHATTER, UNKNOWN_FIELD_TEXT};
use motlan_testkit::sample::SECRET_NOTE;
use motlan_testkit::world::OFFICIAL;
use prost::Message as _;

use super::question::DOSSIER;

/// A record with its sealed part, opened; an empty one where it was erased.
pub(crate) struct Entry {
    pub(crate) id: RecordId,
    pub(crate) record: Record,
    pub(crate) sealed: Sealed,
    pub(crate) is_erased: bool,
}

pub(crate) struct Past {
    pub(crate) entries: Vec<Entry>,
}

impl Past {
    /// Reads the ledger. It must be sound and whole, all sealed parts must open unless they were
    /// erased, and no leaf may hold anything personal.
    pub(crate) fn read(
        ledger: &Path,
        key: &VerifierKey,
        sealing: &Sealing,
        sample: &Sample,
    ) -> Self {
        let report = verify_with(ledger, key, Some(sealing), |_, _| {}).unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
        assert_eq!((report.open_questions, report.after_checkpoint), (0, 0));
        let mut entries = Vec::new();
        let findings = read_entries(ledger, Some(sealing), |entry| {
            let is_erased = entry.sealed == Opened::Erased;
            let sealed = entry.sealed.sealed().cloned();
            if sealed.is_some() || is_erased {
                entries.push(Entry {
                    id: entry.id,
                    record: entry.record,
                    sealed: sealed.unwrap_or_default(),
                    is_erased,
                });
            }
            ControlFlow::Continue(())
        });
        assert_eq!(findings.unwrap().count, 0);
        assert_eq!(report.checkpoint_size, Some(entries.len() as u64));
        for entry in &entries {
            assert_public_safe(entry, sample);
        }
        Self { entries }
    }

    /// The record of this name.
    #[track_caller]
    pub(crate) fn entry(&self, record: &str) -> &Entry {
        let found = self.entries.iter().find(|it| it.id.to_string() == record);
        found.unwrap_or_else(|| panic!("the ledger has no record `{record}`"))
    }

    /// The outcome of this name, with the question that it answers.
    #[track_caller]
    pub(crate) fn lookup(&self, outcome: &str) -> (&Entry, &Entry) {
        let outcome = self.entry(outcome);
        let question = outcome.record.question.expect("a question was announced");
        let question = &self.entries[usize::try_from(question).unwrap()];
        assert_eq!(question.record.kind(), RecordKind::Question);
        assert_eq!(outcome.record.kind(), RecordKind::Outcome);
        // What both tell, they tell alike.
        let common = |record: &Record| Record {
            keep_until_us: 0,
            kind: 0,
            time_us: 0,
            question: None,
            result: 0,
            reason: String::new(),
            fields_released: Vec::new(),
            fields_withheld: Vec::new(),
            answers: 0,
            answer_bytes: 0,
            provider_status: None,
            elapsed_us: 0,
            sealed_sha256: Vec::new(),
            ..record.clone()
        };
        assert_eq!(common(&question.record), common(&outcome.record));
        assert!(question.record.time_us <= outcome.record.time_us);
        (question, outcome)
    }

    /// Checks an outcome of which no provider heard: refused for `reason`, with nothing announced.
    #[track_caller]
    pub(crate) fn assert_refused(&self, outcome: &str, reason: &str) -> &Entry {
        let entry = self.entry(outcome);
        let record = &entry.record;
        assert_eq!(record.kind(), RecordKind::Outcome);
        assert_eq!(record.result(), Ended::Refused);
        assert_eq!(record.reason, reason);
        assert_eq!((record.question, record.provider_status), (None, None));
        assert_eq!((record.grant.as_str(), record.view.as_str()), ("", ""));
        assert_eq!((record.answers, record.answer_bytes), (0, 0));
        assert!(record.fields_released.is_empty() && record.fields_withheld.is_empty());
        entry
    }

    /// Checks an outcome of a provider that gave no answer.
    #[track_caller]
    pub(crate) fn assert_failed(&self, outcome: &str, ended: Ended, reason: &str) -> &Entry {
        let (_, entry) = self.lookup(outcome);
        let record = &entry.record;
        assert_eq!(record.result(), ended);
        assert_eq!(record.reason, reason);
        assert_eq!((record.answers, record.answer_bytes), (0, 0));
        assert!(record.fields_released.is_empty() && record.fields_withheld.is_empty());
        assert!(entry.sealed.answer_sha256.is_empty());
        entry
    }
}

/// R61: a leaf names fields and holds no value of one, nor whom it was about and who asked.
fn assert_public_safe(entry: &Entry, sample: &Sample) {
    let leaf = entry.record.encode_to_vec();
    let sealed = &entry.sealed;
    assert_eq!(sealed.salt.len(), if entry.is_erased { 0 } else { 16 });
    let of_call = [
        &sealed.subject,
        &sealed.dossier,
        &sealed.official,
        &sealed.token_id,
    ];
    let constant = [SECRET_NOTE, CHATTER, UNKNOWN_FIELD_TEXT, OFFICIAL, DOSSIER];
    let of_people = sample.people.iter().flat_map(|person| {
        [
            person.personal_id.as_str(),
            &person.full_name,
            &person.household_code,
        ]
    });
    for text in of_call
        .into_iter()
        .map(String::as_str)
        .chain(constant)
        .chain(of_people)
        .filter(|text| !text.is_empty())
    {
        let found = leaf.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!found, "{} holds `{text}`", entry.id);
    }
}
