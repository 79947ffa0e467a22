//! Writes random proto files that a strict compiler accepts.

use super::features::{self, InForce};
use super::fields::Stance;
use super::proto::{Dialect, Enum, File, Message};
use crate::supply::Supply;

const DIALECTS: [Dialect; 6] = [
    Dialect::Proto2,
    Dialect::Proto2,
    Dialect::Proto3,
    Dialect::Proto3,
    Dialect::Edition(1000),
    Dialect::Edition(1001),
];
const ANY_FILE: &str = "google/protobuf/any.proto";
const WORDS: [&str; 6] = ["name", "street", "red_fox", "x", "key", "value"];
const NUMBERS_FAR: [u32; 30] = [
    1,
    2,
    15,
    16,
    17,
    127,
    128,
    129,
    254,
    255,
    256,
    257,
    300,
    511,
    512,
    1023,
    2047,
    2048,
    4095,
    16_383,
    18_999,
    20_000,
    65_535,
    65_536,
    1 << 20,
    1 << 24,
    99_999_999,
    (1 << 28) - 1,
    1 << 28,
    (1 << 29) - 1,
];
const EXTENSION_RANGES: [(u32, u32); 3] = [(100, 200), (1000, 2000), (100_000_000, 1 << 29)];

/// A file, at times with one that it imports before it, and the name of a message in the last one.
pub(crate) fn write(supply: &mut Supply<'_>) -> (Vec<File>, String) {
    let mut author = Author {
        dialect: supply.one_of(&DIALECTS),
        supply,
        known: Known::default(),
        named: 0,
    };
    let mut files = Vec::new();
    if author.supply.once_in(3) {
        files.push(author.file("far.proto", Vec::new()));
        // What is nested is not exported by edition 2024.
        let is_outermost = |name: &String| name.matches('.').count() == 2;
        author.known.messages.retain(is_outermost);
        author.dialect = author.supply.one_of(&DIALECTS);
    }
    let imports = files.iter().map(|file: &File| file.name.clone()).collect();
    let near = author.file("near.proto", imports);
    let message = format!("{}.{}", near.package, near.messages[0].name);
    files.push(near);
    (files, message)
}

pub(super) struct Author<'a, 's> {
    pub(super) supply: &'a mut Supply<'s>,
    pub(super) dialect: Dialect,
    pub(super) known: Known,
    /// How many names were given: each has a number of its own.
    pub(super) named: usize,
}

/// What a field may refer to, by full name.
#[derive(Default)]
pub(super) struct Known {
    pub(super) messages: Vec<String>,
    pub(super) enums: Vec<Codes>,
    /// With the first number of the range and how many of it are taken.
    pub(super) extendable: Vec<(String, u32, u32)>,
}

#[derive(Clone)]
pub(super) struct Codes {
    pub(super) name: String,
    pub(super) is_open: bool,
    pub(super) starts_at_zero: bool,
}

/// Where a message or a field stands.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) scope: String,
    pub(super) in_force: InForce,
    pub(super) depth: usize,
}

impl Author<'_, '_> {
    fn file(&mut self, name: &str, mut imports: Vec<String>) -> File {
        imports.push(ANY_FILE.to_owned());
        let package = "gen".to_owned();
        let features = self.features_beneath();
        let place = Place {
            scope: format!(".{package}"),
            in_force: InForce::of(self.dialect).with(&features),
            depth: 0,
        };
        let enums = (0..=self.supply.below(2)).map(|_| self.codes(&place));
        let enums = enums.collect();
        // All names first, so that any message can refer to any other.
        let mut planned = Vec::new();
        for _ in 0..=self.supply.below(3) {
            let outer = self.type_name();
            let full = format!("{}.{outer}", place.scope);
            let nested = (0..self.supply.below(3)).map(|_| self.type_name());
            let nested: Vec<_> = nested.collect();
            let inner = nested.iter().map(|name| format!("{full}.{name}"));
            self.known.messages.extend(inner);
            self.known.messages.push(full);
            planned.push((outer, nested));
        }
        let messages = planned.into_iter();
        let messages = messages.map(|(outer, nested)| self.message(outer, &nested, &place));
        let messages = messages.collect();
        File {
            name: name.to_owned(),
            package,
            dialect: self.dialect,
            features,
            imports,
            messages,
            enums,
            extensions: self.extensions(&place),
        }
    }

