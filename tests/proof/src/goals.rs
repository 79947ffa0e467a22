//! What is proved: `goals.cedar`, one permit a goal.

use anyhow::{Context as _, ensure};
use cedar_policy::{Effect, Policy, PolicySet, Schema};

use crate::texts;

const GOALS: &str = include_str!("goals.cedar");

/// A bound that the rules must keep within.
pub(crate) struct Goal {
    /// What it means, in words.
    pub(crate) claim: String,
    /// Allows all that may be allowed.
    pub(crate) bound: PolicySet,
}

/// The goals in the order in which they stand.
pub(crate) fn all(schema: &Schema) -> anyhow::Result<Vec<Goal>> {
    let parsed = texts::parsed(GOALS, schema)?;
    let mut rules: Vec<&Policy> = parsed.policies().collect();
    rules.sort_by_key(|rule| number(rule));
    rules.into_iter().map(goal).collect()
}

/// Cedar numbers the rules in the order in which they stand.
fn number(rule: &Policy) -> Option<usize> {
    rule.id().to_string().strip_prefix("policy")?.parse().ok()
}

fn goal(rule: &Policy) -> anyhow::Result<Goal> {
    let claim = rule
        .annotation("claim")
        .context("a goal claims something")?;
    ensure!(
        rule.effect() == Effect::Permit,
        "the goal `{claim}` is no permit"
    );
    let mut bound = PolicySet::new();
    bound.add(rule.clone())?;
    let claim = claim.to_owned();
    Ok(Goal { claim, bound })
}
