//! The plumbing around Cedar: policies, schema and entities in, one verdict per grant out.

mod conjuncts;
mod entities;
mod joined;
mod limits;
mod literals;
mod policies;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, Request, RestrictedExpression,
};
use moka::sync::Cache;
use motlan_catalog::{DatasetId, GrantId, Kind, System, SystemId};

use crate::explain::Rule;
use crate::moment::Moment;
use crate::rules::RulesError;
use conjuncts::Asked;
pub(crate) use entities::Granted;
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

/// The entities around so many pairs of a system and a grant are kept made, the latest used.
pub const GRANTS_KEPT_MAX: u64 = 1_024;

/// So many entities are held against the schema at a time.
const CHECKED_AT_ONCE: usize = 256;

/// Cedar, loaded with the rules and with one entity per system, and per hours and terms that grants
/// share; the entity of a grant is made where a question is about it.
pub(crate) struct Engine {
    authorizer: Authorizer,
    policies: Arc<Policies>,
    shared: HashMap<EntityUid, Entity>,
    types: Types,
    kept: Option<Cache<(SystemId, GrantId), Arc<Entities>>>,
}

impl Engine {
    pub(crate) fn new<'a>(
        policies: Arc<Policies>,
        systems: impl Iterator<Item = &'a System>,
        grants: &[Arc<Granted>],
    ) -> Result<Self, RulesError> {
        let types = Types::new()?;
        let mut shared = Vec::new();
        for system in systems {
            shared.push(types.system_entity(system)?);
        }
        let mut hours = HashSet::new();
        let mut demands = HashSet::new();
        let mut ids = HashSet::new();
        for grant in grants.iter().map(|granted| &granted.grant) {
            if !ids.insert(&grant.id) {
                return Err(RulesError::Data(format!("two grants are `{}`", grant.id)));
            }
            if hours.insert(&grant.hours) {
                shared.push(types.hours_entity(&grant.hours)?);
            }
            if demands.insert(Demands::of(grant)) {
                shared.push(types.terms_entity(&Demands::of(grant))?);
            }
        }
        // Each grant's as it will be made, so that there is none that cannot be.
        let grants = grants.iter().map(|granted| types.grant_entity(granted));
        let mut all = shared.iter().cloned().map(Ok).chain(grants).peekable();
        while all.peek().is_some() {
            let some = all.by_ref().take(CHECKED_AT_ONCE);
            let some = some.collect::<Result<Vec<_>, _>>()?;
            Entities::from_entities(some, Some(&policies.schema))
                .map_err(|e| RulesError::data(&e))?;
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            policies,
            shared: shared.into_iter().map(|one| (one.uid(), one)).collect(),
            types,
            kept: None,
        })
    }

    /// From now on, entities that were made are kept for the next question.
    pub(crate) fn keep(&mut self) {
        self.kept = Some(Cache::new(GRANTS_KEPT_MAX));
    }

    /// What a question of `system` about a grant comes upon: these, and no others, as no rule reads
    /// anything but `principal` and `resource` ([`literals`]).
    fn entities(&self, system: &SystemId, granted: &Granted) -> Result<Arc<Entities>, RulesError> {
        let key = || (system.clone(), granted.grant.id.clone());
        let known = self.kept.as_ref().and_then(|kept| kept.get(&key()));
        if let Some(known) = known {
            return Ok(known);
        }
        let (types, grant) = (&self.types, &granted.grant);
        let around = [
            types.system_uid(system),
            types.hours_uid(&grant.hours),
            types.terms_uid(&Demands::of(grant)),
        ];
        let around = around
            .iter()
            .filter_map(|uid| self.shared.get(uid).cloned());
        let entities = around.chain([types.grant_entity(granted)?]);
        let entities = Entities::from_entities(entities, None).map_err(|e| RulesError::data(&e))?;
        let entities = Arc::new(entities);
        if let Some(kept) = &self.kept {
            kept.insert(key(), Arc::clone(&entities));
        }
        Ok(entities)
    }

    /// Evaluates the rules over one grant. Any evaluation error is [`Verdict::Undecidable`]: Cedar
    /// skips a policy that errors, which would let a failing guard pass.
    pub(crate) fn evaluate(&self, facts: &Facts<'_>, granted: &Granted) -> Verdict {
        let request = self.request(facts, &granted.grant.id);
        let (Ok(request), Ok(entities)) = (request, self.entities(facts.system, granted)) else {
            return Verdict::Undecidable;
        };
        let rules = if facts.with_owner {
            self.policies.of(facts.dataset)
        } else {
            self.policies.platform_alone()
        };
        let ask = |policies| self.authorizer.is_authorized(&request, policies, &entities);
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
    pub(crate) fn explain(&self, facts: &Facts<'_>, granted: &Granted) -> Vec<Rule> {
        let request = self.request(facts, &granted.grant.id);
        let (Ok(request), Ok(entities)) = (request, self.entities(facts.system, granted)) else {
            return Vec::new();
        };
        let asked = Asked {
            authorizer: &self.authorizer,
            request: &request,
            entities: &entities,
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
            self.types.system_uid(facts.system),
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
    use motlan_catalog::Catalog;

    use super::*;

    /// R21: Cedar alone would skip each guard that reads an entity that is not there.
    #[test]
    fn a_rule_that_cannot_be_evaluated_is_undecidable_and_not_passed_over() {
        let policies = Arc::new(Policies::platform().unwrap());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/catalog");
        let catalog = Catalog::load(folder.as_ref()).unwrap();
        let agreement = catalog.agreements().first().unwrap();
        let granted = Arc::new(Granted {
            consumer: agreement.consumer.clone(),
            valid: agreement.valid,
            grant: Arc::clone(agreement.grants.first().unwrap()),
        });
        let grants = std::slice::from_ref(&granted);
        // The grant is there, and the system is not.
        let engine = Engine::new(policies, std::iter::empty(), grants).unwrap();
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
        assert_eq!(engine.evaluate(&facts, &granted), Verdict::Undecidable);
    }
}
