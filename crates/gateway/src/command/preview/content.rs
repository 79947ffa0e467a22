//! What a message holds, path by path.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, Value};

use super::leaving::written;

/// By the numbers of the fields on the way, so that what lies in a message comes right after it and
/// in the order of the contract.
pub(super) type Content = BTreeMap<Vec<u32>, Held>;

/// The number under which all unknown fields of a message are kept: after all others.
const UNKNOWN: u32 = u32::MAX;

/// What a message holds at one path: once, or in several elements.
pub(super) struct Held {
    /// E.g. `relatives.full_name`; `relatives.?` for what the contract does not know.
    pub(super) path: String,
    pub(super) what: What,
    /// Each occurrence for people to read. Of a message only whether it is empty.
    pub(super) values: Vec<String>,
    /// Whether `values` tell all: nothing lies beneath.
    pub(super) is_leaf: bool,
}

/// What stands at a path.
pub(super) enum What {
    Field(FieldDescriptor),
    /// A field that another file than the contract's adds.
    Extension,
    /// Fields that the contract does not know.
    Unknown,
}

impl Held {
    /// Whether the contract knows it.
    pub(super) fn is_known(&self) -> bool {
        matches!(self.what, What::Field(_))
    }
}

/// All that `message` holds.
pub(super) fn content(message: &DynamicMessage) -> Content {
    let mut content = Content::new();
    walk(message, &[], "", &mut content);
    content
}

/// As deep as a decoder went: at most 100 messages within each other.
fn walk(message: &DynamicMessage, way: &[u32], prefix: &str, content: &mut Content) {
    for (field, value) in message.fields() {
        let way = [way, &[field.number()]].concat();
        let path = format!("{prefix}{}", field.name());
        let (values, beneath) = occurrences(value, &field.kind());
        let held = content.entry(way.clone()).or_insert_with(|| Held {
            path: path.clone(),
            is_leaf: !holds_messages(&field.kind()),
            what: What::Field(field),
            values: Vec::new(),
        });
        held.values.extend(values);
        for message in beneath {
            walk(message, &way, &format!("{path}."), content);
        }
    }
    for (extension, value) in message.extensions() {
        let (values, _) = occurrences(value, &extension.kind());
        let held = content.entry([way, &[extension.number()]].concat());
        let held = held.or_insert_with(|| Held {
            path: format!("{prefix}[{}]", extension.full_name()),
            what: What::Extension,
            values: Vec::new(),
            is_leaf: true,
        });
        held.values.extend(values);
    }
    for field in message.unknown_fields() {
        let held = content.entry([way, &[UNKNOWN]].concat());
        let held = held.or_insert_with(|| Held {
            path: format!("{prefix}?"),
            what: What::Unknown,
            values: Vec::new(),
            is_leaf: true,
        });
        let bytes = field.encoded_len();
        held.values
            .push(format!("field {}, {bytes} bytes", field.number()));
    }
}

/// Each occurrence in a field's value, and the messages among them.
fn occurrences<'v>(value: &'v Value, kind: &Kind) -> (Vec<String>, Vec<&'v DynamicMessage>) {
    match value {
        Value::List(values) => {
            let messages = values.iter().filter_map(Value::as_message);
            (
                values.iter().map(|value| shown(value, kind)).collect(),
                messages.collect(),
            )
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let kind = kind
                .as_message()
                .map(|entry| entry.map_entry_value_field().kind());
            let pair = |(key, value): &(&MapKey, &Value)| match &kind {
                Some(kind) => format!("{}: {}", shown_key(key), shown(value, kind)),
                None => shown_key(key),
            };
            let messages = entries.iter().filter_map(|(_, value)| value.as_message());
            (entries.iter().map(pair).collect(), messages.collect())
        }
        one => (
            vec![shown(one, kind)],
            one.as_message().into_iter().collect(),
        ),
    }
}

fn shown(value: &Value, kind: &Kind) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => value.to_string(),
        Value::F64(value) => value.to_string(),
        Value::String(text) => format!("\"{text}\""),
        Value::Bytes(bytes) => BASE64_STANDARD.encode(bytes),
        Value::EnumNumber(number) => {
            let named = kind.as_enum().and_then(|of| of.get_value(*number));
            named.map_or_else(|| number.to_string(), |value| value.name().to_owned())
        }
        Value::Message(message) => {
            let held = message.fields().next().is_some()
                || message.extensions().next().is_some()
                || message.unknown_fields().next().is_some();
            if held { "{…}" } else { "{}" }.to_owned()
        }
        // Neither lies within a list or a map.
        Value::List(values) => format!("{} elements", values.len()),
        Value::Map(entries) => format!("{} entries", entries.len()),
    }
}

fn shown_key(key: &MapKey) -> String {
    match key {
        MapKey::String(key) => format!("\"{key}\""),
        key => written(key),
    }
}

/// Whether a field holds messages, be it as a map's values.
fn holds_messages(kind: &Kind) -> bool {
    match kind {
        Kind::Message(entry) if entry.is_map_entry() => {
            holds_messages(&entry.map_entry_value_field().kind())
        }
        Kind::Message(_) => true,
        _ => false,
    }
}
