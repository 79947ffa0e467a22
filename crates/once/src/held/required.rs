//! What the contract says an answer is incomplete without.

use std::collections::HashSet;

use motlan_catalog::{Catalog, NESTING_MAX};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::{Held, Named, leads_to, says_nothing};

/// The full names of the required fields of a message, and of all that lies in it.
pub(super) fn of(catalog: &Catalog, message: &MessageDescriptor) -> HashSet<String> {
    let mut required = HashSet::new();
    let mut met = HashSet::from([message.full_name().to_owned()]);
    let mut left = vec![message.clone()];
    while let Some(message) = left.pop() {
        for field in message.fields() {
            if catalog.is_required(&field) {
                required.insert(field.full_name().to_owned());
            }
            if let Kind::Message(inner) = field.kind()
                && met.insert(inner.full_name().to_owned())
            {
                left.push(inner);
            }
        }
    }
    required
}

/// The required fields that the view shows and the answer does not have: at the top, in messages
/// that are there, and in every element of a list. Those of messages that lie deeper in each other
/// than a view can say are not looked for.
pub(super) fn missing(held: &Held, message: &DynamicMessage, missing: &mut Named) {
    within(held, message, "", 0, missing);
}

fn within(held: &Held, message: &DynamicMessage, prefix: &str, depth: usize, missing: &mut Named) {
    if depth > NESTING_MAX {
        return;
    }
    for field in prost_reflect::ReflectMessage::descriptor(message).fields() {
        let path = format!("{prefix}{}", field.name());
        if !leads_to(&held.view, &path) {
            continue;
        }
        if is_missing(message, &field) {
            if held.required.contains(field.full_name()) {
                missing.add(&path);
            }
            continue;
        }
        if !message.has_field(&field) {
            continue;
        }
        let prefix = format!("{path}.");
        match &*message.get_field(&field) {
            Value::Message(inner) => within(held, inner, &prefix, depth + 1, missing),
            Value::List(values) => {
                for inner in values.iter().filter_map(Value::as_message) {
                    within(held, inner, &prefix, depth + 1, missing);
                }
            }
            _ => {}
        }
    }
}

/// Whether nothing stands there, or what says nothing. A truth that is sent only where it is true
/// cannot be missing.
fn is_missing(message: &DynamicMessage, field: &FieldDescriptor) -> bool {
    match &*message.get_field(field) {
        Value::Bool(_) if !field.supports_presence() => false,
        held => !message.has_field(field) || says_nothing(held, field),
    }
}
