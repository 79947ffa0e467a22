//! Messages made from a contract: well-formed, with all that makes masking hard in them.

use super::types::{Field, Kind, TypeId, Types};
use crate::rng::Rng;

/// How deep generated messages go, unless a mutation wraps them further.
const DEPTH_MAX: usize = 7;
const FIELDS_MAX: usize = 7;
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    127,
    128,
    300,
    16_383,
    16_384,
    1 << 31,
    1 << 35,
    u64::MAX >> 1,
    u64::MAX,
];
/// The first and the last letter of each length, and on both sides of the gap.
const LETTERS: [char; 10] = [
    '\0',
    '\u{7f}',
    '\u{80}',
    '\u{7ff}',
    '\u{800}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
];
/// Bytes next to which a letter of UTF-8 changes into none.
const EDGES: [u8; 16] = [
    0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff,
];
/// Some texts are as long as this, so that their length takes two bytes.
const LONG_TEXT: usize = 130;
const UNKNOWN: [u32; 6] = [99, 17, 1000, 19_000, 262_144, 536_870_910];

/// A varint, and `padding` bytes more than it needs.
pub(crate) fn varint(mut value: u64, padding: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            break;
        }
        out.push(low | 0x80);
    }
    if padding > 0 {
        if let Some(last) = out.last_mut() {
            *last |= 0x80;
        }
        out.resize(out.len() + padding - 1, 0x80);
        out.push(0);
    }
    out
}

pub(crate) fn tag(number: u32, wire: u8) -> Vec<u8> {
    varint(u64::from(number) << 3 | u64::from(wire), 0)
}

pub(crate) fn delimited(number: u32, body: &[u8]) -> Vec<u8> {
    [&tag(number, 2), &varint(body.len() as u64, 0), body].concat()
}

pub(crate) fn group(number: u32, body: &[u8]) -> Vec<u8> {
    [&tag(number, 3), body, &tag(number, 4)].concat()
}

/// Makes messages of the contracts' types.
pub(crate) struct Generator<'a> {
    pub(crate) types: &'a Types,
    pub(crate) rng: &'a mut Rng,
}

impl Generator<'_> {
    pub(crate) fn message(&mut self, of: TypeId, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        if depth > DEPTH_MAX {
            return out;
        }
        for _ in 0..self.rng.below(FIELDS_MAX.saturating_sub(depth) + 2) {
            out.extend(self.field(of, depth));
        }
        out
    }

    /// A field of this type: seldom one that it does not know.
    pub(crate) fn field(&mut self, of: TypeId, depth: usize) -> Vec<u8> {
        let types = self.types;
        match self.rng.one_of(types.fields(of)) {
            Some(_) if self.rng.one_in(12) => self.unknown(of),
            Some(field) if types.is_entry(of) && self.rng.one_in(2) => {
                let other = types.fields(of).iter().find(|it| it.number != field.number);
                let pair = [Some(field), other].into_iter().flatten();
                pair.flat_map(|field| self.known(field, depth)).collect()
            }
            Some(field) => self.known(field, depth),
            None => self.unknown(of),
        }
    }

    pub(crate) fn known(&mut self, field: &Field, depth: usize) -> Vec<u8> {
        let number = field.number;
        match field.kind {
            Kind::Message(of) => delimited(number, &self.message(of, depth + 1)),
            Kind::Group(of) => group(number, &self.message(of, depth + 1)),
            kind if field.repeated && kind.is_packable() && self.rng.one_in(2) => {
                let count = self.rng.below(5);
                let values: Vec<u8> = (0..count).flat_map(|_| self.value(kind)).collect();
                delimited(number, &values)
            }
            kind => {
                let value = self.value(kind);
                match kind {
                    Kind::Bytes | Kind::Text => delimited(number, &value),
                    Kind::Fixed32 => [tag(number, 5), value].concat(),
                    Kind::Fixed64 => [tag(number, 1), value].concat(),
                    _ => [tag(number, 0), value].concat(),
                }
            }
        }
    }

    fn value(&mut self, kind: Kind) -> Vec<u8> {
        let number = self.rng.one_of(&NUMBERS).copied().unwrap_or_default();
        match kind {
            Kind::Fixed32 => number.to_le_bytes().iter().take(4).copied().collect(),
            Kind::Fixed64 => number.to_le_bytes().to_vec(),
            Kind::Bytes => self.text(2),
            Kind::Text => self.text(48),
            // Ten bytes, of which the last may hold one bit.
            _ if self.rng.one_in(64) => {
                let last = self.rng.one_of(&[1, 2, 0x7f, 0x80]).copied();
                [vec![0xff; 9], vec![last.unwrap_or_default()]].concat()
            }
            _ if self.rng.one_in(8) && number < 1 << 35 => varint(number, 1 + self.rng.below(4)),
            _ => varint(number, 0),
        }
    }

    /// A text that is UTF-8, but for one in `spoilt`.
    fn text(&mut self, spoilt: usize) -> Vec<u8> {
        if self.rng.one_in(24) {
            return vec![b'x'; LONG_TEXT];
        }
        let count = self.rng.below(5);
        let letters = (0..count).filter_map(|_| self.rng.one_of(&LETTERS));
        let mut text = letters.collect::<String>().into_bytes();
        if self.rng.one_in(spoilt) {
            let at = self.rng.below(text.len());
            let edge = self.rng.one_of(&EDGES).copied();
            match text.get_mut(at) {
                Some(byte) => *byte = edge.unwrap_or_default(),
                None => text.extend(edge),
            }
        }
        text
    }

    /// A field that the type does not know, or one of its extensions.
    pub(crate) fn unknown(&mut self, of: TypeId) -> Vec<u8> {
        let extension = self.types.extension(of).filter(|_| self.rng.one_in(2));
        let number = self.rng.one_of(&UNKNOWN).copied().unwrap_or(99);
        let number = extension.unwrap_or(number);
        match self.rng.below(6) {
            0 => [tag(number, 0), self.value(Kind::Varint)].concat(),
            1 => [tag(number, 1), vec![7; 8]].concat(),
            2 => [tag(number, 5), vec![7; 4]].concat(),
            3 => group(number, &self.unknown(of)),
            _ => delimited(number, &self.text(2)),
        }
    }
}
