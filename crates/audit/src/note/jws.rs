//! Compact JWS (RFC 7515, section 7.1), signed with the key of a log (EdDSA, RFC 8037).
//!
//! The same key signs notes. Neither can be taken for the other: what is signed here are two texts
//! of base64url with a point between, and the text of a note ends with a newline.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{NoteError, SignerKey, VerifierKey, check};

/// What is between the parts.
const POINT: char = '.';

/// A JWS of this header and payload.
pub(crate) fn sign(header: &str, payload: &str, key: &SignerKey) -> String {
    let input = format!(
        "{}{POINT}{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()));
    format!("{input}{POINT}{signature}")
}

/// A JWS as it was read: nothing of it must be believed before its signature was verified.
pub(crate) struct Jws<'a> {
    input: &'a str,
    pub(crate) header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads the form, which is one for each JWS: no padding, and no bits that mean nothing.
    pub(crate) fn parse(token: &'a str) -> Option<Jws<'a>> {
        let (input, signature) = token.rsplit_once(POINT)?;
        let (header, payload) = input.split_once(POINT)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Jws {
            input,
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The payload, if `key` signed it under this header. What the header says of the algorithm is
    /// not asked: the key has one.
    pub(crate) fn verify(self, key: &VerifierKey) -> Result<Vec<u8>, NoteError> {
        check(key, self.input.as_bytes(), &self.signature)?;
        Ok(self.payload)
    }
}
