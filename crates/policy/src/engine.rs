//! The plumbing around Cedar: policies, schema and entities in, one verdict per grant out.

mod conjuncts;
mod entities;
mod joined;
mod limits;
mod literals;
mod policies;

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{Authorizer, Context, Decision, Entities, Request, RestrictedExpression};
use motlan_catalog::{AgencyCode, DatasetId, Grant, GrantId, Kind, System, SystemId, Validity};

use crate::explain::Rule;
use crate::moment::Moment;
use crate::rules::RulesError;
use conjuncts::Asked;
use entities::{Demands, Types, uid};
pub use limits::{OWNER_DEPTH_MAX, OWNER_TOKENS_MAX};
pub use policies::OWNER_RULES_MAX;
pub(crate) use policies::Policies;

/// The guards whose refusal has a reason of its own, in the order in which a caller is told of
/// them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guard {
    SystemSuspended,
    SystemNotNamed,
    PurposeNotCovered,
    AgreementNotInForce,
    BreakGlassOnly,
    NotForEmergencies,
    OfficialNotNamed,
    DossierRequired,
    ConsentRequired,
    ApprovalsRequired,
    SecretNeedsTwo,
    OutsideHours,
    /// A rule of the dataset's owner, with its reason.
    Owner(Arc<str>),
}

impl Guard {
    fn of(reason: &str) -> Option<Self> {
        match reason {
            "SYSTEM_SUSPENDED" => Some(Self::SystemSuspended),
            "SYSTEM_NOT_NAMED" => Some(Self::SystemNotNamed),
            "PURPOSE_NOT_COVERED" => Some(Self::PurposeNotCovered),
            "AGREEMENT_NOT_IN_FORCE" => Some(Self::AgreementNotInForce),
            "BREAK_GLASS_ONLY" => Some(Self::BreakGlassOnly),
            "NOT_FOR_EMERGENCIES" => Some(Self::NotForEmergencies),
            "OFFICIAL_NOT_NAMED" => Some(Self::OfficialNotNamed),
            "CONSENT_REQUIRED" => Some(Self::ConsentRequired),
            "APPROVALS_REQUIRED" => Some(Self::ApprovalsRequired),
            "SECRET_NEEDS_TWO" => Some(Self::SecretNeedsTwo),
            "DOSSIER_REQUIRED" => Some(Self::DossierRequired),
            "OUTSIDE_HOURS" => Some(Self::OutsideHours),
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
    pub(crate) dataset: &'a DatasetId,
    pub(crate) kind: Kind,
    pub(crate) method: &'a str,
    pub(crate) procedure: &'a str,
    pub(crate) dossier: bool,
    pub(crate) has_consent: bool,
    pub(crate) approvals: u8,
    /// The official who declares an emergency.
    pub(crate) emergency: Option<&'a str>,
    pub(crate) at: Moment,
    /// Whether the rules of the dataset's owner are asked besides the platform's.
    pub(crate) with_owner: bool,
}

/// Cedar, loaded with the rules and with one entity per agency, system and grant.
pub(crate) struct Engine {
    authorizer: Authorizer,
    policies: Arc<Policies>,
    entities: Entities,
    types: Types,
}

impl Engine {
    pub(crate) fn new<'a>(
        policies: Arc<Policies>,
        systems: impl Iterator<Item = &'a System>,
        grants: impl Iterator<Item = (&'a AgencyCode, Validity, &'a Grant)>,
    ) -> Result<Self, RulesError> {
        let types = Types::new()?;
        let mut entities = Vec::new();
        for system in systems {
            entities.push(types.system_entity(system)?);
        }
        let mut hours = HashSet::new();
        let mut demands = HashSet::new();
        for (consumer, valid, grant) in grants {
            if hours.insert(&grant.hours) {
                entities.push(types.hours_entity(&grant.hours)?);
            }
            if demands.insert(Demands::of(grant)) {
                entities.push(types.terms_entity(&Demands::of(grant))?);
            }
            entities.push(types.grant_entity(consumer, valid, grant)?);
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            entities: Entities::from_entities(entities, Some(&policies.schema))
                .map_err(|e| RulesError::data(&e))?,
            policies,
            types,
        })
    }

