//! The keys of logs and witnesses, as C2SP signed-note writes them: Ed25519, with a byte in front
//! that says what the key signs, so that neither can be taken for the other.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::checkpoint;
use crate::disk;
use crate::origin::Origin;
use crate::tree::sha256;

/// What a log signs: the text of a note (C2SP signed-note).
const LOG: u8 = 0x01;
/// What a witness signs: a checkpoint that it has seen, and when (C2SP tlog-cosignature).
const WITNESS: u8 = 0x04;
const SIGNER_PREFIX: &str = "PRIVATE+KEY+";
/// The longest key file that is read.
const KEY_BYTES_MAX: u64 = 4096;

/// The secret key with which a log signs its checkpoints.
pub type SignerKey = SecretKey<LOG>;
/// The public key that checks a log's checkpoints.
pub type VerifierKey = PublicKey<LOG>;
/// The secret key with which a witness cosigns the checkpoints of logs.
pub type WitnessSignerKey = SecretKey<WITNESS>;
/// The public key that checks a witness's cosignatures.
pub type WitnessVerifierKey = PublicKey<WITNESS>;

/// A secret key: `PRIVATE+KEY+<name>+<hash>+<base64>`. Never printed. `TYPE` is the signature type
/// of C2SP signed-note: see [`SignerKey`] and [`WitnessSignerKey`].
pub struct SecretKey<const TYPE: u8> {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    verifier: PublicKey<TYPE>,
}

impl<const TYPE: u8> SecretKey<TYPE> {
    /// A fresh key. A log's is named after its origin, or a leading part of it where one key signs
    /// the logs of several quarters; a witness's after the witness, like a URL without its scheme.
    pub fn generate(name: &str) -> Result<SecretKey<TYPE>, KeyError> {
        let mut seed = [0; 32];
        rand::fill(&mut seed).map_err(|_| KeyError::Random)?;
        SecretKey::from_seed(name, seed)
    }

    /// Reads a key file: one line.
    pub fn read(file: &Path) -> Result<SecretKey<TYPE>, KeyError> {
        read(file)?.trim_end().parse()
    }

    /// Writes the key as a new file that only its owner may read. An error if the file is there.
    pub fn write(&self, file: &Path) -> Result<(), KeyError> {
        let write = || {
            let mut out = disk::create_new(file)?;
            let secret = [&[TYPE], self.seed.as_slice()].concat();
            let name = &self.verifier.name;
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
    pub fn verifier(&self) -> &PublicKey<TYPE> {
        &self.verifier
    }

    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(text).as_ref());
        signature
    }

    fn from_seed(name: &str, seed: [u8; 32]) -> Result<SecretKey<TYPE>, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Malformed)?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(SecretKey {
            seed,
            pair,
            verifier: PublicKey::new(name, public)?,
        })
    }
}

impl<const TYPE: u8> fmt::Debug for SecretKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, ..)", self.verifier.name)
    }
}

impl<const TYPE: u8> FromStr for SecretKey<TYPE> {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<SecretKey<TYPE>, KeyError> {
        let rest = text
            .strip_prefix(SIGNER_PREFIX)
            .ok_or(KeyError::Malformed)?;
        let (name, hash, seed) = parts::<TYPE>(rest)?;
        let key = SecretKey::from_seed(name, seed)?;
        if hex(key.verifier.id()) == hash {
            Ok(key)
        } else {
            Err(KeyError::Hash)
        }
    }
}

/// A public key: `<name>+<hash>+<base64>`. `TYPE` is the signature type of C2SP signed-note: see
/// [`VerifierKey`] and [`WitnessVerifierKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey<const TYPE: u8> {
    name: String,
    public: [u8; 32],
    id: [u8; 4],
}

impl<const TYPE: u8> PublicKey<TYPE> {
    fn new(name: &str, public: [u8; 32]) -> Result<PublicKey<TYPE>, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name(name.to_owned()));
        }
        let hash = sha256(&[name.as_bytes(), b"\n", &[TYPE], &public].concat());
        let [a, b, c, d, ..] = hash;
        Ok(PublicKey {
            name: name.to_owned(),
            public,
            id: [a, b, c, d],
        })
    }

    /// Reads a key file: one line.
    pub fn read(file: &Path) -> Result<PublicKey<TYPE>, KeyError> {
        read(file)?.trim_end().parse()
    }

    /// The name that stands in the signature line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash that stands between name and key, 8 hexadecimal digits: what a signed ground calls
    /// the key by.
    pub fn hash(&self) -> String {
        hex(self.id)
    }

    /// The four bytes that tell keys of one name apart.
    pub(super) fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(super) fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

impl PublicKey<LOG> {
    /// Whether it may sign for a log: its name is the log's origin, or a part of it that ends at a
    /// slash.
    pub fn speaks_for(&self, origin: &Origin) -> bool {
        checkpoint::speaks_for(&self.name, origin)
    }
}

impl<const TYPE: u8> fmt::Display for PublicKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = [&[TYPE], self.public.as_slice()].concat();
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(self.id),
            STANDARD.encode(public)
        )
    }
}

impl<const TYPE: u8> FromStr for PublicKey<TYPE> {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<PublicKey<TYPE>, KeyError> {
        if text.starts_with(SIGNER_PREFIX) {
            return Err(KeyError::Secret);
        }
        let (name, hash, public) = parts::<TYPE>(text)?;
        let key = PublicKey::new(name, public)?;
        if hex(key.id) == hash {
            Ok(key)
        } else {
            Err(KeyError::Hash)
        }
    }
}

/// Whether `name` can stand in a signature line.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.chars().all(fits)
}

/// Name, hash and the 32 bytes behind the byte of the type.
fn parts<const TYPE: u8>(text: &str) -> Result<(&str, &str, [u8; 32]), KeyError> {
    let parts = || {
        let (name, rest) = text.split_once('+')?;
        let (hash, bytes) = rest.split_once('+')?;
        let bytes = STANDARD.decode(bytes).ok()?;
        let (found, bytes) = bytes.split_first()?;
        Some((*found, (name, hash, bytes.try_into().ok()?)))
    };
    match parts() {
        Some((found, parts)) if found == TYPE => Ok(parts),
        Some((WITNESS, _)) => Err(KeyError::Witness),
        Some((LOG, _)) => Err(KeyError::Log),
        _ => Err(KeyError::Malformed),
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
    /// A witness's key where a log's belongs.
    #[error("this is the key of a witness: give the log's")]
    Witness,
    /// A log's key where a witness's belongs.
    #[error("this is the key of a log: give the witness's")]
    Log,
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

    #[test]
    fn the_key_of_a_witness_is_not_taken_for_a_logs() {
        let witness = WitnessSignerKey::generate("w").unwrap();
        let (witness, log) = (witness.verifier(), SignerKey::generate("l").unwrap());
        let as_log = witness.to_string().parse::<VerifierKey>();
        assert!(matches!(as_log, Err(KeyError::Witness)));
        let as_witness = log.verifier().to_string().parse::<WitnessVerifierKey>();
        assert!(matches!(as_witness, Err(KeyError::Log)));
        let again: WitnessVerifierKey = witness.to_string().parse().unwrap();
        assert_eq!(&again, witness);
    }
}
