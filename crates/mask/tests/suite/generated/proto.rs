//! A proto file as a value, as much of it as the tests need, and its encoding as a
//! `google.protobuf.FileDescriptorProto`. Encoded by hand: the types of prost do not know editions.

use super::features::UTF8_VALIDATION;
use crate::wire::{bytes, int};

pub(crate) const INT32: u64 = 5;
pub(crate) const BOOL: u64 = 8;
pub(crate) const STRING: u64 = 9;
pub(crate) const GROUP: u64 = 10;
pub(crate) const MESSAGE: u64 = 11;
pub(crate) const BYTES: u64 = 12;
pub(crate) const ENUM: u64 = 14;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Proto2,
    Proto3,
    /// By its number in `google.protobuf.Edition`.
    Edition(u64),
}

/// The members of `google.protobuf.FeatureSet` that are set, by number.
pub(crate) type FeatureSet = Vec<(u32, u64)>;

/// Whose view of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The file as it is.
    Owner,
    /// With `bytes` for each `string` that need not be UTF-8: prost-reflect always wants UTF-8.
    Twin,
}

pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) dialect: Dialect,
    pub(crate) features: FeatureSet,
    pub(crate) imports: Vec<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) extensions: Vec<Field>,
}

#[derive(Default)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) features: FeatureSet,
    pub(crate) fields: Vec<Field>,
    pub(crate) nested: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) oneofs: Vec<(String, FeatureSet)>,
    /// From the first to before the second number.
    pub(crate) extension_range: Option<(u32, u32)>,
    pub(crate) is_map_entry: bool,
}

pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) features: FeatureSet,
    pub(crate) values: Vec<(String, i32)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Label {
    #[default]
    Optional = 1,
    Required = 2,
    Repeated = 3,
}

#[derive(Default)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) json_name: Option<String>,
    pub(crate) number: u32,
    pub(crate) label: Label,
    pub(crate) kind: u64,
    /// Of a message or an enum, fully qualified.
    pub(crate) type_name: Option<String>,
    /// Of the message that an extension extends.
    pub(crate) extendee: Option<String>,
    pub(crate) oneof: Option<usize>,
    pub(crate) is_proto3_optional: bool,
    pub(crate) default: Option<String>,
    pub(crate) packed: Option<bool>,
    pub(crate) features: FeatureSet,
    /// A string that need not be UTF-8.
    pub(crate) is_unverified: bool,
}

impl File {
    pub(crate) fn encode(&self, view: View) -> Vec<u8> {
        let mut out = [bytes(1, &self.name), bytes(2, &self.package)].concat();
        self.imports
            .iter()
            .for_each(|import| out.extend(bytes(3, import)));
        for message in &self.messages {
            out.extend(bytes(4, message.encode(view)));
        }
        self.enums
            .iter()
            .for_each(|each| out.extend(bytes(5, each.encode())));
        for extension in &self.extensions {
            out.extend(bytes(7, extension.encode(view)));
        }
        out.extend(options(8, features(50, &self.features)));
        out.extend(match self.dialect {
            Dialect::Proto2 => Vec::new(),
            Dialect::Proto3 => bytes(12, "proto3"),
            Dialect::Edition(edition) => [bytes(12, "editions"), int(14, edition)].concat(),
        });
        out
    }
}

impl Message {
    fn encode(&self, view: View) -> Vec<u8> {
        let mut out = bytes(1, &self.name);
        self.fields
            .iter()
            .for_each(|field| out.extend(bytes(2, field.encode(view))));
        for nested in &self.nested {
            out.extend(bytes(3, nested.encode(view)));
        }
        self.enums
            .iter()
            .for_each(|each| out.extend(bytes(4, each.encode())));
        if let Some((start, end)) = self.extension_range {
            let range = [int(1, u64::from(start)), int(2, u64::from(end))];
            out.extend(bytes(5, range.concat()));
        }
        let is_entry = match self.is_map_entry {
            true => int(7, 1),
            false => Vec::new(),
        };
        out.extend(options(
            7,
            [is_entry, features(12, &self.features)].concat(),
        ));
        for (name, set) in &self.oneofs {
            let oneof = [bytes(1, name), options(2, features(1, set))];
            out.extend(bytes(8, oneof.concat()));
        }
        out
    }
}

impl Enum {
    fn encode(&self) -> Vec<u8> {
        let mut out = bytes(1, &self.name);
        for (name, number) in &self.values {
            // A negative number is sign-extended.
            let number = i64::from(*number) as u64;
            out.extend(bytes(2, [bytes(1, name), int(2, number)].concat()));
        }
        out.extend(options(3, features(7, &self.features)));
        out
    }
}

impl Field {
    fn encode(&self, view: View) -> Vec<u8> {
        let as_bytes = view == View::Twin && self.is_unverified;
        let kind = if as_bytes { BYTES } else { self.kind };
        let mut out = [
            bytes(1, &self.name),
            int(3, u64::from(self.number)),
            int(4, self.label as u64),
            int(5, kind),
        ]
        .concat();
        let texts = [
            (2, &self.extendee),
            (6, &self.type_name),
            (7, &self.default),
            (10, &self.json_name),
        ];
        for (number, text) in texts {
            out.extend(text.iter().flat_map(|text| bytes(number, text)));
        }
        out.extend(self.oneof.iter().flat_map(|oneof| int(9, *oneof as u64)));
        if self.is_proto3_optional {
            out.extend(int(17, 1));
        }
        let mut set = self.features.clone();
        // Of use to strings only.
        set.retain(|(feature, _)| !as_bytes || *feature != UTF8_VALIDATION);
        let packed = self
            .packed
            .map_or(Vec::new(), |packed| int(2, u64::from(packed)));
        out.extend(options(8, [packed, features(21, &set)].concat()));
        out
    }
}

fn features(number: u32, set: &FeatureSet) -> Vec<u8> {
    let members: Vec<_> = set
        .iter()
        .map(|(feature, value)| int(*feature, *value))
        .collect();
    options(number, members.concat())
}

/// Options are left out where none is set.
fn options(number: u32, body: Vec<u8>) -> Vec<u8> {
    match body.is_empty() {
        true => body,
        false => bytes(number, body),
    }
}
