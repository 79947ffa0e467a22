//! Random paths and random messages for any descriptor: where the supply of numbers ends, so does
//! the message.

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::supply::Supply;
use crate::wire::{bytes, fixed32, fixed64, group, int, padded, tag};

const DEPTH_MAX: usize = 6;
const UNKNOWN: [u32; 5] = [98, 99, 256, 1000, 123_456_789];
const NUMBERS: [u64; 9] = [0, 1, 2, 127, 128, 300, 1 << 31, 1 << 40, u64::MAX];
const TEXTS: [&str; 5] = ["", "a", "Lan", "Đường Hàng Bông", "\u{0}\u{10ffff}"];

/// Some paths from `message`, none of which ends at an `Any`.
pub(crate) fn paths(message: &MessageDescriptor, supply: &mut Supply<'_>) -> Vec<String> {
    (0..supply.below(10))
        .map(|_| path(message, supply))
        .filter(|path| !path.is_empty())
        .collect()
}

fn path(message: &MessageDescriptor, supply: &mut Supply<'_>) -> String {
    let mut steps = Vec::new();
    let mut within = message.clone();
    loop {
        let fields: Vec<_> = within.fields().collect();
        if fields.is_empty() {
            break;
        }
        let field = supply.one_of(&fields);
        steps.push(field.name().to_owned());
        let Some(beneath) = beneath(&field) else {
            break;
        };
        if beneath.full_name() != "google.protobuf.Any" && supply.below(3) == 0 {
            break;
        }
        within = beneath;
    }
    steps.join(".")
}

fn beneath(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            entry.map_entry_value_field().kind().as_message().cloned()
        }
        Kind::Message(message) => Some(message),
        _ => None,
    }
}

/// A well-formed message, with what makes masking hard: repeats, splits, any order, unknown fields,
/// extensions, odd map entries, and longer varints than needed.
pub(crate) fn message(desc: &MessageDescriptor, supply: &mut Supply<'_>) -> Vec<u8> {
    body(desc, supply, 0)
}

fn body(desc: &MessageDescriptor, supply: &mut Supply<'_>, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    if depth > DEPTH_MAX {
        return out;
    }
    let fields: Vec<_> = desc.fields().collect();
    let mut last = None;
    for _ in 0..supply.below(if depth == 0 { 16 } else { 5 }) {
        if supply.is_empty() {
            break;
        }
        match supply.below(8) {
            0 => out.extend(unknown(desc, supply)),
            _ if fields.is_empty() => out.extend(unknown(desc, supply)),
            1 | 2 if last.is_some() => out.extend(field(last.as_ref().unwrap(), supply, depth)),
            _ => {
                let next = supply.one_of(&fields);
                out.extend(field(&next, supply, depth));
                last = Some(next);
            }
        }
    }
    out
}

fn unknown(desc: &MessageDescriptor, supply: &mut Supply<'_>) -> Vec<u8> {
    let extensions: Vec<_> = desc.extensions().collect();
    if !extensions.is_empty() && supply.below(2) == 1 {
        return extension(&supply.one_of(&extensions), supply);
    }
    let is_unknown = |number: &u32| desc.get_field(*number).is_none();
    let ranges = desc.extension_ranges().map(|range| range.end - 1);
    let is_free = |number: &u32| is_unknown(number) && desc.get_extension(*number).is_none();
    let numbers: Vec<_> = UNKNOWN.into_iter().chain(ranges).filter(is_free).collect();
    let number = supply.one_of(&numbers);
    match supply.below(5) {
        0 => int(number, supply.one_of(&NUMBERS)),
        1 => bytes(number, supply.one_of(&TEXTS)),
        2 => fixed32(number, 7),
        3 => fixed64(number, 7),
        _ => group(number, [int(1, 1), group(2, bytes(number, "x"))].concat()),
    }
}

fn extension(extension: &ExtensionDescriptor, supply: &mut Supply<'_>) -> Vec<u8> {
    let (number, kind) = (extension.number(), extension.kind());
    match &kind {
        Kind::Message(inner) => {
            let inner = body(inner, supply, DEPTH_MAX);
            nested(number, extension.is_group(), &inner, supply)
        }
        _ => scalars(number, &kind, extension.is_list(), supply),
    }
}

