//! The plumbing around Cedar: policies, schema and entities in, one verdict per grant out.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use motlan_catalog::{AgencyCode, Grant, GrantId, Kind, System, SystemId, Validity};

use crate::rules::{Moment, RulesError};

const GUARDS: &str = include_str!("rules/guards.cedar");
const SCHEMA: &str = include_str!("rules/schema.cedarschema");

/// The guards whose refusal has a reason of its own, in the order in which a caller is told of
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guard {
    SystemSuspended,
    SystemNotNamed,
    PurposeNotCovered,
    AgreementNotInForce,
}

impl Guard {
    fn of(reason: &str) -> Option<Self> {
        match reason {
            "SYSTEM_SUSPENDED" => Some(Self::SystemSuspended),
            "SYSTEM_NOT_NAMED" => Some(Self::SystemNotNamed),
            "PURPOSE_NOT_COVERED" => Some(Self::PurposeNotCovered),
            "AGREEMENT_NOT_IN_FORCE" => Some(Self::AgreementNotInForce),
            _ => None,
        }
    }
}

/// What the rules say of one grant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// Forbidden by these guards, sorted; empty where nothing permitted it.
    Denied(Vec<Guard>),
    /// A rule could not be evaluated.
    Undecidable,
}

/// What the rules see of a question, apart from the grant.
pub(crate) struct Facts<'a> {
    pub(crate) system: &'a SystemId,
    pub(crate) kind: Kind,
    pub(crate) method: &'a str,
    pub(crate) procedure: &'a str,
    pub(crate) at: Moment,
}

/// Cedar, loaded with the guards and with one entity per agency, system and grant.
pub(crate) struct Engine {
    authorizer: Authorizer,
    policies: PolicySet,
    guards: HashMap<PolicyId, Guard>,
    entities: Entities,
    types: Types,
}

struct Types {
    agency: EntityTypeName,
    system: EntityTypeName,
    grant: EntityTypeName,
    lookup: EntityUid,
    verify: EntityUid,
    list: EntityUid,
}

impl Engine {
    pub(crate) fn new<'a>(
        systems: impl Iterator<Item = &'a System>,
        grants: impl Iterator<Item = (&'a AgencyCode, Validity, &'a Grant)>,
    ) -> Result<Self, RulesError> {
        let (schema, _warnings) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|e| RulesError::rules(&e))?;
        let policies = PolicySet::from_str(GUARDS).map_err(|e| RulesError::rules(&e))?;
        let checked = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if let Some(error) = checked.validation_errors().next() {
            return Err(RulesError::rules(error));
        }
        let types = Types::new()?;
        let mut entities = Vec::new();
        for system in systems {
            entities.push(types.system_entity(system)?);
        }
        for (consumer, valid, grant) in grants {
            entities.push(types.grant_entity(consumer, valid, grant)?);
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            guards: guards(&policies)?,
            policies,
            entities: Entities::from_entities(entities, Some(&schema))
                .map_err(|e| RulesError::data(&e))?,
            types,
        })
    }

    /// Evaluates the rules over one grant. Any evaluation error is [`Verdict::Undecidable`]: Cedar
    /// skips a policy that errors, which would let a failing guard pass.
    pub(crate) fn evaluate(&self, facts: &Facts<'_>, grant: &GrantId) -> Verdict {
        let Ok(request) = self.request(facts, grant) else {
            return Verdict::Undecidable;
        };
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &self.entities);
        let diagnostics = response.diagnostics();
        if diagnostics.errors().next().is_some() {
            return Verdict::Undecidable;
        }
        match response.decision() {
            Decision::Allow => Verdict::Allowed,
            Decision::Deny => {
                let mut spoke: Vec<Guard> = diagnostics
                    .reason()
                    .filter_map(|id| self.guards.get(id).copied())
                    .collect();
                spoke.sort_unstable();
                Verdict::Denied(spoke)
            }
        }
    }

    fn request(&self, facts: &Facts<'_>, grant: &GrantId) -> Result<Request, RulesError> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let context = Context::from_pairs([
            ("method".to_owned(), text(facts.method)),
            ("procedure".to_owned(), text(facts.procedure)),
            (
                "now_ms".to_owned(),
                RestrictedExpression::new_long(facts.at.unix_ms()),
            ),
        ])
        .map_err(|e| RulesError::data(&e))?;
        let action = match facts.kind {
            Kind::Lookup => &self.types.lookup,
            Kind::Verify => &self.types.verify,
            Kind::List => &self.types.list,
        };
        // The shape is fixed by this function; checking it against the schema again would only
        // cost.
        Request::new(
            uid(&self.types.system, facts.system.as_str()),
            action.clone(),
            uid(&self.types.grant, grant.as_str()),
            context,
            None,
        )
        .map_err(|e| RulesError::data(&e))
    }
}

