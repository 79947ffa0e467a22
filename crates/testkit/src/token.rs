//! Tokens as agency systems sign them, and tokens that are wrong in one way.
//!
//! A [`Token`] starts right; every header and claim can then be set to anything or taken away, and
//! it can be signed by any key, or by none.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Map, Value, json};

use crate::pki::Identity;

/// How long a token lives unless it is told otherwise, in seconds.
pub const TOKEN_LIFETIME_S: i64 = 300;

/// Why a token or its key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key pair could not be made or read.
    #[error("the token key cannot be made or read")]
    Key(#[from] rcgen::Error),
    /// The key could not sign.
    #[error("the token cannot be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// The key is of a type that no token is signed with.
    #[error("the token key is neither P-256 nor Ed25519")]
    KeyType,
    /// There was no randomness for the token's id.
    #[error("the token's id cannot be drawn")]
    Random,
}

/// What a token is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// ES256, a key on P-256.
    Es256,
    /// EdDSA, an Ed25519 key.
    EdDsa,
}

/// A system's private token key.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    key_type: KeyType,
    private_pem: String,
    public_pem: String,
    encoding: EncodingKey,
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// Where the key cannot be made.
    pub fn generate(kid: &str, key_type: KeyType) -> Result<Self, TokenError> {
        let key = match key_type {
            KeyType::Es256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            // PKCS #8 version 1: OpenSSL 3 and what stands on it cannot read version 2.
            KeyType::EdDsa => {
                let key = Ed25519KeyPair::generate().map_err(|_| TokenError::Random)?;
                let der = key.to_pkcs8v1().map_err(|_| TokenError::Random)?;
                KeyPair::try_from(der.as_ref())?
            }
        };
        Self::new(kid, &key)
    }

    /// Reads a private key in PKCS #8 PEM, as [`SigningKey::private_pem`] gives it.
    ///
    /// # Errors
    /// Where it is no private key of a type that signs tokens.
    pub fn from_pem(kid: &str, private_pem: &str) -> Result<Self, TokenError> {
        Self::new(kid, &KeyPair::from_pem(private_pem)?)
    }

    fn new(kid: &str, key: &KeyPair) -> Result<Self, TokenError> {
        let private_pem = key.serialize_pem();
        let (key_type, encoding) = if key.algorithm() == &PKCS_ECDSA_P256_SHA256 {
            (
                KeyType::Es256,
                EncodingKey::from_ec_der(key.serialized_der()),
            )
        } else if key.algorithm() == &PKCS_ED25519 {
            (
                KeyType::EdDsa,
                EncodingKey::from_ed_der(key.serialized_der()),
            )
        } else {
            return Err(TokenError::KeyType);
        };
        let public_pem = key.public_key_pem();
        Ok(Self {
            kid: kid.to_owned(),
            key_type,
            private_pem,
            public_pem,
            encoding,
        })
    }

    /// The key's name, as in the header's `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's type.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The private key, PKCS #8 PEM.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// The public key, SPKI PEM, as it lies in the catalogue.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    fn algorithm(&self) -> Algorithm {
        match self.key_type {
            KeyType::Es256 => Algorithm::ES256,
            KeyType::EdDsa => Algorithm::EdDSA,
        }
    }

    fn name(&self) -> &'static str {
        match self.key_type {
            KeyType::Es256 => "ES256",
            KeyType::EdDsa => "EdDSA",
        }
    }
}