fn field(field: &FieldDescriptor, supply: &mut Supply<'_>, depth: usize) -> Vec<u8> {
    let number = field.number();
    let Kind::Message(inner) = field.kind() else {
        return scalars(number, &field.kind(), field.is_list(), supply);
    };
    let inner = match field.is_map() {
        true => entry(&inner, supply, depth),
        false => body(&inner, supply, depth + 1),
    };
    nested(number, field.is_group(), &inner, supply)
}

fn nested(number: u32, is_group: bool, body: &[u8], supply: &mut Supply<'_>) -> Vec<u8> {
    match is_group {
        true => group(number, body),
        false => delimited(number, body, supply),
    }
}

/// One value, or several packed ones.
fn scalars(number: u32, kind: &Kind, is_list: bool, supply: &mut Supply<'_>) -> Vec<u8> {
    let packs = !matches!(kind, Kind::String | Kind::Bytes);
    if is_list && packs && supply.below(2) == 1 {
        let count = supply.below(4);
        let values: Vec<_> = (0..count).map(|_| scalar(kind, supply).1).collect();
        return delimited(number, &values.concat(), supply);
    }
    let (wire, value) = scalar(kind, supply);
    match wire {
        2 => delimited(number, &value, supply),
        _ => [tag(number, wire), value].concat(),
    }
}

/// Mostly a key and a value; but either may be missing or repeated, and unknown fields come along.
fn entry(entry: &MessageDescriptor, supply: &mut Supply<'_>, depth: usize) -> Vec<u8> {
    let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    if supply.below(3) > 0 {
        let key = field(&key, supply, depth + 1);
        return [key, field(&value, supply, depth + 1)].concat();
    }
    let parts = (0..supply.below(5)).map(|_| match supply.below(4) {
        0 => int(99, 1),
        1 => field(&key, supply, depth + 1),
        _ => field(&value, supply, depth + 1),
    });
    parts.collect::<Vec<_>>().concat()
}

fn delimited(number: u32, body: &[u8], supply: &mut Supply<'_>) -> Vec<u8> {
    match supply.below(8) {
        1 => [tag(number, 2), padded(body.len() as u64, 2), body.to_vec()].concat(),
        _ => bytes(number, body),
    }
}

/// A value with its wire type and without its tag.
fn scalar(kind: &Kind, supply: &mut Supply<'_>) -> (u32, Vec<u8>) {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
            (1, supply.one_of(&NUMBERS).to_le_bytes().to_vec())
        }
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => {
            (5, (supply.one_of(&NUMBERS) as u32).to_le_bytes().to_vec())
        }
        Kind::String => (2, supply.one_of(&TEXTS).as_bytes().to_vec()),
        Kind::Bytes => (
            2,
            supply.one_of(&[&b""[..], b"\xff\x00", b"bytes"]).to_vec(),
        ),
        _ => {
            let value = match kind {
                Kind::Enum(codes) if supply.below(3) > 0 => {
                    let codes: Vec<_> = codes.values().map(|code| code.number()).collect();
                    i64::from(supply.one_of(&codes)) as u64
                }
                _ => supply.one_of(&NUMBERS),
            };
            let padding = if supply.below(8) == 1 && value < 1 << 35 {
                2
            } else {
                0
            };
            (0, padded(value, padding))
        }
    }
}

/// One occurrence of `field`, with a value that is read as something even where a zero is not.
pub(crate) fn one(field: &FieldDescriptor) -> Vec<u8> {
    let number = field.number();
    match field.kind() {
        Kind::Message(_) => nested(number, field.is_group(), &[], &mut Supply::new(&[])),
        Kind::String | Kind::Bytes => bytes(number, "x"),
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => fixed64(number, 1),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => fixed32(number, 1),
        _ => int(number, 1),
    }
}

/// Spoils `message` a little: bytes changed, lost, added, repeated or moved.
pub(crate) fn spoil(message: &mut Vec<u8>, supply: &mut Supply<'_>) {
    for _ in 0..=supply.below(3) {
        let length = message.len();
        let at = supply.below(length + 1);
        let upto = (at + supply.below(9)).min(length);
        match supply.below(7) {
            0 if at < length => message[at] ^= 1 << supply.below(8),
            1 if at < length => message[at] = supply.below(256) as u8,
            2 => message.insert(at, supply.one_of(&[0, 0x7f, 0x80, 0xff])),
            3 => drop(message.drain(at..upto)),
            4 => message.truncate(at),
            5 => {
                let part = message[at..upto].to_vec();
                let to = supply.below(length + 1);
                message.splice(to..to, part);
            }
            _ => message[at..upto].reverse(),
        }
    }
}
