//! How a lookup that gives no answer looks on the wire. Here, and only here, causes become gRPC
//! statuses.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;
use motlan_audit::RecordId;
use motlan_catalog::SystemId;
use motlan_exchange::{Denial, DutyFault, Exceeded, ProviderFault, Whose};
use motlan_policy::Refusal;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use super::sentence;
use super::way::Unanswered;
use crate::identity::{ArtefactError, TokenError};
use crate::tls::Cause;

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "motlan";

/// A provider's errors that may pass by themselves: UNKNOWN, RESOURCE_EXHAUSTED, ABORTED, INTERNAL,
/// UNAVAILABLE. Clients repeat a call that was unavailable; the others would only be put on record
/// again.
const PASSING: [u32; 5] = [2, 8, 10, 13, 14];
/// A message has at most this many bytes.
const MESSAGE_BYTES_MAX: usize = 1024;
/// What is wrong with a request is told in details of about so many bytes.
const VIOLATIONS_BYTES_MAX: usize = 2048;

impl From<Unanswered> for WireError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unrecorded => Self::unrecorded(),
            Unanswered::Lost => Self::lost(),
        }
    }
}

/// A gRPC status with a stable reason, a sentence to act on, and the same in Vietnamese.
#[derive(Debug, Clone)]
pub struct WireError {
    code: Code,
    reason: Cow<'static, str>,
    message: String,
    /// The field of the request that is wrong.
    field: Option<&'static str>,
    more: Option<Box<More>>,
}

/// What else is told, by cause.
#[derive(Debug, Clone)]
enum More {
    /// Which limit was exceeded.
    Exceeded(Exceeded),
    /// What is wrong with the request, by field.
    Violations(Vec<FieldViolation>),
}

impl WireError {
    /// The reason of [`WireError::overloaded`].
    pub(super) const OVERLOADED: &str = "GATEWAY_BUSY";

    pub(crate) fn new(
        code: Code,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        let mut message = message.into();
        // Clients take about 8 KiB of trailers, and the message stands in them twice.
        if message.len() > MESSAGE_BYTES_MAX {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
            message.push('…');
        }
        Self {
            code,
            reason: reason.into(),
            message,
            field: None,
            more: None,
        }
    }

    /// The request is not what the contract says: each fault with its field and what is wrong, none
    /// with a value. Of what does not fit, and of the `untold`, is said how many they are.
    pub(crate) fn malformed(faults: Vec<(String, String)>, untold: usize) -> Self {
        let all = faults.len() + untold;
        let mut told: Vec<String> = faults
            .iter()
            .map(|(field, what)| format!("`{field}` {what}"))
            .collect();
        let mut left = VIOLATIONS_BYTES_MAX;
        let fits = |(field, what): &(String, String)| {
            left = left.saturating_sub(field.len() + what.len());
            left > 0
        };
        let kept = faults.into_iter().take_while(fits);
        let kept = kept.map(|(field, what)| FieldViolation::new(field, what));
        let mut violations: Vec<_> = kept.collect();
        let more = all - violations.len();
        if more > 0 {
            // Of no field.
            violations.push(FieldViolation::new("", format!("and {more} more")));
            told.insert(0, format!("{all} faults, of which {more} are not told"));
        }
        let violations = More::Violations(violations);
        Self {
            more: Some(Box::new(violations)),
            ..Self::new(Code::InvalidArgument, "REQUEST_MALFORMED", told.join("; "))
        }
    }

    /// Names the field of the request that is wrong, for programs.
    pub(crate) fn of_field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    pub(super) fn metadata(name: &'static str) -> Self {
        let message = format!("the metadata `{name}` does not have the form it must have");
        Self::new(Code::InvalidArgument, "METADATA_MALFORMED", message)
    }

    /// The connection's certificate would not be accepted any more.
    #[must_use]
    pub(crate) fn fallen(cause: Cause) -> Self {
        let reason = match cause {
            Cause::Revoked => "CERTIFICATE_REVOKED",
            Cause::Expired => "CERTIFICATE_EXPIRED",
            Cause::ListExpired => "REVOCATION_LIST_EXPIRED",
            Cause::NoCertificate | Cause::UnknownAuthority | Cause::Handshake => {
                "CERTIFICATE_UNTRUSTED"
            }
        };
        Self::new(Code::Unauthenticated, reason, cause.to_string())
    }

    /// The connection's certificate is no registered system's.
    #[must_use]
    pub fn unregistered(message: String) -> Self {
        Self::new(Code::Unauthenticated, "SYSTEM_UNREGISTERED", message)
    }

    /// The calling system is suspended; for calls that no rule decides.
    #[must_use]
    pub fn suspended(system: &SystemId) -> Self {
        let message = format!("the system `{system}` is suspended");
        Self::new(Code::PermissionDenied, "SYSTEM_SUSPENDED", message)
    }

    pub(crate) fn token(error: &TokenError) -> Self {
        Self::new(Code::Unauthenticated, error.reason(), error.to_string())
    }

    pub(crate) fn artefact(error: &ArtefactError) -> Self {
        Self::new(Code::Unauthenticated, error.reason(), error.to_string())
    }

    /// R94: what the caller declares must be what the official signed.
    pub(super) fn incident() -> Self {
        let message = "`motlan-emergency` and the token's `purpose.incident` must name the same \
                       incident";
        Self::new(Code::InvalidArgument, "METADATA_MALFORMED", message)
    }

    pub(super) fn unknown_method(path: &str) -> Self {
        let message = format!("the catalogue has no method `{path}`");
        Self::new(Code::Unimplemented, "METHOD_UNKNOWN", message)
    }