/// A token to be signed.
#[derive(Clone)]
pub struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Token {
    /// A token of the system `issuer`, e.g. `H26/one-stop`, issued at `now_s` (seconds since the
    /// Unix epoch), with a random id and a lifetime of [`TOKEN_LIFETIME_S`].
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn new(issuer: &str, now_s: i64) -> Result<Self, TokenError> {
        let mut id = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| TokenError::Random)?;
        let token = Self {
            header: Map::new(),
            claims: Map::new(),
        };
        Ok(token
            .claim("iss", issuer)
            .issued_s(now_s)
            .expires_s(now_s.saturating_add(TOKEN_LIFETIME_S))
            .claim("jti", BASE64_URL_SAFE_NO_PAD.encode(id)))
    }

    /// Who asks: `sub`.
    #[must_use]
    pub fn official(self, official: &str) -> Self {
        self.claim("sub", official)
    }

    /// Which gateway it is for: `aud`.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// When it was issued: `iat`, in seconds since the Unix epoch.
    #[must_use]
    pub fn issued_s(self, at_s: i64) -> Self {
        self.claim("iat", at_s)
    }

    /// When it expires: `exp`, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_s(self, at_s: i64) -> Self {
        self.claim("exp", at_s)
    }

    /// From when on it holds: `nbf`, in seconds since the Unix epoch.
    #[must_use]
    pub fn not_before_s(self, at_s: i64) -> Self {
        self.claim("nbf", at_s)
    }

    /// Its id: `jti`.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        self.claim("jti", id)
    }

    /// Bound to a certificate by its thumbprint: `cnf.x5t#S256`.
    #[must_use]
    pub fn bound_to(self, thumbprint: &str) -> Self {
        self.claim("cnf", json!({ "x5t#S256": thumbprint }))
    }

    /// Bound to the certificate of `identity`.
    ///
    /// # Errors
    /// Where `identity` holds no certificate.
    pub fn bound_to_identity(self, identity: &Identity) -> Result<Self, crate::pki::PkiError> {
        Ok(self.bound_to(&identity.thumbprint()?))
    }

    /// The procedure: `purpose.procedure`.
    #[must_use]
    pub fn procedure(self, procedure: &str) -> Self {
        self.purpose("procedure", procedure)
    }

    /// The variant of the procedure: `purpose.variant`.
    #[must_use]
    pub fn variant(self, variant: &str) -> Self {
        self.purpose("variant", variant)
    }

    /// The dossier: `purpose.dossier`.
    #[must_use]
    pub fn dossier(self, dossier: &str) -> Self {
        self.purpose("dossier", dossier)
    }

    /// The legal basis: `purpose.basis`.
    #[must_use]
    pub fn basis(self, basis: &str) -> Self {
        self.purpose("basis", basis)
    }

    /// The incident of an emergency: `purpose.incident`.
    #[must_use]
    pub fn incident(self, incident: &str) -> Self {
        self.purpose("incident", incident)
    }

    fn purpose(mut self, name: &str, value: &str) -> Self {
        let mut purpose = match self.claims.remove("purpose") {
            Some(Value::Object(purpose)) => purpose,
            _ => Map::new(),
        };
        purpose.insert(name.to_owned(), value.into());
        self.claim("purpose", purpose)
    }

    /// Sets any claim to anything.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a claim away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a header, also one that signing would set (`alg`, `kid`, `typ`): then the header lies.
    /// Null leaves it out.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Signs the token.
    ///
    /// # Errors
    /// Where the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, TokenError> {
        let input = self.input(key.name(), Some(key.kid()));
        let signature =
            jsonwebtoken::crypto::sign(input.as_bytes(), &key.encoding, key.algorithm())?;
        Ok(format!("{input}.{signature}"))
    }

    /// Signs with HS256 and `secret`: with a public key as the secret it is the classic confusion
    /// of algorithms.
    ///
    /// # Errors
    /// Where the library does not sign.
    pub fn sign_hs256(&self, kid: &str, secret: &[u8]) -> Result<String, TokenError> {
        let input = self.input("HS256", Some(kid));
        let key = EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::HS256)?;
        Ok(format!("{input}.{signature}"))
    }

    /// The token with `alg: none` and no signature.
    #[must_use]
    pub fn unsigned(&self, kid: &str) -> String {
        format!("{}.", self.input("none", Some(kid)))
    }

    fn input(&self, algorithm: &str, kid: Option<&str>) -> String {
        let mut header = Map::new();
        header.insert("alg".to_owned(), algorithm.into());
        header.insert("typ".to_owned(), "JWT".into());
        header.insert("kid".to_owned(), kid.into());
        header.extend(self.header.clone());
        header.retain(|_, value| !value.is_null());
        let encode = |part: &Map<String, Value>| {
            BASE64_URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string())
        };
        format!("{}.{}", encode(&header), encode(&self.claims))
    }
}
