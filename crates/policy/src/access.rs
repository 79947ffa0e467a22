//! Who may learn what: for every system and method, what each grant gives for which procedures, as
//! the rules decide it. What a reviewer reads, and what two catalogues are compared by.

mod way;

use std::collections::BTreeMap;
use std::sync::Arc;

use motlan_catalog::{
    APPROVALS_MAX, Agreement, Catalog, Grant, GrantId, Method, ProcedureCode, System, Validity,
};

use crate::moment::Moment;
use crate::rules::{Backing, Query, Rules};
pub use way::Way;

/// What one system may learn by one method.
#[derive(Debug)]
#[non_exhaustive]
pub struct Access {
    /// The system that asks.
    pub system: Arc<System>,
    /// The method asked.
    pub method: Arc<Method>,
    /// What each grant of its agency gives for the procedures that it names. For any other
    /// procedure the rules refuse.
    pub offers: Vec<Offer>,
}

/// What one grant gives a system by a method.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The grant.
    pub grant: GrantId,
    /// The version of its agreement.
    pub version: u32,
    /// When the agreement is in force.
    pub valid: Validity,
    /// On which terms: hours, what it demands and brings, and the rules of the owner.
    pub terms: String,
    /// The procedures.
    pub procedures: Vec<ProcedureCode>,
    /// The paths that leave, every message opened, sorted; or the reason why nothing does.
    pub outcome: Result<Vec<String>, String>,
}

/// Of a grant that is over by the instant from which access is looked for.
const OVER: &str = "AGREEMENT_NOT_IN_FORCE";

impl Rules {
    /// What everybody may learn from an instant on: each grant is cited alone, with a dossier and
    /// all that others can sign, at the first instant at which it may be used. What owners forbid
    /// besides is named in the terms and not applied: a rule that speaks at one hour must not hide
    /// all others. `catalog` is the one that these rules were made of. In the order of systems and
    /// methods.
    #[must_use]
    pub fn accesses(&self, catalog: &Catalog, from: Moment) -> Vec<Access> {
        let mut granted: BTreeMap<(&str, &str), Vec<(&Agreement, &Grant)>> = BTreeMap::new();
        for agreement in catalog.agreements() {
            for grant in &agreement.grants {
                for method in &grant.methods {
                    let key = (agreement.consumer.as_str(), method.path.as_str());
                    granted.entry(key).or_default().push((agreement, grant));
                }
            }
        }
        let mut accesses = Vec::new();
        for system in catalog.systems() {
            for dataset in catalog.datasets() {
                for method in &dataset.methods {
                    let key = (system.agency.as_str(), method.path.as_str());
                    let grants = granted.get(&key).into_iter().flatten();
                    let offers = grants
                        .flat_map(|(agreement, grant)| {
                            self.offers(system, method, agreement, grant, from)
                        })
                        .collect();
                    let (system, method) = (Arc::clone(system), Arc::clone(method));
                    accesses.push(Access {
                        system,
                        method,
                        offers,
                    });
                }
            }
        }
        accesses
    }

    /// The grants of the calling system's agency with each of which alone these rules would allow
    /// the question, were it cited, with a dossier and all that others can sign, at the first
    /// instant of the grant's hours from `now` on. Of agreements that are in force at `now`, and
    /// none for emergencies. `catalog` is the one that these rules were made of.
    #[must_use]
    pub fn allowing(&self, catalog: &Catalog, query: &Query<'_>, now: Moment) -> Vec<GrantId> {
        let allows = |(valid, grant): &(Validity, &Grant)| {
            let query = at_hand(query, grant, None);
            let opens = first_open(grant, *valid, now);
            opens.is_some_and(|at| self.decide(&query, at).is_ok())
        };
        let allowing = in_force(catalog, query, now)
            .filter(allows)
            .map(|(_, grant)| grant.id.clone());
        allowing.collect()
    }

