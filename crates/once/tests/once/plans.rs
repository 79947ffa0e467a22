//! Plans: what a procedure needs no longer be asked for.

use std::collections::BTreeSet;

use motlan_catalog::{ProcedureCode, Source};
use motlan_once::{Basis, Listing, Plan, PlanError, coverage, plan};

use crate::{REFERENCE, once};

fn planned(code: &str, variant: Option<&str>) -> Plan<'static> {
    let variant = variant.map(|variant| variant.parse().unwrap());
    plan(&REFERENCE, &code.parse().unwrap(), variant.as_ref()).unwrap()
}

/// `document from database, by clause`, a line for each component.
fn lines(plan: &Plan<'_>) -> Vec<String> {
    let law = &once().law;
    let lines = plan.components.iter().map(|component| {
        let from = match &component.document.source {
            Source::Held(held) => format!("{}/{}", held.dataset.id, held.method.name),
            Source::NotPublished(database) => format!("unpublished {}", database.id),
        };
        let clauses: Vec<String> = component.bases.iter().map(|it| it.clause(law)).collect();
        let clauses = clauses.join(" + ").replace(&law.instrument, "NQ");
        format!("{} from {from}, by {clauses}", component.document.code)
    });
    lines.collect()
}

// R81.
#[test]
fn all_four_variants_of_the_registration_of_residence_can_be_planned() {
    let expected: [&[&str]; 4] = [
        &["land_certificate from land/GetParcel, by NQ, Phụ lục I, số 735"],
        &["land_certificate from land/GetParcel, by NQ, Phụ lục I, số 737"],
        &[
            "identity_paper from population/GetPerson, by NQ, Phụ lục I, số 737",
            "birth_certificate from civil_status/GetBirth, by NQ, Phụ lục I, số 737",
            "marriage_certificate from civil_status/GetMarriage, by NQ, Phụ lục I, số 737",
            "marital_status_certificate from civil_status/GetMaritalStatus, by NQ, Phụ lục I, \
             số 737",
        ],
        &["land_certificate from land/GetParcel, by NQ, Phụ lục I, số 738"],
    ];
    for (variant, expected) in (1..).zip(expected) {
        let plan = planned("1.004222", Some(&variant.to_string()));
        assert_eq!(plan.listing, Listing::Annex);
        assert_eq!(plan.variants.len(), 1);
        assert_eq!(lines(&plan), expected, "variant {variant}");
    }
    // With no variant named, all of them; a local edition is the same procedure.
    let all = planned("1.004222.000.00.00.H26", None);
    assert_eq!(
        (all.procedure.as_str(), all.variants.len()),
        ("1.004222", 4)
    );
    assert_eq!(all.components.len(), 5);
    let land = &all.components[0];
    assert_eq!(land.bases.len(), 3);
    assert!(
        land.bases
            .iter()
            .all(|basis| matches!(basis, Basis::Annex(..)))
    );
}

// R81: an unlisted procedure falls back to Article 4, and says so.
#[test]
fn a_procedure_that_the_annex_does_not_list_falls_back_to_article_4() {
    let plan = planned("1.999999", None);
    assert_eq!(plan.listing, Listing::Article4);
    assert!(plan.variants.is_empty());
    let lines = lines(&plan);
    assert_eq!(lines.len(), 16);
    assert_eq!(
        lines[0],
        "identity_paper from population/GetPerson, by NQ, Điều 4 khoản 1 điểm a"
    );
    assert_eq!(
        lines[8],
        "driving_licence from unpublished driving_licence, by NQ, Điều 4 khoản 4"
    );
}

#[test]
fn an_unknown_variant_is_refused_with_those_there_are() {
    let refused = |code: &str, variant: &str| {
        let variant = variant.parse().unwrap();
        plan(&REFERENCE, &code.parse().unwrap(), Some(&variant))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("1.004222", "5"),
        "`1.004222` has no variant `5`: there are \
         `1` (Đăng ký thường trú vào chỗ ở hợp pháp thuộc quyền sở hữu của mình), \
         `2` (Đăng ký tạm trú), \
         `3` (Đăng ký thường trú tại chỗ ở hợp pháp không thuộc quyền sở hữu của mình đối với \
         những trường hợp quy định tại khoản 2 Điều 20 Luật Cư trú), \
         `4` (Đăng ký thường trú vào chỗ ở hợp pháp do thuê, mượn, ở nhờ)"
    );
    assert_eq!(
        refused("1.999999", "1"),
        "`1.999999` has no variant `1`: the annex does not list the procedure"
    );
}

// R80.
#[test]
fn every_procedure_can_be_planned_and_its_plan_holds_what_its_rows_come_to() {
    let coverage = coverage(&REFERENCE).unwrap();
    let mut plans = 0;
    for procedure in REFERENCE.procedures() {
        let plan = plan(&REFERENCE, &procedure.code, None).unwrap();
        let planned: BTreeSet<&str> = plan
            .components
            .iter()
            .map(|it| it.document.code.as_str())
            .collect();
        let rows = coverage.annex.iter();
        let rows = rows.filter(|row| row.procedure.as_deref() == Some(procedure.code.as_str()));
        let covered: BTreeSet<&str> = rows
            .flat_map(|row| &row.documents)
            .map(|it| it.document.as_str())
            .collect();
        assert_eq!(planned, covered, "{}", procedure.code);
        assert!(!planned.is_empty());
        plans += 1;
    }
    assert_eq!(plans, 765);
}

#[test]
fn a_catalogue_without_once_has_no_plan() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        (
            "catalog.toml",
            "trust_domain = \"state.example\"\ncontracts = [\".\"]\n",
        ),
        (
            "agencies.csv",
            "code,name_vi,status,checked,note\nG01,Bộ Công an,current,yes,\n",
        ),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let bare = motlan_catalog::Catalog::load(folder.path());
    let bare = bare.unwrap_or_else(|faults| panic!("{faults}"));
    let code: ProcedureCode = "1.004222".parse().unwrap();
    assert_eq!(plan(&bare, &code, None).unwrap_err(), PlanError::NoLaw);
    assert!(coverage_fails(&bare));
}

fn coverage_fails(catalog: &motlan_catalog::Catalog) -> bool {
    matches!(coverage(catalog), Err(PlanError::NoLaw))
}
