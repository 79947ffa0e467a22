//! What must hold of answers and records, whichever sets were in force.

use std::collections::HashMap;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended};
use motlan_testkit::client::Reply;
use motlan_testkit::contracts::population::v1::Person;
use prost::Message as _;
use tonic::Code;

use super::sets::Flavour;
use crate::system::past::{Entry, Past};
use crate::system::question::FUNERAL;

/// What a caller was told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The record that it names.
    pub(super) record: String,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// An answer with just the fields of one flavour.
    Fields(Flavour),
    PurposeNotCovered,
}

impl Told {
    pub(super) fn of(reply: &Reply) -> Self {
        let record = reply.metadata("motlan-record").unwrap().to_owned();
        let what = match reply.code() {
            Code::Ok => What::Fields(fields(reply)),
            _ => {
                assert_eq!(reply.reason().as_deref(), Some("PURPOSE_NOT_COVERED"));
                What::PurposeNotCovered
            }
        };
        Self { record, what }
    }
}

fn fields(reply: &Reply) -> Flavour {
    let messages = reply.messages().unwrap();
    let [message] = messages.as_slice() else {
        panic!("{} messages", messages.len());
    };
    let person = Person::decode(message.as_ref()).unwrap();
    assert!(!person.full_name.is_empty() && person.religion.is_empty());
    let home = person.permanent_residence.is_some();
    assert_eq!(home, person.current_address.is_some());
    match (home, person.household_code.is_empty()) {
        (false, true) => Flavour::Identity,
        (true, true) => Flavour::Residence,
        (true, false) => Flavour::Household,
        (false, false) => panic!("no set gives a household without its address"),
    }
}

/// Sets by their revision, in the order in which they were taken in force.
pub(super) type Sets = Vec<(String, Flavour)>;

/// Everything that shows two revisions in one lookup, or an answer that is not its record's.
pub(super) fn faults(records: &HashMap<String, Record>, told: &[Told], sets: &Sets) -> Vec<String> {
    let mut faults = Vec::new();
    let by_index: HashMap<&str, &Record> = records
        .iter()
        .filter_map(|(id, record)| Some((id.rsplit_once('-')?.1, record)))
        .collect();
    for (id, record) in records {
        let Some(flavour) = flavour(record, sets) else {
            faults.push(format!("{id}: no set has the revision {}", record.revision));
            continue;
        };
        if let Some(question) = record.question {
            let question = by_index[question.to_string().as_str()];
            if question.revision != record.revision || question.grant != record.grant {
                faults.push(format!(
                    "{id}: its question was decided by another revision"
                ));
            }
        }
        if let Some(fault) = of_record(record, flavour) {
            faults.push(format!("{id}: {fault}, under {flavour}"));
        }
    }
    for Told { record: id, what } in told {
        let decided = flavour(&records[id], sets);
        let due = match (records[id].procedure.as_str(), decided) {
            (FUNERAL, Some(flavour)) if !flavour.covers_funeral() => Some(What::PurposeNotCovered),
            (_, flavour) => flavour.map(What::Fields),
        };
        if due != Some(*what) {
            faults.push(format!("{id}: the caller got {what:?}, not {due:?}"));
        }
    }
    faults
}

fn flavour(record: &Record, sets: &Sets) -> Option<Flavour> {
    let set = sets
        .iter()
        .find(|(revision, _)| *revision == record.revision);
    set.map(|(_, flavour)| *flavour)
}

fn of_record(record: &Record, flavour: Flavour) -> Option<String> {
    if record.kind() == RecordKind::Outcome && record.result() == Ended::Refused {
        let right = record.reason == "PURPOSE_NOT_COVERED"
            && record.procedure == FUNERAL
            && !flavour.covers_funeral();
        return (!right).then(|| format!("refused, {}", record.reason));
    }
    if record.view != flavour.view() {
        return Some(format!("the view {}", record.view));
    }
    let has = |field: &str| record.fields_released.iter().any(|path| path == field);
    let released = (has("permanent_residence"), has("household_code"));
    let due = match flavour {
        Flavour::Identity => (false, false),
        Flavour::Residence => (true, false),
        Flavour::Household => (true, true),
    };
    let is_answer = record.kind() == RecordKind::Outcome;
    (is_answer && released != due).then(|| format!("released {:?}", record.fields_released))
}

/// Those of lookups, and none of changes.
pub(super) fn lookups(past: &Past) -> impl Iterator<Item = &Entry> {
    let entries = past.entries.iter();
    entries.filter(|entry| entry.record.kind() != RecordKind::Change)
}

/// The records of the lookups, by name.
pub(super) fn records(past: &Past) -> HashMap<String, Record> {
    let lookups = lookups(past);
    lookups
        .map(|entry| (entry.id.to_string(), entry.record.clone()))
        .collect()
}
