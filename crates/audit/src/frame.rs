//! Frames: what one commit writes. A frame is a header of 80 bytes, a body and an end mark of one
//! byte; integers are little-endian.
//!
//! | bytes | header |
//! | --- | --- |
//! | 0..4 | magic `MLfr` |
//! | 4..6 | version, 1 |
//! | 6..8 | zero |
//! | 8..16 | index of the first record |
//! | 16..32 | id of the log |
//! | 32..64 | root of the tree before the first record |
//! | 64..68 | number of records |
//! | 68..72 | length of the body |
//! | 72..76 | CRC-32C of the body |
//! | 76..80 | CRC-32C of bytes 0..76 |
//!
//! The body holds the records one after the other: length of the leaf (u16), length of the sealed
//! part (u16), leaf, sealed part. In every version the magic, the version and the CRC of the header
//! stand where they do, and the header is as long. The end mark is 0xff. So the first and the last
//! byte of a frame are never zero, and a torn write onto zeroes always leaves a hole that tells it
//! from damage.

use crate::identity::LogId;
use crate::tree::Hash;

/// The length of a frame's header.
pub(crate) const HEADER_BYTES: usize = 80;
/// How many records a frame holds at most.
pub(crate) const RECORDS_MAX: usize = 4096;
/// How long a frame's body is at most.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a leaf or a sealed part is at most: an entry bundle of tlog-tiles has a u16 for it.
pub(crate) const PART_BYTES_MAX: usize = u16::MAX as usize;
/// The two lengths before a record.
pub(crate) const LENGTHS_BYTES: usize = 4;

/// The byte after the body.
pub(crate) const END_MARK: u8 = 0xff;

const MAGIC: [u8; 4] = *b"MLfr";
pub(crate) const VERSION: u16 = 1;
/// The part of the header that is known before a frame is read: magic to root.
const KNOWN_BYTES: usize = 64;

/// Where a frame must stand: what its header must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) log: LogId,
    /// The index of the first record.
    pub(crate) first: u64,
    /// The root of the tree before the first record.
    pub(crate) root: Hash,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) place: Place,
    pub(crate) count: u32,
    pub(crate) body_bytes: u32,
    body_crc: u32,
}

impl Header {
    /// The header of a frame of `count` records with this body.
    pub(crate) fn new(place: Place, count: u32, body: &[u8]) -> Header {
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Header {
            place,
            count,
            body_bytes,
            body_crc: crc32c::crc32c(body),
        }
    }

    /// As it stands on disk.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let (known, rest) = out.split_at_mut(KNOWN_BYTES);
        known.copy_from_slice(&known_bytes(&self.place));
        let mut parts = rest.chunks_exact_mut(4);
        for number in [self.count, self.body_bytes, self.body_crc] {
            parts
                .next()
                .into_iter()
                .for_each(|slot| slot.copy_from_slice(&number.to_le_bytes()));
        }
        seal(&mut out);
        out
    }

    /// Reads a header. `None` where there is none, whole, of this version.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        if !is_sealed(bytes) {
            return None;
        }
        let mut reader = Reader(bytes);
        let version = (reader.array()? == MAGIC).then(|| reader.u16())??;
        let zero = reader.u16()?;
        if version != VERSION || zero != 0 {
            return None;
        }
        let first = reader.u64()?;
        let place = Place {
            log: LogId(reader.array()?),
            first,
            root: reader.array()?,
        };
        let header = Header {
            place,
            count: reader.u32()?,
            body_bytes: reader.u32()?,
            body_crc: reader.u32()?,
        };
        let count_fits = (1..=RECORDS_MAX).contains(&usize::try_from(header.count).ok()?);
        (count_fits && header.body_len() <= BODY_BYTES_MAX).then_some(header)
    }

    /// The version of a whole header that a newer program wrote; `None` where it is none.
    pub(crate) fn newer(bytes: &[u8; HEADER_BYTES]) -> Option<u16> {
        newer(bytes, MAGIC, VERSION)
    }

    /// The length of the body.
    pub(crate) fn body_len(&self) -> usize {
        usize::try_from(self.body_bytes).unwrap_or(usize::MAX)
    }

    /// The length of header, body and end mark.
    pub(crate) fn frame_len(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.body_bytes) + 1
    }

    /// Whether `body` is the one that the header was made for.
    pub(crate) fn fits(&self, body: &[u8]) -> bool {
        body.len() == self.body_len() && crc32c::crc32c(body) == self.body_crc
    }

    /// Whether the frame ends before record `index`.
    pub(crate) fn ends_before(&self, index: u64) -> bool {
        self.place.first.saturating_add(u64::from(self.count)) <= index
    }
}

/// Puts the CRC of all bytes but the last four into the last four.
pub(crate) fn seal(bytes: &mut [u8]) {
    if let Some((head, tail)) = bytes.split_last_chunk_mut::<4>() {
        *tail = crc32c::crc32c(head).to_le_bytes();
    }
}

/// Whether the last four bytes are the CRC of those before.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(head, tail)| *tail == crc32c::crc32c(head).to_le_bytes())
}