impl Types {
    fn new() -> Result<Self, RulesError> {
        let name = |text| EntityTypeName::from_str(text).map_err(|e| RulesError::rules(&e));
        let action = name("Action")?;
        Ok(Self {
            agency: name("Agency")?,
            system: name("System")?,
            grant: name("Grant")?,
            lookup: uid(&action, "lookup"),
            verify: uid(&action, "verify"),
            list: uid(&action, "list"),
        })
    }

    fn system_entity(&self, system: &System) -> Result<Entity, RulesError> {
        let attributes = HashMap::from([(
            "suspended".to_owned(),
            RestrictedExpression::new_bool(system.suspended),
        )]);
        let agency = uid(&self.agency, system.agency.as_str());
        Entity::new(
            uid(&self.system, system.id.as_str()),
            attributes,
            HashSet::from([agency]),
        )
        .map_err(|e| RulesError::data(&e))
    }

    fn grant_entity(
        &self,
        consumer: &AgencyCode,
        valid: Validity,
        grant: &Grant,
    ) -> Result<Entity, RulesError> {
        let reference =
            |type_name, id: &str| RestrictedExpression::new_entity_uid(uid(type_name, id));
        let texts = |values: &mut dyn Iterator<Item = &str>| {
            RestrictedExpression::new_set(
                values.map(|value| RestrictedExpression::new_string(value.to_owned())),
            )
        };
        let systems = grant
            .systems
            .iter()
            .map(|id| reference(&self.system, id.as_str()));
        let attributes = HashMap::from([
            (
                "consumer".to_owned(),
                reference(&self.agency, consumer.as_str()),
            ),
            ("systems".to_owned(), RestrictedExpression::new_set(systems)),
            (
                "methods".to_owned(),
                texts(&mut grant.methods.iter().map(|m| m.path.as_str())),
            ),
            (
                "procedures".to_owned(),
                texts(&mut grant.procedures.iter().map(|p| p.as_str())),
            ),
            (
                "valid_from_ms".to_owned(),
                RestrictedExpression::new_long(valid.from_ms),
            ),
            (
                "valid_until_ms".to_owned(),
                RestrictedExpression::new_long(valid.until_ms),
            ),
        ]);
        Entity::new(
            uid(&self.grant, grant.id.as_str()),
            attributes,
            HashSet::new(),
        )
        .map_err(|e| RulesError::data(&e))
    }
}

fn guards(policies: &PolicySet) -> Result<HashMap<PolicyId, Guard>, RulesError> {
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

fn uid(type_name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R21: Cedar alone would skip each guard that reads an entity that is not there.
    #[test]
    fn a_rule_that_cannot_be_evaluated_is_undecidable_and_not_passed_over() {
        let engine = Engine::new(std::iter::empty(), std::iter::empty()).unwrap();
        let facts = Facts {
            system: &"H26/one-stop".parse().unwrap(),
            kind: Kind::Lookup,
            method: "/a.B/C",
            procedure: "1.004222",
            at: Moment::from_unix_ms(0),
        };
        assert_eq!(
            engine.evaluate(&facts, &"a/one".parse().unwrap()),
            Verdict::Undecidable
        );
    }

    #[test]
    fn every_rule_but_the_permit_has_a_guard_of_its_own() {
        let policies = PolicySet::from_str(GUARDS).unwrap();
        let guards = guards(&policies).unwrap();
        assert_eq!(guards.len() + 1, policies.policies().count());
    }
}
