//! The mask's slow and obvious twin: decode, clear, encode nothing; then compare what can be read.

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use motlan_mask::{Mask, MaskError, Withheld};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Syntax, Value,
};

use crate::contracts::Contract;

/// What the twin met, by path.
#[derive(Default)]
pub(crate) struct Met {
    pub(crate) cleared: BTreeSet<String>,
    pub(crate) granted: BTreeSet<String>,
}

#[derive(Clone)]
enum Scope<'a> {
    Whole,
    Paths(Vec<&'a [&'a str]>),
}

/// Clears in `message` what `paths` do not grant.
pub(crate) fn prune(message: &mut DynamicMessage, paths: &[String]) -> Met {
    let steps: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
    let mut met = Met::default();
    prune_in(
        message,
        &Scope::Paths(steps.iter().map(Vec::as_slice).collect()),
        "",
        &mut met,
    );
    met
}

fn prune_in(message: &mut DynamicMessage, scope: &Scope<'_>, prefix: &str, met: &mut Met) {
    message.take_unknown_fields().for_each(drop);
    message.take_extensions().for_each(drop);
    for field in message.descriptor().fields().collect::<Vec<_>>() {
        if !message.has_field(&field) {
            continue;
        }
        let path = format!("{prefix}{}", field.name());
        let Some(scope) = beneath(scope, &field) else {
            message.clear_field(&field);
            met.cleared.insert(path);
            continue;
        };
        if matches!(scope, Scope::Whole) {
            met.granted.insert(path.clone());
        }
        prune_value(
            message.get_field_mut(&field),
            &scope,
            &format!("{path}."),
            met,
        );
    }
}

/// What is granted of `field`, if anything.
fn beneath<'a>(scope: &Scope<'a>, field: &FieldDescriptor) -> Option<Scope<'a>> {
    let Scope::Paths(paths) = scope else {
        return (!holds_any(field)).then_some(Scope::Whole);
    };
    let steps = paths.iter().filter_map(|path| path.split_first());
    let rests: Vec<_> = steps
        .filter(|(step, _)| **step == field.name())
        .map(|(_, rest)| rest)
        .collect();
    match rests.iter().any(|rest| rest.is_empty()) {
        true => Some(Scope::Whole),
        false => (!rests.is_empty()).then_some(Scope::Paths(rests)),
    }
}

fn holds_any(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => holds_any(&entry.map_entry_value_field()),
        Kind::Message(message) => message.full_name() == "google.protobuf.Any",
        _ => false,
    }
}

fn prune_value(value: &mut Value, scope: &Scope<'_>, prefix: &str, met: &mut Met) {
    match value {
        Value::Message(message) => prune_in(message, scope, prefix, met),
        Value::List(values) => {
            values
                .iter_mut()
                .for_each(|value| prune_value(value, scope, prefix, met));
        }
        Value::Map(values) => {
            values
                .values_mut()
                .for_each(|value| prune_value(value, scope, prefix, met));
        }
        _ => {}
    }
}

/// All that can be read from `message`, in one order.
pub(crate) fn canonical(message: &DynamicMessage) -> String {
    let mut out = String::new();
    write_message(message, &mut out);
    out
}

fn write_message(message: &DynamicMessage, out: &mut String) {
    out.push('{');
    for field in message
        .descriptor()
        .fields()
        .filter(|field| message.has_field(field))
    {
        write!(out, " {}:", field.name()).unwrap();
        write_value(&message.get_field(&field), out);
    }
    for (extension, value) in message.extensions() {
        write!(out, " [{}]:", extension.full_name()).unwrap();
        write_value(value, out);
    }
    for unknown in message.unknown_fields() {
        write!(out, " ?{}", unknown.number()).unwrap();
    }
    out.push('}');
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Message(message) => write_message(message, out),
        Value::List(values) => values.iter().for_each(|value| {
            out.push(';');
            write_value(value, out);
        }),
        Value::Map(values) => {
            let mut entries: Vec<(&MapKey, &Value)> = values.iter().collect();
            entries.sort_by_key(|(key, _)| format!("{key:?}"));
            for (key, value) in entries {
                write!(out, " {key:?}=>").unwrap();
                write_value(value, out);
            }
        }
        Value::F32(value) => write!(out, "{:x}", value.to_bits()).unwrap(),
        Value::F64(value) => write!(out, "{:x}", value.to_bits()).unwrap(),
        other => write!(out, "{other:?}").unwrap(),
    }
}

/// What came of a case in which mask and twin agree.
pub(crate) enum Outcome {
    /// The mask refused the input, and so does the twin.
    Refused(MaskError),
    /// What left, with what the mask reports.
    Left {
        bytes: Bytes,
        dropped: Vec<String>,
        absent: Vec<String>,
        /// The twin reads also what is dropped, so it may refuse what the mask does not.
        is_read_by_twin: bool,
    },
}

