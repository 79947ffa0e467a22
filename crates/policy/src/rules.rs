//! The rules in force: which grants could fit a question, and which one does.

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use motlan_catalog::{
    AgencyCode, Catalog, GrantId, Method, NarrowError, ProcedureCode, Revision, System, View,
    ViewName,
};
use motlan_mask::Mask;

use crate::asked;
use crate::engine::{Engine, Facts, Guard, Verdict};
use crate::refusal::Refusal;

/// At most this many grants are tried for one question; a catalogue with more for one consumer and
/// method does not load.
pub const GRANTS_TRIED_MAX: usize = 64;
/// At most this many fields can be asked for in `motlan-fields`.
pub const FIELDS_ASKED_MAX: usize = 128;
/// How many narrowed masks are kept compiled.
pub const NARROWED_MASKS_MAX: u64 = 4096;

/// An instant, in milliseconds since the Unix epoch. Passed in: there is no clock here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// The instant `unix_ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }
}

/// What is asked: by which system, of which method, for which procedure.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The calling system.
    pub system: &'a System,
    /// The method asked.
    pub method: &'a Method,
    /// The procedure that the official named.
    pub procedure: &'a ProcedureCode,
    /// The grant cited in `motlan-grant`, if any.
    pub cited: Option<&'a str>,
    /// The fields asked for in `motlan-fields`; empty asks for what the view gives.
    pub fields: &'a [String],
}

/// Proof that [`Rules::decide`] allowed one lookup: one permit, one lookup.
#[must_use]
pub struct Permit {
    grant: GrantId,
    view: Arc<View>,
    mask: Arc<Mask>,
    /// The fields asked for; empty where the view as a whole was.
    narrowed: Vec<String>,
    revision: Revision,
}

impl Permit {
    /// The grant that allowed it.
    pub fn grant(&self) -> &GrantId {
        &self.grant
    }

    /// The view that the grant gives.
    pub fn view(&self) -> &ViewName {
        &self.view.name
    }

    /// What may leave: the view, or the part of it that was asked for.
    pub fn mask(&self) -> &Arc<Mask> {
        &self.mask
    }

    /// The paths that the mask lets through.
    pub fn paths(&self) -> &[String] {
        if self.narrowed.is_empty() {
            &self.view.paths
        } else {
            &self.narrowed
        }
    }

    /// The revision of the catalogue that decided.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
}

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
    candidates: HashMap<AgencyCode, HashMap<String, Vec<Candidate>>>,
    narrowed: Cache<NarrowKey, Arc<Mask>>,
    revision: Revision,
}

struct Candidate {
    grant: GrantId,
    view: Arc<View>,
}

#[derive(PartialEq, Eq, Hash)]
struct NarrowKey {
    method: String,
    view: ViewName,
    fields: Vec<String>,
}

