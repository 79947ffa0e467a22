//! The message that leaves, as JSON.

use prost_reflect::{DynamicMessage, MapKey, SerializeOptions, Value};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

/// The message that leaves. Prints as protobuf JSON, with the contract's field names in its order
/// and the entries of maps in the order of their keys: the same message always prints the same.
pub(super) struct Leaving(pub(super) DynamicMessage);

impl Serialize for Leaving {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = SerializeOptions::new().use_proto_field_name(true);
        let writer = serde_json::value::Serializer;
        let json = self.0.serialize_with_options(writer, &options);
        let mut json = json.map_err(S::Error::custom)?;
        sort(&mut json, &self.0);
        json.serialize(serializer)
    }
}

/// Sorts the entries of all maps in `json`, which `message` was written as.
fn sort(json: &mut serde_json::Value, message: &DynamicMessage) {
    for (field, value) in message.fields() {
        // Protobuf's own messages are written in forms of their own, in which nothing is found.
        let Some(json) = json.get_mut(field.name()) else {
            continue;
        };
        match (json, value) {
            (json, Value::Message(message)) => sort(json, message),
            (serde_json::Value::Array(elements), Value::List(values)) => {
                let messages = values.iter().map(Value::as_message);
                for (json, message) in elements.iter_mut().zip(messages) {
                    message.into_iter().for_each(|message| sort(json, message));
                }
            }
            (serde_json::Value::Object(entries), Value::Map(values)) => {
                entries.sort_keys();
                for (key, value) in values {
                    let message = value.as_message();
                    let json = entries.get_mut(&written(key));
                    if let Some((json, message)) = json.zip(message) {
                        sort(json, message);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A key as protobuf JSON writes it.
pub(super) fn written(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
