//! The mask's slow and obvious twin: decode, clear, encode nothing; then compare what can be read.

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use motlan_mask::{Mask, MaskError};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

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

/// Masks `input` with what `granted` grants, and compares with what is left if `expected` is.
/// `Ok(false)`: the mask refused it, and so does the twin.
pub(crate) fn compare(
    desc: &MessageDescriptor,
    granted: &[String],
    expected: &[String],
    input: &[u8],
) -> Result<bool, String> {
    let mask = Mask::compile(desc, granted.iter().map(String::as_str)).unwrap();
    let masked = mask.apply(&Bytes::copy_from_slice(input));
    let decoded = DynamicMessage::decode(desc.clone(), input);
    let (masked, mut twin) = match (masked, decoded) {
        (Ok(masked), Ok(twin)) => (masked, twin),
        (Err(_), Err(_)) => return Ok(false),
        (Err(error), Ok(_)) if is_laxer(desc, error) => return Ok(false),
        (Err(error), Ok(_)) => return Err(format!("only the mask refuses: {error}")),
        // The twin reads also what is dropped, so it may refuse more; what leaves must be clean.
        (Ok(masked), Err(_)) => return outside(desc, expected, &masked.bytes).map(|()| true),
    };
    let met = prune(&mut twin, expected);
    judge(desc, &masked.bytes, &twin)?;
    if masked.bytes.len() > input.len() {
        return Err("more leaves than came".to_owned());
    }
    let dropped: BTreeSet<&str> = mask.dropped(&masked.withheld).collect();
    let absent: BTreeSet<&str> = mask.absent(&masked.withheld).collect();
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
    if let Some(path) = met
        .granted
        .iter()
        .find(|path| absent.contains(path.as_str()))
    {
        return Err(format!("`{path}` was present, but reported absent"));
    }
    Ok(true)
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

/// The twin does not look at the wire type of a map, and reads any as if it were the right one.
fn is_laxer(desc: &MessageDescriptor, error: MaskError) -> bool {
    let MaskError::WireType { number, .. } = error else {
        return false;
    };
    desc.get_field(number).is_some_and(|field| field.is_map())
}

/// Whether anything in `left` is outside what `paths` grant.
pub(crate) fn outside(
    desc: &MessageDescriptor,
    paths: &[String],
    left: &Bytes,
) -> Result<(), String> {
    let left = match DynamicMessage::decode(desc.clone(), left.clone()) {
        Ok(left) => left,
        // The twin wants UTF-8 also in the strings of proto2.
        Err(error) if desc.package_name() == "old" && error.to_string().contains("UTF-8") => {
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
