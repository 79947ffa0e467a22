//! The contender that does the same work: decode, clear, encode with prost-reflect.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// What to clear of a message, worked out beforehand.
pub(crate) struct Clearing {
    message: MessageDescriptor,
    fields: Vec<FieldDescriptor>,
    within: Vec<(FieldDescriptor, Clearing)>,
}

impl Clearing {
    /// All but what `paths` grant.
    pub(crate) fn new(message: MessageDescriptor, paths: &[&str]) -> Self {
        let (mut fields, mut within) = (Vec::new(), Vec::new());
        for field in message.fields() {
            if paths.contains(&field.name()) {
                continue;
            }
            let prefix = format!("{}.", field.name());
            let beneath = paths.iter().filter_map(|path| path.strip_prefix(&prefix));
            let beneath: Vec<_> = beneath.collect();
            match field.kind() {
                Kind::Message(message) if !beneath.is_empty() => {
                    let clearing = Clearing::new(message, &beneath);
                    within.push((field, clearing));
                }
                _ => fields.push(field),
            }
        }
        Clearing {
            message,
            fields,
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
