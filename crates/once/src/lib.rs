//! Once-only: what the law lets a desk ask of a citizen, as far as the catalogue can tell.
//!
//! In scope: which documents of a procedure a database replaces ([`plan()`]), what every row of the
//! law comes to ([`coverage()`]), by when an applicant must be told that data could not be had
//! ([`deadline()`]), and which questions of a form the law forbids ([`Form`], [`judge()`]).
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

mod clause;
mod coverage;
mod deadline;
mod dictionary;
mod form;
mod plan;

pub use coverage::{
    Coverage, CoverageRow, OfDatabase, OfSector, Readiness, Resolved, Totals, coverage,
};
pub use deadline::{Channel, DAYS_MAX, DeadlineError, deadline};
pub use dictionary::DEPTH_MAX;
pub use form::{About, Answered, Form, Judged, Open, QUESTIONS_MAX, Question, Verdict, judge};
pub use plan::{Basis, Component, Listing, Plan, PlanError, Variant, plan};
