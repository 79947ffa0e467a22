//! Reads the wire format, strictly. Never past the end, never a value into an error.

use super::DEPTH_MAX;
use super::program::Shape;
use super::utf8::is_utf8;
use crate::error::MaskError;

/// A varint of 64 bits takes at most this many bytes.
const VARINT_BYTES_MAX: usize = 10;

/// Reads a message. Small, and handed on by value, so that it lives in registers.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The outermost message, up to where the message that is read ends.
    message: &'a [u8],
    at: usize,
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
        Reader { message, at: 0 }
    }

    /// Where the next byte stands, from the start of the outermost message.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.message.len()
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
        let length_at = self.at;
        let length = self.varint()?;
        let at = self.at;
        self.pass(length, length_at)?;
        let message = self.message.get(..self.at).unwrap_or_default();
        Ok(Reader { message, at })
    }

    /// Goes on where `read`, which reads the body of a group, says that it ends.
    #[inline]
    pub(super) fn group(
        &mut self,
        read: impl FnOnce(Reader<'a>) -> Result<usize, MaskError>,
    ) -> Result<(), MaskError> {
        self.at = read(*self)?;
        Ok(())
    }

    /// Passes over a scalar that leaves, and checks it to its last byte.
    #[inline]
    pub(super) fn scalar(&mut self, tag: Tag, shape: Shape) -> Result<(), MaskError> {
        match (shape, tag.wire) {
            (Shape::Varint, Wire::Varint) => self.varint().map(drop),
            (Shape::Fixed32, Wire::Fixed32) => self.fixed(4),
            (Shape::Fixed64, Wire::Fixed64) => self.fixed(8),
            (Shape::Bytes, Wire::Delimited) => self.body().map(drop),
            (Shape::Utf8, Wire::Delimited) => match is_utf8(self.delimited()?) {
                true => Ok(()),
                false => Err(MaskError::Utf8 {
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
                Shape::Fixed32 => self.fixed(4)?,
                Shape::Fixed64 => self.fixed(8)?,
                _ => self.varint().map(drop)?,
            }
        }
        Ok(())
    }

    /// Passes over a value that does not leave. `depth` is that of the message around it.
    #[inline]
    pub(super) fn skip(&mut self, tag: Tag, depth: usize) -> Result<(), MaskError> {
        match tag.wire {
            Wire::Varint => self.varint().map(drop),
            Wire::Fixed64 => self.fixed(8),
            Wire::Fixed32 => self.fixed(4),
            Wire::Delimited => self.body().map(drop),
            Wire::GroupStart => {
                self.at = after_group(*self, tag, depth + 1)?;
                Ok(())
            }
            Wire::GroupEnd => Err(MaskError::EndGroup { at: tag.at }),
        }
    }

    #[inline]
    fn fixed(&mut self, length: u64) -> Result<(), MaskError> {
        self.pass(length, self.at)
    }

    #[inline]
    fn delimited(&mut self) -> Result<&'a [u8], MaskError> {
        let body = self.body()?;
        Ok(body.message.get(body.at..).unwrap_or_default())
    }

    /// Passes over `length` bytes of what starts at `start`.
    #[inline]
    fn pass(&mut self, length: u64, start: usize) -> Result<(), MaskError> {
        let left = self.message.len() - self.at;
        if length > left as u64 {
            return Err(MaskError::Truncated { at: start });
        }
        self.at += length as usize;
        Ok(())
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, MaskError> {
        match self.message.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => {
                let (value, at) = long_varint(self.message, self.at)?;
                self.at = at;
                Ok(value)
            }
        }
    }
}

/// The varint at `at`, and where it ends.
#[inline(never)]
fn long_varint(message: &[u8], at: usize) -> Result<(u64, usize), MaskError> {
    let mut value = 0;
    let mut bytes = message.iter().skip(at);
    for position in 0..VARINT_BYTES_MAX {
        let byte = *bytes.next().ok_or(MaskError::Truncated { at })?;
        // The tenth byte holds the last of 64 bits, and no more.
        if position == VARINT_BYTES_MAX - 1 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return Ok((value, at + position + 1));
        }
    }
    Err(MaskError::Varint { at })
}

/// Where the group ends whose start was read last.
fn after_group(mut reader: Reader<'_>, start: Tag, depth: usize) -> Result<usize, MaskError> {
    if depth > DEPTH_MAX {
        return Err(MaskError::Depth { at: start.at });
    }
    while !reader.is_empty() {
        let tag = reader.tag()?;
        if tag.wire == Wire::GroupEnd && tag.number == start.number {
            return Ok(reader.at);
        }
        reader.skip(tag, depth)?;
    }
    Err(MaskError::Truncated { at: start.at })
}
