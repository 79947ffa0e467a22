//! The rules: the platform's guards, and for each dataset what its owner forbids besides.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use motlan_catalog::{Catalog, DatasetId, Faults, OwnerRules};

use super::{Guard, joined, limits, literals};
use crate::rules::RulesError;

const GUARDS: &str = include_str!("../rules/guards.cedar");
const SCHEMA: &str = include_str!("../rules/schema.cedarschema");

/// At most this many rules of its owner for one dataset: each is evaluated for each lookup of it.
pub const OWNER_RULES_MAX: usize = 16;

/// What the reason of an owner's rule begins with.
const OWNER_PREFIX: &str = "OWNER_";
/// The longest reason of an owner's rule, in bytes.
const OWNER_REASON_BYTES_MAX: usize = 64;

/// Rules that are evaluated together, and what each says where it refuses.
#[derive(Clone)]
pub(crate) struct RuleSet {
    /// The platform's guards joined into its permit, with the owner's rules.
    pub(crate) joined: PolicySet,
    pub(crate) policies: PolicySet,
    pub(crate) guards: HashMap<PolicyId, Guard>,
}

/// All rules, sliced by dataset.
pub(crate) struct Policies {
    pub(crate) schema: Schema,
    platform: RuleSet,
    with_owners: HashMap<DatasetId, RuleSet>,
}

impl Policies {
    /// The platform's guards alone.
    pub(crate) fn platform() -> Result<Self, RulesError> {
        Self::from_text(GUARDS)
    }