/// The version of a header with this magic, where the CRC vouches for it and it is a newer one.
pub(crate) fn newer(bytes: &[u8], magic: [u8; 4], known: u16) -> Option<u16> {
    let mut reader = Reader(bytes);
    let version = (reader.array()? == magic).then(|| reader.u16())??;
    (version > known && is_sealed(bytes)).then_some(version)
}

fn known_bytes(place: &Place) -> [u8; KNOWN_BYTES] {
    let mut out = [0; KNOWN_BYTES];
    let parts: [&[u8]; 6] = [
        &MAGIC,
        &VERSION.to_le_bytes(),
        &[0; 2],
        &place.first.to_le_bytes(),
        &place.log.0,
        &place.root,
    ];
    out.iter_mut()
        .zip(parts.into_iter().flatten())
        .for_each(|(to, from)| *to = *from);
    out
}

/// Whether `bytes` can be what a torn write of the frame at `place` left in a zero-filled file:
/// what is known of its header stands there, or zeroes where a piece is missing.
pub(crate) fn is_torn_header(bytes: &[u8], place: &Place) -> bool {
    bytes
        .iter()
        .zip(known_bytes(place))
        .all(|(found, known)| *found == known || *found == 0)
}

/// Whether a whole header of a frame of `log` stands anywhere in `bytes`; its position.
pub(crate) fn find_header(bytes: &[u8], log: LogId) -> Option<usize> {
    bytes.windows(HEADER_BYTES).position(|window| {
        window.starts_with(&MAGIC)
            && window
                .first_chunk()
                .and_then(Header::decode)
                .is_some_and(|header| header.place.log == log)
    })
}

/// One record as it stands in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) leaf: &'a [u8],
    pub(crate) sealed: &'a [u8],
}

/// Writes a record as it stands in a body.
pub(crate) fn encode_part(out: &mut Vec<u8>, part: Part<'_>) {
    for bytes in [part.leaf, part.sealed] {
        out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
    }
    out.extend_from_slice(part.leaf);
    out.extend_from_slice(part.sealed);
}

/// The records of a body, one after the other. An item `None` is the last: the lengths run over the
/// end.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Option<Part<'a>>;

    fn next(&mut self) -> Option<Option<Part<'a>>> {
        if self.0.is_empty() {
            return None;
        }
        let mut reader = Reader(self.0);
        let mut part = || {
            let leaf = usize::from(reader.u16()?);
            let sealed = usize::from(reader.u16()?);
            Some(Part {
                leaf: reader.bytes(leaf)?,
                sealed: reader.bytes(sealed)?,
            })
        };
        let part = part();
        self.0 = if part.is_some() { reader.0 } else { &[] };
        Some(part)
    }
}

/// Takes numbers and bytes off the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            log: LogId([7; 16]),
            first: 300,
            root: [5; 32],
        }
    }

    fn body() -> Vec<u8> {
        let mut body = Vec::new();
        for n in 0..3_usize {
            encode_part(
                &mut body,
                Part {
                    leaf: &vec![1; n],
                    sealed: &vec![2; 2 * n],
                },
            );
        }
        body
    }

    #[test]
    fn a_frame_reads_back_as_it_was_written() {
        let header = Header::new(place(), 3, &body());
        assert_eq!(Header::decode(&header.encode()), Some(header));
        assert!(header.fits(&body()));
        let body = body();
        let parts: Vec<_> = Parts(&body).map(|part| part.unwrap()).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(
            parts[2],
            Part {
                leaf: &[1, 1],
                sealed: &[2; 4]
            }
        );
        assert!(Parts(&body[..body.len() - 1]).any(|part| part.is_none()));
    }

    #[test]
    fn any_changed_bit_of_a_frame_is_seen() {
        let (header, body) = (Header::new(place(), 3, &body()), body());
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = header.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bytes), None, "header bit {bit}");
        }
        for bit in 0..body.len() * 8 {
            let mut body = body.clone();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(!header.fits(&body), "body bit {bit}");
        }
    }

    #[test]
    fn a_torn_header_is_known_by_what_it_must_say() {
        let whole = Header::new(place(), 3, &body()).encode();
        for cut in 0..HEADER_BYTES {
            let mut torn = whole;
            torn[cut..].fill(0);
            assert!(is_torn_header(&torn, &place()));
            torn = whole;
            torn[..cut].fill(0);
            assert!(is_torn_header(&torn, &place()));
        }
        for byte in 0..KNOWN_BYTES {
            let mut changed = whole;
            changed[byte] = whole[byte].wrapping_add(1).max(1);
            assert!(!is_torn_header(&changed, &place()), "{byte}");
        }
    }

    #[test]
    fn a_header_is_found_wherever_it_stands() {
        let mut bytes = vec![b'M'; 200];
        assert_eq!(find_header(&bytes, LogId([7; 16])), None);
        bytes[77..157].copy_from_slice(&Header::new(place(), 3, &body()).encode());
        assert_eq!(find_header(&bytes, LogId([7; 16])), Some(77));
        assert_eq!(find_header(&bytes, LogId([8; 16])), None);
    }
}
