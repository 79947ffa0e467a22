//! Once-only: what the law lets a desk ask of a citizen, as far as the catalogue can tell.
//!
//! In scope: which documents of a procedure a database replaces ([`plan()`]), what every row of the
//! law comes to ([`coverage()`]), by when an applicant must be told that data could not be had
//! ([`deadline()`]), which questions of a form the law forbids ([`Form`], [`judge()`]), what is to
//! be asked for a dossier ([`intake()`]), and whether what came back is a ground to ask the
//! applicant ([`Held::judge`]).
//! Apart from reading a form, all of it is pure: the catalogue goes in, and the day or the moment
//! where one counts.
//!
//! Out of scope: whether a caller may read a dataset (`policy`), and reading it (`exchange`).
//!
//! # Limits
//!
//! | limit | what it bounds |
//! | --- | --- |
//! | [`QUESTIONS_MAX`] | questions of one form |
//! | [`DEPTH_MAX`] | messages within messages in which a concept is looked for |
//! | [`DAYS_MAX`] | days that a deadline is looked for |
//! | [`COMPONENTS_MAX`] | components that are asked for at once |
//! | [`FAULTS_MAX`] | faults of one request that are told |
//! | [`FIELDS_MAX`] | fields that one finding names |
//! | [`DOSSIER_BYTES_MAX`] | a dossier's code |

mod clause;
mod coverage;
mod deadline;
mod dictionary;
mod dossier;
mod form;
mod held;
mod intake;
mod plan;
mod spelling;

pub use coverage::{
    Coverage, CoverageRow, OfDatabase, OfSector, Readiness, Resolved, Totals, coverage,
};
pub use deadline::{Channel, DAYS_MAX, DeadlineError, deadline};
pub use dictionary::DEPTH_MAX;
pub use dossier::{DOSSIER_BYTES_MAX, DossierFault, dossier_code};
pub use form::{About, Answered, Form, Judged, Open, QUESTIONS_MAX, Question, Verdict, judge};
pub use held::{FIELDS_MAX, Finding, Held};
pub use intake::{
    COMPONENTS_MAX, FAULTS_MAX, IntakeFault, IntakeFaults, NotPublished, Piece, Wanted, intake,
};
pub use plan::{Basis, Component, Listing, Plan, PlanError, Variant, plan};
