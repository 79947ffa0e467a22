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

// How a field's value is laid out: the last three bits of its tag.
pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const DELIMITED: u32 = 2;
pub(super) const GROUP_START: u32 = 3;
pub(super) const GROUP_END: u32 = 4;
pub(super) const FIXED32: u32 = 5;

/// The tag before a field's value: perhaps one that no message may have, until [`Tag::check`] is
/// asked.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    /// Where it starts, from the start of the outermost message.
    pub(super) at: usize,
    value: u64,
}

impl Tag {
    /// The field's number: 0 or past 29 bits where it is out of range.
    #[inline]
    pub(super) fn number(self) -> u64 {
        self.value >> 3
    }

    /// The number of a field that is known.
    pub(super) fn known_number(self) -> u32 {
        u32::try_from(self.number()).unwrap_or_default()
    }

    /// The wire type, below 8.
    #[inline]
    pub(super) fn wire(self) -> u32 {
        self.value as u32 & 7
    }

    fn not_utf8(self) -> MaskError {
        MaskError::Utf8 {
            at: self.at,
            number: self.known_number(),
        }
    }

    /// Whether it ends the group of this number.
    pub(super) fn ends(self, group: u64) -> bool {
        self.wire() == GROUP_END && self.number() == group
    }

    /// That it is one that a message may have.
    pub(super) fn check(self) -> Result<(), MaskError> {
        let at = self.at;
        if self.number() == 0 || self.value > u64::from(u32::MAX) {
            return Err(MaskError::FieldNumber { at });
        }
        match self.wire() {
            VARINT | FIXED64 | DELIMITED | GROUP_START | GROUP_END | FIXED32 => Ok(()),
            _ => Err(MaskError::ReservedWireType { at }),
        }
    }
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

    /// Goes on from `at`.
    #[inline]
    pub(super) fn resume(&mut self, at: usize) {
        self.at = at;
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.message.len()
    }

    /// The next tag.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, MaskError> {
        let at = self.at;
        let value = self.varint()?;
        Ok(Tag { at, value })
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

    /// Passes over a scalar that leaves, and checks it to its last byte. Its wire type fits.
    #[inline]
    pub(super) fn scalar(&mut self, tag: Tag, shape: Shape) -> Result<(), MaskError> {
        let packed = tag.wire() == DELIMITED;
        match shape {
            Shape::Utf8 => self.utf8(tag),
            Shape::Varint if !packed => self.varint().map(drop),
            Shape::Fixed32 if !packed => self.fixed(4),
            Shape::Fixed64 if !packed => self.fixed(8),
            Shape::Varint | Shape::Fixed32 | Shape::Fixed64 => self.body()?.packed(shape),
            Shape::Bytes | Shape::Message | Shape::Group => self.delimited(),
        }
    }

    #[inline]
    fn utf8(&mut self, tag: Tag) -> Result<(), MaskError> {
        match is_utf8(self.body()?.rest()) {
            true => Ok(()),
            false => Err(tag.not_utf8()),
        }
    }

    /// All that is left, which is the value of the field with this tag.
    pub(super) fn text(&self, tag: Tag) -> Result<&'a str, MaskError> {
        std::str::from_utf8(self.rest()).map_err(|_invalid| tag.not_utf8())
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.message.get(self.at..).unwrap_or_default()
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

    /// Passes over a value that does not leave, whose tag is one that a message may have. `depth`
    /// is that of the message around it.
    // Forced: a call for each field that is dropped makes a scan a seventh slower.
    #[inline(always)]
    pub(super) fn skip(&mut self, tag: Tag, depth: usize) -> Result<(), MaskError> {
        match tag.wire() {
            DELIMITED => self.delimited(),
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed(8),
            FIXED32 => self.fixed(4),
            GROUP_START => {
                self.at = after_group(*self, tag, depth + 1)?;
                Ok(())
            }
            _ => Err(MaskError::EndGroup { at: tag.at }),
        }
    }

    #[inline]
    fn delimited(&mut self) -> Result<(), MaskError> {
        let length_at = self.at;
        let length = self.varint()?;
        self.pass(length, length_at)
    }

    #[inline]
    fn fixed(&mut self, length: u64) -> Result<(), MaskError> {
        self.pass(length, self.at)
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
// What is rare is kept out of line, here and in the scan: a fifth to a third of its time.
#[inline(never)]
fn long_varint(message: &[u8], at: usize) -> Result<(u64, usize), MaskError> {
    let mut value = 0;
    let mut bytes = message.get(at..).unwrap_or_default().iter();
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
#[inline(never)]
fn after_group(mut reader: Reader<'_>, start: Tag, depth: usize) -> Result<usize, MaskError> {
    if depth > DEPTH_MAX {
        return Err(MaskError::Depth { at: start.at });
    }
    while !reader.is_empty() {
        let tag = reader.tag()?;
        tag.check()?;
        if tag.ends(start.number()) {
            return Ok(reader.at);
        }
        reader.skip(tag, depth)?;
    }
    Err(MaskError::Truncated { at: start.at })
}
