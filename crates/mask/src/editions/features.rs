//! `google.protobuf.FeatureSet`, as far as it decides what is on the wire.

use prost_reflect::{DynamicMessage, Value};

use super::{join, text};
use crate::error::EditionError;

/// The features that every edition has: the field's number in the set, its name, its values with
/// a meaning, and the one it has in the known editions. The numbers are those of protobuf's own
/// `descriptor.proto`; prost-reflect's copy is of a draft in which other values have them.
const FEATURES: [(u32, &str, &[i32], i32); 6] = [
    (1, "field_presence", &[1, 2, LEGACY_REQUIRED], 1),
    (2, "enum_type", &[1, 2], 1),
    (3, "repeated_field_encoding", &[PACKED, 2], PACKED),
    (4, "utf8_validation", &[VERIFY, 3], VERIFY),
    (5, "message_encoding", &[1, DELIMITED], 1),
    (6, "json_format", &[1, 2], 1),
];

const LEGACY_REQUIRED: i32 = 3;
const PACKED: i32 = 1;
const VERIFY: i32 = 2;
const DELIMITED: i32 = 2;

/// Resolved features: the value of each, in the order of [`FEATURES`].
#[derive(Clone, Copy)]
pub(super) struct Features([i32; FEATURES.len()]);

impl Features {
    /// The defaults of the known editions.
    pub(super) fn of_edition() -> Self {
        Self(FEATURES.map(|(.., default)| default))
    }

    /// What they are in `element`, which lies in `scope`: its options may say otherwise.
    pub(super) fn within(
        mut self,
        element: &DynamicMessage,
        scope: &str,
    ) -> Result<Self, EditionError> {
        let options = element.get_field_by_name("options");
        let options = options.as_deref().and_then(Value::as_message);
        let own = options.and_then(|options| options.get_field_by_name("features"));
        let Some(own) = own.as_deref().and_then(Value::as_message) else {
            return Ok(self);
        };
        for ((number, feature, meant, _), resolved) in FEATURES.iter().zip(&mut self.0) {
            if !own.has_field_by_number(*number) {
                continue;
            }
            let value = own.get_field_by_number(*number);
            let value = value.and_then(|value| value.as_enum_number());
            let value = value.unwrap_or_default();
            if !meant.contains(&value) {
                return Err(EditionError::Feature {
                    element: join(scope, &text(element, "name")),
                    feature,
                    value,
                });
            }
            *resolved = value;
        }
        Ok(self)
    }

    /// Writes them all into a field's options, and leaves what else stands in its features.
    pub(super) fn write(self, options: &mut DynamicMessage) {
        let own = options.get_field_by_name_mut("features");
        let Some(own) = own.and_then(Value::as_message_mut) else {
            return;
        };
        for ((number, ..), value) in FEATURES.iter().zip(self.0) {
            if let Some(feature) = own.get_field_by_number_mut(*number) {
                *feature = Value::EnumNumber(value);
            }
        }
    }

    pub(super) fn is_required(self) -> bool {
        let [field_presence, ..] = self.0;
        field_presence == LEGACY_REQUIRED
    }

    pub(super) fn is_packed(self) -> bool {
        let [_, _, repeated_field_encoding, ..] = self.0;
        repeated_field_encoding == PACKED
    }

    pub(super) fn is_delimited(self) -> bool {
        let [_, _, _, _, message_encoding, _] = self.0;
        message_encoding == DELIMITED
    }
}

/// Whether a field's options say, resolved, that its strings are UTF-8.
pub(super) fn verifies_utf8(options: &DynamicMessage) -> bool {
    let features = options.get_field_by_name("features");
    let features = features.as_deref().and_then(Value::as_message);
    let validation = features.and_then(|set| set.get_field_by_name("utf8_validation"));
    validation.is_some_and(|value| value.as_enum_number() == Some(VERIFY))
}