/// Masks `input` with what `granted` grants, and compares with what is left if `expected` is.
pub(crate) fn compare(
    contract: &Contract,
    granted: &[String],
    expected: &[String],
    input: &[u8],
) -> Result<Outcome, String> {
    let mask = Mask::compile(&contract.mask, granted.iter().map(String::as_str)).unwrap();
    let masked = mask.apply(&Bytes::copy_from_slice(input));
    let decoded = DynamicMessage::decode(contract.twin.clone(), input);
    let is_read_by_twin = decoded.is_ok();
    let masked = match (masked, decoded) {
        (Err(error), Err(_)) => return Ok(Outcome::Refused(error)),
        (Err(error), Ok(_)) if is_laxer(&contract.twin, error, input) => {
            return Ok(Outcome::Refused(error));
        }
        (Err(error), Ok(_)) => return Err(format!("only the mask refuses: {error}")),
        (Ok(masked), Ok(mut twin)) => {
            let met = prune(&mut twin, expected);
            judge(&contract.twin, &masked.bytes, &twin)?;
            check_report(&mask, &masked.withheld, granted, &met)?;
            masked
        }
        // What leaves must be clean nonetheless.
        (Ok(masked), Err(_)) => {
            outside(&contract.twin, expected, &masked.bytes)?;
            masked
        }
    };
    if masked.bytes.len() > input.len() {
        return Err("more leaves than came".to_owned());
    }
    Ok(Outcome::Left {
        dropped: mask.dropped(&masked.withheld).map(str::to_owned).collect(),
        absent: mask.absent(&masked.withheld).map(str::to_owned).collect(),
        bytes: masked.bytes,
        is_read_by_twin,
    })
}

/// Whether what the mask says it withheld is what the twin met.
fn check_report(
    mask: &Mask,
    withheld: &Withheld,
    granted: &[String],
    met: &Met,
) -> Result<(), String> {
    let dropped: BTreeSet<&str> = mask.dropped(withheld).collect();
    let absent: BTreeSet<&str> = mask.absent(withheld).collect();
    let is_reported = |path: &String| {
        // What was dropped from a message granted whole has no path.
        dropped.contains(path.as_str())
            || granted.iter().any(|wide| motlan_mask::covers(wide, path))
    };
    if let Some(path) = met.cleared.iter().find(|path| !is_reported(path)) {
        return Err(format!(
            "`{path}` was dropped, but only {dropped:?} reported"
        ));
    }
    let mut granted = met.granted.iter();
    match granted.find(|path| absent.contains(path.as_str())) {
        None => Ok(()),
        Some(path) => Err(format!("`{path}` was present, but reported absent")),
    }
}

/// Whether `left`, which came out of a mask, reads like what the twin left.
pub(crate) fn judge(
    desc: &MessageDescriptor,
    left: &Bytes,
    twin: &DynamicMessage,
) -> Result<(), String> {
    let left = DynamicMessage::decode(desc.clone(), left.clone());
    let left = left.map_err(|error| format!("what leaves cannot be read: {error}"))?;
    let (left, twin) = (canonical(&left), canonical(twin));
    match left == twin {
        true => Ok(()),
        false => Err(format!("mask: {left}\ntwin: {twin}")),
    }
}

/// The twin does not look at the wire type of a map, and reads any as if it were the right one;
/// even that of the end of a group.
fn is_laxer(desc: &MessageDescriptor, error: MaskError, input: &[u8]) -> bool {
    let number = match error {
        MaskError::WireType { number, .. } => number,
        MaskError::EndGroup { at } => number_at(input, at),
        _ => return false,
    };
    let mut messages = desc.parent_pool().all_messages();
    messages.any(|message| {
        let field = message.get_field(number);
        field.is_some_and(|field| field.is_map())
    })
}

/// The field number in the tag at `at`.
fn number_at(input: &[u8], at: usize) -> u32 {
    let tag = prost::encoding::decode_varint(&mut &input[at..]).unwrap();
    (tag >> 3) as u32
}

/// Whether anything in `left` is outside what `paths` grant.
pub(crate) fn outside(
    desc: &MessageDescriptor,
    paths: &[String],
    left: &Bytes,
) -> Result<(), String> {
    let left = match DynamicMessage::decode(desc.clone(), left.clone()) {
        Ok(left) => left,
        // The twin wants UTF-8 also in keys of maps that need not be: they cannot be `bytes`.
        Err(error) if has_lenient_keys(desc) && error.to_string().contains("UTF-8") => {
            return Ok(());
        }
        Err(error) => return Err(format!("what leaves cannot be read: {error}")),
    };
    let mut clean = left.clone();
    prune(&mut clean, paths);
    match canonical(&left) == canonical(&clean) {
        true => Ok(()),
        false => Err(format!(
            "left: {}\ngranted: {}",
            canonical(&left),
            canonical(&clean)
        )),
    }
}

/// Whether a map has strings for keys and stands in a file that may not verify them.
fn has_lenient_keys(desc: &MessageDescriptor) -> bool {
    let mut messages = desc.parent_pool().all_messages();
    messages.any(|message| {
        message.is_map_entry()
            && message.parent_file().syntax() == Syntax::Proto2
            && matches!(message.map_entry_key_field().kind(), Kind::String)
    })
}
