//! Default deny, tried: for every system and method, every procedure that no grant names.

use std::collections::BTreeSet;

use motlan_catalog::{
    APPROVALS_MAX, Agreement, Catalog, Grant, GrantId, Method, ProcedureCode, System, SystemId,
};

use crate::access::{emergency, first_open};
use crate::moment::Moment;
use crate::rules::{Backing, Query, Rules};

/// At most so many questions are tried.
pub const UNNAMED_TRIED_MAX: u64 = 1_000_000;

/// What came of the questions that no grant names.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Unnamed {
    /// How many were tried, each on several occasions: all, or [`UNNAMED_TRIED_MAX`].
    pub tried: u64,
    /// Those that were allowed all the same: a fault of the rules.
    pub allowed: Vec<Breach>,
}

/// A question that no grant names, and that was allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breach {
    /// The system that asks.
    pub system: SystemId,
    /// The method asked, by its path.
    pub method: String,
    /// The procedure.
    pub procedure: ProcedureCode,
    /// The grant that allowed it.
    pub grant: GrantId,
}

/// How a question is tried: with the grant that is cited, when, and in whose emergency.
struct Occasion<'a> {
    cited: Option<&'a str>,
    at: Moment,
    emergency: Option<&'a str>,
}

impl Rules {
    /// R20: asks, for every system and method, for each procedure of `catalog` that no grant of the
    /// system's agency names for the method: without citing any grant at `from`, and citing each of
    /// them, with all that others can sign, at the first instant at which it may be used.
    #[must_use]
    pub fn unnamed(&self, catalog: &Catalog, from: Moment) -> Unnamed {
        let mut unnamed = Unnamed::default();
        for system in catalog.systems() {
            for method in catalog.datasets().flat_map(|dataset| &dataset.methods) {
                let grants: Vec<(&Agreement, &Grant)> = grants(catalog, system, method).collect();
                let named: BTreeSet<&ProcedureCode> =
                    grants.iter().flat_map(|(_, it)| &it.procedures).collect();
                let occasions = occasions(&grants, from);
                let procedures = catalog.procedures().map(|procedure| &procedure.code);
                for procedure in procedures.filter(|code| !named.contains(code)) {
                    self.ask_unnamed(system, method, procedure, &occasions, &mut unnamed);
                }
            }
        }
        unnamed
    }

    fn ask_unnamed(
        &self,
        system: &System,
        method: &Method,
        procedure: &ProcedureCode,
        occasions: &[Occasion<'_>],
        unnamed: &mut Unnamed,
    ) {
        if unnamed.tried == UNNAMED_TRIED_MAX {
            return;
        }
        unnamed.tried = unnamed.tried.saturating_add(1);
        for occasion in occasions {
            let query = Query {
                system,
                method,
                procedure,
                dossier: true,
                backing: Backing {
                    consented: Some(&[]),
                    approvals: APPROVALS_MAX,
                    emergency: occasion.emergency,
                },
                cited: occasion.cited,
                fields: &[],
            };
            if let Ok(permit) = self.decide(&query, occasion.at) {
                unnamed.allowed.push(Breach {
                    system: system.id.clone(),
                    method: method.path.clone(),
                    procedure: procedure.clone(),
                    grant: permit.grant().clone(),
                });
            }
        }
    }
}

fn occasions<'a>(grants: &[(&'a Agreement, &'a Grant)], from: Moment) -> Vec<Occasion<'a>> {
    let uncited = Occasion {
        cited: None,
        at: from,
        emergency: None,
    };
    let cited = grants.iter().map(|(agreement, grant)| Occasion {
        cited: Some(grant.id.as_str()),
        at: first_open(grant, agreement.valid, from).unwrap_or(from),
        emergency: emergency(grant),
    });
    std::iter::once(uncited).chain(cited).collect()
}

/// The grants of a system's agency for a method.
fn grants<'a>(
    catalog: &'a Catalog,
    system: &'a System,
    method: &'a Method,
) -> impl Iterator<Item = (&'a Agreement, &'a Grant)> {
    let agreements = catalog.agreements().iter();
    let of_agency = agreements.filter(|agreement| agreement.consumer == system.agency);
    let grants = of_agency.flat_map(|agreement| {
        let grants = agreement.grants.iter();
        grants.map(move |it| (agreement, it.as_ref()))
    });
    grants.filter(|(_, grant): &(_, &Grant)| grant.methods.iter().any(|it| it.path == method.path))
}
