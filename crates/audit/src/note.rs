//! Signed notes (C2SP signed-note): a text, an empty line, signatures. Ed25519 now; the key's first
//! byte tells the algorithm, and 0x06 (ML-DSA-44) is left free for what C2SP recommends next.

mod key;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

pub use key::{KeyError, SignerKey, VerifierKey};

/// The longest note that is read.
pub(crate) const NOTE_BYTES_MAX: usize = 64 * 1024;
/// The most signatures that a note may carry: the log's and its witnesses'.
const SIGNATURES_MAX: usize = 64;

/// The note of `text`, which must end with a newline, signed by `key`.
pub(crate) fn sign(text: &str, key: &SignerKey) -> String {
    let verifier = key.verifier();
    let mut signed = [0; 68];
    let (id, signature) = signed.split_at_mut(4);
    id.copy_from_slice(&verifier.id());
    signature.copy_from_slice(&key.sign(text.as_bytes()));
    format!(
        "{text}\n— {} {}\n",
        verifier.name(),
        STANDARD.encode(signed)
    )
}

/// The text of `note`, if `key` signed it. Signatures of others are let be.
pub(crate) fn open<'a>(note: &'a str, key: &VerifierKey) -> Result<&'a str, NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed);
    }
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
    let text = note.get(..=text.len()).ok_or(NoteError::Malformed)?;
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    let mut signed = false;
    for (line, count) in signatures.split('\n').zip(1..) {
        let (name, signature) = signature(line).ok_or(NoteError::Malformed)?;
        if count > SIGNATURES_MAX {
            return Err(NoteError::Malformed);
        }
        let Some((id, signature)) = signature.split_first_chunk::<4>() else {
            return Err(NoteError::Malformed);
        };
        if name != key.name() || *id != key.id() {
            continue;
        }
        UnparsedPublicKey::new(&ED25519, key.public())
            .verify(text.as_bytes(), signature)
            .map_err(|_| NoteError::BadSignature)?;
        signed = true;
    }
    if signed {
        Ok(text)
    } else {
        Err(NoteError::Unsigned(key.name().to_owned()))
    }
}

/// The name and the bytes of a signature line.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
    Some((name, STANDARD.decode(signature).ok()?))
}

/// Why a note is not believed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It does not have the form of a signed note.
    #[error("not a signed note")]
    Malformed,
    /// It has no signature of the key.
    #[error("not signed by the key `{0}`: is this the right verifier key?")]
    Unsigned(String),
    /// The signature does not fit the text.
    #[error("the signature does not fit: the text or the signature was changed")]
    BadSignature,
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Go's package golang.org/x/mod/sumdb/note.
    const SIGNER: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZIn\
                             NIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_is_signed_byte_for_byte_as_in_go() {
        let key: SignerKey = SIGNER.parse().unwrap();
        assert_eq!(sign(TEXT, &key), format!("{TEXT}\n{SIGNATURE}"));
        assert_eq!(key.verifier().to_string(), VERIFIER);
    }

    #[test]
    fn a_note_opens_among_signatures_of_others() {
        let key: VerifierKey = VERIFIER.parse().unwrap();
        let other = SignerKey::generate("witness.example").unwrap();
        let others = sign(TEXT, &other);
        let line = others.strip_prefix(TEXT).unwrap().trim_start();
        let note = format!("{TEXT}\n{line}{SIGNATURE}{line}");
        assert_eq!(open(&note, &key).unwrap(), TEXT);
        assert!(matches!(open(&others, &key), Err(NoteError::Unsigned(_))));
    }

    #[test]
    fn any_changed_byte_of_a_note_is_refused() {
        let key: VerifierKey = VERIFIER.parse().unwrap();
        let note = format!("{TEXT}\n{SIGNATURE}");
        assert!(open(&note, &key).is_ok());
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else {
                    continue;
                };
                assert!(open(&changed, &key).is_err(), "byte {at} bit {bit}");
            }
        }
        for end in 0..note.len() {
            let Some(cut) = note.get(..end) else { continue };
            assert!(open(cut, &key).is_err(), "cut at {end}");
        }
    }
}
