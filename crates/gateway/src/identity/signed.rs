//! What registered systems sign: compact JWS, each with the key and algorithm that the catalogue
//! has of its signer, and for this gateway.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use motlan_catalog::{Catalog, System, SystemId, TokenAlgorithm, TokenKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why something that should be signed is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignedError {
    /// It is no JWS of this kind, or carries a header that this gateway does not understand.
    Malformed,
    /// Its `iss` is not who must have signed it.
    Issuer,
    /// Its `kid` is no registered key of the issuer.
    UnknownKey,
    /// Its `alg` is not that of the registered key.
    Algorithm,
    /// Its signature does not verify.
    Signature,
    /// Its `aud` is not this gateway.
    Audience,
    /// A claim is missing or does not have the form it must have.
    Claims,
}

/// What kind of thing is signed, so that none is taken for another.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// Its `typ`. One that is left out stands for `JWT`.
    pub(super) typ: &'static str,
    /// It has at most this many bytes.
    pub(super) bytes_max: usize,
}

/// The keys of all registered systems.
pub(super) struct Keys {
    systems: HashMap<SystemId, (Arc<System>, Vec<Key>)>,
    audience: String,
}

struct Key {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Who something says it is from.
#[derive(Deserialize)]
struct Issuer {
    iss: Option<String>,
}

impl Keys {
    /// Takes the systems' keys from the catalogue.
    ///
    /// # Errors
    /// Where a key that the catalogue accepted cannot be used.
    pub(super) fn new(
        catalog: &Catalog,
        audience: &str,
    ) -> Result<Self, jsonwebtoken::errors::Error> {
        let mut systems = HashMap::new();
        for system in catalog.systems() {
            let keys: Result<Vec<Key>, _> = system.token_keys.iter().map(Key::new).collect();
            systems.insert(system.id.clone(), (Arc::clone(system), keys?));
        }
        Ok(Self {
            systems,
            audience: audience.to_owned(),
        })
    }

    /// The registered system that `text` says signed it. Read before it is proven.
    pub(super) fn stated(&self, text: &str) -> Result<&Arc<System>, SignedError> {
        let stated: Issuer = jsonwebtoken::dangerous::insecure_decode_claims(text)
            .map_err(|_| SignedError::Malformed)?;
        let issuer: Option<SystemId> = stated.iss.and_then(|iss| iss.parse().ok());
        let known = issuer.and_then(|issuer| self.systems.get(&issuer));
        known.map(|(system, _)| system).ok_or(SignedError::Issuer)
    }

    /// The claims of `text`, which must be of this form and signed by `issuer` for this gateway.
    /// The times are the caller's to check: the library reads its own clock and allows a leeway.
    pub(super) fn claims<C: DeserializeOwned>(
        &self,
        form: Form,
        issuer: &SystemId,
        text: &str,
    ) -> Result<C, SignedError> {
        if text.len() > form.bytes_max {
            return Err(SignedError::Malformed);
        }
        // `alg: none` has no name in the library: such a header does not decode.
        let header = jsonwebtoken::decode_header(text).map_err(|_| SignedError::Malformed)?;
        let typ = header.typ.as_deref().unwrap_or("JWT");
        if !typ.eq_ignore_ascii_case(form.typ) || header.crit.is_some() {
            return Err(SignedError::Malformed);
        }
        // Read before it is proven, only to tell a taken one from a wrongly signed one.
        let stated: Issuer = jsonwebtoken::dangerous::insecure_decode_claims(text)
            .map_err(|_| SignedError::Malformed)?;
        if stated.iss.is_some_and(|iss| iss != issuer.as_str()) {
            return Err(SignedError::Issuer);
        }
        let keys = self.systems.get(issuer).map(|(_, keys)| keys);
        let key = keys
            .into_iter()
            .flatten()
            .find(|key| header.kid.as_deref() == Some(&key.kid))
            .ok_or(SignedError::UnknownKey)?;
        // R10: the registered key decides the algorithm, not what it is to check.
        if header.alg != key.algorithm {
            return Err(SignedError::Algorithm);
        }
        let mut validation = Validation::new(key.algorithm);
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[issuer.as_str()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        jsonwebtoken::decode::<C>(text, &key.key, &validation)
            .map(|decoded| decoded.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => SignedError::Signature,
                ErrorKind::InvalidIssuer => SignedError::Issuer,
                ErrorKind::InvalidAudience => SignedError::Audience,
                ErrorKind::MissingRequiredClaim(name) if name == "aud" => SignedError::Audience,
                ErrorKind::MissingRequiredClaim(name) if name == "iss" => SignedError::Issuer,
                ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => SignedError::Claims,
                _ => SignedError::Malformed,
            })
    }
}

impl Key {
    fn new(key: &TokenKey) -> Result<Self, jsonwebtoken::errors::Error> {
        let pem = key.pem.as_bytes();
        let (algorithm, decoding) = match key.algorithm {
            TokenAlgorithm::Es256 => (Algorithm::ES256, DecodingKey::from_ec_pem(pem)?),
            TokenAlgorithm::EdDsa => (Algorithm::EdDSA, DecodingKey::from_ed_pem(pem)?),
        };
        Ok(Self {
            kid: key.kid.clone(),
            algorithm,
            key: decoding,
        })
    }
}
