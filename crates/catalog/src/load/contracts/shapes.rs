//! What a compiler of contracts guarantees and a descriptor set need not keep: names that are
//! names, types that fit, entries of maps that hold a key and a value and nothing else. Whoever
//! reads messages later relies on it.

use std::collections::BTreeMap;
use std::path::Path;

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::sources::Origin;
use crate::fault::Faults;

/// `TYPE_GROUP` and its neighbours in `google.protobuf.FieldDescriptorProto.Type`.
const TYPE_GROUP: i32 = 10;
const TYPE_MESSAGE: i32 = 11;
const TYPE_ENUM: i32 = 14;
const MAP_KEY: u32 = 1;
const MAP_VALUE: u32 = 2;

/// Whether any message was reported.
pub(super) fn report(
    pool: &DescriptorPool,
    origins: &BTreeMap<String, Origin>,
    faults: &mut Faults,
) -> bool {
    let mut found = false;
    for message in pool.all_messages() {
        let Some(what) = fault(&message) else {
            continue;
        };
        found = true;
        let file = message.parent_file();
        let origin = origins.get(file.name());
        let place = origin.map_or_else(|| Path::new(file.name()), |origin| &origin.file);
        let remedy = "write the descriptor set with `buf build -o` or `protoc`";
        faults.push(place, None, what, remedy);
    }
    found
}

fn fault(message: &MessageDescriptor) -> Option<String> {
    let title = message.full_name().escape_debug();
    if !message.full_name().split('.').all(is_name) {
        return Some(format!("`{title}` is no name for a message"));
    }
    if message.is_map_entry() && !is_entry(message) {
        return Some(format!("`{title}` is marked as a map's entry and is none"));
    }
    let unfit = |field: &FieldDescriptor| {
        let name = field.name().escape_debug();
        if !is_name(field.name()) {
            Some(format!("`{name}` in `{title}` is no name for a field"))
        } else if !has_its_type(field) {
            Some(format!(
                "the field `{name}` of `{title}` has not the type that it names"
            ))
        } else if !is_map_or_no_entry(message, field) {
            Some(format!(
                "the field `{name}` of `{title}` takes a map's entry and is no map"
            ))
        } else {
            None
        }
    };
    message.fields().find_map(|field| unfit(&field))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A key that can be one and a value, each once.
fn is_entry(message: &MessageDescriptor) -> bool {
    let is_single = |field: &FieldDescriptor| field.cardinality() != Cardinality::Repeated;
    let key = message.get_field(MAP_KEY).filter(is_single);
    let value = message.get_field(MAP_VALUE).filter(is_single);
    let can_be_key = |key: FieldDescriptor| {
        !matches!(
            key.kind(),
            Kind::Double | Kind::Float | Kind::Bytes | Kind::Message(_) | Kind::Enum(_)
        )
    };
    let is_value = |value: FieldDescriptor| !value.is_group();
    key.is_some_and(can_be_key) && value.is_some_and(is_value) && message.fields().len() == 2
}

fn has_its_type(field: &FieldDescriptor) -> bool {
    let named = field.field_descriptor_proto().r#type.unwrap_or_default();
    match field.kind() {
        Kind::Message(_) => named == TYPE_MESSAGE || named == TYPE_GROUP,
        Kind::Enum(_) => named == TYPE_ENUM,
        _ => (1..=18).contains(&named) && ![TYPE_GROUP, TYPE_MESSAGE, TYPE_ENUM].contains(&named),
    }
}

/// An entry belongs to the message that holds the map, and nobody else may be made of it.
fn is_map_or_no_entry(around: &MessageDescriptor, field: &FieldDescriptor) -> bool {
    let Kind::Message(message) = field.kind() else {
        return true;
    };
    let is_own = message.parent_message().as_ref() == Some(around);
    !message.is_map_entry() || (field.is_map() && !field.is_group() && is_own)
}
