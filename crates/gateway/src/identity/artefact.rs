//! What others have signed for one lookup: a person's consent, and officials' approvals.
//!
//! Here it is checked who signed, and that it is well-formed; whether it is for the question at
//! hand, only [`motlan_exchange`] can tell. What is malformed or badly signed is turned away at the
//! door, as a bad token is.

use std::fmt;

use motlan_catalog::{Role, SUBJECT_BYTES_MAX, System, SystemId};
use motlan_exchange::{Approval, Consent, Shown, Span};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::claims::is_text;
use super::signed::{Form, Keys, SignedError};

/// At most this many approvals can be shown for one lookup.
pub const APPROVALS_SHOWN_MAX: usize = 3;
/// A consent lives at most this long, in seconds: five years.
pub const CONSENT_LIFETIME_S_MAX: i64 = 5 * 366 * 86_400;
/// An approval lives at most this long, in seconds: a day.
pub const APPROVAL_LIFETIME_S_MAX: i64 = 86_400;
/// A consent names at most this many procedures, and this many fields.
const LISTED_MAX: usize = 128;

const CONSENT: Form = Form {
    typ: "motlan-consent+jwt",
    bytes_max: 4096,
};
const APPROVAL: Form = Form {
    typ: "motlan-approval+jwt",
    bytes_max: 2048,
};

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artefact {
    /// A person's consent.
    Consent,
    /// An official's approval.
    Approval,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtefactFault {
    /// It is no JWS of its kind, or a claim is missing, unknown or not of its form.
    Malformed,
    /// Who signed it may not sign it.
    Issuer,
    /// Its signature does not verify with a registered key of its issuer.
    Signature,
    /// It is for another gateway.
    Audience,
}

/// Why something shown is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{artefact} {fault}")]
pub struct ArtefactError {
    /// What was shown.
    pub artefact: Artefact,
    /// What is wrong with it.
    pub fault: ArtefactFault,
}

impl ArtefactError {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match (self.artefact, self.fault) {
            (Artefact::Consent, ArtefactFault::Malformed) => "CONSENT_MALFORMED",
            (Artefact::Consent, ArtefactFault::Issuer) => "CONSENT_ISSUER",
            (Artefact::Consent, ArtefactFault::Signature) => "CONSENT_SIGNATURE",
            (Artefact::Consent, ArtefactFault::Audience) => "CONSENT_AUDIENCE",
            (Artefact::Approval, ArtefactFault::Malformed) => "APPROVAL_MALFORMED",
            (Artefact::Approval, ArtefactFault::Issuer) => "APPROVAL_ISSUER",
            (Artefact::Approval, ArtefactFault::Signature) => "APPROVAL_SIGNATURE",
            (Artefact::Approval, ArtefactFault::Audience) => "APPROVAL_AUDIENCE",
        }
    }
}

impl fmt::Display for Artefact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consent => "the consent in `motlan-consent`",
            Self::Approval => "an approval in `motlan-approval`",
        })
    }
}

impl fmt::Display for ArtefactFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is no signed JWT of the form that it must have",
            Self::Issuer => "is signed by a system that may not sign it",
            Self::Signature => "is not signed with a registered key of its issuer",
            Self::Audience => "is for another gateway",
        })
    }
}

/// What a person consented to. A claim that is not known could limit it, so none may stand there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentClaims {
    #[serde(rename = "iss")]
    _iss: IgnoredAny,
    #[serde(rename = "aud")]
    _aud: IgnoredAny,
    sub: String,
    jti: String,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    exp: i64,
    recipient: String,
    dataset: String,
    procedures: Vec<String>,
    #[serde(default, deserialize_with = "given")]
    fields: Option<Vec<String>>,
}

/// What an official approved of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalClaims {
    #[serde(rename = "iss")]
    _iss: IgnoredAny,
    #[serde(rename = "aud")]
    _aud: IgnoredAny,
    sub: String,
    jti: String,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    exp: i64,
    request: ApprovedRequest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovedRequest {
    system: String,
    official: String,
    method: String,
    procedure: String,
    #[serde(default)]
    dossier: Option<String>,
    subject: String,
    grant: String,
    #[serde(default, deserialize_with = "given")]
    fields: Option<Vec<String>>,
}

/// What may be left out, but not be `null`: that could be taken for all.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

impl Keys {
    /// What of the texts that a call of `asking` shows is signed as it must be. `is_revoked` knows
    /// the consents that were taken back, by their issuer and id.
    pub(super) fn shown(
        &self,
        asking: &SystemId,
        consent: Option<&str>,
        approvals: &[&str],
        is_revoked: &dyn Fn(&SystemId, &str) -> bool,
    ) -> Result<Shown, ArtefactError> {
        let consent = consent.map(|text| self.consent(asking, text, is_revoked));
        let approvals = approvals.iter().map(|text| self.approval(asking, text));
        let approvals: Result<Vec<Approval>, _> = approvals.collect();
        Ok(Shown::assertion(consent.transpose()?, approvals?))
    }

