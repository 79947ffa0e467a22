//! May this be asked? Agreements and guards in, a [`Permit`] or a [`Refusal`] out.
//!
//! In scope: choosing the one grant that fits, evaluating the rules over it, and checking that a
//! caller who asks for particular fields asks within the granted view. Cedar decides; agreements
//! are its data (`rules/schema.cedarschema`), the permit and the guards are its policies
//! (`rules/guards.cedar`), and what a dataset's owner forbids besides comes from the catalogue.
//! [`Rules::new`] tries every test of every agreement. What the rules allow can be shown
//! ([`Rules::accesses`]) and explained ([`Rules::explain`]); both ask the rules that decide.
//!
//! Out of scope: who the caller is, what time it is (passed in as a [`Moment`]), and what a field
//! holds. There is no I/O, no clock and no async here.
//!
//! Limits: [`GRANTS_TRIED_MAX`] grants are tried for one question, [`FIELDS_ASKED_MAX`] fields can
//! be asked for, [`OWNER_RULES_MAX`] rules of its owner stand beside those of one dataset, each of
//! at most [`OWNER_TOKENS_MAX`] words and signs and [`OWNER_DEPTH_MAX`] brackets within brackets,
//! [`NARROWED_MASKS_MAX`] narrowed masks are kept, and what the rules see of [`GRANTS_KEPT_MAX`]
//! grants, and [`REMEMBERED_MAX`] decisions for at most [`REMEMBERED_MS_MAX`]; and
//! [`UNNAMED_TRIED_MAX`] questions that no grant names are tried.

mod access;
pub mod asked;
mod cases;
mod engine;
mod explain;
mod moment;
mod refusal;
mod remembered;
mod rules;
#[cfg(test)]
#[path = "../tests/twin/twin.rs"]
mod twin;
mod unnamed;

pub use access::{Access, Offer, Way};
pub use engine::{GRANTS_KEPT_MAX, OWNER_DEPTH_MAX, OWNER_RULES_MAX, OWNER_TOKENS_MAX};
pub use explain::{Condition, Explanation, Mark, Rule};
pub use moment::Moment;
pub use refusal::Refusal;
pub use remembered::{REMEMBERED_MAX, REMEMBERED_MS_MAX};
pub use rules::{
    Backing, FIELDS_ASKED_MAX, GRANTS_TRIED_MAX, NARROWED_MASKS_MAX, Permit, Query, Rules,
    RulesError,
};
pub use unnamed::{Breach, UNNAMED_TRIED_MAX, Unnamed};