    /// Evaluates the rules over one grant. Any evaluation error is [`Verdict::Undecidable`]: Cedar
    /// skips a policy that errors, which would let a failing guard pass.
    pub(crate) fn evaluate(&self, facts: &Facts<'_>, grant: &GrantId) -> Verdict {
        let Ok(request) = self.request(facts, grant) else {
            return Verdict::Undecidable;
        };
        let rules = if facts.with_owner {
            self.policies.of(facts.dataset)
        } else {
            self.policies.platform_alone()
        };
        let ask = |policies| {
            self.authorizer
                .is_authorized(&request, policies, &self.entities)
        };
        // What the joined rules allow, the rules allow; where they do not, the rules say why.
        let joined = ask(&rules.joined);
        if joined.decision() == Decision::Allow && joined.diagnostics().errors().next().is_none() {
            return Verdict::Allowed;
        }
        let response = ask(&rules.policies);
        let diagnostics = response.diagnostics();
        if diagnostics.errors().next().is_some() {
            return Verdict::Undecidable;
        }
        match response.decision() {
            Decision::Allow => Verdict::Allowed,
            Decision::Deny => {
                let mut spoke: Vec<Guard> = diagnostics
                    .reason()
                    .filter_map(|id| rules.guards.get(id).cloned())
                    .collect();
                spoke.sort_unstable();
                Verdict::Denied(spoke)
            }
        }
    }

    /// The owners' rules.
    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The rules that are about a grant, each taken apart, in the order in which they are written.
    pub(crate) fn explain(&self, facts: &Facts<'_>, grant: &GrantId) -> Vec<Rule> {
        let Ok(request) = self.request(facts, grant) else {
            return Vec::new();
        };
        let asked = Asked {
            authorizer: &self.authorizer,
            request: &request,
            entities: &self.entities,
        };
        let policies = self.policies.of(facts.dataset).policies.policies();
        policies
            .filter_map(|policy| asked.explain(policy))
            .collect()
    }

    fn request(&self, facts: &Facts<'_>, grant: &GrantId) -> Result<Request, RulesError> {
        let text = |value: &str| RestrictedExpression::new_string(value.to_owned());
        let long = RestrictedExpression::new_long;
        let context = Context::from_pairs(
            [
                ("method", text(facts.method)),
                ("procedure", text(facts.procedure)),
                ("has_dossier", RestrictedExpression::new_bool(facts.dossier)),
                (
                    "has_consent",
                    RestrictedExpression::new_bool(facts.has_consent),
                ),
                ("approvals", long(facts.approvals.into())),
                (
                    "emergency",
                    RestrictedExpression::new_bool(facts.emergency.is_some()),
                ),
                ("official", text(facts.emergency.unwrap_or_default())),
                ("now_ms", long(facts.at.unix_ms())),
                ("local_weekday", long(facts.at.local_weekday())),
                ("local_minute", long(facts.at.local_minute())),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    /// R21: Cedar alone would skip each guard that reads an entity that is not there.
    #[test]
    fn a_rule_that_cannot_be_evaluated_is_undecidable_and_not_passed_over() {
        let policies = Arc::new(Policies::platform().unwrap());
        let engine = Engine::new(policies, std::iter::empty(), std::iter::empty()).unwrap();
        let facts = Facts {
            system: &"H26/one-stop".parse().unwrap(),
            dataset: &"a".parse().unwrap(),
            kind: Kind::Lookup,
            method: "/a.B/C",
            procedure: "1.004222",
            dossier: false,
            has_consent: false,
            approvals: 0,
            emergency: None,
            at: Moment::from_unix_ms(0),
            with_owner: true,
        };
        assert_eq!(
            engine.evaluate(&facts, &"a/one".parse().unwrap()),
            Verdict::Undecidable
        );
    }
}
