//! The keys of a log, as C2SP signed-note writes them.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::disk;
use crate::tree::sha256;

/// The first byte of an Ed25519 key.
const ED25519: u8 = 0x01;
const SIGNER_PREFIX: &str = "PRIVATE+KEY+";
/// The longest key file that is read.
const KEY_BYTES_MAX: u64 = 4096;

/// The secret key with which a log signs its checkpoints:
/// `PRIVATE+KEY+<name>+<hash>+<base64>`. Never printed.
pub struct SignerKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SignerKey {
    /// A fresh key. The name is the log's origin, or a leading part of it where one key signs the
    /// logs of several quarters.
    pub fn generate(name: &str) -> Result<SignerKey, KeyError> {
        let mut seed = [0; 32];
        rand::fill(&mut seed).map_err(|_| KeyError::Random)?;
        SignerKey::from_seed(name, seed)
    }

    /// Reads a key file: one line.
    pub fn read(file: &Path) -> Result<SignerKey, KeyError> {
        read(file)?.trim_end().parse()
    }

    /// Writes the key as a new file that only its owner may read. An error if the file is there.
    pub fn write(&self, file: &Path) -> Result<(), KeyError> {
        let write = || {
            let mut out = disk::create_new(file)?;
            let secret = [&[ED25519], self.seed.as_slice()].concat();
            let VerifierKey { name, .. } = &self.verifier;
            let hash = hex(self.verifier.id());
            writeln!(
                out,
                "{SIGNER_PREFIX}{name}+{hash}+{}",
                STANDARD.encode(secret)
            )?;
            out.sync_all()
        };
        write().map_err(|source| KeyError::Io {
            file: file.to_owned(),
            source,
        })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(text).as_ref());
        signature
    }

    fn from_seed(name: &str, seed: [u8; 32]) -> Result<SignerKey, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Malformed)?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(SignerKey {
            seed,
            pair,
            verifier: VerifierKey::new(name, public)?,
        })
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}, ..)", self.verifier.name)
    }
}

impl FromStr for SignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<SignerKey, KeyError> {
        let rest = text
            .strip_prefix(SIGNER_PREFIX)
            .ok_or(KeyError::Malformed)?;
        let (name, hash, seed) = parts(rest).ok_or(KeyError::Malformed)?;
        let key = SignerKey::from_seed(name, seed)?;
        if hex(key.verifier.id()) == hash {
            Ok(key)
        } else {
            Err(KeyError::Hash)
        }
    }
}

/// The public key that checks a log's checkpoints: `<name>+<hash>+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
    id: [u8; 4],
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Result<VerifierKey, KeyError> {
        let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(KeyError::Name(name.to_owned()));
        }
        let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519], &public].concat());
        let [a, b, c, d, ..] = hash;
        Ok(VerifierKey {
            name: name.to_owned(),
            public,
            id: [a, b, c, d],
        })
    }

    /// Reads a key file: one line.
    pub fn read(file: &Path) -> Result<VerifierKey, KeyError> {
        read(file)?.trim_end().parse()
    }

    /// The name that stands in the signature line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that tell keys of one name apart.
    pub(super) fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(super) fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = [&[ED25519], self.public.as_slice()].concat();
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(self.id),
            STANDARD.encode(public)
        )
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<VerifierKey, KeyError> {
        if text.starts_with(SIGNER_PREFIX) {
            return Err(KeyError::Secret);
        }
        let (name, hash, public) = parts(text).ok_or(KeyError::Malformed)?;
        let key = VerifierKey::new(name, public)?;
        if hex(key.id) == hash {
            Ok(key)
        } else {
            Err(KeyError::Hash)
        }
    }
}

/// Name, hash and the 32 bytes behind the algorithm's byte.
fn parts(text: &str) -> Option<(&str, &str, [u8; 32])> {
    let (name, rest) = text.split_once('+')?;
    let (hash, bytes) = rest.split_once('+')?;
    match STANDARD.decode(bytes).ok()?.split_first() {
        Some((&ED25519, bytes)) => Some((name, hash, bytes.try_into().ok()?)),
        _ => None,
    }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

fn read(file: &Path) -> Result<String, KeyError> {
    let read = || {
        let mut text = String::new();
        io::Read::read_to_string(
            &mut io::Read::take(std::fs::File::open(file)?, KEY_BYTES_MAX),
            &mut text,
        )?;
        Ok(text)
    };
    read().map_err(|source| KeyError::Io {
        file: file.to_owned(),
        source,
    })
}

/// Why a key cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("cannot use the key file `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not in the form of a key.
    #[error("not an Ed25519 key in the form of C2SP signed-note, `<name>+<hash>+<base64>`")]
    Malformed,
    /// A secret key where a public one belongs.
    #[error("this is the secret key: give the verifier key, which begins with the log's name")]
    Secret,
    /// The name cannot stand in a note.
    #[error("`{0}` cannot name a key: spaces and `+` are not allowed")]
    Name(String),
    /// The key's hash does not fit its name and bytes.
    #[error("the key's hash does not fit the rest: was it copied whole?")]
    Hash,
    /// The system gave no randomness.
    #[error("no randomness to be had")]
    Random,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_the_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.key");
        let key = SignerKey::generate("motlan.example/audit/hn1/2026q4").unwrap();
        key.write(&file).unwrap();
        assert_eq!(SignerKey::read(&file).unwrap().verifier(), key.verifier());
        assert!(matches!(key.write(&file), Err(KeyError::Io { .. })));
        let verifier: VerifierKey = key.verifier().to_string().parse().unwrap();
        assert_eq!(&verifier, key.verifier());
    }

    #[test]
    fn keys_that_were_not_copied_whole_are_refused() {
        let text = SignerKey::generate("a").unwrap().verifier().to_string();
        for end in 0..text.len() {
            assert!(text[..end].parse::<VerifierKey>().is_err(), "{end}");
        }
        assert!(matches!(
            "PRIVATE+KEY+a+b+c".parse::<VerifierKey>(),
            Err(KeyError::Secret)
        ));
        assert!(matches!(SignerKey::generate("a b"), Err(KeyError::Name(_))));
        assert!(!format!("{:?}", SignerKey::generate("a").unwrap()).contains("seed"));
    }
}
