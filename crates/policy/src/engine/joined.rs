//! The guards joined into the permit: one rule that is evaluated in place of many, made from their
//! text and never written by hand.
//!
//! Sound by its form: a guard `forbid … unless { x }` becomes a condition `when { x }` of the
//! permit, and `forbid … when { y }` a condition `unless { y }`, whatever its scope. So the joined
//! rule allows only where no guard speaks and none fails; where it does not allow, the guards are
//! asked, and only they refuse. `tests/proof` shows that both say the same.

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use serde_json::{Value, json};

use crate::rules::RulesError;

/// One permit with the conditions of all `policies`, which have one permit among them.
pub(super) fn permit(policies: &PolicySet) -> Result<PolicySet, RulesError> {
    let shape = || RulesError::Rules("the guards cannot be joined".to_owned());
    let mut permits = policies
        .policies()
        .filter(|one| one.effect() == Effect::Permit);
    let (Some(granted), None) = (permits.next(), permits.next()) else {
        return Err(shape());
    };
    let mut whole = granted.to_json().map_err(|e| RulesError::rules(&e))?;
    let conditions = whole.get_mut("conditions").and_then(Value::as_array_mut);
    let conditions = conditions.ok_or_else(shape)?;
    for guard in policies
        .policies()
        .filter(|one| one.effect() == Effect::Forbid)
    {
        let guard = guard.to_json().map_err(|e| RulesError::rules(&e))?;
        let clauses = guard.get("conditions").and_then(Value::as_array);
        let clauses = clauses
            .filter(|clauses| !clauses.is_empty())
            .ok_or_else(shape)?;
        for clause in clauses {
            let turned = match clause.get("kind").and_then(Value::as_str) {
                Some("when") => "unless",
                Some("unless") => "when",
                _ => return Err(shape()),
            };
            let body = clause.get("body").ok_or_else(shape)?;
            conditions.push(json!({ "kind": turned, "body": body }));
        }
    }
    let joined = Policy::from_json(Some(PolicyId::new("joined")), whole);
    let joined = joined.map_err(|e| RulesError::rules(&e))?;
    let mut set = PolicySet::new();
    set.add(joined).map_err(|e| RulesError::rules(&e))?;
    Ok(set)
}
