//! What was agreed: who shares what with whom, on what ground, for which procedures and until when.

use std::sync::Arc;

use crate::method::Method;
use crate::name::{AgencyCode, AgreementId, DatasetId, GrantId, ProcedureCode, SystemId};
use crate::view::View;

/// A sharing agreement between the owner of data and an agency that needs it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Agreement {
    /// Its name.
    pub id: AgreementId,
    /// What it is called.
    pub title: String,
    /// The agency that shares, and owns the datasets.
    pub provider: AgencyCode,
    /// The agency that may ask.
    pub consumer: AgencyCode,
    /// The instrument it rests on.
    pub legal_basis: String,
    /// When it is in force.
    pub valid: Validity,
    /// What it grants.
    pub grants: Vec<Grant>,
}

/// A span of time, from `from_ms` on and before `until_ms`, in milliseconds since the Unix epoch.
/// The dates of a file are days in Việt Nam (UTC+7 all year), and the last one is within the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first instant within.
    pub from_ms: i64,
    /// The first instant no longer within.
    pub until_ms: i64,
}

impl Validity {
    /// Whether `unix_ms` lies within.
    #[must_use]
    pub fn contains(&self, unix_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&unix_ms)
    }
}

/// What an agreement lets the consumer learn: one view, on these methods, for these procedures.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Grant {
    /// Its name, `agreement/grant`.
    pub id: GrantId,
    /// The dataset it is about.
    pub dataset: DatasetId,
    /// What may leave.
    pub view: Arc<View>,
    /// The methods on which it holds. Each answers with the message of the view.
    pub methods: Vec<Arc<Method>>,
    /// The procedures for which it holds, in the order of their codes.
    pub procedures: Vec<ProcedureCode>,
    /// The systems of the consumer that may use it; empty: any of them.
    pub systems: Vec<SystemId>,
}
