//! The token of a call: signed by the calling system, bound to its certificate, short-lived.
//!
//! A token that verified once is remembered by its exact text, so that its signature is not checked
//! for each of the many lookups it may serve. Its expiry and the certificate are checked every
//! time.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use motlan_catalog::{Catalog, System, SystemId};
use motlan_exchange::{Caller, Official, Shown, Statement};

use super::artefact::ArtefactError;
use super::certificate::{Peer, THUMBPRINT_BYTES};
use super::claims::{Claims, ClaimsError, TOKEN_LIFETIME_S_MAX};
use super::signed::{Form, Keys, SignedError};

/// How many verified tokens are remembered.
pub const TOKENS_CACHED_MAX: u64 = 20_000;
/// What a token is.
const TOKEN: Form = Form {
    typ: "JWT",
    bytes_max: 4096,
};

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is no `authorization: Bearer` header.
    #[error("the call has no token; send `authorization: Bearer <JWT>`")]
    Missing,
    /// It is no JWT, or carries a header that this gateway does not understand.
    #[error("the token is not a signed JWT that this gateway understands")]
    Malformed,
    /// Its `kid` is no registered key of the calling system.
    #[error("the token's `kid` is no registered key of the calling system")]
    UnknownKey,
    /// Its `alg` is not that of the registered key.
    #[error("the token's `alg` is not that of the registered key")]
    Algorithm,
    /// Its signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// `iss` is not the calling system.
    #[error("the token's `iss` is not the calling system")]
    Issuer,
    /// `aud` is not this gateway.
    #[error("the token's `aud` is not this gateway")]
    Audience,
    /// A claim is missing or is not what it must be.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

impl TokenError {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::Malformed => "TOKEN_MALFORMED",
            Self::UnknownKey => "TOKEN_KEY_UNKNOWN",
            Self::Algorithm => "TOKEN_ALGORITHM",
            Self::Signature => "TOKEN_SIGNATURE",
            Self::Issuer => "TOKEN_ISSUER",
            Self::Audience => "TOKEN_AUDIENCE",
            Self::Claims(ClaimsError::Expired) => "TOKEN_EXPIRED",
            Self::Claims(ClaimsError::NotYetValid) => "TOKEN_NOT_YET_VALID",
            Self::Claims(ClaimsError::TooLong(_)) => "TOKEN_TOO_LONG",
            Self::Claims(ClaimsError::OtherCertificate) => "TOKEN_OTHER_CERTIFICATE",
            Self::Claims(ClaimsError::Lacking(_) | ClaimsError::Form(_)) => "TOKEN_CLAIM",
        }
    }
}

/// The keys of all registered systems, and the tokens that verified lately.
pub struct Tokens {
    keys: Keys,
    verified: Cache<Box<str>, Arc<Verified>>,
}

/// A token whose signature, issuer, audience and lifetime were right.
struct Verified {
    system: SystemId,
    thumbprint: [u8; THUMBPRINT_BYTES],
    expires_s: i64,
    /// For a lookup. None where the token names no procedure.
    statement: Option<Arc<Statement>>,
    /// For a call of the audit trail. None where the token names no legal basis.
    inquiry: Option<Arc<Inquiry>>,
}

/// The official's signed statement of why the audit trail is looked into, or of what is done to it.
/// Holds personal data, so it does not print.
pub struct Inquiry {
    /// The official (`sub`).
    pub(crate) official: String,
    /// The legal basis (`purpose.basis`), in the caller's words.
    pub(crate) basis: String,
    /// The dossier that it serves (`purpose.dossier`).
    pub(crate) dossier: Option<String>,
    /// The token's identifier (`jti`).
    pub(crate) token_id: String,
}

/// A registered system whose certificate and token were verified, for one call of the audit trail.
#[must_use]
pub struct Inquirer {
    system: Arc<System>,
    inquiry: Arc<Inquiry>,
}

impl Inquirer {
    /// The calling system.
    #[must_use]
    pub fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// What its token states.
    #[must_use]
    pub fn inquiry(&self) -> &Inquiry {
        &self.inquiry
    }
}

impl Tokens {
    /// Takes the systems' keys from the catalogue.
    ///
    /// # Errors
    /// Where a key that the catalogue accepted cannot be used.
    pub fn new(catalog: &Catalog, audience: &str) -> Result<Self, jsonwebtoken::errors::Error> {
        let verified = Cache::builder()
            .max_capacity(TOKENS_CACHED_MAX)
            .time_to_live(Duration::from_secs(TOKEN_LIFETIME_S_MAX.unsigned_abs()))
            .build();
        Ok(Self {
            keys: Keys::new(catalog, audience)?,
            verified,
        })
    }

