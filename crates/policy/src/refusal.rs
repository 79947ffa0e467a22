//! Why a question was refused.

use std::sync::Arc;

use motlan_catalog::GrantId;

/// A refusal: whose cause the caller can act on. The [`Refusal::reason`] is stable, the text is
/// not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[must_use]
pub enum Refusal {
    /// No agreement gives the caller's agency this method.
    #[error(
        "no agreement gives `{consumer}` the method `{method}`; ask the dataset's owner for one"
    )]
    NoAgreement {
        /// The caller's agency.
        consumer: String,
        /// The method asked.
        method: String,
    },
    /// The cited grant does not exist, or not for this caller and method.
    #[error("`{cited}` names no grant of `{consumer}` for `{method}`")]
    GrantUnknown {
        /// What `motlan-grant` named.
        cited: String,
        /// The caller's agency.
        consumer: String,
        /// The method asked.
        method: String,
    },
    /// Several grants fit and none was cited: grants are never unioned.
    #[error("{} all fit; cite one in `motlan-grant`", names(.grants))]
    GrantAmbiguous {
        /// The grants that fit.
        grants: Vec<GrantId>,
    },
    /// The calling system is suspended.
    #[error("the system `{system}` is suspended")]
    SystemSuspended {
        /// The calling system.
        system: String,
    },
    /// The grant names other systems of the caller's agency only.
    #[error("{} does not name the system `{system}`", names(.grants))]
    SystemNotNamed {
        /// The grants tried.
        grants: Vec<GrantId>,
        /// The calling system.
        system: String,
    },
    /// The agreement is not yet, or no longer, in force.
    #[error("{} is not in force at this time", names(.grants))]
    AgreementNotInForce {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// No grant covers the procedure that the official named.
    #[error("{} does not cover the procedure `{procedure}`", names(.grants))]
    PurposeNotCovered {
        /// The grants tried.
        grants: Vec<GrantId>,
        /// The procedure named in the token.
        procedure: String,
    },
    /// The grant needs a dossier, and the official named none.
    #[error("{} needs a dossier: name it in the token (`purpose.dossier`)", names(.grants))]
    DossierRequired {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// The grant is for emergencies, and none was declared.
    #[error("{} is for emergencies only; declare one with `motlan-emergency`", names(.grants))]
    BreakGlassOnly {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// An emergency was declared, and the grant is for none.
    #[error("{} is no grant for emergencies", names(.grants))]
    NotForEmergencies {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// The grant does not name the official who declares the emergency.
    #[error("{} does not name the official who declares the emergency", names(.grants))]
    OfficialNotNamed {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// The grant needs the person's consent, and none was shown that covers the question.
    #[error("{} needs the person's consent: show it in `motlan-consent`", names(.grants))]
    ConsentRequired {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// The grant needs more approvals than were shown.
    #[error("{} needs more approvals than the {shown} shown in `motlan-approval`", names(.grants))]
    ApprovalsRequired {
        /// The grants tried.
        grants: Vec<GrantId>,
        /// How many were shown that count.
        shown: u8,
    },
    /// The grant gives a field of the class `SECRET`, for which two must approve.
    #[error("{} gives a secret field, which needs two approvals; {shown} shown", names(.grants))]
    SecretNeedsTwo {
        /// The grants tried.
        grants: Vec<GrantId>,
        /// How many were shown that count.
        shown: u8,
    },
    /// The person did not consent to these fields.
    #[error("the person's consent does not cover {}", quoted(.fields))]
    FieldNotConsented {
        /// The fields beyond it; of the view, where none was asked for.
        fields: Vec<String>,
    },
    /// The grant may not be used on this day or at this hour, by Việt Nam's time.
    #[error("{} may not be used on this day or at this hour", names(.grants))]
    OutsideHours {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
    /// A rule of the dataset's owner forbids it.
    #[error("the owner's rule `{reason}` forbids what {} would give", names(.grants))]
    OwnerForbids {
        /// The grants tried.
        grants: Vec<GrantId>,
        /// The rule's own reason, `OWNER_…`.
        reason: Arc<str>,
    },
    /// The caller asked for existing fields that the view does not give.
    #[error("{} does not give the field{} {}", names(std::slice::from_ref(.grant)),
        if .fields.len() == 1 { "" } else { "s" }, quoted(.fields))]
    FieldNotGranted {
        /// The grant that fits.
        grant: GrantId,
        /// The fields beyond it.
        fields: Vec<String>,
    },
    /// The caller asked for a field that the answer does not have.
    #[error("the answer has no field `{field}`{}", hint(.suggestion.as_deref()))]
    FieldUnknown {
        /// The path asked.
        field: String,
        /// The nearest path there is.
        suggestion: Option<String>,
    },
    /// The caller asked for more fields than [`crate::FIELDS_ASKED_MAX`].
    #[error("{count} fields were asked for; at most {max} can be")]
    TooManyFields {
        /// How many were asked for.
        count: usize,
        /// How many can be.
        max: usize,
    },
    /// A rule could not be evaluated: what cannot be decided is refused.
    #[error("the rules could not be evaluated for {}", names(.grants))]
    Undecidable {
        /// The grants tried.
        grants: Vec<GrantId>,
    },
}

impl Refusal {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason` and in the ledger.
    /// Those of owners' rules begin with `OWNER_`; all others are listed here.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::NoAgreement { .. } => "NO_AGREEMENT",
            Self::GrantUnknown { .. } => "GRANT_UNKNOWN",
            Self::GrantAmbiguous { .. } => "GRANT_AMBIGUOUS",
            Self::SystemSuspended { .. } => "SYSTEM_SUSPENDED",
            Self::SystemNotNamed { .. } => "SYSTEM_NOT_NAMED",
            Self::AgreementNotInForce { .. } => "AGREEMENT_NOT_IN_FORCE",
            Self::PurposeNotCovered { .. } => "PURPOSE_NOT_COVERED",
            Self::DossierRequired { .. } => "DOSSIER_REQUIRED",
            Self::BreakGlassOnly { .. } => "BREAK_GLASS_ONLY",
            Self::NotForEmergencies { .. } => "NOT_FOR_EMERGENCIES",
            Self::OfficialNotNamed { .. } => "OFFICIAL_NOT_NAMED",
            Self::ConsentRequired { .. } => "CONSENT_REQUIRED",
            Self::ApprovalsRequired { .. } => "APPROVALS_REQUIRED",
            Self::SecretNeedsTwo { .. } => "SECRET_NEEDS_TWO",
            Self::FieldNotConsented { .. } => "FIELD_NOT_CONSENTED",
            Self::OutsideHours { .. } => "OUTSIDE_HOURS",
            Self::OwnerForbids { reason, .. } => reason,
            Self::FieldNotGranted { .. } => "FIELD_NOT_GRANTED",
            Self::FieldUnknown { .. } => "FIELD_UNKNOWN",
            Self::TooManyFields { .. } => "TOO_MANY_FIELDS",
            Self::Undecidable { .. } => "POLICY_UNDECIDABLE",
        }
    }
}

fn names(grants: &[GrantId]) -> String {
    grants
        .iter()
        .map(|grant| format!("`{grant}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn quoted(fields: &[String]) -> String {
    fields
        .iter()
        .map(|field| format!("`{field}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}
