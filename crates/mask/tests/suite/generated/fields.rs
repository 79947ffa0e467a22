//! Random fields, each of a kind that may stand where it stands.

use super::author::{Author, Codes, Place, camel};
use super::features::{self, IMPLICIT};
use super::proto::{
    BOOL, BYTES, Dialect, ENUM, Field, GROUP, INT32, Label, MESSAGE, Message, STRING,
};

const ANY: &str = ".google.protobuf.Any";
const SCALARS: [u64; 15] = [
    1, 2, 3, 4, INT32, 6, 7, BOOL, STRING, BYTES, 13, 15, 16, 17, 18,
];
const KEYS: [u64; 12] = [3, 4, INT32, 6, 7, BOOL, STRING, 13, 15, 16, 17, 18];
/// Groups within groups.
const DEPTH_MAX: usize = 2;

/// How a field stands in its message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    Free,
    Member(usize),
    Extension,
}

impl Author<'_, '_> {
    /// A field without a number; `nested` takes the message that a group is.
    pub(super) fn field(
        &mut self,
        stance: Stance,
        nested: &mut Vec<Message>,
        place: &Place,
    ) -> Field {
        let mut field = Field {
            name: self.name(),
            ..Field::default()
        };
        field.kind = match self.supply.below(10) {
            0..=4 => self.supply.one_of(&SCALARS),
            5 => ENUM,
            6 if stance != Stance::Extension && place.depth <= DEPTH_MAX => self.group_kind(),
            _ => MESSAGE,
        };
        if !matches!(stance, Stance::Member(_)) && self.supply.below(3) == 1 {
            field.label = Label::Repeated;
        }
        if let Stance::Member(oneof) = stance {
            field.oneof = Some(oneof);
        }
        let is_implicit = self.presence(&mut field, stance, place);
        match field.kind {
            MESSAGE => self.refer(&mut field),
            GROUP => self.group(&mut field, nested, place),
            ENUM => self.refer_to_codes(&mut field, |codes| codes.is_open || !is_implicit),
            _ => {}
        }
        self.decorate(&mut field, is_implicit, place);
        if self.supply.once_in(6) {
            field.json_name = Some(format!("json{}", self.named));
        }
        field
    }

    /// A group where the dialect has them.
    fn group_kind(&self) -> u64 {
        match self.dialect {
            Dialect::Proto2 => GROUP,
            Dialect::Proto3 | Dialect::Edition(_) => STRING,
        }
    }

    /// Whether the field has no presence, so that its zero is not sent.
    fn presence(&mut self, field: &mut Field, stance: Stance, place: &Place) -> bool {
        let is_settled = stance != Stance::Free || field.label == Label::Repeated;
        match self.dialect {
            Dialect::Proto2 if !is_settled && self.supply.once_in(6) => {
                field.label = Label::Required;
            }
            Dialect::Proto3 if !is_settled => {
                field.is_proto3_optional = self.supply.once_in(4);
                return !field.is_proto3_optional;
            }
            Dialect::Edition(_) if !is_settled => {
                field.features = self.feature(features::FIELD_PRESENCE, 3);
                // A message is always there or not.
                if field.kind == MESSAGE {
                    field.features.retain(|(_, presence)| *presence != IMPLICIT);
                }
            }
            _ => {}
        }
        // A member of a oneof or a list may count as implicit here: its enum is open, no more.
        place.in_force.with(&field.features).is_implicit
    }

