//! The rules in force: which grants could fit a question, and which one does.

mod permit;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use moka::sync::Cache;
use motlan_catalog::{
    AgencyCode, Agreement, Catalog, DatasetId, Faults, GrantId, Method, NarrowError, Revision,
    System,
};
use motlan_mask::Mask;

use crate::asked;
use crate::cases;
use crate::engine::{Engine, Facts, Granted, Guard, Policies, Verdict};
use crate::explain::Rule;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::remembered::Remembered;
pub use permit::{Backing, Permit, Query};

/// At most this many grants are tried for one question; a catalogue with more for one consumer and
/// method does not load.
pub const GRANTS_TRIED_MAX: usize = 64;
/// At most this many fields can be asked for in `motlan-fields`.
pub const FIELDS_ASKED_MAX: usize = 128;
/// How many narrowed masks are kept compiled.
pub const NARROWED_MASKS_MAX: u64 = 4096;

/// Why a catalogue gives no rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The rules themselves are wrong: a fault of this build.
    #[error("the built-in rules do not hold: {0}")]
    Rules(String),
    /// The catalogue's data does not fit the rules' schema.
    #[error("the agreements do not fit the rules' schema: {0}")]
    Data(String),
    /// Too many grants for one consumer and method.
    #[error("`{consumer}` has more than {GRANTS_TRIED_MAX} grants for `{method}`; merge some")]
    TooManyGrants {
        /// The agency that is given them.
        consumer: AgencyCode,
        /// The method.
        method: String,
    },
    /// An owner's rules are not what an owner may write, or a test of an agreement does not hold.
    #[error("{0}")]
    Faults(Faults),
}

impl RulesError {
    pub(crate) fn rules(error: &dyn std::error::Error) -> Self {
        Self::Rules(error.to_string())
    }

    pub(crate) fn data(error: &dyn std::error::Error) -> Self {
        Self::Data(error.to_string())
    }
}

/// The rules of one revision of the catalogue. Immutable: a new catalogue makes new rules.
pub struct Rules {
    engine: Engine,
    candidates: HashMap<AgencyCode, HashMap<String, Vec<Arc<Granted>>>>,
    remembered: Option<Remembered>,
    narrowed: Option<Cache<NarrowKey, Arc<Mask>>>,
    revision: Revision,
}

#[derive(PartialEq, Eq, Hash)]
struct NarrowKey {
    method: String,
    grant: GrantId,
    fields: Vec<String>,
}

impl Rules {
    /// Makes the rules of `catalog`, and tries every test of every agreement on them.
    ///
    /// # Errors
    /// [`RulesError`] where an agreement does not fit the schema, a consumer has too many grants,
    /// an owner's rules are none, or a test does not hold.
    pub fn new(catalog: &Catalog) -> Result<Self, RulesError> {
        let mut faults = Faults::new();
        let policies = Arc::new(Policies::platform()?.with_owners(catalog, &mut faults));
        let systems = catalog.systems().map(AsRef::as_ref);
        let (agreements, revision) = (catalog.agreements(), catalog.revision());
        let mut rules = Self::over(&policies, systems, agreements, revision)?;
        // The rules that only try an agreement's tests keep nothing.
        rules.remembered = Some(Remembered::new(catalog));
        rules.narrowed = Some(Cache::new(NARROWED_MASKS_MAX));
        rules.engine.keep();
        cases::run(catalog, &policies, &mut faults)?;
        faults.or(rules).map_err(RulesError::Faults)
    }

    /// The rules under other guards than the platform's, no agreement's test tried: for checks that
    /// must notice when a guard is missing.
    #[cfg(test)]
    pub(crate) fn untested(catalog: &Catalog, guards: &str) -> Result<Self, RulesError> {
        let mut faults = Faults::new();
        let policies = Policies::from_text(guards)?.with_owners(catalog, &mut faults);
        faults.or(()).map_err(RulesError::Faults)?;
        let systems = catalog.systems().map(AsRef::as_ref);
        let (agreements, revision) = (catalog.agreements(), catalog.revision());
        Self::over(&Arc::new(policies), systems, agreements, revision)
    }

