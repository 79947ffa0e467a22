//! Reads the wire format, strictly. Never past the end, never a value into an error.

use super::DEPTH_MAX;
use super::program::Shape;
use crate::error::MaskError;

/// A varint of 64 bits takes at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;

/// What is left to read of a message.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` ends, from the start of the outermost message.
    end: usize,
}

/// How a field's value is laid out, according to its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Delimited,
    GroupStart,
    GroupEnd,
    Fixed32,
}

/// The tag before a field's value.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    /// Where it starts, from the start of the outermost message.
    pub(super) at: usize,
    pub(super) number: u32,
    pub(super) wire: Wire,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: message,
            end: message.len(),
        }
    }

    /// Where the next byte stands, from the start of the outermost message.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, MaskError> {
        let at = self.at();
        let value = u32::try_from(self.varint()?).map_err(|_| MaskError::FieldNumber { at })?;
        let number = value >> 3;
        if number == 0 {
            return Err(MaskError::FieldNumber { at });
        }
        let wire = match value & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Delimited,
            3 => Wire::GroupStart,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(MaskError::ReservedWireType { at }),
        };
        Ok(Tag { at, number, wire })
    }

    /// The body of a sub-message, to be read in its place.
    #[inline]
    pub(super) fn body(&mut self) -> Result<Reader<'a>, MaskError> {
        let rest = self.delimited()?;
        Ok(Reader {
            rest,
            end: self.at(),
        })
    }

    /// Passes over a scalar that leaves, and checks it to its last byte.
    #[inline]
    pub(super) fn scalar(&mut self, tag: Tag, shape: Shape) -> Result<(), MaskError> {
        match (shape, tag.wire) {
            (Shape::Varint, Wire::Varint) => self.varint().map(drop),
            (Shape::Fixed32, Wire::Fixed32) => self.take(4).map(drop),
            (Shape::Fixed64, Wire::Fixed64) => self.take(8).map(drop),
            (Shape::Bytes, Wire::Delimited) => self.delimited().map(drop),
            (Shape::Utf8, Wire::Delimited) => match std::str::from_utf8(self.delimited()?) {
                Ok(_) => Ok(()),
                Err(_) => Err(MaskError::Utf8 {
                    at: tag.at,
                    number: tag.number,
                }),
            },
            (Shape::Varint | Shape::Fixed32 | Shape::Fixed64, Wire::Delimited) => {
                self.body()?.packed(shape)
            }
            _ => Err(MaskError::WireType {
                at: tag.at,
                number: tag.number,
            }),
        }
    }

    fn packed(mut self, shape: Shape) -> Result<(), MaskError> {
        while !self.is_empty() {
            match shape {
                Shape::Fixed32 => self.take(4).map(drop)?,
                Shape::Fixed64 => self.take(8).map(drop)?,
                _ => self.varint().map(drop)?,
            }
        }
        Ok(())
    }

    /// Passes over a value that does not leave. `depth` is that of the message around it.
    pub(super) fn skip(&mut self, tag: Tag, depth: usize) -> Result<(), MaskError> {
        match tag.wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.take(8).map(drop),
            Wire::Fixed32 => self.take(4).map(drop),
            Wire::Delimited => self.delimited().map(drop),
            Wire::GroupStart => self.skip_group(tag, depth + 1),
            Wire::GroupEnd => Err(MaskError::EndGroup { at: tag.at }),
        }
    }

    fn skip_group(&mut self, start: Tag, depth: usize) -> Result<(), MaskError> {
        if depth > DEPTH_MAX {
            return Err(MaskError::Depth { at: start.at });
        }
        while !self.is_empty() {
            let tag = self.tag()?;
            if tag.wire == Wire::GroupEnd && tag.number == start.number {
                return Ok(());
            }
            self.skip(tag, depth)?;
        }
        Err(MaskError::Truncated { at: start.at })
    }

    #[inline]
    fn delimited(&mut self) -> Result<&'a [u8], MaskError> {
        let at = self.at();
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| MaskError::Truncated { at })?;
        self.take(length).map_err(|_| MaskError::Truncated { at })
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], MaskError> {
        let split = self.rest.split_at_checked(length);
        let (taken, rest) = split.ok_or(MaskError::Truncated { at: self.at() })?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, MaskError> {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.varint_long(),
        }
    }

    fn varint_long(&mut self) -> Result<u64, MaskError> {
        let at = self.at();
        let mut value = 0;
        let mut bytes = self.rest.iter();
        for position in 0..VARINT_BYTES_MAX {
            let byte = *bytes.next().ok_or(MaskError::Truncated { at })?;
            // The tenth byte holds the last of 64 bits, and no more.
            if position == VARINT_BYTES_MAX - 1 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                self.rest = bytes.as_slice();
                return Ok(value);
            }
        }
        Err(MaskError::Varint { at })
    }
}
