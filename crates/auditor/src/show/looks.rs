//! What looks and holds tell of themselves.

use motlan_api::audit::v1::{
    EndHoldRequest, EraseRequest, Hold, Look, PlaceHoldRequest, RecordKind, Result as Ended,
    SearchRequest, SubjectAccessesRequest,
};
use motlan_audit::wire::{Record, Sealed};
use prost::Message as _;
use serde_json::{Map, Value, json};

use crate::moment::time;

/// The public part of a look, in words.
pub(super) fn look_words(look: &Look) -> Vec<(&'static str, String)> {
    let (shown, size) = (look.shown, look.size);
    vec![
        ("for", look.filters.join(",")),
        ("in", look.quarter.clone()),
        ("shown", format!("{shown} of {size} records")),
    ]
}

/// The public part of a hold, in words.
pub(super) fn hold_words(hold: &Hold) -> Vec<(&'static str, String)> {
    let until = match hold.until_us {
        0 => String::new(),
        until_us => time(until_us),
    };
    vec![
        ("ends", hold.ends.clone()),
        ("until", until),
        ("ground", hold.ground.clone()),
    ]
}

pub(super) fn look_json(look: &Look) -> Value {
    json!({
        "filters": look.filters,
        "size": look.size,
        "shown": look.shown,
        "quarter": look.quarter,
    })
}

pub(super) fn hold_json(hold: &Hold) -> Value {
    json!({ "ground": hold.ground, "until_us": hold.until_us, "ends": hold.ends })
}

/// What was looked for, or is held, by name; nothing of a record of another kind.
pub(super) fn sealed_words(record: &Record, sealed: &Sealed) -> Vec<(&'static str, String)> {
    match record.kind() {
        RecordKind::Look => query(&record.method, &sealed.query),
        RecordKind::Hold => {
            let held = sealed.held.clone().unwrap_or_default();
            vec![
                ("caller", held.caller),
                ("dossier", held.dossier),
                ("official", held.official),
            ]
        }
        RecordKind::Unspecified
        | RecordKind::Question
        | RecordKind::Outcome
        | RecordKind::Erasure
        | RecordKind::Link
        | RecordKind::Component
        | RecordKind::Change => Vec::new(),
    }
}

/// The same as JSON; null where there is nothing.
pub(super) fn sealed_json(record: &Record, sealed: &Sealed) -> Value {
    let words = sealed_words(record, sealed).into_iter();
    let words = words.filter(|(_, value)| !value.is_empty());
    let fields: Map<_, _> = words
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    match fields.is_empty() {
        true => Value::Null,
        false => fields.into(),
    }
}

/// The request of a look, by its fields; nothing where it cannot be read.
fn query(method: &str, query: &[u8]) -> Vec<(&'static str, String)> {
    match method.rsplit('/').next() {
        Some("Search") => SearchRequest::decode(query).map_or_else(|_| Vec::new(), search),
        Some("SubjectAccesses") => {
            let decoded = SubjectAccessesRequest::decode(query);
            decoded.map_or_else(|_| Vec::new(), accesses)
        }
        Some("Erase") => {
            let decoded = EraseRequest::decode(query);
            decoded.map_or_else(
                |_| Vec::new(),
                |erase| vec![("subject", erase.subject), ("dataset", erase.dataset)],
            )
        }
        Some("PlaceHold") => {
            let decoded = PlaceHoldRequest::decode(query);
            decoded.map_or_else(|_| Vec::new(), place)
        }
        Some("EndHold") => {
            let decoded = EndHoldRequest::decode(query);
            decoded.map_or_else(|_| Vec::new(), |end| vec![("hold", end.hold)])
        }
        _ => Vec::new(),
    }
}

fn place(asked: PlaceHoldRequest) -> Vec<(&'static str, String)> {
    vec![
        ("subject", asked.subject),
        ("caller", asked.caller),
        ("dossier", asked.dossier),
        ("official", asked.official),
        ("until", moment(Some(asked.until_us))),
    ]
}

fn search(asked: SearchRequest) -> Vec<(&'static str, String)> {
    let (kind, result) = (asked.kind(), asked.result());
    let kind = match kind {
        RecordKind::Unspecified => "",
        kind => kind.as_str_name().trim_start_matches("RECORD_KIND_"),
    };
    let result = match result {
        Ended::Unspecified => "",
        result => result.as_str_name().trim_start_matches("RESULT_"),
    };
    vec![
        ("subject", asked.subject),
        ("dossier", asked.dossier),
        ("official", asked.official),
        ("caller", asked.caller),
        ("dataset", asked.dataset),
        ("method", asked.method),
        ("procedure", asked.procedure),
        ("grant", asked.grant),
        ("reason", asked.reason),
        ("kind", kind.to_owned()),
        ("result", result.to_owned()),
        ("since", moment(asked.since_us)),
        ("until", moment(asked.until_us)),
        ("quarter", asked.quarter),
    ]
}

fn accesses(asked: SubjectAccessesRequest) -> Vec<(&'static str, String)> {
    vec![
        ("subject", asked.subject),
        ("since", moment(asked.since_us)),
        ("until", moment(asked.until_us)),
    ]
}

fn moment(time_us: Option<i64>) -> String {
    time_us.map(time).unwrap_or_default()
}