    /// The rules over these agreements alone.
    pub(crate) fn over<'a>(
        policies: &Arc<Policies>,
        systems: impl Iterator<Item = &'a System>,
        agreements: &'a [Agreement],
        revision: &Revision,
    ) -> Result<Self, RulesError> {
        let mut candidates: HashMap<AgencyCode, HashMap<String, Vec<Arc<Granted>>>> =
            HashMap::new();
        let mut grants = Vec::new();
        for agreement in agreements {
            let of_consumer = candidates.entry(agreement.consumer.clone()).or_default();
            for grant in &agreement.grants {
                let granted = Arc::new(Granted {
                    consumer: agreement.consumer.clone(),
                    valid: agreement.valid,
                    grant: Arc::clone(grant),
                });
                grants.push(Arc::clone(&granted));
                for method in &grant.methods {
                    let tried = of_consumer.entry(method.path.clone()).or_default();
                    if tried.len() == GRANTS_TRIED_MAX {
                        return Err(RulesError::TooManyGrants {
                            consumer: agreement.consumer.clone(),
                            method: method.path.clone(),
                        });
                    }
                    tried.push(Arc::clone(&granted));
                }
            }
        }
        Ok(Self {
            engine: Engine::new(Arc::clone(policies), systems, &grants)?,
            candidates,
            remembered: None,
            narrowed: None,
            revision: revision.clone(),
        })
    }

    /// The revision of the catalogue that these rules were made from.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Decides one question. Grants are never unioned: exactly one must fit, or the cited one must.
    ///
    /// # Errors
    /// The [`Refusal`], where the question may not be asked.
    pub fn decide(&self, query: &Query<'_>, at: Moment) -> Result<Permit, Refusal> {
        let remembered = self.remembered.as_ref();
        let known = remembered.and_then(|remembered| Some((remembered, remembered.key(query)?)));
        if let Some(fit) = known.and_then(|(remembered, key)| remembered.fit(&key, at)) {
            return self.permit(query, &fit);
        }
        let fit = self.fitting(query, facts(query, at))?;
        if let Some((remembered, key)) = known {
            remembered.keep(key, at, fit);
        }
        self.permit(query, fit)
    }

    /// Decides by the platform's guards alone: what an owner's rules then forbid depends on more
    /// than one question can show.
    pub(crate) fn offered(&self, query: &Query<'_>, at: Moment) -> Result<Permit, Refusal> {
        let mut facts = facts(query, at);
        facts.with_owner = false;
        self.permit(query, self.fitting(query, facts)?)
    }

    /// What the owner of a dataset forbids besides: the text of each rule, by its reason.
    #[must_use]
    pub fn owner_rules(&self, dataset: &DatasetId) -> BTreeMap<Arc<str>, String> {
        self.engine.policies().owners(dataset)
    }

    /// Whether a grant is cited that is one of the caller's agency for the method.
    #[must_use]
    pub fn knows_cited(&self, query: &Query<'_>) -> bool {
        query.cited.is_some() && self.candidates(query).is_ok()
    }

    /// The one grant that fits.
    fn fitting(&self, query: &Query<'_>, facts: Facts<'_>) -> Result<&Arc<Granted>, Refusal> {
        let candidates = self.candidates(query)?;
        let mut fitting = Vec::new();
        let mut denied = Vec::new();
        for candidate in candidates {
            match self.engine.evaluate(&facts, candidate) {
                Verdict::Allowed => fitting.push(candidate),
                Verdict::Denied(guards) => denied.push((candidate, guards)),
                // R21: what cannot be decided does not go out, whatever another grant says.
                Verdict::Undecidable => {
                    return Err(Refusal::Undecidable {
                        grants: vec![candidate.grant.id.clone()],
                    });
                }
            }
        }
        // R20: exactly one.
        match fitting.as_slice() {
            [one] => Ok(one),
            [] => Err(why_none(query, &denied)),
            several => Err(Refusal::GrantAmbiguous {
                grants: several
                    .iter()
                    .map(|candidate| candidate.grant.id.clone())
                    .collect(),
            }),
        }
    }

    /// Each grant that is tried, with the rules taken apart.
    pub(crate) fn tried(&self, query: &Query<'_>, at: Moment) -> Vec<(GrantId, Vec<Rule>)> {
        let facts = facts(query, at);
        let candidates = self.candidates(query).unwrap_or_default();
        let explained = candidates.into_iter().map(|candidate| {
            let rules = self.engine.explain(&facts, candidate);
            (candidate.grant.id.clone(), rules)
        });
        explained.collect()
    }

    /// The grants to try: those of the caller's agency for the method, or the cited one of them.
    fn candidates(&self, query: &Query<'_>) -> Result<Vec<&Arc<Granted>>, Refusal> {
        let all = self
            .candidates
            .get(&query.system.agency)
            .and_then(|methods| methods.get(&query.method.path))
            .ok_or_else(|| no_agreement(query))?;
        let Some(cited) = query.cited else {
            return Ok(all.iter().collect());
        };
        let named: Vec<&Arc<Granted>> = all
            .iter()
            .filter(|candidate| candidate.grant.id.as_str() == cited)
            .collect();
        if named.is_empty() {
            return Err(Refusal::GrantUnknown {
                cited: cited.to_owned(),
                consumer: query.system.agency.to_string(),
                method: query.method.path.clone(),
            });
        }
        Ok(named)
    }

    fn permit(&self, query: &Query<'_>, fit: &Granted) -> Result<Permit, Refusal> {
        let mut narrowed = asked::settled(query.fields)?;
        let mut mask = if narrowed.is_empty() {
            Arc::clone(&fit.grant.mask)
        } else {
            self.narrow(query.method, fit, &narrowed)?
        };
        if let Some(consented) = query.backing.consented.filter(|fields| !fields.is_empty()) {
            // R29: released = view ∩ asked ∩ consented.
            narrowed = asked::consented(&narrowed, &fit.grant.view, consented)?;
            mask = self.narrow(query.method, fit, &narrowed)?;
        }
        Ok(Permit {
            grant: Arc::clone(&fit.grant),
            mask,
            narrowed,
            revision: self.revision.clone(),
        })
    }

    /// The mask for the fields asked for, all of which the view must give.
    fn narrow(
        &self,
        method: &Method,
        fit: &Granted,
        fields: &[String],
    ) -> Result<Arc<Mask>, Refusal> {
        let key = NarrowKey {
            method: method.path.clone(),
            grant: fit.grant.id.clone(),
            fields: fields.to_vec(),
        };
        let kept = self.narrowed.as_ref();
        if let Some(mask) = kept.and_then(|kept| kept.get(&key)) {
            return Ok(mask);
        }
        // R23: what the view does not give is refused by name.
        let mask = fit
            .grant
            .view
            .narrow(method, fields, &fit.grant.terms.covers())
            .map_err(|error| match error {
                NarrowError::Unknown { path, suggestion } => Refusal::FieldUnknown {
                    field: path,
                    suggestion,
                },
                NarrowError::NotGranted { paths } => Refusal::FieldNotGranted {
                    grant: fit.grant.id.clone(),
                    fields: paths,
                },
                NarrowError::Count { count } => Refusal::TooManyFields {
                    count,
                    max: FIELDS_ASKED_MAX,
                },
                NarrowError::NotOfMethod { .. } => Refusal::Undecidable {
                    grants: vec![fit.grant.id.clone()],
                },
            })?;
        let mask = Arc::new(mask);
        if let Some(kept) = kept {
            kept.insert(key, Arc::clone(&mask));
        }
        Ok(mask)
    }
}

