//! The catalogue that ships with the source.

use std::path::Path;

use motlan_catalog::{Catalog, Readiness};

fn reference() -> Catalog {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/catalog");
    Catalog::load(&folder).unwrap_or_else(|faults| panic!("{faults}"))
}

fn is_shared<T: Send + Sync + 'static>(_: &T) {}

#[test]
fn the_reference_catalogue_has_its_systems_with_their_roles() {
    let catalog = reference();
    let systems = catalog.systems().map(|system| {
        let roles: Vec<&str> = system.roles.iter().map(|role| role.as_str()).collect();
        (system.id.to_string(), roles.join(" "))
    });
    let expected = [
        ("G01/data-protection", "data_protection"),
        ("G01/data-quality", "correction"),
        ("G01/national-id", "consent"),
        ("G01/residence", ""),
        ("G15/approval", "approval"),
        ("G15/civil-status", ""),
        ("G15/data-quality", "correction"),
        ("G20/inspection", "auditor"),
        ("G22/citizen-portal", "citizen_view"),
        ("G22/reform-report", "report"),
        ("H17/one-stop", ""),
        ("H26/approval", "approval"),
        ("H26/one-stop", ""),
        ("H29/one-stop", ""),
    ];
    assert_eq!(
        systems.collect::<Vec<_>>(),
        expected.map(|(id, roles)| (id.to_owned(), roles.to_owned()))
    );
}

#[test]
fn the_reference_catalogue_loads_without_a_fault() {
    let catalog = reference();
    is_shared(&catalog);
    assert_eq!(catalog.trust_domain(), "motlan.example");
    assert_eq!(catalog.agencies().len(), 31);
    assert_eq!(catalog.procedures().len(), 765);
    assert_eq!(
        catalog
            .procedures()
            .map(|procedure| procedure.rows.len())
            .sum::<usize>(),
        798
    );
    assert_eq!(catalog.replaced_documents().len(), 16);
    assert_eq!(catalog.revision().as_str().len(), 32);
    assert_eq!(catalog.revision(), reference().revision());
    let datasets: Vec<(&str, &str)> = catalog
        .datasets()
        .map(|dataset| (dataset.id.as_str(), dataset.owner.as_str()))
        .collect();
    assert_eq!(
        datasets,
        [
            ("business_registration", "G12"),
            ("civil_status", "G15"),
            ("land", "G10"),
            ("population", "G01")
        ]
    );
    assert!(
        catalog
            .datasets()
            .all(|dataset| dataset.readiness == Readiness::Published)
    );
}

/// Every grant as a line that a lawyer can read: a change of it must be meant.
#[test]
fn the_reference_catalogue_grants_exactly_this() {
    let catalog = reference();
    let mut lines = Vec::new();
    for agreement in catalog.agreements() {
        for grant in &agreement.grants {
            let methods: Vec<&str> = grant.methods.iter().map(|m| m.name.as_str()).collect();
            let procedures: Vec<&str> = grant.procedures.iter().map(|p| p.as_str()).collect();
            lines.push(format!(
                "{} -> {}: {} of {} by {} for {}, {}{}",
                agreement.provider,
                agreement.consumer,
                grant.view.name,
                grant.dataset,
                methods.join(" "),
                procedures.join(" "),
                grant.hours,
                if grant.terms.dossier_required {
                    ", with a dossier"
                } else {
                    ""
                },
            ));
        }
    }
    assert_eq!(
        lines,
        [
            "G01 -> H26: residence of population by GetPerson for 1.004222, any time",
            "G01 -> H26: household of population by ListHousehold for 1.004222, any time",
            "G10 -> H26: certificate of land by GetParcel ListParcelsOfHolder for \
             1.004222, any time",
            "G12 -> H17: registration of business_registration by GetEnterprise for \
             2.002093, any time",
            "G12 -> H26: registration of business_registration by GetEnterprise for \
             2.000309 2.002093, any time",
            "G15 -> G01: marital_status of civil_status by GetMaritalStatus for 1.004222, \
             mon tue wed thu fri 07:30-11:30 13:00-17:00, with a dossier",
            "G15 -> H26: death_extract of civil_status by GetDeath for 1.014177, any time",
            "G15 -> H26: marriage_extract of civil_status by GetMarriage for 1.004222, any time",
            "G15 -> H26: marital_status of civil_status by GetMaritalStatus for 1.004222, any time",
        ]
    );
}

#[test]
fn every_granted_procedure_needs_the_dataset_by_the_annex_or_by_article_4() {
    let catalog = reference();
    let needs = |code, dataset: &str| {
        let rows = catalog
            .procedure(code)
            .map(|procedure| procedure.rows.as_slice());
        let mut rows = rows.unwrap_or_default().iter();
        rows.any(|row| row.databases.iter().any(|database| database == dataset))
            || catalog
                .replaced_documents()
                .iter()
                .any(|document| document.database == dataset)
    };
    for grant in catalog
        .agreements()
        .iter()
        .flat_map(|agreement| &agreement.grants)
    {
        for code in &grant.procedures {
            assert!(
                needs(code, grant.dataset.as_str()),
                "{} for {code}",
                grant.id
            );
        }
    }
}
