//! The decision against a slow, obvious twin: every system × method × procedure × day of the
//! reference catalogue, decided twice.

use motlan_catalog::{Catalog, Method, ProcedureCode, System};
use motlan_policy::{Moment, Query};

use super::ground::{Ground, IN_FORCE_MS, agreement, ground};

const DAY_MS: i64 = 86_400_000;

/// The grants that fit, by reading the agreements one by one.
fn fitting(
    catalog: &Catalog,
    system: &System,
    method: &Method,
    procedure: &ProcedureCode,
    at_ms: i64,
) -> Vec<String> {
    let mut fitting = Vec::new();
    for agreement in catalog.agreements() {
        for grant in &agreement.grants {
            let party = agreement.consumer == system.agency;
            let in_force = agreement.valid.from_ms <= at_ms && at_ms < agreement.valid.until_ms;
            let named = grant.systems.is_empty() || grant.systems.contains(&system.id);
            let covers = grant.methods.iter().any(|one| one.path == method.path);
            let purpose = grant.procedures.contains(procedure);
            if party && in_force && named && covers && purpose && !system.suspended {
                fitting.push(grant.id.to_string());
            }
        }
    }
    fitting
}

/// How many questions the two decide differently.
fn differences(ground: &Ground, twin_of: &Catalog) -> usize {
    let procedures: Vec<ProcedureCode> = ground
        .catalog
        .procedures()
        .map(|procedure| procedure.code.clone())
        .collect();
    let methods: Vec<_> = ground
        .catalog
        .datasets()
        .flat_map(|dataset| dataset.methods.clone())
        .collect();
    let mut differences = 0;
    for system in ground.catalog.systems() {
        for method in &methods {
            for procedure in &procedures {
                for at_ms in [IN_FORCE_MS, IN_FORCE_MS - 400 * DAY_MS] {
                    let (cited, fields) = (None, &[][..]);
                    let query = Query {
                        system,
                        method,
                        procedure,
                        cited,
                        fields,
                    };
                    let decided = ground.rules.decide(&query, Moment::from_unix_ms(at_ms));
                    let twin = fitting(twin_of, system, method, procedure, at_ms);
                    let same = match decided {
                        Ok(permit) => twin == [permit.grant().to_string()],
                        Err(refusal) => {
                            let ambiguous = refusal.reason() == "GRANT_AMBIGUOUS";
                            if ambiguous {
                                twin.len() > 1
                            } else {
                                twin.is_empty()
                            }
                        }
                    };
                    differences += usize::from(!same);
                }
            }
        }
    }
    differences
}

/// R21, R22.
#[test]
fn the_rules_decide_as_the_agreements_read() {
    let ground = ground(&[]);
    assert_eq!(differences(&ground, &ground.catalog), 0);
}

#[test]
fn an_agreement_that_the_twin_does_not_know_shows() {
    let added = agreement(
        "g01-h26-added",
        "valid_from = 2026-01-01\nvalid_until = 2027-02-28",
        "view = \"identity\"\nprocedures = [\"1.014177\"]",
    );
    let (with, without) = (ground(&[&added]), ground(&[]));
    assert_eq!(differences(&with, &without.catalog), 1);
}