fn facts<'a>(query: &Query<'a>, at: Moment) -> Facts<'a> {
    Facts {
        system: &query.system.id,
        dataset: &query.method.dataset,
        kind: query.method.kind,
        method: &query.method.path,
        procedure: query.procedure.as_str(),
        dossier: query.dossier,
        has_consent: query.backing.consented.is_some(),
        approvals: query.backing.approvals,
        emergency: query.backing.emergency,
        at,
        with_owner: true,
    }
}

/// The refusal of the grants that came nearest: those that the fewest guards forbade.
fn why_none(query: &Query<'_>, denied: &[(&Arc<Granted>, Vec<Guard>)]) -> Refusal {
    let Some(fewest) = denied.iter().map(|(_, guards)| guards.len()).min() else {
        return no_agreement(query);
    };
    let nearest = denied.iter().filter(|(_, guards)| guards.len() == fewest);
    let Some(first) = nearest
        .clone()
        .filter_map(|(_, guards)| guards.first())
        .min()
    else {
        return no_agreement(query);
    };
    let grants = nearest
        .filter(|(_, guards)| guards.first() == Some(first))
        .map(|(candidate, _)| candidate.grant.id.clone())
        .collect();
    let system = query.system.id.to_string();
    match first {
        Guard::SystemSuspended => Refusal::SystemSuspended { system },
        Guard::SystemNotNamed => Refusal::SystemNotNamed { grants, system },
        Guard::AgreementNotInForce => Refusal::AgreementNotInForce { grants },
        Guard::PurposeNotCovered => Refusal::PurposeNotCovered {
            grants,
            procedure: query.procedure.to_string(),
        },
        Guard::BreakGlassOnly => Refusal::BreakGlassOnly { grants },
        Guard::NotForEmergencies => Refusal::NotForEmergencies { grants },
        Guard::OfficialNotNamed => Refusal::OfficialNotNamed { grants },
        Guard::ConsentRequired => Refusal::ConsentRequired { grants },
        Guard::ApprovalsRequired => Refusal::ApprovalsRequired {
            grants,
            shown: query.backing.approvals,
        },
        Guard::SecretNeedsTwo => Refusal::SecretNeedsTwo {
            grants,
            shown: query.backing.approvals,
        },
        Guard::DossierRequired => Refusal::DossierRequired { grants },
        Guard::OutsideHours => Refusal::OutsideHours { grants },
        Guard::Owner(reason) => Refusal::OwnerForbids {
            grants,
            reason: Arc::clone(reason),
        },
    }
}

fn no_agreement(query: &Query<'_>) -> Refusal {
    if query.system.suspended {
        // R24: an agreement would not help.
        return Refusal::SystemSuspended {
            system: query.system.id.to_string(),
        };
    }
    Refusal::NoAgreement {
        consumer: query.system.agency.to_string(),
        method: query.method.path.clone(),
    }
}