    /// As many lookups as may be are under way.
    #[must_use]
    pub fn overloaded() -> Self {
        let message = "as many lookups as may be are under way; try again later";
        Self::new(Code::ResourceExhausted, Self::OVERLOADED, message)
    }

    pub(super) fn late() -> Self {
        let message = "the message did not come before the deadline";
        Self::new(Code::DeadlineExceeded, "MESSAGE_LATE", message)
    }

    pub(crate) fn unrecorded() -> Self {
        let message = "the ledger cannot write, so nobody gets an answer; tell the operator";
        Self::new(Code::Unavailable, "LEDGER_UNAVAILABLE", message)
    }

    pub(crate) fn lost() -> Self {
        Self::new(
            Code::Internal,
            "LOOKUP_LOST",
            "the lookup ended without an outcome",
        )
    }

    pub(crate) fn denied(denial: &Denial) -> Self {
        let code = match denial {
            Denial::Request(_) => Code::InvalidArgument,
            Denial::Policy(refusal) | Denial::Unbacked { refusal, .. } => match refusal {
                Refusal::FieldUnknown { .. } | Refusal::TooManyFields { .. } => {
                    Code::InvalidArgument
                }
                Refusal::GrantAmbiguous { .. } => Code::FailedPrecondition,
                Refusal::NoAgreement { .. }
                | Refusal::GrantUnknown { .. }
                | Refusal::SystemSuspended { .. }
                | Refusal::SystemNotNamed { .. }
                | Refusal::AgreementNotInForce { .. }
                | Refusal::PurposeNotCovered { .. }
                | Refusal::DossierRequired { .. }
                | Refusal::BreakGlassOnly { .. }
                | Refusal::NotForEmergencies { .. }
                | Refusal::OfficialNotNamed { .. }
                | Refusal::ConsentRequired { .. }
                | Refusal::ApprovalsRequired { .. }
                | Refusal::SecretNeedsTwo { .. }
                | Refusal::FieldNotConsented { .. }
                | Refusal::OutsideHours { .. }
                | Refusal::OwnerForbids { .. }
                | Refusal::FieldNotGranted { .. }
                | Refusal::Undecidable { .. } => Code::PermissionDenied,
            },
            Denial::Limit(_) => Code::ResourceExhausted,
            Denial::Duty(fault) => match fault {
                DutyFault::EmergencyOver | DutyFault::GrantSuspended { .. } => {
                    Code::FailedPrecondition
                }
                DutyFault::ReviewsPending { .. } => Code::ResourceExhausted,
                DutyFault::Failed => Code::Unavailable,
            },
            Denial::Provider(fault) => match fault {
                ProviderFault::NotFound => Code::NotFound,
                ProviderFault::TooLate | ProviderFault::Silent => Code::DeadlineExceeded,
                ProviderFault::Busy => Code::ResourceExhausted,
                ProviderFault::Failed { status } if !PASSING.contains(status) => {
                    Code::FailedPrecondition
                }
                ProviderFault::Unreachable
                | ProviderFault::Failed { .. }
                | ProviderFault::BrokenOff => Code::Unavailable,
                ProviderFault::Malformed { .. } | ProviderFault::Oversized { .. } => Code::DataLoss,
            },
        };
        let error = Self::new(code, denial.reason().to_owned(), denial.to_string());
        match denial {
            Denial::Limit(exceeded) => Self {
                more: Some(Box::new(More::Exceeded(exceeded.clone()))),
                ..error
            },
            _ => error,
        }
    }

    /// What to do, in English.
    #[must_use]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same in Vietnamese.
    #[must_use]
    pub(crate) fn vietnamese(&self) -> &'static str {
        sentence::vietnamese(&self.reason)
    }

    /// After what time it may be asked again, where a time helps.
    #[must_use]
    pub(crate) fn retry(&self) -> Option<Duration> {
        match self.more.as_deref()? {
            More::Exceeded(exceeded) => Some(exceeded.retry()),
            More::Violations(_) => None,
        }
    }

    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The status with its details.
    #[must_use]
    pub(crate) fn status(&self) -> Status {
        self.status_of(None)
    }

    /// The status and its details as trailers.
    pub(super) fn trailers(&self, record: Option<&RecordId>) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(5);
        // A message of printable text always makes valid headers; were it not so, the bare code is
        // left.
        if self.status_of(record).add_header(&mut trailers).is_err() {
            trailers.insert("grpc-status", http::HeaderValue::from(i32::from(self.code)));
        }
        trailers
    }

    pub(crate) fn status_of(&self, record: Option<&RecordId>) -> Status {
        let record = record.map(|record| ("record".to_owned(), record.to_string()));
        let field = self
            .field
            .map(|field| ("field".to_owned(), field.to_owned()));
        let metadata: HashMap<String, String> = record.into_iter().chain(field).collect();
        let mut details = ErrorDetails::with_error_info(self.reason.clone(), DOMAIN, metadata);
        details.set_localized_message("vi", sentence::vietnamese(&self.reason));
        match self.more.as_deref() {
            // R93: when it may be asked again, and whose uses were too many.
            Some(More::Exceeded(exceeded)) => {
                details.set_retry_info(Some(exceeded.retry()));
                let whose = exceeded.whose().map_or("gateway", Whose::as_str);
                details.add_quota_failure_violation(whose, exceeded.to_string());
            }
            Some(More::Violations(violations)) => {
                details.set_bad_request(violations.clone());
            }
            None => {}
        }
        Status::with_error_details(self.code, self.message.clone(), details)
    }
}
