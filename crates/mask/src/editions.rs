//! Files in an edition of protobuf, for readers of descriptors that know proto2 and proto3 only.

mod features;

use std::borrow::Cow;
use std::collections::BTreeSet;

use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{FieldOptions, FileDescriptorProto};
use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage as _, Syntax, Value};

use self::features::Features;
use crate::error::EditionError;

/// The known editions, by their numbers in `google.protobuf.Edition`. Features have the same
/// defaults in both.
const KNOWN: [i32; 2] = [1000, 1001];

/// The names of all others that `google.protobuf.Edition` has.
const OTHERS: [(i32, &str); 12] = [
    (0, "EDITION_UNKNOWN"),
    (1, "EDITION_1_TEST_ONLY"),
    (2, "EDITION_2_TEST_ONLY"),
    (900, "EDITION_LEGACY"),
    (998, "EDITION_PROTO2"),
    (999, "EDITION_PROTO3"),
    (1002, "EDITION_2026"),
    (9999, "EDITION_UNSTABLE"),
    (99_997, "EDITION_99997_TEST_ONLY"),
    (99_998, "EDITION_99998_TEST_ONLY"),
    (99_999, "EDITION_99999_TEST_ONLY"),
    (i32::MAX, "EDITION_MAX"),
];

/// Rewrites a file of edition 2023 or 2024 as a proto2 file whose messages have the same wire
/// format. A file of proto2 or proto3 is given back as it is.
///
/// `file` is an encoded `google.protobuf.FileDescriptorProto`, as descriptor sets hold them.
///
/// - Features are resolved from the edition, the file, the messages, the `oneof` and the field or
///   extension, and stand resolved in each field's own `features` option afterwards.
/// - A field with `message_encoding = DELIMITED` becomes a group, but for a map and what lies in
///   it. It keeps its name, other than a group of proto2: a path names it as its file does.
/// - `LEGACY_REQUIRED` becomes `required`, `repeated_field_encoding` an explicit `packed`.
/// - All else is kept, also options that are not known here.
///
/// Three features have no word in proto2 and are left to who reads them: `field_presence =
/// IMPLICIT`, `enum_type` and `json_format`. [`Mask::compile`](crate::Mask::compile) reads
/// `utf8_validation` and needs no other.
///
/// # Errors
///
/// [`EditionError`] where the file cannot be read, or where what it says is not known here.
pub fn lower(file: &[u8]) -> Result<Cow<'_, [u8]>, EditionError> {
    let descriptor = FileDescriptorProto::default().descriptor();
    let mut lowered = DynamicMessage::decode(descriptor, file)?;
    if text(&lowered, "syntax") != "editions" {
        return Ok(Cow::Borrowed(file));
    }
    let edition = number(&lowered, "edition");
    if !KNOWN.contains(&edition) {
        let known = OTHERS.iter().find(|(other, _)| *other == edition);
        return Err(EditionError::Edition {
            file: text(&lowered, "name"),
            edition: known.map_or_else(|| edition.to_string(), |(_, name)| (*name).to_owned()),
        });
    }
    lowered.clear_field_by_name("edition");
    put(&mut lowered, "syntax", Value::String("proto2".to_owned()));

    let package = text(&lowered, "package");
    let mut maps = Maps::default();
    maps.collect(&lowered, &package);
    let features = Features::of_edition().within(&lowered, "")?;
    for extension in each(&mut lowered, "extension") {
        maps.lower_field(extension, features, &package, false)?;
    }
    for message in each(&mut lowered, "message_type") {
        maps.lower_message(message, features, &package)?;
    }
    Ok(Cow::Owned(lowered.encode_to_vec()))
}

/// Whether the bytes of a `string` field must be UTF-8.
pub(crate) fn demands_utf8(field: &FieldDescriptor) -> bool {
    match field.parent_file().syntax() {
        Syntax::Proto3 => true,
        // Features stand in lowered files only. The field's own pool may not know of them.
        Syntax::Proto2 => {
            let options = field.options().encode_to_vec();
            let descriptor = FieldOptions::default().descriptor();
            DynamicMessage::decode(descriptor, options.as_slice())
                .map_or(true, |options| features::verifies_utf8(&options))
        }
    }
}

/// The full names of a file's map entries. Neither they nor what is in them is ever delimited.
#[derive(Default)]
struct Maps(BTreeSet<String>);

