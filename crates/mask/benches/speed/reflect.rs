//! The contender that does the same work: decode, clear, encode with prost-reflect.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// So many characters stay of a covered value.
pub(crate) const KEPT: u16 = 4;

/// What to clear of a message and what to cover, worked out beforehand.
pub(crate) struct Clearing {
    message: MessageDescriptor,
    fields: Vec<FieldDescriptor>,
    covered: Vec<FieldDescriptor>,
    within: Vec<(FieldDescriptor, Clearing)>,
}

impl Clearing {
    /// All but what `paths` grant, and of those `covers` but for their last characters.
    pub(crate) fn new(message: MessageDescriptor, paths: &[&str], covers: &[&str]) -> Self {
        let (mut fields, mut covered, mut within) = (Vec::new(), Vec::new(), Vec::new());
        for field in message.fields() {
            if covers.contains(&field.name()) {
                covered.push(field.clone());
            }
            if paths.contains(&field.name()) {
                continue;
            }
            let prefix = format!("{}.", field.name());
            let strip = |paths: &[&'_ str]| -> Vec<String> {
                let beneath = paths.iter().filter_map(|path| path.strip_prefix(&prefix));
                beneath.map(str::to_owned).collect()
            };
            let (beneath, veiled) = (strip(paths), strip(covers));
            let beneath: Vec<&str> = beneath.iter().map(String::as_str).collect();
            let veiled: Vec<&str> = veiled.iter().map(String::as_str).collect();
            match field.kind() {
                Kind::Message(message) if !beneath.is_empty() => {
                    let clearing = Clearing::new(message, &beneath, &veiled);
                    within.push((field, clearing));
                }
                _ => fields.push(field),
            }
        }
        Clearing {
            message,
            fields,
            covered,
            within,
        }
    }

    pub(crate) fn apply(&self, message: &Bytes) -> Vec<u8> {
        let mut message = DynamicMessage::decode(self.message.clone(), message.clone()).unwrap();
        self.clear(&mut message);
        message.encode_to_vec()
    }

    fn clear(&self, message: &mut DynamicMessage) {
        for field in &self.fields {
            message.clear_field(field);
        }
        for field in &self.covered {
            if message.has_field(field)
                && let Value::String(text) = message.get_field_mut(field)
            {
                let count = text.chars().count();
                let covered = match count > usize::from(KEPT) {
                    true => count - usize::from(KEPT),
                    false => count,
                };
                let letters = text.chars().enumerate();
                let letters = letters.map(|(at, it)| if at < covered { '*' } else { it });
                *text = letters.collect();
            }
        }
        for (field, clearing) in &self.within {
            if !message.has_field(field) {
                continue;
            }
            match message.get_field_mut(field) {
                Value::Message(message) => clearing.clear(message),
                Value::List(list) => {
                    let messages = list.iter_mut().filter_map(Value::as_message_mut);
                    messages.for_each(|message| clearing.clear(message));
                }
                _ => {}
            }
        }
    }
}
