//! What of a message does not leave as it stands: noted in one scan, applied in one copy.

use bytes::Bytes;

use crate::cover::Covered;
use crate::error::MaskError;

/// What does not leave of a message, up to where the scan stands.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// In order, and none within another.
    list: Vec<Edit>,
    /// How many bytes fewer leave than were read.
    removed: usize,
}

/// A stretch of the message that does not leave. A message has at most 2^31 - 1 bytes.
#[derive(Debug, Clone, Copy)]
struct Edit {
    from: u32,
    to: u32,
    instead: Instead,
}

/// What leaves in place of a stretch.
#[derive(Debug, Clone, Copy)]
enum Instead {
    Nothing,
    /// A varint: the length of a sub-message, or of a string, that has changed.
    Length(u32),
    /// So many characters that cover as many others.
    Stars(u32),
}

/// What stands for each character that is covered: one byte, so that no text grows.
const STAR: u8 = b'*';

/// A sub-message that is being scanned.
#[must_use]
pub(super) struct Opened {
    /// Which edit is that of its length.
    edit: usize,
    /// What was removed before it.
    removed: usize,
    length_at: usize,
    body_at: usize,
}

impl Edits {
    /// Forgets everything but the room, unless that is for more than `kept_max` edits.
    pub(super) fn clear(&mut self, kept_max: usize) {
        self.list.clear();
        self.list.shrink_to(kept_max);
        self.removed = 0;
    }

    /// The bytes between the positions, up to which all has been scanned, do not leave.
    #[inline]
    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.removed += to - from;
        match self.list.last_mut() {
            // What is put in place of a length stands before what follows it.
            Some(last) if last.to == from as u32 => last.to = to as u32,
            _ => self.push(from, to),
        }
    }

    /// A part of the string that begins at `body_at` leaves covered.
    pub(super) fn cover(&mut self, body_at: usize, covered: &Covered) {
        if covered.characters == 0 {
            return;
        }
        self.removed += (covered.to - covered.from) - covered.characters;
        self.push(body_at + covered.from, body_at + covered.to);
        if let Some(edit) = self.list.last_mut() {
            edit.instead = Instead::Stars(covered.characters as u32);
        }
    }

    /// A sub-message begins, or a string, whose length stands before `body_at`.
    #[inline]
    pub(super) fn open(&mut self, length_at: usize, body_at: usize) -> Opened {
        let (edit, removed) = (self.list.len(), self.removed);
        self.push(length_at, body_at);
        Opened {
            edit,
            removed,
            length_at,
            body_at,
        }
    }

    /// The sub-message ends: if anything in it was cut or covered, its length is written anew.
    #[inline]
    pub(super) fn close(&mut self, opened: &Opened, body_end: usize) {
        // What covers may take just as many bytes.
        if self.removed == opened.removed && self.list.len() == opened.edit + 1 {
            self.list.truncate(opened.edit);
            return;
        }
        let length = body_end - opened.body_at - (self.removed - opened.removed);
        if let Some(edit) = self.list.get_mut(opened.edit) {
            edit.instead = Instead::Length(length as u32);
        }
        self.removed += (opened.body_at - opened.length_at) - varint_len(length);
    }

    #[inline]
    fn push(&mut self, from: usize, to: usize) {
        self.list.push(Edit {
            from: from as u32,
            to: to as u32,
            instead: Instead::Nothing,
        });
    }

    /// The bytes that leave: `message` itself if that is all of them.
    pub(super) fn apply(&self, message: &Bytes) -> Result<Bytes, MaskError> {
        if self.list.is_empty() {
            return Ok(message.clone());
        }
        let planned = message.len() - self.removed;
        let mut out = Vec::with_capacity(planned);
        let mut at = 0;
        for edit in &self.list {
            out.extend_from_slice(between(message, at, edit.from as usize));
            match edit.instead {
                Instead::Nothing => {}
                Instead::Length(length) => put_varint(length, &mut out),
                Instead::Stars(count) => out.resize(out.len() + count as usize, STAR),
            }
            at = edit.to as usize;
        }
        out.extend_from_slice(between(message, at, message.len()));
        if out.len() != planned {
            return Err(MaskError::Miscounted {
                written: out.len(),
                planned,
            });
        }
        Ok(Bytes::from(out))
    }
}

fn between(message: &[u8], from: usize, to: usize) -> &[u8] {
    // Were the edits out of order, the length would not be what was planned.
    message.get(from..to).unwrap_or_default()
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[inline]
fn put_varint(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        // The low byte, marked as not the last one.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::{put_varint, varint_len};

    #[test]
    fn a_varint_is_as_long_as_was_planned() {
        let edges = [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            i32::MAX as u32,
        ];
        for value in edges {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            assert_eq!(out.len(), varint_len(value as usize), "{value}");
            assert_eq!(
                prost::encoding::decode_varint(&mut &*out),
                Ok(u64::from(value))
            );
        }
    }
}