    pub(super) fn message(&mut self, name: String, nested: &[String], around: &Place) -> Message {
        let features = self.features_beneath();
        let place = Place {
            scope: format!("{}.{name}", around.scope),
            in_force: around.in_force.with(&features),
            depth: around.depth + 1,
        };
        let mut message = Message {
            name,
            features,
            ..Message::default()
        };
        if self.dialect != Dialect::Proto3 && self.supply.once_in(3) {
            let range = self.supply.one_of(&EXTENSION_RANGES);
            message.extension_range = Some(range);
            let extendable = (place.scope.clone(), range.0, 0);
            self.known.extendable.push(extendable);
        }
        if self.supply.once_in(4) {
            message.enums.push(self.codes(&place));
        }
        for name in nested {
            let nested = self.message(name.clone(), &[], &place);
            message.nested.push(nested);
        }
        for _ in 0..self.supply.below(9) {
            match self.supply.below(8) {
                0 => self.map(&mut message, &place),
                1 => self.oneof(&mut message, &place),
                _ => {
                    let field = self.field(Stance::Free, &mut message.nested, &place);
                    message.fields.push(field);
                }
            }
        }
        self.number(&mut message);
        name_lone_oneofs(&mut message);
        message
    }

    /// Gives each field a number: of few bits or of many, in any order.
    fn number(&mut self, message: &mut Message) {
        let mut free: Vec<u32> = match self.supply.below(2) {
            0 => (1..=40).collect(),
            _ => NUMBERS_FAR.to_vec(),
        };
        let (start, end) = message.extension_range.unwrap_or_default();
        free.retain(|number| !(start..end).contains(number));
        let is_in_order = self.supply.below(2) == 0;
        for field in &mut message.fields {
            let at = match is_in_order {
                true => 0,
                false => self.supply.below(free.len()),
            };
            field.number = free.remove(at);
        }
    }

    fn oneof(&mut self, message: &mut Message, place: &Place) {
        let stance = Stance::Member(message.oneofs.len());
        let features = match self.supply.once_in(3) {
            true => self.features_beneath(),
            false => Vec::new(),
        };
        let place = Place {
            in_force: place.in_force.with(&features),
            ..place.clone()
        };
        message.oneofs.push((self.name(), features));
        for _ in 0..=self.supply.below(4) {
            let field = self.field(stance, &mut message.nested, &place);
            message.fields.push(field);
        }
    }

    fn codes(&mut self, place: &Place) -> Enum {
        let name = self.type_name();
        let features = self.feature(features::ENUM_TYPE, 4);
        let is_open = place.in_force.with(&features).is_open;
        let numbers = match is_open {
            true => self.supply.one_of(&[[0, 1, 2], [0, -1, i32::MAX]]),
            false => self.supply.one_of(&[[0, 1, 2], [1, 2, 300], [-1, 0, 7]]),
        };
        let named = numbers.iter().enumerate();
        let named = named.map(|(at, number)| (format!("{}_{at}", name.to_uppercase()), *number));
        self.known.enums.push(Codes {
            name: format!("{}.{name}", place.scope),
            is_open,
            starts_at_zero: numbers[0] == 0,
        });
        Enum {
            values: named.collect(),
            name,
            features,
        }
    }

    fn features_beneath(&mut self) -> Vec<(u32, u64)> {
        match self.dialect {
            Dialect::Edition(_) => features::beneath(self.supply),
            Dialect::Proto2 | Dialect::Proto3 => Vec::new(),
        }
    }

    pub(super) fn feature(&mut self, feature: u32, times: usize) -> Vec<(u32, u64)> {
        match self.dialect {
            Dialect::Edition(_) => features::perhaps(feature, times, self.supply),
            Dialect::Proto2 | Dialect::Proto3 => Vec::new(),
        }
    }

    pub(super) fn name(&mut self) -> String {
        self.named += 1;
        format!("{}{}", self.supply.one_of(&WORDS), self.named)
    }

    fn type_name(&mut self) -> String {
        camel(&self.name())
    }
}

/// As compilers do: an `optional` field of proto3 is the only member of a oneof, after all others.
fn name_lone_oneofs(message: &mut Message) {
    for field in message
        .fields
        .iter_mut()
        .filter(|field| field.is_proto3_optional)
    {
        field.oneof = Some(message.oneofs.len());
        let oneof = (format!("_{}", field.name), Vec::new());
        message.oneofs.push(oneof);
    }
}

pub(super) fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('_') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}