    /// These guards in place of the platform's: for checks that must notice one that is missing.
    pub(crate) fn from_text(guards: &str) -> Result<Self, RulesError> {
        let (schema, _warnings) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|e| RulesError::rules(&e))?;
        let policies = PolicySet::from_str(guards).map_err(|e| RulesError::rules(&e))?;
        let checked = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if let Some(error) = checked.validation_errors().next() {
            return Err(RulesError::rules(error));
        }
        Ok(Self {
            schema,
            platform: RuleSet {
                joined: joined::permit(&policies)?,
                guards: guards_of(&policies)?,
                policies,
            },
            with_owners: HashMap::new(),
        })
    }

    /// Adds what the owners of `catalog` forbid.
    pub(crate) fn with_owners(mut self, catalog: &Catalog, faults: &mut Faults) -> Self {
        for (dataset, rules) in catalog.owner_rules() {
            if let Some(set) = self.owner(rules, catalog, faults) {
                self.with_owners.insert(dataset.clone(), set);
            }
        }
        self
    }

    /// The rules for lookups of `dataset`: the owner's of another one are not even evaluated.
    pub(crate) fn of(&self, dataset: &DatasetId) -> &RuleSet {
        self.with_owners.get(dataset).unwrap_or(&self.platform)
    }

    /// The platform's guards, whatever owners forbid.
    pub(crate) fn platform_alone(&self) -> &RuleSet {
        &self.platform
    }

    /// The owner's rules for a dataset, each with its text, by their reasons.
    pub(crate) fn owners(&self, dataset: &DatasetId) -> BTreeMap<Arc<str>, String> {
        let Some(set) = self.with_owners.get(dataset) else {
            return BTreeMap::new();
        };
        let rules = set.guards.iter().filter_map(|(id, guard)| match guard {
            Guard::Owner(reason) => {
                Some((Arc::clone(reason), set.policies.policy(id)?.to_string()))
            }
            _ => None,
        });
        rules.collect()
    }

    /// The platform's guards with the owner's rules; nothing, with faults, where these are not what
    /// an owner may write.
    fn owner(&self, rules: &OwnerRules, catalog: &Catalog, faults: &mut Faults) -> Option<RuleSet> {
        let told = faults.len();
        let lines = match limits::lines_of_rules(&rules.text) {
            Ok(lines) => lines,
            Err(beyond) => {
                faults.push(&rules.file, beyond.line, beyond.what, beyond.remedy);
                return None;
            }
        };
        let parsed = match PolicySet::from_str(&rules.text) {
            Ok(parsed) => parsed,
            Err(errors) => {
                for error in errors.iter() {
                    let what = format!("is not Cedar: {error}");
                    faults.push(&rules.file, line(error, &rules.text), what, "correct it");
                }
                return None;
            }
        };
        if parsed.num_of_templates() > 0 {
            let remedy = "write rules without `?principal` and `?resource`";
            faults.push(&rules.file, None, "holds a template", remedy);
        }
        let count = parsed.num_of_policies();
        if count == 0 || count > OWNER_RULES_MAX {
            let remedy = format!("write from 1 to {OWNER_RULES_MAX}, or remove the file");
            faults.push(&rules.file, None, format!("holds {count} rules"), remedy);
        }
        let checked = Validator::new(self.schema.clone()).validate(&parsed, ValidationMode::Strict);
        for error in checked.validation_errors() {
            let what = format!("does not fit the schema: {error}");
            let remedy = "use what the schema in docs/owner/agreements.md names";
            faults.push(&rules.file, line(error, &rules.text), what, remedy);
        }
        for warning in checked.validation_warnings() {
            let what = format!("would not do what it seems to: {warning}");
            faults.push(&rules.file, line(warning, &rules.text), what, "correct it");
        }
        let mut set = self.platform.clone();
        for policy in parsed.policies() {
            // Cedar numbers the rules in the order in which they stand.
            let number = policy.id().to_string();
            let number = number.strip_prefix("policy").and_then(|n| n.parse().ok());
            let line = number.and_then(|number: usize| lines.get(number).copied());
            for (what, remedy) in policy.to_json().map_or_else(
                |_| vec![("cannot be read as JSON".to_owned(), "rewrite it")],
                |json| literals::faults(&json, catalog),
            ) {
                faults.push(&rules.file, line, what, remedy);
            }
            Self::add(&mut set, policy, (rules, line), faults);
        }
        (faults.len() == told).then_some(set)
    }

    fn add(
        set: &mut RuleSet,
        policy: &Policy,
        (rules, line): (&OwnerRules, Option<usize>),
        faults: &mut Faults,
    ) {
        let mut fault = |what: String, remedy: &str| faults.push(&rules.file, line, what, remedy);
        let reason = policy.annotation("reason").unwrap_or_default();
        let place = match reason {
            "" => format!("the rule `{}`", policy.id()),
            reason => format!("the rule `{reason}`"),
        };
        // R27: what is allowed stands in agreements.
        if policy.effect() != Effect::Forbid {
            fault(
                format!("{place} is a `permit`"),
                "an owner may only `forbid`: what is allowed stands in agreements",
            );
        }
        let shape = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let name = reason.strip_prefix(OWNER_PREFIX).unwrap_or_default();
        if name.is_empty() || reason.len() > OWNER_REASON_BYTES_MAX || !reason.bytes().all(shape) {
            fault(
                format!("{place} has no reason of its own"),
                "put `@reason(\"OWNER_…\")` before it, in capitals, digits and `_`",
            );
        }
        let taken = |guard: &Guard| matches!(guard, Guard::Owner(other) if **other == *reason);
        if set.guards.values().any(taken) {
            fault(
                format!("{place} stands twice"),
                "give each rule a reason of its own",
            );
        }
        let id = PolicyId::new(format!("owner/{}", policy.id()));
        set.guards
            .insert(id.clone(), Guard::Owner(Arc::from(reason)));
        let own = policy.new_id(id);
        let own_too = own.clone();
        for (rules, own) in [(&mut set.joined, own), (&mut set.policies, own_too)] {
            if let Err(error) = rules.add(own) {
                fault(format!("{place} cannot be used: {error}"), "rewrite it");
            }
        }
    }
}

/// The line, counted from 1, that an error points to.
fn line(error: &dyn Diagnostic, text: &str) -> Option<usize> {
    let at = error.labels()?.next()?.offset();
    let before = text.as_bytes().get(..at)?;
    Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
}

fn guards_of(policies: &PolicySet) -> Result<HashMap<PolicyId, Guard>, RulesError> {
    let mut guards = HashMap::new();
    for policy in policies.policies() {
        match policy.annotation("reason") {
            Some("GRANTED") => {}
            Some(reason) => {
                let guard = Guard::of(reason)
                    .ok_or_else(|| RulesError::Rules(format!("unknown reason `{reason}`")))?;
                guards.insert(policy.id().clone(), guard);
            }
            None => {
                return Err(RulesError::Rules(format!(
                    "rule `{}` has no reason",
                    policy.id()
                )));
            }
        }
    }
    Ok(guards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_but_the_permit_has_a_guard_of_its_own() {
        let platform = Policies::platform().unwrap().platform;
        assert_eq!(
            platform.guards.len() + 1,
            platform.policies.policies().count()
        );
    }
}
