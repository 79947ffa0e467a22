//! The keys of those who sign.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fault::Faults;
use crate::load::{KEY_BYTES_MAX, bounded, public_key};
use crate::party::TokenAlgorithm;

/// Who else than its owner may do something with a private key's file.
const OTHERS: u32 = 0o077;

/// How JWS (RFC 7518, RFC 8037) calls an algorithm.
pub(super) fn name(algorithm: TokenAlgorithm) -> &'static str {
    match algorithm {
        TokenAlgorithm::Es256 => "ES256",
        TokenAlgorithm::EdDsa => "EdDSA",
    }
}

/// The SHA-256 of something, in hexadecimal digits.
pub(super) fn sha256(content: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, content).as_ref() {
        // Writing into a string cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// A public key, which verifies with one algorithm only.
pub(crate) struct PublicKey {
    algorithm: TokenAlgorithm,
    der: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// The key of that DER; nothing where it is none of the algorithm.
    pub(crate) fn new(algorithm: TokenAlgorithm, der: Vec<u8>) -> Option<Self> {
        let parsed = match algorithm {
            TokenAlgorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der),
            TokenAlgorithm::EdDsa => ParsedPublicKey::new(&ED25519, &der),
        };
        Some(Self {
            algorithm,
            parsed: parsed.ok()?,
            der,
        })
    }

    /// Reads a file with one public key; nothing, with a fault, where it holds none.
    pub(super) fn read(file: &Path, faults: &mut Faults) -> Option<Self> {
        match bounded(file, KEY_BYTES_MAX) {
            Ok(content) => {
                let (key, der) = public_key(file, content, faults)?;
                Self::new(key.algorithm, der)
            }
            Err(error) => {
                let what = format!("cannot be read: {error}");
                let remedy = "put the public key there, as `openssl pkey -pubout` writes it";
                faults.push(file, None, what, remedy);
                None
            }
        }
    }

    pub(super) fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }

    /// SubjectPublicKeyInfo.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// What names the key where nobody named it: the SHA-256 of its DER.
    pub(super) fn id(&self) -> String {
        sha256(&self.der)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// Why a private key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateKeyError {
    /// The file cannot be read.
    #[error("the private key `{}` cannot be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error(
        "the private key `{file}` may be read by others than its owner: `chmod 600 {file}`, and \
         make a new pair where somebody may have read it"
    )]
    Open {
        /// The file.
        file: String,
    },
    /// It is no key that signs here.
    #[error(
        "`{}` is no private key for Ed25519 or P-256: give one in PKCS #8 and PEM, without a \
         password, as `openssl genpkey -algorithm ed25519` makes it",
        file.display()
    )]
    Kind {
        /// The file.
        file: PathBuf,
    },
    /// It does not sign.
    #[error("the private key does not sign")]
    Sign,
}

/// A private key: for Ed25519 or P-256.
pub struct PrivateKey(Pair);

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Reads a key in PKCS #8 and PEM, from a file that nobody but its owner may read.
    ///
    /// # Errors
    /// [`PrivateKeyError`].
    pub fn read(file: &Path) -> Result<Self, PrivateKeyError> {
        let failed = |source| PrivateKeyError::Read {
            file: file.to_owned(),
            source,
        };
        let mode = fs::metadata(file).map_err(failed)?.permissions().mode();
        if mode & OTHERS != 0 {
            let file = file.display().to_string();
            return Err(PrivateKeyError::Open { file });
        }
        let content = bounded(file, KEY_BYTES_MAX).map_err(failed)?;
        let pem = String::from_utf8(content).ok();
        let key = pem.as_deref().and_then(Self::from_pem);
        key.ok_or_else(|| PrivateKeyError::Kind {
            file: file.to_owned(),
        })
    }

    /// The key in a PEM of PKCS #8, if it is one that signs here.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
        let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(body).ok()?;
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(&der) {
            return Some(Self(Pair::Ed25519(pair)));
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
        Some(Self(Pair::P256(pair.ok()?)))
    }

    /// The public half.
    pub(super) fn public(&self) -> Option<PublicKey> {
        let (algorithm, der) = match &self.0 {
            Pair::P256(pair) => (TokenAlgorithm::Es256, pair.public_key().as_der().ok()?),
            Pair::Ed25519(pair) => (TokenAlgorithm::EdDsa, pair.public_key().as_der().ok()?),
        };
        PublicKey::new(algorithm, der.as_ref().to_vec())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PrivateKeyError> {
        match &self.0 {
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| PrivateKeyError::Sign),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}
