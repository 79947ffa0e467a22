//! Why: each grant that was tried, rule by rule and condition by condition, taken from the rules
//! themselves.

use motlan_catalog::GrantId;

use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::rules::{Permit, Query};

/// A decision with its grounds.
#[non_exhaustive]
pub struct Explanation {
    /// What is decided.
    pub decision: Result<Permit, Refusal>,
    /// The grants that were tried, each with the rules that are about it.
    pub grants: Vec<(GrantId, Vec<Rule>)>,
}

/// A rule that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What its refusal is called; of the permit `GRANTED`.
    pub reason: String,
    /// Its conditions, in the order in which they are written.
    pub conditions: Vec<Condition>,
}

/// One condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Condition {
    /// As it is written in Cedar.
    pub text: String,
    /// Whether it must hold; else it is what a rule forbids.
    pub demanded: bool,
    /// What came of it.
    pub mark: Mark,
}

/// What came of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does not stand in the way.
    Ok,
    /// It stands in the way.
    Fail,
    /// It would stand in the way, were it not for another condition of the same rule.
    Spared,
    /// It cannot be evaluated by itself.
    Error,
}

impl Rules {
    /// Decides, and takes the rules apart over each grant that is tried.
    pub fn explain(&self, query: &Query<'_>, at: Moment) -> Explanation {
        Explanation {
            decision: self.decide(query, at),
            grants: self.tried(query, at),
        }
    }
}