impl Rules {
    /// Makes the rules of `catalog`.
    ///
    /// # Errors
    /// [`RulesError`] where an agreement does not fit the schema, or a consumer has too many
    /// grants.
    pub fn new(catalog: &Catalog) -> Result<Self, RulesError> {
        let mut candidates: HashMap<AgencyCode, HashMap<String, Vec<Candidate>>> = HashMap::new();
        for agreement in catalog.agreements() {
            let of_consumer = candidates.entry(agreement.consumer.clone()).or_default();
            for grant in &agreement.grants {
                for method in &grant.methods {
                    let tried = of_consumer.entry(method.path.clone()).or_default();
                    if tried.len() == GRANTS_TRIED_MAX {
                        return Err(RulesError::TooManyGrants {
                            consumer: agreement.consumer.clone(),
                            method: method.path.clone(),
                        });
                    }
                    let (grant, view) = (grant.id.clone(), Arc::clone(&grant.view));
                    tried.push(Candidate { grant, view });
                }
            }
        }
        let grants = catalog.agreements().iter().flat_map(|agreement| {
            let terms = (&agreement.consumer, agreement.valid);
            agreement
                .grants
                .iter()
                .map(move |grant| (terms.0, terms.1, grant))
        });
        Ok(Self {
            engine: Engine::new(catalog.systems().map(AsRef::as_ref), grants)?,
            candidates,
            narrowed: Cache::new(NARROWED_MASKS_MAX),
            revision: catalog.revision().clone(),
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
        let candidates = self.candidates(query)?;
        let facts = Facts {
            system: &query.system.id,
            kind: query.method.kind,
            method: &query.method.path,
            procedure: query.procedure.as_str(),
            at,
        };
        let mut fitting = Vec::new();
        let mut denied = Vec::new();
        for candidate in candidates {
            match self.engine.evaluate(&facts, &candidate.grant) {
                Verdict::Allowed => fitting.push(candidate),
                Verdict::Denied(guards) => denied.push((candidate, guards)),
                // R21: what cannot be decided does not go out, whatever another grant says.
                Verdict::Undecidable => {
                    return Err(Refusal::Undecidable {
                        grants: vec![candidate.grant.clone()],
                    });
                }
            }
        }
        // R20: exactly one.
        match fitting.as_slice() {
            [one] => self.permit(query, one),
            [] => Err(why_none(query, &denied)),
            several => Err(Refusal::GrantAmbiguous {
                grants: several
                    .iter()
                    .map(|candidate| candidate.grant.clone())
                    .collect(),
            }),
        }
    }

    /// The grants to try: those of the caller's agency for the method, or the cited one of them.
    fn candidates(&self, query: &Query<'_>) -> Result<Vec<&Candidate>, Refusal> {
        let all = self
            .candidates
            .get(&query.system.agency)
            .and_then(|methods| methods.get(&query.method.path))
            .ok_or_else(|| no_agreement(query))?;
        let Some(cited) = query.cited else {
            return Ok(all.iter().collect());
        };
        let named: Vec<&Candidate> = all
            .iter()
            .filter(|candidate| candidate.grant.as_str() == cited)
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

    fn permit(&self, query: &Query<'_>, fit: &Candidate) -> Result<Permit, Refusal> {
        let narrowed = asked::settled(query.fields)?;
        let mask = if narrowed.is_empty() {
            Arc::clone(&fit.view.mask)
        } else {
            self.narrow(query.method, fit, &narrowed)?
        };
        Ok(Permit {
            grant: fit.grant.clone(),
            view: Arc::clone(&fit.view),
            mask,
            narrowed,
            revision: self.revision.clone(),
        })
    }

    /// The mask for the fields asked for, all of which the view must give.
    fn narrow(
        &self,
        method: &Method,
        fit: &Candidate,
        fields: &[String],
    ) -> Result<Arc<Mask>, Refusal> {
        let key = NarrowKey {
            method: method.path.clone(),
            view: fit.view.name.clone(),
            fields: fields.to_vec(),
        };
        if let Some(mask) = self.narrowed.get(&key) {
            return Ok(mask);
        }
        // R23: what the view does not give is refused by name.
        let mask = fit
            .view
            .narrow(method, fields)
            .map_err(|error| match error {
                NarrowError::Unknown { path, suggestion } => Refusal::FieldUnknown {
                    field: path,
                    suggestion,
                },
                NarrowError::NotGranted { paths } => Refusal::FieldNotGranted {
                    grant: fit.grant.clone(),
                    fields: paths,
                },
                NarrowError::Count { count } => Refusal::TooManyFields {
                    count,
                    max: FIELDS_ASKED_MAX,
                },
                NarrowError::NotOfMethod { .. } => Refusal::Undecidable {
                    grants: vec![fit.grant.clone()],
                },
            })?;
        let mask = Arc::new(mask);
        self.narrowed.insert(key, Arc::clone(&mask));
        Ok(mask)
    }
}

/// The refusal of the grants that came nearest: those that the fewest guards forbade.
fn why_none(query: &Query<'_>, denied: &[(&Candidate, Vec<Guard>)]) -> Refusal {
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
        .map(|(candidate, _)| candidate.grant.clone())
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
