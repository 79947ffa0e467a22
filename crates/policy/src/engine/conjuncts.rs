//! Rules taken apart: each condition of a rule that is in force, evaluated alone. Nothing here is
//! written down a second time, so that an explanation cannot drift from what decides.

use cedar_policy::{Authorizer, Decision, Effect, Entities, Policy, PolicyId, PolicySet, Request};
use serde_json::{Value, json};

use crate::explain::{Condition, Mark, Rule};

/// A condition is nested at most this deep; a deeper one is shown whole.
const SPLIT_MAX: usize = 64;

/// What is asked of the rules.
pub(super) struct Asked<'a> {
    pub(super) authorizer: &'a Authorizer,
    pub(super) request: &'a Request,
    pub(super) entities: &'a Entities,
}

/// Whether a condition of a rule holds by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Yes,
    No,
    Error,
}

impl Asked<'_> {
    /// The rule with each of its conditions, or `None` where it is not about such a question at
    /// all.
    pub(super) fn explain(&self, policy: &Policy) -> Option<Rule> {
        let reason = policy.annotation("reason").unwrap_or_default().to_owned();
        let whole = policy.to_json().ok()?;
        if self.held(&whole, json!([])) == Held::No {
            return None;
        }
        let forbids = policy.effect() == Effect::Forbid;
        let parts = whole.get("conditions")?;
        // The rule as a whole comes first: where it does not stand in the way, nothing in it does.
        let is_clear = match self.held(&whole, parts.clone()) {
            Held::Yes => !forbids,
            Held::No => forbids,
            Held::Error => false,
        };
        let parts = parts.as_array()?;
        let mut conditions = Vec::new();
        if parts.is_empty() {
            conditions.push(Condition {
                text: "true".to_owned(),
                demanded: !forbids,
                mark: if forbids { Mark::Fail } else { Mark::Ok },
            });
        }
        for part in parts {
            let body = part.get("body")?;
            let unless = part.get("kind")?.as_str()? == "unless";
            let mut leaves = Vec::new();
            split(body, 0, &mut leaves);
            let held: Vec<Held> = leaves
                .iter()
                .map(|leaf| self.held(&whole, only(leaf)))
                .collect();
            // What a permit demands, and what spares from a `forbid … unless`, must hold; what
            // brings on a `forbid … when` must not hold all at once.
            let demanded = unless == forbids;
            let all = held.iter().all(|held| *held == Held::Yes);
            for (leaf, held) in leaves.iter().zip(held) {
                let mark = match (held, demanded) {
                    (Held::Error, _) => Mark::Error,
                    (Held::Yes, true) | (Held::No, false) => Mark::Ok,
                    (Held::No, true) => Mark::Fail,
                    (Held::Yes, false) if all => Mark::Fail,
                    (Held::Yes, false) => Mark::Spared,
                };
                let mark = match mark {
                    Mark::Fail if is_clear => Mark::Spared,
                    mark => mark,
                };
                let text = self.text(&whole, leaf).unwrap_or_default();
                conditions.push(Condition {
                    text,
                    demanded,
                    mark,
                });
            }
        }
        Some(Rule { reason, conditions })
    }

    /// Whether these conditions hold within the scope of the rule; without any, whether the rule is
    /// about the question.
    fn held(&self, whole: &Value, conditions: Value) -> Held {
        let mut alone = PolicySet::new();
        let Some(policy) = alone_of(whole, conditions) else {
            return Held::Error;
        };
        if alone.add(policy).is_err() {
            return Held::Error;
        }
        let response = self
            .authorizer
            .is_authorized(self.request, &alone, self.entities);
        if response.diagnostics().errors().next().is_some() {
            return Held::Error;
        }
        match response.decision() {
            Decision::Allow => Held::Yes,
            Decision::Deny => Held::No,
        }
    }

    /// A condition as it is written in Cedar.
    fn text(&self, whole: &Value, leaf: &Value) -> Option<String> {
        let text = alone_of(whole, only(leaf))?.to_cedar()?;
        let (_, body) = text.split_once("when {")?;
        let body = body.trim_end().trim_end_matches(';').trim_end();
        let body = body.strip_suffix('}')?;
        Some(body.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// One condition, as a rule has it.
fn only(body: &Value) -> Value {
    json!([{ "kind": "when", "body": body }])
}

/// A rule that permits within the same scope, under these conditions.
fn alone_of(whole: &Value, conditions: Value) -> Option<Policy> {
    let alone = json!({
        "effect": "permit",
        "principal": whole.get("principal")?,
        "action": whole.get("action")?,
        "resource": whole.get("resource")?,
        "conditions": conditions,
    });
    Policy::from_json(Some(PolicyId::new("alone")), alone).ok()
}

fn split<'v>(body: &'v Value, depth: usize, leaves: &mut Vec<&'v Value>) {
    let both = body.get("&&");
    let halves = both.and_then(|both| both.get("left").zip(both.get("right")));
    match halves {
        Some((left, right)) if depth < SPLIT_MAX => {
            split(left, depth.saturating_add(1), leaves);
            split(right, depth.saturating_add(1), leaves);
        }
        _ => leaves.push(body),
    }
}
