//! A sealed part as it stands on disk.
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | version, 1 |
//! | 1..11 | number: opening and count, big-endian, 5 bytes each |
//! | 11..23 | nonce |
//! | 23.. | AES-256-GCM of the encoded `Sealed`, with its tag of 16 bytes |
//!
//! The associated data are the log id, the leaf's hash and bytes 0..11.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::number::{NUMBER_BYTES, Number};
use super::tree::Key;
use crate::identity::LogId;
use crate::tree::Hash;

const VERSION: u8 = 1;
/// How long a nonce is.
pub(crate) const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + NUMBER_BYTES;
/// What an envelope adds to its content.
pub(super) const OVERHEAD_BYTES: usize = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;

/// What an envelope is bound to: it opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) log: LogId,
    pub(crate) leaf: Hash,
}

/// An envelope, closed.
pub(super) struct Envelope<'a> {
    pub(super) number: Number,
    nonce: [u8; NONCE_BYTES],
    /// Content and tag.
    closed: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Takes the parts apart. `None` where it is no envelope of this version.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Envelope<'a>> {
        let (version, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (nonce, closed) = rest.split_first_chunk()?;
        (*version == VERSION && closed.len() >= TAG_BYTES).then_some(Envelope {
            number: Number(*number),
            nonce: *nonce,
            closed,
        })
    }

    /// The content. `None` where key, place or content is another.
    pub(super) fn open(&self, key: &Key, bound: &Bound) -> Option<Vec<u8>> {
        let mut content = self.closed.to_vec();
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let opened = cipher(key)?.open_in_place(nonce, aad(self.number, bound), &mut content);
        let length = opened.ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

/// Puts `content` into an envelope. `nonce` must be random: after a ledger was put back from a copy
/// a number can come a second time.
pub(super) fn close(
    key: &Key,
    number: Number,
    nonce: [u8; NONCE_BYTES],
    bound: &Bound,
    content: &[u8],
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(OVERHEAD_BYTES + content.len());
    out.push(VERSION);
    out.extend_from_slice(&number.0);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(content);
    let (_, content) = out.split_at_mut_checked(HEAD_BYTES + NONCE_BYTES)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = cipher(key)?.seal_in_place_separate_tag(nonce, aad(number, bound), content);
    out.extend_from_slice(sealed.ok()?.as_ref());
    Some(out)
}

fn cipher(key: &Key) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice());
    key.ok().map(LessSafeKey::new)
}

fn aad(number: Number, bound: &Bound) -> Aad<[u8; 16 + 32 + HEAD_BYTES]> {
    let mut data = [VERSION; 16 + 32 + HEAD_BYTES];
    let head = [&bound.log.0[..], &bound.leaf, &[VERSION], &number.0];
    data.iter_mut()
        .zip(head.into_iter().flatten())
        .for_each(|(to, from)| *to = *from);
    Aad::from(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound = Bound {
        log: LogId([7; 16]),
        leaf: [8; 32],
    };

    fn sealed() -> (Key, Vec<u8>) {
        let key = Key::new([3; 32]);
        let number = Number::new(1, 2).unwrap();
        let bytes = close(&key, number, [9; 12], &BOUND, b"whom it is about").unwrap();
        (key, bytes)
    }

    fn open(key: &Key, bound: &Bound, bytes: &[u8]) -> Option<Vec<u8>> {
        Envelope::parse(bytes)?.open(key, bound)
    }

    #[test]
    fn an_envelope_opens_with_its_key_in_its_place_only() {
        let (key, bytes) = sealed();
        assert_eq!(bytes.len(), OVERHEAD_BYTES + 16);
        assert_eq!(open(&key, &BOUND, &bytes).unwrap(), b"whom it is about");
        assert_eq!(open(&Key::new([4; 32]), &BOUND, &bytes), None);
        let (log, leaf) = (LogId([0; 16]), [0; 32]);
        assert_eq!(open(&key, &Bound { log, ..BOUND }, &bytes), None);
        assert_eq!(open(&key, &Bound { leaf, ..BOUND }, &bytes), None);
    }

    #[test]
    fn any_changed_bit_and_any_cut_of_an_envelope_closes_it() {
        let (key, bytes) = sealed();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, &BOUND, &changed), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(open(&key, &BOUND, &bytes[..length]), None, "{length}");
        }
    }
}
