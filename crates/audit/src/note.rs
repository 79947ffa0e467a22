//! Signed notes (C2SP signed-note): a text, an empty line, signatures. Ed25519 now; the key's first
//! byte tells what it signs and how, and 0x06 (ML-DSA-44) is left free for what C2SP recommends
//! next.

mod cosign;
pub(crate) mod jws;
mod key;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

pub use key::{
    KeyError, PublicKey, SecretKey, SignerKey, VerifierKey, WitnessSignerKey, WitnessVerifierKey,
};

/// The longest note that is read.
pub(crate) const NOTE_BYTES_MAX: usize = 64 * 1024;
/// The most signatures that a note may carry: the log's and its witnesses'.
const SIGNATURES_MAX: usize = 64;

/// The note of `text`, which must end with a newline, signed by `key`.
pub(crate) fn sign(text: &str, key: &SignerKey) -> String {
    let line = line(key.verifier(), &key.sign(text.as_bytes()));
    format!("{text}\n{line}")
}

/// A signature line.
fn line<const TYPE: u8>(key: &PublicKey<TYPE>, signature: &[u8]) -> String {
    let signed = [key.id().as_slice(), signature].concat();
    format!("— {} {}\n", key.name(), STANDARD.encode(signed))
}

/// The text of `note`, if `key` signed it. Signatures of others are let be.
pub(crate) fn open<'a>(note: &'a str, key: &VerifierKey) -> Result<&'a str, NoteError> {
    let note = Note::parse(note)?;
    note.verify(key)?;
    Ok(note.text)
}

/// A note as it was read: its text must not be believed before a signature was verified.
#[derive(Debug)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<Signature<'a>>,
}

/// A signature line.
#[derive(Debug)]
struct Signature<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Reads the form of a note of at most 64 KiB and 64 signatures, and verifies nothing.
    pub fn parse(note: &'a str) -> Result<Note<'a>, NoteError> {
        let control = |b: u8| b < b' ' && b != b'\n';
        if note.len() > NOTE_BYTES_MAX || note.bytes().any(control) {
            return Err(NoteError::Malformed);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = note.get(..=text.len()).ok_or(NoteError::Malformed)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::Malformed);
            }
            signatures.push(Signature::parse(line).ok_or(NoteError::Malformed)?);
        }
        Ok(Note { text, signatures })
    }

    /// The text, with the newline at its end. Not to be believed before a signature was verified.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Checks that the log of `key` signed the text.
    ///
    /// # Errors
    /// Where it did not, or one of its signatures does not fit.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let mut signed = false;
        for signature in self.of(key) {
            check(key, self.text.as_bytes(), &signature.signature)?;
            signed = true;
        }
        match signed {
            true => Ok(()),
            false => Err(NoteError::Unsigned(key.name().to_owned())),
        }
    }

    /// The signatures that say they are of `key`.
    fn of<const TYPE: u8>(&self, key: &PublicKey<TYPE>) -> impl Iterator<Item = &Signature<'a>> {
        let (name, id) = (key.name().to_owned(), key.id());
        let signatures = self.signatures.iter();
        signatures.filter(move |signature| signature.name == name && signature.id == id)
    }
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Option<Signature<'a>> {
        let (name, signed) = line.strip_prefix("— ")?.split_once(' ')?;
        let signed = STANDARD.decode(signed).ok()?;
        let (id, signature) = signed.split_first_chunk()?;
        key::is_name(name).then(|| Signature {
            name,
            id: *id,
            signature: signature.to_vec(),
        })
    }
}

fn check<const TYPE: u8>(
    key: &PublicKey<TYPE>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), NoteError> {
    UnparsedPublicKey::new(&ED25519, key.public())
        .verify(message, signature)
        .map_err(|_| NoteError::BadSignature)
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
