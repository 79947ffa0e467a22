//! May this be asked? Agreements and guards in, a [`Permit`] or a [`Refusal`] out.
//!
//! In scope: choosing the one grant that fits, evaluating the rules over it, and checking that a
//! caller who asks for particular fields asks within the granted view. Cedar decides; agreements
//! are its data (`rules/schema.cedarschema`), the permit and the guards are its policies
//! (`rules/guards.cedar`).
//!
//! Out of scope: who the caller is, what time it is (passed in as a [`Moment`]), and what a field
//! holds. There is no I/O, no clock and no async here.
//!
//! Limits: [`GRANTS_TRIED_MAX`] grants are tried for one question, [`FIELDS_ASKED_MAX`] fields can
//! be asked for, and [`NARROWED_MASKS_MAX`] narrowed masks are kept.

pub mod asked;
mod engine;
mod refusal;
mod rules;

pub use refusal::Refusal;
pub use rules::{
    FIELDS_ASKED_MAX, GRANTS_TRIED_MAX, Moment, NARROWED_MASKS_MAX, Permit, Query, Rules,
    RulesError,
};