    /// Verifies the token of one lookup on `peer`'s connection at `now_s`, in seconds since the
    /// Unix epoch.
    ///
    /// # Errors
    /// [`TokenError`], upon which nothing is forwarded; also where it names no procedure.
    pub fn caller(&self, peer: &Peer, token: &str, now_s: i64) -> Result<Caller, TokenError> {
        let statement = self.statement(peer, token, now_s)?;
        Ok(Caller::assertion(Arc::clone(&peer.system), statement))
    }

    /// What a token for lookups states, verified as for [`Tokens::caller`].
    ///
    /// # Errors
    /// [`TokenError`]; also where it names no procedure.
    pub fn statement(
        &self,
        peer: &Peer,
        token: &str,
        now_s: i64,
    ) -> Result<Arc<Statement>, TokenError> {
        let verified = self.verified(peer, token, now_s)?;
        // R73: a token that was made for the audit trail alone makes no lookup.
        let statement = verified.statement.as_ref();
        let statement = statement.ok_or(ClaimsError::Lacking("purpose.procedure"))?;
        Ok(Arc::clone(statement))
    }

    /// As [`Tokens::caller`], of a call of the audit trail.
    ///
    /// # Errors
    /// [`TokenError`], upon which nothing is shown; also where it names no legal basis.
    pub fn inquirer(&self, peer: &Peer, token: &str, now_s: i64) -> Result<Inquirer, TokenError> {
        let verified = self.verified(peer, token, now_s)?;
        let inquiry = verified.inquiry.as_ref();
        let inquiry = inquiry.ok_or(ClaimsError::Lacking("purpose.basis"))?;
        Ok(Inquirer {
            system: Arc::clone(&peer.system),
            inquiry: Arc::clone(inquiry),
        })
    }

    fn verified(&self, peer: &Peer, token: &str, now_s: i64) -> Result<Arc<Verified>, TokenError> {
        let verified = match self.verified.get(token) {
            Some(verified) => verified,
            None => {
                let verified =
                    Arc::new(self.verify(&peer.system, &peer.thumbprint, token, now_s)?);
                self.verified.insert(token.into(), Arc::clone(&verified));
                verified
            }
        };
        // R14: a token is never accepted past its own expiry or from another certificate,
        // remembered or not.
        if verified.expires_s <= now_s {
            return Err(ClaimsError::Expired.into());
        }
        if verified.system != peer.system.id {
            return Err(TokenError::Issuer);
        }
        if verified.thumbprint != peer.thumbprint {
            return Err(ClaimsError::OtherCertificate.into());
        }
        Ok(verified)
    }

    fn verify(
        &self,
        system: &System,
        thumbprint: &[u8; THUMBPRINT_BYTES],
        token: &str,
        now_s: i64,
    ) -> Result<Verified, TokenError> {
        let claims: Claims = self.keys.claims(TOKEN, &system.id, token)?;
        claims.check_times(now_s)?;
        claims.check_binding(thumbprint)?;
        let procedure = claims.procedure()?;
        let Claims {
            sub, jti, purpose, ..
        } = claims;
        let inquiry = purpose.basis.clone().map(|basis| Inquiry {
            official: sub.clone(),
            basis,
            dossier: purpose.dossier.clone(),
            token_id: jti.clone(),
        });
        let statement = procedure.map(|procedure| Statement {
            official: Official::new(sub),
            procedure,
            variant: purpose.variant,
            dossier: purpose.dossier,
            basis: purpose.basis,
            incident: purpose.incident,
            token_id: jti,
            token: token.into(),
        });
        Ok(Verified {
            system: system.id.clone(),
            thumbprint: *thumbprint,
            expires_s: claims.exp,
            statement: statement.map(Arc::new),
            inquiry: inquiry.map(Arc::new),
        })
    }

    /// What of the texts that a call of `asking` shows others have signed, as they must have.
    /// `is_revoked` knows the consents that were taken back, by their issuer and id.
    ///
    /// # Errors
    /// [`ArtefactError`], upon which nothing is forwarded.
    pub fn shown(
        &self,
        asking: &SystemId,
        consent: Option<&str>,
        approvals: &[&str],
        is_revoked: &dyn Fn(&SystemId, &str) -> bool,
    ) -> Result<Shown, ArtefactError> {
        self.keys.shown(asking, consent, approvals, is_revoked)
    }
}

impl From<SignedError> for TokenError {
    fn from(error: SignedError) -> Self {
        match error {
            SignedError::Malformed => Self::Malformed,
            SignedError::Issuer => Self::Issuer,
            SignedError::UnknownKey => Self::UnknownKey,
            SignedError::Algorithm => Self::Algorithm,
            SignedError::Signature => Self::Signature,
            SignedError::Audience => Self::Audience,
            SignedError::Claims => {
                ClaimsError::Form("iss, sub, aud, iat, exp, jti, cnf and purpose").into()
            }
        }
    }
}
