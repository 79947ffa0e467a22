//! What the contracts say of each message type, as a table: all that the oracle knows of them.

use std::collections::HashMap;

use prost_reflect::{FieldDescriptor, Kind as Declared, MessageDescriptor, Syntax};

use super::wire::Wire;

/// Position in [`Types`].
pub(crate) type TypeId = usize;

/// Message types that refer to each other.
#[derive(Debug, Default)]
pub(crate) struct Types {
    list: Vec<Type>,
    by_name: HashMap<String, TypeId>,
}

#[derive(Debug, Default)]
pub(crate) struct Type {
    /// Ordered by number.
    pub(crate) fields: Vec<Field>,
    /// Whether its extensions are dropped like unknown fields: numbers to try.
    pub(crate) extension: Option<u32>,
    is_any: bool,
    pub(crate) is_entry: bool,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
    /// Which of its message's oneofs it is a member of.
    pub(crate) oneof: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Varint,
    Fixed32,
    Fixed64,
    Bytes,
    /// Bytes that must be UTF-8.
    Text,
    Message(TypeId),
    Group(TypeId),
}

impl Types {
    /// Adds `message` and all that it refers to.
    pub(crate) fn add(&mut self, message: &MessageDescriptor) -> TypeId {
        if let Some(known) = self.by_name.get(message.full_name()) {
            return *known;
        }
        let id = self.list.len();
        self.by_name.insert(message.full_name().to_owned(), id);
        self.list.push(Type::default());
        let mut fields: Vec<Field> = message.fields().map(|field| self.field(&field)).collect();
        fields.sort_by_key(|field| field.number);
        let made = Type {
            fields,
            extension: message.extension_ranges().next().map(|range| range.start),
            is_any: message.full_name() == "google.protobuf.Any",
            is_entry: message.is_map_entry(),
        };
        if let Some(place) = self.list.get_mut(id) {
            *place = made;
        }
        id
    }

    pub(crate) fn id(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    fn field(&mut self, field: &FieldDescriptor) -> Field {
        let kind = match field.kind() {
            Declared::Double | Declared::Fixed64 | Declared::Sfixed64 => Kind::Fixed64,
            Declared::Float | Declared::Fixed32 | Declared::Sfixed32 => Kind::Fixed32,
            Declared::String if field.parent_file().syntax() == Syntax::Proto3 => Kind::Text,
            Declared::String | Declared::Bytes => Kind::Bytes,
            Declared::Message(of) if field.is_group() => Kind::Group(self.add(&of)),
            Declared::Message(of) => Kind::Message(self.add(&of)),
            _ => Kind::Varint,
        };
        let oneof = field.containing_oneof().and_then(|oneof| {
            let mut all = field.parent_message().oneofs();
            all.position(|it| it.name() == oneof.name())
        });
        Field {
            number: field.number(),
            name: field.name().to_owned(),
            kind,
            repeated: field.is_list() || field.is_map(),
            oneof,
        }
    }

    pub(crate) fn fields(&self, of: TypeId) -> &[Field] {
        self.list.get(of).map_or(&[], |it| &it.fields)
    }

    pub(crate) fn find(&self, of: TypeId, number: u32) -> Option<&Field> {
        let fields = self.fields(of);
        let found = fields.binary_search_by_key(&number, |field| field.number);
        fields.get(found.ok()?)
    }

    pub(crate) fn extension(&self, of: TypeId) -> Option<u32> {
        self.list.get(of).and_then(|it| it.extension)
    }

    pub(crate) fn is_entry(&self, of: TypeId) -> bool {
        self.list.get(of).is_some_and(|it| it.is_entry)
    }

    /// Whether `field` is an `Any`, a list or a map of them.
    pub(crate) fn holds_any(&self, field: &Field) -> bool {
        self.beneath(field)
            .and_then(|of| self.list.get(of))
            .is_some_and(|it| it.is_any)
    }

    /// Whose fields a path names after `field`.
    pub(crate) fn beneath(&self, field: &Field) -> Option<TypeId> {
        let of = field.kind.message()?;
        if !self.is_entry(of) {
            return Some(of);
        }
        self.find(of, 2)?.kind.message()
    }
}

impl Kind {
    pub(crate) fn message(self) -> Option<TypeId> {
        match self {
            Kind::Message(of) | Kind::Group(of) => Some(of),
            _ => None,
        }
    }

    pub(crate) fn is_packable(self) -> bool {
        matches!(self, Kind::Varint | Kind::Fixed32 | Kind::Fixed64)
    }

    /// The wire type of one value.
    pub(crate) fn wire(self) -> Wire {
        match self {
            Kind::Varint => Wire::Varint,
            Kind::Fixed32 => Wire::Fixed32,
            Kind::Fixed64 => Wire::Fixed64,
            Kind::Bytes | Kind::Text | Kind::Message(_) => Wire::Delimited,
            Kind::Group(_) => Wire::GroupStart,
        }
    }
}
