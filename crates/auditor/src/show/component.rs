//! What a record tells of a component of a dossier.

use motlan_api::audit::v1::{Channel, Component, GroundOutcome, Record, RecordKind};
use motlan_audit::wire::Sealed;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value as Sent};
use serde_json::{Map, Value, json};

use super::hex;
use crate::moment::time;

/// In one word or two: whether there was evidence, or why the document may be asked for.
pub(crate) fn ended(component: &Component) -> String {
    match outcome(component).as_str() {
        "" => "evidence".to_owned(),
        outcome => format!("ground ({outcome})"),
    }
}

/// The ground by its name; empty for evidence. A number for one that a newer gateway writes.
pub(crate) fn outcome(component: &Component) -> String {
    match GroundOutcome::try_from(component.outcome) {
        Ok(GroundOutcome::Unspecified) => String::new(),
        Ok(outcome) => ground_name(outcome).to_owned(),
        Err(_) => component.outcome.to_string(),
    }
}

/// A ground by its name.
pub(crate) fn ground_name(outcome: GroundOutcome) -> &'static str {
    outcome.as_str_name().trim_start_matches("GROUND_OUTCOME_")
}

/// The way by which a dossier came in, by its name.
pub(crate) fn channel_name(channel: Channel) -> &'static str {
    channel.as_str_name().trim_start_matches("CHANNEL_")
}

/// In words. Which clauses, and the commitment, are in the JSON form.
pub(super) fn words(record: &Record, component: &Component) -> Vec<(&'static str, String)> {
    let due = match component.due_us {
        0 => String::new(),
        due_us => time(due_us),
    };
    vec![
        ("of", component.document.clone()),
        ("from", record.dataset.clone()),
        ("to be held by", component.database.clone()),
        ("variant", component.variant.clone()),
        ("fields", component.fields.join(",")),
        ("came in", time(component.received_us)),
        ("", channel_name(component.channel()).to_lowercase()),
        ("told by", due),
        ("lookup", component.lookup.clone()),
    ]
}

pub(crate) fn json(component: &Component) -> Value {
    json!({
        "document": component.document,
        "variant": component.variant,
        "database": component.database,
        "outcome": outcome(component),
        "fields": component.fields,
        "clauses": component.clauses,
        "channel": channel_name(component.channel()),
        "received_us": component.received_us,
        "due_us": component.due_us,
        "lookup": component.lookup,
        "commitment": hex(&component.commitment),
    })
}

/// What was declared, of a component of which something differed; as hex where it cannot be read.
pub(super) fn declared(record: &Record, sealed: &Sealed) -> Option<Value> {
    let is_there = record.kind() == RecordKind::Component && !sealed.query.is_empty();
    is_there.then(|| {
        let read = Struct::decode(sealed.query.as_slice());
        read.map_or_else(|_| hex(&sealed.query).into(), |sent| object(&sent))
    })
}

fn object(sent: &Struct) -> Value {
    let entries = sent.fields.iter();
    let entries = entries.map(|(name, sent)| (name.clone(), value(sent)));
    entries.collect::<Map<_, _>>().into()
}

fn value(sent: &Sent) -> Value {
    match &sent.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(number)) => json!(number),
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::BoolValue(is)) => json!(is),
        Some(Kind::StructValue(sent)) => object(sent),
        Some(Kind::ListValue(sent)) => sent.values.iter().map(value).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_that_is_not_known_here_is_not_shown_as_evidence() {
        let of = |outcome| {
            ended(&Component {
                outcome,
                ..Component::default()
            })
        };
        assert_eq!(
            [of(0), of(3), of(99)],
            ["evidence", "ground (NOT_FOUND)", "ground (99)"]
        );
    }

    #[test]
    fn what_was_declared_is_shown_of_a_component_and_never_hidden() {
        let of = |kind: RecordKind, query: &[u8]| {
            let kind = kind.into();
            let (record, sealed) = (
                Record {
                    kind,
                    ..Record::default()
                },
                Sealed {
                    query: query.to_vec(),
                    ..Sealed::default()
                },
            );
            declared(&record, &sealed)
        };
        let sent = |kind| Sent { kind: Some(kind) };
        let born = Struct {
            fields: [("year".to_owned(), sent(Kind::NumberValue(1999.0)))].into(),
        };
        let values = vec![sent(Kind::StringValue("Thử".into())), Sent { kind: None }];
        let list = prost_types::ListValue { values };
        let fields = [
            ("born".to_owned(), sent(Kind::StructValue(born))),
            ("names".to_owned(), sent(Kind::ListValue(list))),
            ("alive".to_owned(), sent(Kind::BoolValue(true))),
        ];
        let query = Struct {
            fields: fields.into(),
        };
        let query = query.encode_to_vec();
        let due = json!({ "born": { "year": 1999.0 }, "names": ["Thử", null], "alive": true });
        assert_eq!(of(RecordKind::Component, &query), Some(due));
        assert_eq!(of(RecordKind::Component, b""), None);
        assert_eq!(of(RecordKind::Component, b"\xff\x01"), Some("ff01".into()));
        assert_eq!(of(RecordKind::Look, &query), None);
    }
}
