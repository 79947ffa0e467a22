//! What a token says, parsed into types.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use motlan_catalog::ProcedureCode;
use serde::Deserialize;

use super::certificate::THUMBPRINT_BYTES;

/// A token lives at most this long, in seconds.
pub const TOKEN_LIFETIME_S_MAX: i64 = 600;
/// A caller's clock may be ahead of ours by at most this much, in seconds. `exp` has no such
/// leeway.
const CLOCK_AHEAD_S_MAX: i64 = 5;
/// `sub`, `jti`, dossier, incident and variant have at most this many characters.
const TEXT_CHARS_MAX: usize = 128;

/// The claims of a token, as they stand in it. Personal: it does not print.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) iat: i64,
    pub(super) exp: i64,
    #[serde(default)]
    pub(super) nbf: Option<i64>,
    pub(super) jti: String,
    pub(super) cnf: Confirmation,
    pub(super) purpose: Purpose,
}

/// `cnf` (RFC 8705): the certificate that the token is bound to.
#[derive(Deserialize)]
pub(super) struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// `purpose`: what the call serves. A lookup needs `procedure`, a call of the audit trail `basis`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purpose {
    #[serde(default)]
    pub(super) procedure: Option<String>,
    #[serde(default)]
    pub(super) variant: Option<String>,
    #[serde(default)]
    pub(super) dossier: Option<String>,
    /// The legal basis, in the caller's words.
    #[serde(default)]
    pub(super) basis: Option<String>,
    /// The incident, where an emergency is declared.
    #[serde(default)]
    pub(super) incident: Option<String>,
}

/// What is wrong with a token's claims, its signature being right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// It lives longer than [`TOKEN_LIFETIME_S_MAX`].
    #[error("the token lives {0} s; at most {TOKEN_LIFETIME_S_MAX} s are allowed")]
    TooLong(i64),
    /// It is bound to another certificate.
    #[error("the token is bound to another certificate")]
    OtherCertificate,
    /// A claim is missing that this kind of call needs.
    #[error("the token lacks the claim `{0}`, which this call needs")]
    Lacking(&'static str),
    /// A claim does not have the form it must have.
    #[error("the claim `{0}` does not have the form it must have")]
    Form(&'static str),
}

impl Claims {
    /// Checks the times, in seconds since the Unix epoch.
    pub(super) fn check_times(&self, now_s: i64) -> Result<(), ClaimsError> {
        if self.exp <= now_s {
            return Err(ClaimsError::Expired);
        }
        let ahead = now_s.saturating_add(CLOCK_AHEAD_S_MAX);
        if self.iat > ahead || self.nbf.is_some_and(|nbf| nbf > ahead) {
            return Err(ClaimsError::NotYetValid);
        }
        // R11: short-lived, however it is signed.
        let lifetime_s = self.exp.saturating_sub(self.iat);
        if lifetime_s > TOKEN_LIFETIME_S_MAX {
            return Err(ClaimsError::TooLong(lifetime_s));
        }
        Ok(())
    }

    /// Checks that the token is bound to the certificate with this thumbprint.
    pub(super) fn check_binding(
        &self,
        thumbprint: &[u8; THUMBPRINT_BYTES],
    ) -> Result<(), ClaimsError> {
        // R13: bound to the certificate of this connection.
        let bound = BASE64_URL_SAFE_NO_PAD
            .decode(&self.cnf.thumbprint)
            .map_err(|_| ClaimsError::Form("cnf.x5t#S256"))?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&bound, thumbprint)
            .map_err(|_| ClaimsError::OtherCertificate)
    }

    /// Checks the texts and parses the procedure, if one is named.
    pub(super) fn procedure(&self) -> Result<Option<ProcedureCode>, ClaimsError> {
        let purpose = &self.purpose;
        for (name, text) in [
            ("sub", Some(&self.sub)),
            ("jti", Some(&self.jti)),
            ("purpose.variant", purpose.variant.as_ref()),
            ("purpose.basis", purpose.basis.as_ref()),
        ] {
            if text.is_some_and(|text| !is_text(text)) {
                return Err(ClaimsError::Form(name));
            }
        }
        // A dossier code travels to the provider in a header: printable ASCII without spaces.
        let graphic = |text: &String| is_text(text) && text.bytes().all(|b| b.is_ascii_graphic());
        if !purpose.dossier.as_ref().is_none_or(graphic) {
            return Err(ClaimsError::Form("purpose.dossier"));
        }
        // The caller names it in a header as well.
        if !purpose.incident.as_ref().is_none_or(graphic) {
            return Err(ClaimsError::Form("purpose.incident"));
        }
        let parsed = purpose.procedure.as_ref().map(|code| code.parse());
        parsed
            .transpose()
            .map_err(|_| ClaimsError::Form("purpose.procedure"))
    }
}

pub(super) fn is_text(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= TEXT_CHARS_MAX
        && !text.chars().any(char::is_control)
}
