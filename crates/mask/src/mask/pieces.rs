//! What leaves, as pieces of the message: gathered in one scan, then copied at once.

use bytes::Bytes;

use crate::error::MaskError;

/// What leaves of a message, up to where the scan stands.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    list: Vec<Piece>,
    /// From here on everything leaves, until the next cut.
    run: usize,
    /// How many bytes fewer leave than were read.
    removed: usize,
}

#[derive(Debug, Clone, Copy)]
enum Piece {
    /// The bytes from the first to before the second position.
    Copy(usize, usize),
    /// A varint in place of a length that no longer holds.
    Length(usize),
}

/// A sub-message that is being scanned: where its length stands and what was there before it.
#[must_use]
pub(super) struct Opened {
    list_len: usize,
    run: usize,
    removed: usize,
    length_at: usize,
    body_at: usize,
}

impl Pieces {
    /// Forgets everything but the room, unless that is for more than `kept_max` pieces.
    pub(super) fn clear(&mut self, kept_max: usize) {
        self.list.clear();
        self.list.shrink_to(kept_max);
        self.run = 0;
        self.removed = 0;
    }

    /// The bytes between the positions, up to which all has been scanned, do not leave.
    #[inline]
    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.flush(from);
        self.run = to;
        self.removed += to - from;
    }

    /// A sub-message begins, whose length stands before `body_at`.
    #[inline]
    pub(super) fn open(&mut self, length_at: usize, body_at: usize) -> Opened {
        let (list_len, run, removed) = (self.list.len(), self.run, self.removed);
        self.flush(length_at);
        self.list.push(Piece::Length(0));
        self.run = body_at;
        Opened {
            list_len,
            run,
            removed,
            length_at,
            body_at,
        }
    }

    /// The sub-message ends: if anything was cut from it, its length changes.
    #[inline]
    pub(super) fn close(&mut self, opened: &Opened, body_end: usize) {
        if self.removed == opened.removed {
            self.list.truncate(opened.list_len);
            self.run = opened.run;
            return;
        }
        let length = body_end - opened.body_at - (self.removed - opened.removed);
        let mut since = self.list.iter_mut().skip(opened.list_len);
        if let Some(piece) = since.find(|piece| matches!(piece, Piece::Length(_))) {
            *piece = Piece::Length(length);
        }
        self.removed += (opened.body_at - opened.length_at) - varint_len(length);
    }

    fn flush(&mut self, to: usize) {
        if self.run < to {
            self.list.push(Piece::Copy(self.run, to));
        }
    }

    /// The bytes that leave: `message` itself if that is all of them.
    pub(super) fn gather(&mut self, message: &Bytes) -> Result<Bytes, MaskError> {
        if self.removed == 0 {
            return Ok(message.clone());
        }
        self.flush(message.len());
        let planned = message.len() - self.removed;
        let mut out = Vec::with_capacity(planned);
        for piece in &self.list {
            match *piece {
                Piece::Copy(from, to) => {
                    out.extend_from_slice(message.get(from..to).unwrap_or_default());
                }
                Piece::Length(length) => put_varint(length, &mut out),
            }
        }
        if out.len() != planned {
            return Err(MaskError::Miscounted {
                written: out.len(),
                planned,
            });
        }
        Ok(Bytes::from(out))
    }
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn put_varint(mut value: usize, out: &mut Vec<u8>) {
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
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            i32::MAX as usize,
        ] {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            assert_eq!(out.len(), varint_len(value), "{value}");
            assert_eq!(prost::encoding::decode_varint(&mut &*out), Ok(value as u64));
        }
    }
}
