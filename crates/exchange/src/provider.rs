//! What a provider is asked, and what it can do wrong.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use motlan_audit::Durable;
use motlan_catalog::Method;

use crate::question::Question;

/// A way to the owners' systems.
pub trait Provider {
    /// Puts one enquiry to the owner of its method, by its deadline.
    fn ask(&self, enquiry: Enquiry) -> impl Future<Output = Result<Fetched, ProviderFault>> + Send;
}

/// What one provider is told of one lookup: made only from an announced question.
#[must_use]
#[non_exhaustive]
pub struct Enquiry {
    /// The method to call.
    pub method: Arc<Method>,
    /// The encoded request message, without its gRPC prefix.
    pub request: Bytes,
    /// `motlan-caller`: the system that asks.
    pub caller: String,
    /// `motlan-procedure`.
    pub procedure: String,
    /// `motlan-dossier`.
    pub dossier: Option<String>,
    /// `motlan-record`: the record of the question.
    pub record: String,
    /// `motlan-token`: the caller's token.
    pub token: Arc<str>,
    /// The trace context, if any.
    pub trace_parent: Option<String>,
    /// When the answer is no longer of use.
    pub deadline: Instant,
}

impl Enquiry {
    pub(crate) fn new(question: &Question, announcement: &Durable) -> Self {
        let statement = &question.caller.statement;
        Self {
            method: Arc::clone(&question.ask.method),
            request: question.ask.request.clone(),
            caller: question.caller.system.id.to_string(),
            procedure: statement.procedure.to_string(),
            dossier: statement.dossier.clone(),
            record: announcement.id().to_string(),
            token: Arc::clone(&statement.token),
            trace_parent: question.ask.trace_parent.clone(),
            deadline: question.ask.deadline,
        }
    }
}

/// What a provider answered: whole, and not yet masked.
pub struct Fetched {
    /// The encoded messages, without their gRPC prefixes.
    pub messages: Vec<Bytes>,
    /// As of when the answer holds, as RFC 3339.
    pub as_of: String,
}

/// What a provider did wrong. None of its own words are in here: they could hold anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    /// It has no record of the subject.
    #[error("the provider has no such record")]
    NotFound,
    /// No connection could be had.
    #[error("the provider could not be reached")]
    Unreachable,
    /// The deadline had passed before it could be asked; it heard nothing.
    #[error("the deadline had passed before the provider could be asked")]
    TooLate,
    /// It did not answer by the deadline.
    #[error("the provider did not answer in time")]
    Silent,
    /// It answered with an error status.
    #[error("the provider answered with the error status {status}")]
    Failed {
        /// The gRPC status code.
        status: u32,
    },
    /// It broke off before its answer was whole.
    #[error("the provider broke off its answer")]
    BrokenOff,
    /// Its answer is not what its contract says.
    #[error("the provider's answer is malformed: {what}")]
    Malformed {
        /// What is wrong, without any value.
        what: String,
    },
    /// Its answer is over the limit.
    #[error("the provider's answer is over the limit of {limit} {unit}")]
    Oversized {
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// As many enquiries as may be are under way to it.
    #[error("the provider is busy: as many enquiries as may be are under way")]
    Busy,
}

impl ProviderFault {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason` and in the ledger.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "SUBJECT_NOT_FOUND",
            Self::Unreachable => "PROVIDER_UNREACHABLE",
            Self::TooLate => "DEADLINE_PASSED",
            Self::Silent => "PROVIDER_SILENT",
            Self::Failed { .. } => "PROVIDER_FAILED",
            Self::BrokenOff => "PROVIDER_BROKE_OFF",
            Self::Malformed { .. } => "PROVIDER_MALFORMED",
            Self::Oversized { .. } => "PROVIDER_OVERSIZED",
            Self::Busy => "PROVIDER_BUSY",
        }
    }

    /// The gRPC status that the provider gave, where it gave one.
    pub(crate) fn status(&self) -> Option<u32> {
        match self {
            Self::NotFound => Some(5),
            Self::Failed { status } => Some(*status),
            _ => None,
        }
    }
}