    /// What a grant gives, procedures with the same outcome together.
    fn offers(
        &self,
        system: &System,
        method: &Method,
        agreement: &Agreement,
        grant: &Grant,
        from: Moment,
    ) -> Vec<Offer> {
        let opens = first_open(grant, agreement.valid, from);
        let outcome = |procedure: &ProcedureCode| {
            let at = opens.ok_or_else(|| OVER.to_owned())?;
            let query = Query {
                system,
                method,
                procedure,
                dossier: true,
                backing: Backing::default(),
                cited: None,
                fields: &[],
            };
            let permit = self.offered(&at_hand(&query, grant, emergency(grant)), at);
            let permit = permit.map_err(|refusal| refusal.reason().to_owned())?;
            Ok(permit.leaves())
        };
        let mut by_outcome: BTreeMap<Result<Vec<String>, String>, Vec<ProcedureCode>> =
            BTreeMap::new();
        for procedure in &grant.procedures {
            let same = by_outcome.entry(outcome(procedure)).or_default();
            same.push(procedure.clone());
        }
        let offer = |(outcome, procedures)| Offer {
            grant: grant.id.clone(),
            version: agreement.version,
            valid: agreement.valid,
            terms: self.terms(grant),
            procedures,
            outcome,
        };
        by_outcome.into_iter().map(offer).collect()
    }

    fn terms(&self, grant: &Grant) -> String {
        let mut terms = grant.hours.to_string();
        if grant.view.secret {
            terms.push_str(", a secret");
        }
        terms.push_str(&grant.terms.to_string());
        if let Some(emergency) = &grant.terms.break_glass {
            terms.push_str(", declared by ");
            terms.push_str(&emergency.officials.join(" or "));
        }
        for (index, reason) in self.owner_rules(&grant.dataset).keys().enumerate() {
            terms.push_str(if index == 0 { ", but for " } else { " " });
            terms.push_str(reason);
        }
        terms
    }
}

/// The grants of the calling system's agency for the method, by agreements in force.
fn in_force<'c>(
    catalog: &'c Catalog,
    query: &Query<'c>,
    now: Moment,
) -> impl Iterator<Item = (Validity, &'c Grant)> {
    let Query { system, method, .. } = *query;
    let in_force = catalog.agreements().iter().filter(move |agreement| {
        agreement.consumer == system.agency && agreement.valid.contains(now.unix_ms())
    });
    in_force.flat_map(move |agreement| {
        let grants = agreement.grants.iter().map(AsRef::as_ref);
        let grants = grants.filter(|grant: &&Grant| {
            let mut methods = grant.methods.iter();
            methods.any(|it| it.path == method.path)
        });
        grants.map(|grant| (agreement.valid, grant))
    })
}

/// The question with `grant` cited, a dossier, and all that others can sign.
fn at_hand<'a>(query: &Query<'a>, grant: &'a Grant, emergency: Option<&'a str>) -> Query<'a> {
    Query {
        dossier: true,
        backing: Backing {
            consented: Some(&[]),
            approvals: APPROVALS_MAX,
            emergency,
        },
        cited: Some(grant.id.as_str()),
        ..*query
    }
}

/// An official who may declare an emergency, where the grant is for one.
pub(crate) fn emergency(grant: &Grant) -> Option<&str> {
    let break_glass = grant.terms.break_glass.as_ref()?;
    break_glass.officials.first().map(String::as_str)
}

/// The first instant from `from` on at which a grant may be used, were nothing else in the way.
pub(crate) fn first_open(grant: &Grant, valid: Validity, from: Moment) -> Option<Moment> {
    const MINUTE_MS: i64 = 60_000;
    let earliest = Moment::from_unix_ms(from.unix_ms().max(valid.from_ms));
    let into_day = earliest.local_minute().checked_mul(MINUTE_MS)?;
    let minute_began = earliest
        .unix_ms()
        .div_euclid(MINUTE_MS)
        .checked_mul(MINUTE_MS)?;
    let mut midnight = minute_began.checked_sub(into_day)?;
    // A week later it is the same day of the week again.
    for _ in 0..8 {
        let weekday = Moment::from_unix_ms(midnight).local_weekday();
        if grant
            .hours
            .days
            .iter()
            .any(|day| i64::from(day.number()) == weekday)
        {
            for span in &grant.hours.spans {
                let instant =
                    |minute: u16| midnight.checked_add(i64::from(minute).checked_mul(MINUTE_MS)?);
                let at = instant(span.from_minute())?.max(earliest.unix_ms());
                if at < instant(span.until_minute())? && valid.contains(at) {
                    return Some(Moment::from_unix_ms(at));
                }
            }
        }
        midnight = midnight.checked_add(24 * 60 * MINUTE_MS)?;
    }
    None
}
