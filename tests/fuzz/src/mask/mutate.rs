//! Changes inputs: mostly field by field, at any depth and with the lengths around put right, so
//! that what comes out is still a message; and sometimes byte by byte, so that it is not.

use super::generate::{Generator, delimited, group, varint};
use super::parts::{Part, join, split};
use super::types::{Kind, TypeId};
use super::wire::Wire;
use super::{HEAD_BYTES, Harness};
use crate::rng::Rng;

/// How deep a change may be.
const DEPTH_MAX: usize = 120;
/// How often a field may be repeated at once.
const REPEATS_MAX: usize = 300;
/// How many messages are put around each other at once: sometimes one more than there may be.
const LEVELS: usize = 103;
const BYTES: [u8; 7] = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x0c];

/// Makes new inputs of old ones.
#[derive(Debug)]
pub struct Mutator<'h> {
    harness: &'h Harness,
    rng: Rng,
    bytes_max: usize,
}

impl<'h> Mutator<'h> {
    /// Makes inputs of at most `bytes_max` bytes, the same ones for the same seed.
    #[must_use]
    pub fn new(harness: &'h Harness, seed: u64, bytes_max: usize) -> Mutator<'h> {
        Mutator {
            harness,
            rng: Rng::new(seed),
            bytes_max,
        }
    }

    /// The numbers that this mutator goes by.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// An input that is made from a contract alone.
    pub fn generate(&mut self) -> Vec<u8> {
        let head = self.rng.number().to_le_bytes();
        let mut input: Vec<u8> = head.into_iter().take(HEAD_BYTES).collect();
        if let Some((case, _)) = self.harness.case(&input) {
            let message = self.generator().message(case.root, 0);
            input.extend(message);
        }
        input.truncate(self.bytes_max);
        input
    }

    /// Changes `input` in one to four ways; some of them take something from `other`.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let Some((head, message)) = input.split_first_chunk::<HEAD_BYTES>() else {
            return self.generate();
        };
        let mut head = *head;
        if self.rng.one_in(8) {
            let [message, paths] = &mut head;
            let number = self.rng.number() as u8;
            match self.rng.one_in(4) {
                true => *message = number,
                false => *paths = number,
            }
        }
        let root = self.harness.case(&head).map(|(case, _)| case.root);
        let other = other.get(HEAD_BYTES..).unwrap_or_default();
        let mut message = message.to_vec();
        for _ in 0..=self.rng.below(4) {
            message = match self.rng.one_in(10) {
                true => self.spoil(message),
                false => self.change(root, &message, other, 0),
            };
        }
        let mut input = head.to_vec();
        input.extend(message);
        input.truncate(self.bytes_max);
        input
    }

    /// The same message over and over, which is again a message: as long as may be.
    #[must_use]
    pub fn stretched(&self, input: &[u8]) -> Vec<u8> {
        let (head, message) = input.split_at(HEAD_BYTES.min(input.len()));
        let times = self
            .bytes_max
            .checked_div(message.len())
            .unwrap_or_default();
        [head, &message.repeat(times)].concat()
    }

    fn generator(&mut self) -> Generator<'_> {
        Generator {
            types: &self.harness.contracts.types,
            rng: &mut self.rng,
        }
    }

    /// Changes a message, or one of the messages in it; `of` is its type, if it is known.
    fn change(
        &mut self,
        of: Option<TypeId>,
        message: &[u8],
        other: &[u8],
        depth: usize,
    ) -> Vec<u8> {
        let (mut parts, rest) = split(message);
        let at = self.rng.below(parts.len());
        let types = &self.harness.contracts.types;
        if let Some(part) = parts.get_mut(at)
            && let Some(field) = of.and_then(|of| types.find(of, part.number))
            && let Some(inner) = field.kind.message()
            && depth < DEPTH_MAX
            && !self.rng.one_in(3)
        {
            let body = self.change(Some(inner), part.body, other, depth + 1);
            *part = part.with_body(&body);
        } else {
            self.rearrange(of, &mut parts, at, other);
        }
        let mut out = join(&parts);
        out.extend_from_slice(rest);
        out
    }

    /// Changes the list of fields of a message at or around the one `at`.
    fn rearrange<'m>(
        &mut self,
        of: Option<TypeId>,
        parts: &mut Vec<Part<'m>>,
        at: usize,
        other: &'m [u8],
    ) {
        let to = self.rng.below(parts.len() + 1);
        let last = parts.len().saturating_sub(1);
        let chosen = parts.get(at).cloned();
        match (self.rng.below(14), chosen) {
            (0, Some(_)) => drop(parts.remove(at)),
            (1, Some(part)) => parts.insert(to, part),
            (2, Some(_)) => parts.swap(at, to.min(last)),
            (3, Some(part)) => {
                let count = match self.rng.one_in(16) {
                    true => self.rng.below(REPEATS_MAX),
                    false => self.rng.below(4),
                };
                let many = std::iter::repeat_n(part, count);
                parts.splice(at..at, many);
            }
            (4, Some(part)) => {
                let misframed = Part::raw(self.misframed(&part));
                parts.splice(at..=at, [misframed]);
            }
            (5, Some(part)) => {
                // The same message in two parts.
                let (inner, rest) = split(part.body);
                let (one, two) = inner.split_at(self.rng.below(inner.len() + 1));
                let (one, two) = (join(one), [&join(two), rest].concat());
                parts.splice(at..=at, [one, two].map(|body| part.with_body(&body)));
            }
            // The field's own fields in its place.
            (6, Some(part)) => drop(parts.splice(at..=at, split(part.body).0)),
            (7, _) => {
                let wrapped = self.wrapped(of, &join(parts));
                *parts = vec![Part::raw(wrapped)];
            }
            (8, _) => {
                let others = split(other).0;
                parts.splice(to..to, self.rng.one_of(&others).cloned());
            }
            (9, _) => {
                let unknown = self.generator().unknown(of.unwrap_or_default());
                parts.insert(to, Part::raw(unknown));
            }
            (10, _) => {
                let nested = self.nested(of.unwrap_or_default());
                parts.insert(to, Part::raw(nested));
            }
            (_, _) => {
                let field = of.map(|of| self.generator().field(of, 2));
                parts.insert(to, Part::raw(field.unwrap_or_default()));
            }
        }
    }

    /// The field with another number, wire type or length than it has, or with one that is written
    /// longer than needed.
    fn misframed(&mut self, part: &Part<'_>) -> Vec<u8> {
        let wire = part.wire as u64;
        let number = u64::from(part.number);
        let mut length = part.body.len() as u64;
        let (mut key, mut padding) = (number << 3 | wire, (0, 0));
        match self.rng.below(6) {
            0 => key = number << 3 | self.rng.below(8) as u64,
            1 => key = (number + 1) << 3 | wire,
            2 => padding = (1 + self.rng.below(9), 0),
            3 => padding = (0, 1 + self.rng.below(9)),
            4 => {
                length = length
                    .wrapping_add(self.rng.below(5) as u64)
                    .wrapping_sub(2)
            }
            _ => length = self.rng.number() >> self.rng.below(64),
        }
        let length = match part.wire {
            Wire::Delimited => varint(length, padding.1),
            _ => Vec::new(),
        };
        [varint(key, padding.0), length, part.body.to_vec()].concat()
    }

    /// A field of a message of type `of`, with messages in messages as deep as may be, or nearly.
    fn nested(&mut self, of: TypeId) -> Vec<u8> {
        let types = &self.harness.contracts.types;
        let levels = match self.rng.one_in(4) {
            true => self.rng.below(LEVELS),
            false => LEVELS - self.rng.below(8),
        };
        let mut around = Vec::new();
        let mut within = of;
        while around.len() < levels {
            let fields = types.fields(within).iter();
            let messages: Vec<_> = fields.filter(|it| it.kind.message().is_some()).collect();
            let Some(field) = self.rng.one_of(&messages) else {
                break;
            };
            around.push((field.number, field.kind));
            within = field.kind.message().unwrap_or_default();
        }
        let inner = self.generator().field(within, 2);
        // Where messages end, groups that nobody knows go on.
        let rest = (around.len()..levels).fold(inner, |inner, _| group(99, &inner));
        let framed = |inner: Vec<u8>, (number, kind)| match kind {
            Kind::Group(_) => group(number, &inner),
            _ => delimited(number, &inner),
        };
        around.into_iter().rev().fold(rest, framed)
    }

    /// `body` as a field of a message of type `of` that is itself a message.
    fn wrapped(&mut self, of: Option<TypeId>, body: &[u8]) -> Vec<u8> {
        let fields = of.map(|of| self.harness.contracts.types.fields(of));
        let fields = fields.unwrap_or_default().iter();
        let messages: Vec<_> = fields.filter(|it| it.kind.message().is_some()).collect();
        match self.rng.one_of(&messages) {
            Some(field) => match field.kind {
                Kind::Group(_) => group(field.number, body),
                _ => delimited(field.number, body),
            },
            None => group(99, body),
        }
    }

    /// Changes bytes, whatever they mean.
    fn spoil(&mut self, mut message: Vec<u8>) -> Vec<u8> {
        let at = self.rng.below(message.len() + 1);
        let upto = message.len().min(at + 1 + self.rng.below(8));
        let byte = self.rng.one_of(&BYTES).copied().unwrap_or_default();
        match (self.rng.below(6), message.get_mut(at)) {
            (0, Some(place)) => *place ^= 1 << self.rng.below(8),
            (1, Some(place)) => *place = self.rng.number() as u8,
            (2, Some(place)) => *place = byte,
            (3, _) => drop(message.drain(at..upto)),
            (4, _) => message.truncate(at),
            _ => message.insert(at, byte),
        }
        message
    }
}