impl Maps {
    fn collect(&mut self, within: &DynamicMessage, scope: &str) {
        for list in ["message_type", "nested_type"] {
            let messages = within.get_field_by_name(list);
            let messages = messages.as_deref().and_then(Value::as_list);
            for message in messages.into_iter().flatten().filter_map(Value::as_message) {
                let name = join(scope, &text(message, "name"));
                self.collect(message, &name);
                if is_map_entry(message) {
                    self.0.insert(name);
                }
            }
        }
    }

    /// Whether `name`, as a field in `scope` refers to its type, is a map entry.
    fn contains(&self, name: &str, scope: &str) -> bool {
        if let Some(full_name) = name.strip_prefix('.') {
            return self.0.contains(full_name);
        }
        let outer = scope.rmatch_indices('.');
        let outer = outer.filter_map(|(end, _)| scope.get(..end));
        let mut scopes = std::iter::once(scope).chain(outer).chain([""]);
        scopes.any(|scope| self.0.contains(&join(scope, name)))
    }

    fn lower_message(
        &self,
        message: &mut DynamicMessage,
        outer: Features,
        scope: &str,
    ) -> Result<(), EditionError> {
        let name = join(scope, &text(message, "name"));
        let features = outer.within(message, scope)?;
        let is_entry = is_map_entry(message);
        let oneofs: Result<Vec<Features>, EditionError> = each(message, "oneof_decl")
            .map(|oneof| features.within(oneof, &name))
            .collect();
        let oneofs = oneofs?;
        for field in each(message, "field") {
            let oneof = field.has_field_by_name("oneof_index");
            let oneof = oneof.then(|| number(field, "oneof_index"));
            let oneof = oneof.and_then(|index| oneofs.get(usize::try_from(index).ok()?));
            self.lower_field(field, *oneof.unwrap_or(&features), &name, is_entry)?;
        }
        for extension in each(message, "extension") {
            self.lower_field(extension, features, &name, false)?;
        }
        for nested in each(message, "nested_type") {
            self.lower_message(nested, features, &name)?;
        }
        Ok(())
    }

    fn lower_field(
        &self,
        field: &mut DynamicMessage,
        outer: Features,
        scope: &str,
        in_entry: bool,
    ) -> Result<(), EditionError> {
        let features = outer.within(field, scope)?;
        let label = number(field, "label");
        let kind = number(field, "type");
        if features.is_required() && label == Label::Optional as i32 {
            put(field, "label", Value::EnumNumber(Label::Required as i32));
        }
        let is_message = kind == Type::Message as i32;
        let is_map = is_message && self.contains(&text(field, "type_name"), scope);
        if features.is_delimited() && is_message && !is_map && !in_entry {
            put(field, "type", Value::EnumNumber(Type::Group as i32));
        }
        let options = field.get_field_by_name_mut("options");
        let Some(options) = options.and_then(Value::as_message_mut) else {
            return Ok(());
        };
        if label == Label::Repeated as i32 && is_packable(kind) {
            put(options, "packed", Value::Bool(features.is_packed()));
        }
        features.write(options);
        Ok(())
    }
}

fn is_packable(kind: i32) -> bool {
    let kind = Type::try_from(kind);
    kind.is_ok_and(|kind| {
        !matches!(
            kind,
            Type::String | Type::Bytes | Type::Message | Type::Group
        )
    })
}

fn is_map_entry(message: &DynamicMessage) -> bool {
    let options = message.get_field_by_name("options");
    let options = options.as_deref().and_then(Value::as_message);
    let entry = options.and_then(|options| options.get_field_by_name("map_entry")?.as_bool());
    entry.unwrap_or_default()
}

fn each<'a>(
    message: &'a mut DynamicMessage,
    field: &str,
) -> impl Iterator<Item = &'a mut DynamicMessage> {
    let list = message.get_field_by_name_mut(field);
    let list = list.and_then(Value::as_list_mut).into_iter().flatten();
    list.filter_map(Value::as_message_mut)
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    let text = value.as_deref().and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// The number of an enum's value, or an `int32`.
fn number(message: &DynamicMessage, field: &str) -> i32 {
    let value = message.get_field_by_name(field);
    let number = value.and_then(|value| value.as_enum_number().or_else(|| value.as_i32()));
    number.unwrap_or_default()
}

fn put(message: &mut DynamicMessage, field: &str, value: Value) {
    if let Some(field) = message.get_field_by_name_mut(field) {
        *field = value;
    }
}

fn join(scope: &str, name: &str) -> String {
    match scope.is_empty() {
        true => name.to_owned(),
        false => format!("{scope}.{name}"),
    }
}