    fn consent(
        &self,
        asking: &SystemId,
        text: &str,
        is_revoked: &dyn Fn(&SystemId, &str) -> bool,
    ) -> Result<Consent, ArtefactError> {
        // R29: only who was given the role attests that a person consented, and never to what it
        // asks itself.
        let may_sign =
            |system: &System| system.roles.contains(&Role::Consent) && system.id != *asking;
        let (issuer, claims): (SystemId, ConsentClaims) =
            self.signed(Artefact::Consent, CONSENT, text, may_sign)?;
        let fields = claims.fields.as_ref();
        let span = span(claims.iat, claims.nbf, claims.exp, CONSENT_LIFETIME_S_MAX);
        let fits = is_name(&claims.jti)
            && (1..=SUBJECT_BYTES_MAX).contains(&claims.sub.len())
            && (1..=LISTED_MAX).contains(&claims.procedures.len())
            // An empty list must not be taken for all.
            && fields.is_none_or(|fields| (1..=LISTED_MAX).contains(&fields.len()));
        match span {
            Some(span) if fits => Ok(Consent {
                is_revoked: is_revoked(&issuer, &claims.jti),
                issuer,
                id: claims.jti,
                subject: claims.sub,
                recipient: claims.recipient,
                dataset: claims.dataset,
                procedures: claims.procedures,
                fields: claims.fields.unwrap_or_default(),
                span,
            }),
            _ => Err(error(Artefact::Consent, ArtefactFault::Malformed)),
        }
    }

    fn approval(&self, asking: &SystemId, text: &str) -> Result<Approval, ArtefactError> {
        // R29: whoever holds the key of the system that asks approves of nothing.
        let may_sign = |system: &System| {
            system.roles.contains(&Role::Approval)
                && system.agency == asking.agency()
                && system.id != *asking
        };
        let (_, claims): (SystemId, ApprovalClaims) =
            self.signed(Artefact::Approval, APPROVAL, text, may_sign)?;
        let request = claims.request;
        let span = span(claims.iat, claims.nbf, claims.exp, APPROVAL_LIFETIME_S_MAX);
        let fields = request.fields.as_ref();
        let fits = is_text(&claims.sub)
            && claims.sub.chars().any(char::is_alphanumeric)
            && is_name(&claims.jti)
            && fields.is_none_or(|fields| (1..=LISTED_MAX).contains(&fields.len()));
        match span {
            Some(span) if fits => Ok(Approval {
                approver: claims.sub,
                system: request.system,
                official: request.official,
                method: request.method,
                procedure: request.procedure,
                dossier: request.dossier,
                subject: request.subject,
                grant: request.grant,
                fields: request.fields.unwrap_or_default(),
                span,
            }),
            _ => Err(error(Artefact::Approval, ArtefactFault::Malformed)),
        }
    }

    /// The claims, with the system that signed them. A suspended one signs nothing.
    fn signed<C: DeserializeOwned>(
        &self,
        artefact: Artefact,
        form: Form,
        text: &str,
        may_sign: impl Fn(&System) -> bool,
    ) -> Result<(SystemId, C), ArtefactError> {
        let fault = |cause| error(artefact, fault(cause));
        if text.len() > form.bytes_max {
            return Err(fault(SignedError::Malformed));
        }
        let system = self.stated(text).map_err(fault)?;
        if system.suspended || !may_sign(system) {
            return Err(fault(SignedError::Issuer));
        }
        let claims = self.claims(form, &system.id, text).map_err(fault)?;
        Ok((system.id.clone(), claims))
    }
}

/// Whether it can be told from others: it has something to see, and nothing around that.
fn is_name(text: &str) -> bool {
    is_text(text) && text.trim() == text && text.chars().any(char::is_alphanumeric)
}

/// When it holds; nothing where it lives longer than it may.
fn span(iat: i64, nbf: Option<i64>, exp: i64, lifetime_s_max: i64) -> Option<Span> {
    let span = Span {
        from_s: nbf.map_or(iat, |nbf| nbf.max(iat)),
        until_s: exp,
    };
    (exp.saturating_sub(iat) <= lifetime_s_max).then_some(span)
}

fn error(artefact: Artefact, fault: ArtefactFault) -> ArtefactError {
    ArtefactError { artefact, fault }
}

fn fault(cause: SignedError) -> ArtefactFault {
    match cause {
        SignedError::Malformed | SignedError::Claims => ArtefactFault::Malformed,
        SignedError::Issuer => ArtefactFault::Issuer,
        SignedError::UnknownKey | SignedError::Algorithm | SignedError::Signature => {
            ArtefactFault::Signature
        }
        SignedError::Audience => ArtefactFault::Audience,
    }
}
