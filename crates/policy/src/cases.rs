//! The tests of agreements: each agreement by itself, under the very rules that decide.

use std::sync::Arc;

use motlan_catalog::{Agreement, Case, Catalog, Expected, Fault, Faults, System, spread};

use crate::engine::Policies;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::rules::{Backing, Permit, Query};
use crate::rules::{Rules, RulesError};

/// Reports every test that does not hold.
///
/// An agreement is tried alone: another one that gives more, or that fits as well, is no fault of
/// it. Its systems are taken as not suspended: that is a state of theirs, and to suspend one must
/// not make a catalogue unusable.
pub(crate) fn run(
    catalog: &Catalog,
    policies: &Arc<Policies>,
    faults: &mut Faults,
) -> Result<(), RulesError> {
    let tried = spread(catalog.agreements(), |part| {
        let mut found = Vec::new();
        for agreement in part {
            try_one(catalog, policies, agreement, &mut found)?;
        }
        Ok(found)
    });
    // In the order of the agreements, however many threads tried them.
    for found in tried {
        faults.extend(found?);
    }
    Ok(())
}

fn try_one(
    catalog: &Catalog,
    policies: &Arc<Policies>,
    agreement: &Agreement,
    found: &mut Vec<Fault>,
) -> Result<(), RulesError> {
    let mut systems: Vec<System> = Vec::new();
    for case in &agreement.cases {
        if systems.iter().all(|system| system.id != case.system)
            && let Some(system) = catalog.system(&case.system)
        {
            let mut system = System::clone(system);
            system.suspended = false;
            systems.push(system);
        }
    }
    let alone = std::slice::from_ref(agreement);
    let rules = Rules::over(policies, systems.iter(), alone, catalog.revision())?;
    for case in &agreement.cases {
        let Some(system) = systems.iter().find(|system| system.id == case.system) else {
            continue;
        };
        found.extend(check(&rules, system, agreement, case));
    }
    Ok(())
}

/// What is wrong, if the test does not hold.
fn check(rules: &Rules, system: &System, agreement: &Agreement, case: &Case) -> Option<Fault> {
    let query = Query {
        system,
        method: &case.method,
        procedure: &case.procedure,
        dossier: case.dossier,
        backing: Backing {
            consented: case.consented.as_deref(),
            approvals: case.approvals,
            emergency: case.emergency.as_deref(),
        },
        cited: case.cited.as_deref(),
        fields: &case.asked,
    };
    let decided = rules.decide(&query, Moment::from_unix_ms(case.at_ms));
    let got = otherwise(&case.expected, &decided)?;
    let expected = match &case.expected {
        Expected::Allowed { .. } => "allowed",
        Expected::Refused { reason } => reason,
    };
    Some(Fault {
        file: agreement.file.clone(),
        line: Some(case.line),
        what: format!("the test `{}` expects `{expected}`, but {got}", case.name),
        remedy: "correct the grant or the test".to_owned(),
    })
}

/// What came of it, where that is not what was expected.
fn otherwise(expected: &Expected, decided: &Result<Permit, Refusal>) -> Option<String> {
    match (decided, expected) {
        (Ok(permit), Expected::Allowed { fields }) => {
            let leaves = permit.leaves();
            let missing: Vec<&String> = leaves
                .iter()
                .filter(|leaf| !fields.iter().any(|field| names(field, leaf)))
                .collect();
            let beyond: Vec<&String> = fields
                .iter()
                .filter(|field| !leaves.iter().any(|leaf| names(field, leaf)))
                .collect();
            match (missing.as_slice(), beyond.as_slice()) {
                ([], []) => None,
                ([], beyond) => Some(format!("{} would not leave", quoted(beyond))),
                (missing, []) => Some(format!("{} would leave too", quoted(missing))),
                (missing, beyond) => Some(format!(
                    "{} would leave too, and {} would not",
                    quoted(missing),
                    quoted(beyond)
                )),
            }
        }
        (Ok(permit), Expected::Refused { .. }) => Some(format!("`{}` allows it", permit.grant())),
        (Err(refusal), Expected::Refused { reason }) if refusal.reason() == reason => None,
        (Err(refusal), _) => Some(format!("it is `{}`: {refusal}", refusal.reason())),
    }
}

/// Whether a test's entry names a field: by its path, or with `.*` by the message that it lies in.
fn names(entry: &str, leaf: &str) -> bool {
    let within = entry.strip_suffix(".*");
    within.map_or(entry == leaf, |wide| {
        wide != leaf && motlan_mask::covers(wide, leaf)
    })
}

fn quoted<T: AsRef<str>>(paths: &[T]) -> String {
    let paths = paths.iter().map(|path| format!("`{}`", path.as_ref()));
    paths.collect::<Vec<_>>().join(", ")
}
