//! Systems and grants as the rules see them. The entity of a grant is some four thousand bytes, so
//! that it is made when it is asked for.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use motlan_catalog::{AgencyCode, Grant, Hours, Relaxed, SPANS_MAX, System, SystemId, Validity};

use crate::rules::RulesError;

/// All that the entity of a grant is made of.
pub(crate) struct Granted {
    pub(crate) consumer: AgencyCode,
    pub(crate) valid: Validity,
    pub(crate) grant: Arc<Grant>,
}

pub(crate) struct Types {
    agency: EntityTypeName,
    pub(super) system: EntityTypeName,
    pub(super) grant: EntityTypeName,
    hours: EntityTypeName,
    terms: EntityTypeName,
    pub(super) lookup: EntityUid,
    pub(super) verify: EntityUid,
    pub(super) list: EntityUid,
}

/// The names of the attributes that hold the hours, in order.
const SPANS: [(&str, &str); SPANS_MAX] = [
    ("first_from", "first_until"),
    ("second_from", "second_until"),
    ("third_from", "third_until"),
];

impl Types {
    pub(super) fn new() -> Result<Self, RulesError> {
        let name = |text| EntityTypeName::from_str(text).map_err(|e| RulesError::rules(&e));
        let action = name("Action")?;
        Ok(Self {
            agency: name("Agency")?,
            system: name("System")?,
            grant: name("Grant")?,
            hours: name("Hours")?,
            terms: name("Terms")?,
            lookup: uid(&action, "lookup"),
            verify: uid(&action, "verify"),
            list: uid(&action, "list"),
        })
    }

    pub(super) fn system_entity(&self, system: &System) -> Result<Entity, RulesError> {
        let attributes = HashMap::from([("suspended".to_owned(), truth(system.suspended))]);
        let agency = uid(&self.agency, system.agency.as_str());
        let parents = HashSet::from([agency]);
        Entity::new(self.system_uid(&system.id), attributes, parents)
            .map_err(|e| RulesError::data(&e))
    }

    pub(super) fn system_uid(&self, system: &SystemId) -> EntityUid {
        uid(&self.system, system.as_str())
    }

    /// Named by what it prints as, so that equal hours are one entity.
    pub(super) fn hours_entity(&self, hours: &Hours) -> Result<Entity, RulesError> {
        if hours.spans.len() > SPANS.len() {
            let what = format!("{} spans of hours", hours.spans.len());
            return Err(RulesError::Data(what));
        }
        let days = hours.days.iter().map(|day| long(day.number().into()));
        let days = RestrictedExpression::new_set(days);
        let mut attributes = HashMap::from([("days".to_owned(), days)]);
        for (index, (from, until)) in SPANS.into_iter().enumerate() {
            let span = hours.spans.get(index);
            let minutes = span.map_or((0, 0), |span| (span.from_minute(), span.until_minute()));
            attributes.insert(from.to_owned(), long(minutes.0.into()));
            attributes.insert(until.to_owned(), long(minutes.1.into()));
        }
        Entity::new(self.hours_uid(hours), attributes, HashSet::new())
            .map_err(|e| RulesError::data(&e))
    }

    pub(super) fn hours_uid(&self, hours: &Hours) -> EntityUid {
        uid(&self.hours, &hours.to_string())
    }

    pub(super) fn terms_entity(&self, demands: &Demands<'_>) -> Result<Entity, RulesError> {
        let attributes = HashMap::from(
            [
                ("dossier_required", truth(demands.dossier_required)),
                ("consent_required", truth(demands.consent_required)),
                ("approvals", long(demands.approvals.into())),
                ("secret", truth(demands.secret)),
                ("break_glass", truth(demands.break_glass)),
                (
                    "officials",
                    texts(&mut demands.officials.iter().map(String::as_str)),
                ),
                (
                    "relaxes",
                    texts(&mut demands.relaxes.iter().map(|guard| guard.as_str())),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        Entity::new(self.terms_uid(demands), attributes, HashSet::new())
            .map_err(|e| RulesError::data(&e))
    }

    pub(super) fn terms_uid(&self, demands: &Demands<'_>) -> EntityUid {
        uid(&self.terms, &demands.name())
    }

    pub(super) fn grant_entity(&self, granted: &Granted) -> Result<Entity, RulesError> {
        let Granted {
            consumer,
            valid,
            grant,
        } = granted;
        let reference = RestrictedExpression::new_entity_uid;
        let systems = grant.systems.iter();
        let systems = systems.map(|id| reference(self.system_uid(id)));
        let attributes = HashMap::from(
            [
                ("consumer", reference(uid(&self.agency, consumer.as_str()))),
                ("systems", RestrictedExpression::new_set(systems)),
                (
                    "methods",
                    texts(&mut grant.methods.iter().map(|m| m.path.as_str())),
                ),
                (
                    "procedures",
                    texts(&mut grant.procedures.iter().map(|p| p.as_str())),
                ),
                ("hours", reference(self.hours_uid(&grant.hours))),
                ("valid_from_ms", long(valid.from_ms)),
                ("valid_until_ms", long(valid.until_ms)),
                ("terms", reference(self.terms_uid(&Demands::of(grant)))),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        Entity::new(
            uid(&self.grant, grant.id.as_str()),
            attributes,
            HashSet::new(),
        )
        .map_err(|e| RulesError::data(&e))
    }
}

/// Those terms of a grant that the rules see.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Demands<'a> {
    dossier_required: bool,
    consent_required: bool,
    approvals: u8,
    secret: bool,
    break_glass: bool,
    officials: &'a [String],
    relaxes: &'a [Relaxed],
}

impl<'a> Demands<'a> {
    pub(super) fn of(grant: &'a Grant) -> Self {
        let terms = &grant.terms;
        let emergency = terms.break_glass.as_ref();
        Self {
            dossier_required: terms.dossier_required,
            consent_required: terms.consent_required,
            approvals: terms.approvals,
            secret: grant.view.secret,
            break_glass: emergency.is_some(),
            officials: emergency.map_or(&[], |one| one.officials.as_slice()),
            relaxes: emergency.map_or(&[], |one| one.relaxes.as_slice()),
        }
    }

    /// Named by what it prints as, so that equal terms are one entity.
    fn name(&self) -> String {
        format!("{self:?}")
    }
}

fn texts(values: &mut dyn Iterator<Item = &str>) -> RestrictedExpression {
    RestrictedExpression::new_set(
        values.map(|value| RestrictedExpression::new_string(value.to_owned())),
    )
}

fn truth(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

fn long(value: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(value)
}

pub(super) fn uid(type_name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(id))
}