    /// What else may be set of a field.
    fn decorate(&mut self, field: &mut Field, is_implicit: bool, place: &Place) {
        let is_repeated = field.label == Label::Repeated;
        let is_packable = !matches!(field.kind, STRING | BYTES | MESSAGE | GROUP);
        let is_edition = matches!(self.dialect, Dialect::Edition(_));
        match field.kind {
            MESSAGE => {
                let encoding = self.feature(features::MESSAGE_ENCODING, 3);
                field.features.extend(encoding);
            }
            STRING => {
                let validation = self.feature(features::UTF8_VALIDATION, 3);
                field.features.extend(validation);
                field.is_unverified = !place.in_force.with(&field.features).is_verified;
            }
            _ if is_repeated && is_packable && is_edition => {
                let encoding = self.feature(features::REPEATED_FIELD_ENCODING, 3);
                field.features.extend(encoding);
            }
            _ if is_repeated && is_packable && self.supply.once_in(3) => {
                field.packed = Some(self.supply.once_in(2));
            }
            _ => {}
        }
        let takes_default = matches!(field.kind, INT32 | STRING) && !is_repeated && !is_implicit;
        if takes_default && self.dialect != Dialect::Proto3 && self.supply.once_in(5) {
            field.default = Some("7".to_owned());
        }
    }

    fn refer(&mut self, field: &mut Field) {
        let name = match self.supply.once_in(4) {
            true => ANY.to_owned(),
            false => self.supply.one_of(&self.known.messages),
        };
        field.type_name = Some(name);
    }

    /// To an enum of which `fits` holds; where there is none, the field is a number.
    fn refer_to_codes(&mut self, field: &mut Field, fits: impl Fn(&Codes) -> bool) {
        let is_proto3 = self.dialect == Dialect::Proto3;
        let fits = |codes: &&Codes| fits(codes) && (codes.is_open || !is_proto3);
        let fitting: Vec<_> = self.known.enums.iter().filter(fits).cloned().collect();
        match fitting.is_empty() {
            true => field.kind = INT32,
            false => field.type_name = Some(self.supply.one_of(&fitting).name),
        }
    }

    fn group(&mut self, field: &mut Field, nested: &mut Vec<Message>, place: &Place) {
        let name = camel(&field.name);
        field.name = name.to_lowercase();
        field.type_name = Some(format!("{}.{name}", place.scope));
        nested.push(self.message(name, &[], place));
    }

    pub(super) fn map(&mut self, message: &mut Message, place: &Place) {
        let text = self.feature(features::UTF8_VALIDATION, 3);
        let half = |name: &str, number, kind| Field {
            name: name.to_owned(),
            number,
            kind,
            ..Field::default()
        };
        let mut key = half("key", 1, self.supply.one_of(&KEYS));
        let kinds = [self.supply.one_of(&SCALARS), ENUM, MESSAGE, MESSAGE];
        let mut value = half("value", 2, self.supply.one_of(&kinds));
        let is_implicit = place.in_force.is_implicit;
        match value.kind {
            MESSAGE => self.refer(&mut value),
            ENUM => self.refer_to_codes(&mut value, |codes| {
                codes.starts_at_zero && (codes.is_open || !is_implicit)
            }),
            _ => {}
        }
        let mut field = half(&self.name(), 0, MESSAGE);
        field.label = Label::Repeated;
        // As compilers do: what is set of a map is set of its halves too.
        let is_text = [key.kind, value.kind].contains(&STRING);
        for each in [&mut key, &mut value] {
            if each.kind == STRING {
                each.features = text.clone();
            }
        }
        field.features = if is_text { text } else { Vec::new() };
        // A key stays a string for the twin: it cannot be `bytes`.
        let is_verified = place.in_force.with(&value.features).is_verified;
        value.is_unverified = value.kind == STRING && !is_verified;
        let name = format!("{}Entry", camel(&field.name));
        field.type_name = Some(format!("{}.{name}", place.scope));
        message.fields.push(field);
        message.nested.push(Message {
            name,
            fields: vec![key, value],
            is_map_entry: true,
            ..Message::default()
        });
    }

    pub(super) fn extensions(&mut self, place: &Place) -> Vec<Field> {
        let mut extensions = Vec::new();
        if self.dialect == Dialect::Proto3 {
            return extensions;
        }
        for at in 0..self.known.extendable.len() {
            for _ in 0..self.supply.below(3) {
                let mut field = self.field(Stance::Extension, &mut Vec::new(), place);
                let (name, start, taken) = &mut self.known.extendable[at];
                field.number = *start + *taken;
                field.extendee = Some(name.clone());
                *taken += 1;
                extensions.push(field);
            }
        }
        extensions
    }
}
