//! What the generated contracts are made of: nothing that a contract can have is missing.

use std::collections::BTreeSet;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::contract;
use crate::wire::int;

const SEEDS: u64 = 300;
const SCALARS: [&str; 15] = [
    "bool", "bytes", "double", "fixed32", "fixed64", "float", "int32", "int64", "sfixed32",
    "sfixed64", "sint32", "sint64", "string", "uint32", "uint64",
];
const REST: [&str; 26] = [
    "edition 2023",
    "edition 2024",
    "an import",
    "an extension",
    "enum",
    "list of enum",
    "map to enum",
    "message",
    "list of message",
    "map to message",
    "group",
    "list of group",
    "any",
    "list of any",
    "map to any",
    "message in a oneof",
    "group in a oneof",
    "string in a oneof",
    "optional of proto3",
    "required",
    "packed",
    "unpacked",
    "a message within itself",
    "a small number",
    "a large number",
    "a string that need not be utf-8",
];

#[test]
fn the_generated_contracts_have_all_that_a_contract_can_have() {
    let mut met = BTreeSet::new();
    for seed in 0..SEEDS {
        meet(seed, &mut met);
    }
    let scalars = SCALARS.iter().flat_map(|kind| {
        let mut places = vec![(*kind).to_owned(), format!("list of {kind}")];
        places.push(format!("map to {kind}"));
        // A key is no fraction and no bytes.
        if !matches!(*kind, "bytes" | "double" | "float") {
            places.push(format!("map by {kind}"));
        }
        places
    });
    let rest = REST.iter().map(|what| (*what).to_owned());
    let missed: Vec<_> = scalars
        .chain(rest)
        .filter(|what| !met.contains(what))
        .collect();
    assert!(missed.is_empty(), "missed {missed:?}");
}

fn meet(seed: u64, met: &mut BTreeSet<String>) {
    let contract = contract(seed);
    for (name, edition) in [("edition 2023", 1000), ("edition 2024", 1001)] {
        let is_of = |file: &Vec<u8>| file.ends_with(&int(14, edition));
        put(contract.files.iter().any(is_of), name, met);
    }
    // `Any`, and two of its own.
    put(contract.files.len() == 3, "an import", met);
    let twins = contract.twin.parent_pool();
    let pool = contract.mask.parent_pool();
    for message in pool
        .all_messages()
        .filter(|message| message.package_name() == "gen")
    {
        put(message.extensions().next().is_some(), "an extension", met);
        let twin = twins.get_message_by_name(message.full_name()).unwrap();
        for field in message.fields() {
            meet_field(&field, &message, met);
            let twin = twin.get_field(field.number()).unwrap();
            let is_lenient = field.kind() != twin.kind() && twin.kind() == Kind::Bytes;
            put(is_lenient, "a string that need not be utf-8", met);
        }
    }
}

fn meet_field(field: &FieldDescriptor, around: &MessageDescriptor, met: &mut BTreeSet<String>) {
    let what = what(field);
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let halves = [
                ("map by", entry.map_entry_key_field()),
                ("map to", entry.map_entry_value_field()),
            ];
            for (place, half) in halves {
                met.insert(format!("{place} {}", self::what(&half)));
            }
        }
        _ if field.is_list() => {
            met.insert(format!("list of {what}"));
        }
        _ => {
            met.insert(what.clone());
        }
    }
    if let Some(oneof) = field.containing_oneof() {
        let is_lone = oneof.name() == format!("_{}", field.name());
        put(is_lone, "optional of proto3", met);
        put(!is_lone, &format!("{what} in a oneof"), met);
    }
    let is_packable = field.is_list() && !matches!(what.as_str(), "string" | "bytes" | "message");
    put(is_packable && field.is_packed(), "packed", met);
    put(is_packable && !field.is_packed(), "unpacked", met);
    put(field.is_required(), "required", met);
    put(field.number() < 16, "a small number", met);
    put(field.number() >= 1 << 28, "a large number", met);
    let recurs = matches!(field.kind(), Kind::Message(inner) if inner == *around);
    put(recurs, "a message within itself", met);
}

fn what(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(_) if field.is_group() => "group".to_owned(),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Any" => "any".to_owned(),
        Kind::Message(_) => "message".to_owned(),
        Kind::Enum(_) => "enum".to_owned(),
        scalar => format!("{scalar:?}"),
    }
}

fn put(holds: bool, what: &str, met: &mut BTreeSet<String>) {
    met.extend(holds.then(|| what.to_owned()));
}
