//! What was agreed: who shares what with whom, on what ground, for which procedures and until when.

use std::path::PathBuf;
use std::sync::Arc;

use motlan_mask::Mask;

use crate::hours::Hours;
use crate::method::Method;
use crate::name::{AgencyCode, AgreementId, DatasetId, GrantId, ProcedureCode, SystemId};
use crate::terms::Terms;
use crate::view::View;

/// A sharing agreement between the owner of data and an agency that needs it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Agreement {
    /// Its name.
    pub id: AgreementId,
    /// Which wording of it this is: every change of what lawyers signed takes the next number.
    pub version: u32,
    /// What it is called.
    pub title: String,
    /// The agency that shares, and owns the datasets.
    pub provider: AgencyCode,
    /// The agency that may ask.
    pub consumer: AgencyCode,
    /// The instruments it rests on, each a citation. Never empty.
    pub legal_basis: Vec<String>,
    /// When it is in force.
    pub valid: Validity,
    /// What it grants.
    pub grants: Vec<Arc<Grant>>,
    /// What must hold of it before it loads: at least one question that is allowed, and one that
    /// is refused. The rules are in another crate, which tries them; none any more
    /// [without them](crate::Catalog::without_cases).
    pub cases: Vec<Case>,
    /// The file it stands in.
    pub file: PathBuf,
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
    /// The days and hours in which it may be used.
    pub hours: Hours,
    /// What it demands beside, and what must be done with what it gives.
    pub terms: Terms,
    /// What lets the view through, with those parts of values covered that the terms say.
    pub mask: Arc<Mask>,
}

/// One `[[test]]` of an agreement: a question, and what the agreement must say of it by itself,
/// whatever other agreements say and whether or not the system is suspended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Case {
    /// What it claims.
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    /// The system that asks.
    pub system: SystemId,
    /// The method asked.
    pub method: Arc<Method>,
    /// The procedure that the official names.
    pub procedure: ProcedureCode,
    /// Whether the official names a dossier.
    pub dossier: bool,
    /// What the person consented to; empty is all that the view gives.
    pub consented: Option<Vec<String>>,
    /// How many others approved.
    pub approvals: u8,
    /// The official who declares an emergency.
    pub emergency: Option<String>,
    /// When it is asked, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The grant cited; needed where two of the agreement fit.
    pub cited: Option<String>,
    /// The fields asked for; empty asks for what the view gives.
    pub asked: Vec<String>,
    /// What must come of it.
    pub expected: Expected,
}

/// What must come of a [`Case`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Exactly these fields may leave: sorted, each once. One that ends in `.*` stands for all that
    /// lies beneath, whatever that may come to be.
    Allowed {
        /// The paths.
        fields: Vec<String>,
    },
    /// It is refused for this reason, e.g. `PURPOSE_NOT_COVERED`.
    Refused {
        /// The stable reason.
        reason: String,
    },
}

/// What the owner of a dataset forbids, whatever agreements grant: a file of Cedar rules.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OwnerRules {
    /// The file they stand in.
    pub file: PathBuf,
    /// The rules, unchecked: there is no Cedar here.
    pub text: String,
}
