//! What an agency could do to be allowed a question that was refused.

use std::collections::BTreeSet;
use std::iter;

use motlan_catalog::{Catalog, Grant, GrantId, ProcedureCode, SystemId, Validity};

use super::{at_hand, first_open};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::rules::{Query, Rules};

const HOUR_MS: i64 = 3_600_000;
/// What an owner's rule makes of the time is tried for a week, hour by hour.
const HOURS_TRIED: i64 = 7 * 24;

/// How the calling system's agency would be allowed a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The system that would be allowed it: the calling one, if it would.
    pub system: SystemId,
    /// For this procedure: the one named, or another edition of it.
    pub procedure: ProcedureCode,
    /// With each of these grants cited, and all that others can sign.
    pub grants: Vec<GrantId>,
    /// At this instant, where the owner's rule forbids it until then.
    pub later: Option<Moment>,
}

impl Rules {
    /// What the calling system's agency could do to be allowed the question, if anything. The less
    /// would change the better: then another hour, another system of the agency, another edition of
    /// the procedure. `catalog` is the one that these rules were made of.
    #[must_use]
    pub fn way(&self, catalog: &Catalog, query: &Query<'_>, now: Moment) -> Option<Way> {
        let agency = &query.system.agency;
        let granted = catalog.agreements().iter();
        let granted = granted.filter(|agreement| agreement.consumer == *agency);
        let granted = granted.flat_map(|it| it.grants.iter().flat_map(|grant| &grant.procedures));
        let national = query.procedure.national();
        let editions = granted
            .filter(|code| *code != query.procedure && code.national() == national)
            .collect::<BTreeSet<_>>();
        for procedure in iter::once(query.procedure).chain(editions) {
            // The rules themselves refuse those that are suspended.
            let others = catalog.systems().map(AsRef::as_ref);
            let others = others.filter(|it| it.agency == *agency && it.id != query.system.id);
            for system in iter::once(query.system).chain(others) {
                let query = Query {
                    system,
                    procedure,
                    ..*query
                };
                let found = match self.allowing(catalog, &query, now) {
                    grants if grants.is_empty() => self.later(catalog, &query, now),
                    grants => Some((grants, None)),
                };
                if let Some((grants, later)) = found {
                    return Some(Way {
                        system: system.id.clone(),
                        procedure: procedure.clone(),
                        grants,
                        later,
                    });
                }
            }
        }
        None
    }

    /// A grant that an owner's rule stands against, and when it does not.
    fn later(
        &self,
        catalog: &Catalog,
        query: &Query<'_>,
        now: Moment,
    ) -> Option<(Vec<GrantId>, Option<Moment>)> {
        let mut grants = super::in_force(catalog, query, now);
        grants.find_map(|(valid, grant)| {
            let at = self.hour_of(query, grant, valid, now)?;
            Some((vec![grant.id.clone()], Some(at)))
        })
    }

    /// The first hour of the week to come at which the grant would do. Owners' rules alone may make
    /// of the time what they will: of all else the first instant of the grant's hours says it.
    fn hour_of(
        &self,
        query: &Query<'_>,
        grant: &Grant,
        valid: Validity,
        now: Moment,
    ) -> Option<Moment> {
        let query = at_hand(query, grant, None);
        let mut tried = first_open(grant, valid, now)?;
        let refused = self.decide(&query, tried).err()?;
        if !matches!(refused, Refusal::OwnerForbids { .. }) {
            return None;
        }
        let this_hour = now.unix_ms().div_euclid(HOUR_MS);
        for hour in 1..=HOURS_TRIED {
            let begins = this_hour.checked_add(hour)?.checked_mul(HOUR_MS)?;
            let at = first_open(grant, valid, Moment::from_unix_ms(begins))?;
            if at != tried && self.decide(&query, at).is_ok() {
                return Some(at);
            }
            tried = at;
        }
        None
    }
}
