//! What a caller of the audit trail is told where nothing is shown or done.

use motlan_audit::{AppendError, ReadError, RecordId, SearchError};
use motlan_exchange::Unrecorded;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::lookup::WireError;
use crate::telemetry::Metrics;

/// An error, with its record where there is one.
pub(super) struct Failure {
    error: Box<WireError>,
    record: Option<RecordId>,
    unrecorded: Option<AppendError>,
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Failure {
        Failure {
            error: Box::new(error),
            record: None,
            unrecorded: None,
        }
    }
}

impl Failure {
    pub(super) fn on_record(error: WireError, record: RecordId) -> Failure {
        Failure {
            record: Some(record),
            ..Failure::from(error)
        }
    }

    /// The same failure, told in other words, with a record of what was done all the same.
    pub(super) fn told_as(self, error: WireError, record: RecordId) -> Failure {
        Failure {
            error: Box::new(error),
            record: Some(record),
            ..self
        }
    }

    /// The same failure, where what was to be done is on record all the same.
    pub(super) fn with_record(self, record: RecordId) -> Failure {
        Failure {
            record: Some(record),
            ..self
        }
    }

    /// The request is not what the contract says.
    pub(super) fn request(field: &'static str, message: impl Into<String>) -> Failure {
        WireError::new(Code::InvalidArgument, "REQUEST_MALFORMED", message)
            .of_field(field)
            .into()
    }

    /// R33, R74: no record, nothing shown.
    pub(super) fn unrecorded(error: &AppendError) -> Failure {
        Failure {
            unrecorded: Some(error.clone()),
            ..Failure::from(WireError::unrecorded())
        }
    }

    pub(super) fn unreadable(error: &ReadError) -> Failure {
        tracing::error!(%error, "the ledger could not be read");
        let message = "the ledger could not be read; tell the operator";
        WireError::new(Code::Unavailable, "LEDGER_UNAVAILABLE", message).into()
    }

    /// The call ended without a result.
    pub(super) fn lost() -> Failure {
        tracing::error!("a call of the audit trail panicked");
        let message = "the call ended without a result";
        WireError::new(Code::Internal, "CALL_LOST", message).into()
    }

    /// Why nothing was searched.
    pub(super) fn search(error: &SearchError) -> Failure {
        let field = match error {
            SearchError::Limit { .. } => Some("page_size"),
            SearchError::Filter { field } => Some(field.name()),
            SearchError::Times => Some("until_us"),
            SearchError::Page | SearchError::OtherPage => Some("page_token"),
            _ => None,
        };
        if let Some(field) = field {
            return Failure::request(field, error.to_string());
        }
        if let SearchError::Behind { .. } = error {
            return WireError::new(Code::Unavailable, "INDEX_BEHIND", error.to_string()).into();
        }
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, "the audit trail could not be searched");
        let message = "the search index cannot be used; tell the operator";
        WireError::new(Code::Unavailable, "INDEX_UNAVAILABLE", message).into()
    }

    /// Counts it and tells the operator, where the ledger could not write.
    pub(super) fn tell(&self, metrics: &Metrics) {
        if let Some(error) = &self.unrecorded {
            metrics.unrecorded(&Unrecorded(error.clone()));
        }
    }

    pub(super) fn reason(&self) -> &str {
        self.error.reason()
    }

    /// The status with its details and, where it is on record, `motlan-record`.
    pub(super) fn status(&self) -> Status {
        let mut status = self.error.status_of(self.record.as_ref());
        let record = self.record.as_ref().map(ToString::to_string);
        if let Some(Ok(record)) = record.map(MetadataValue::try_from) {
            status.metadata_mut().insert("motlan-record", record);
        }
        status
    }
}
