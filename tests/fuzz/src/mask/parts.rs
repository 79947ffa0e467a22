//! A message taken apart into its fields, whether it makes sense or not.

use std::borrow::Cow;

use super::generate::{delimited, group, tag};
use super::wire::{Cursor, Flaw, Wire};

/// One field, whatever it is.
#[derive(Clone)]
pub(crate) struct Part<'m> {
    pub(crate) number: u32,
    pub(crate) wire: Wire,
    /// All of it.
    pub(crate) bytes: Cow<'m, [u8]>,
    /// Its value; of a delimited one and of a group, what their frame holds.
    pub(crate) body: &'m [u8],
}

impl<'m> Part<'m> {
    /// One that is only to be moved about.
    pub(crate) fn raw(bytes: Vec<u8>) -> Part<'m> {
        Part {
            number: 0,
            wire: Wire::Varint,
            bytes: bytes.into(),
            body: &[],
        }
    }

    /// The same with another body, if it is one that can have any.
    pub(crate) fn with_body(&self, body: &[u8]) -> Part<'m> {
        match self.wire {
            Wire::Delimited => Part::raw(delimited(self.number, body)),
            Wire::GroupStart => Part::raw(group(self.number, body)),
            _ => self.clone(),
        }
    }

    fn read(cursor: &mut Cursor<'m>) -> Result<Part<'m>, Flaw> {
        let start = cursor.tag()?;
        let value_at = cursor.at;
        cursor.skip(start, 0)?;
        let value = cursor.since(value_at);
        let body = match start.wire {
            Wire::Delimited => {
                let mut length = Cursor::new(value);
                length.varint()?;
                value.get(length.at..)
            }
            Wire::GroupStart => value.get(..value.len().saturating_sub(tag(start.number, 4).len())),
            _ => Some(value),
        };
        Ok(Part {
            number: start.number,
            wire: start.wire,
            bytes: cursor.since(start.at).into(),
            body: body.unwrap_or_default(),
        })
    }
}

/// The fields of a message as far as it is one, and the bytes from where it is not.
pub(crate) fn split(message: &[u8]) -> (Vec<Part<'_>>, &[u8]) {
    let mut parts = Vec::new();
    let mut cursor = Cursor::new(message);
    let mut end = 0;
    while let Ok(part) = Part::read(&mut cursor) {
        parts.push(part);
        end = cursor.at;
    }
    (parts, message.get(end..).unwrap_or_default())
}

pub(crate) fn join(parts: &[Part<'_>]) -> Vec<u8> {
    let mut message = Vec::with_capacity(parts.iter().map(|part| part.bytes.len()).sum());
    for part in parts {
        message.extend_from_slice(&part.bytes);
    }
    message
}
