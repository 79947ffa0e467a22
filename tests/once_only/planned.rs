//! What a plan tells a desk.

use motlan_api::once::v1::{Holding, Listing};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::asking::{UNLISTED, ask_plan, plan};
use crate::system::question::{DESK, OTHER_DESK, RESIDENCE};
use crate::system::running::{Laid, Running};

#[tokio::test]
async fn a_plan_names_what_is_held_under_which_clause_and_by_which_grants_it_is_had() {
    // R81.
    let running = Running::start().await;
    let told = plan(&running, DESK, RESIDENCE).await;
    assert_eq!(
        (told.procedure.as_str(), told.listing()),
        (RESIDENCE, Listing::Annex)
    );
    let variants: Vec<&str> = told.variants.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(variants, ["1", "2", "3", "4"]);
    assert_eq!(told.revision.len(), 32);
    let found = |document: &str| {
        let mut components = told.components.iter();
        components.find(|it| it.document == document).unwrap()
    };
    let land = found("land_certificate");
    assert_eq!(land.holding(), Holding::Published);
    assert_eq!(
        (land.dataset.as_str(), land.database.as_str()),
        ("land", "")
    );
    assert_eq!(
        (land.owner.as_str(), land.view.as_str()),
        ("G10", "certificate")
    );
    assert_eq!(land.method, "/vn.land.v1.LandRegistry/GetParcel");
    assert_eq!(land.subject, "certificate_no");
    assert_eq!(land.published_at, "2026-01-01");
    assert_eq!(land.grants, ["g10-h26-land-2026/certificate"]);
    assert!(land.bases.iter().all(|basis| {
        basis.clause.starts_with("Nghị quyết 66.7/2025/NQ-CP") && !basis.wording.is_empty()
    }));
    let birth = found("birth_certificate");
    assert_eq!(
        (birth.holding(), birth.grants.len()),
        (Holding::Published, 0)
    );
    // Another desk has no grant at all, and reads the same law.
    let other = plan(&running, OTHER_DESK, RESIDENCE).await;
    assert_eq!(other.components.len(), told.components.len());
    assert!(other.components.iter().all(|it| it.grants.is_empty()));

    let everywhere = plan(&running, DESK, UNLISTED).await;
    assert_eq!(everywhere.listing(), Listing::Article4);
    assert!(everywhere.variants.is_empty());
    let mut components = everywhere.components.iter();
    let card = components
        .find(|it| it.document == "health_insurance_card")
        .unwrap();
    assert_eq!(card.holding(), Holding::NotPublished);
    assert_eq!(
        (card.dataset.as_str(), card.database.as_str()),
        ("", "insurance")
    );
    assert!(!card.owner.is_empty() && card.method.is_empty() && card.grants.is_empty());

    wrongly_named(&running).await;
    // No look at the law is a record.
    assert_eq!(running.admin.records().await, 0);
    running.stop().await;
}

/// What cannot be a procedure or a variant of one is refused by its field.
async fn wrongly_named(running: &Running) {
    for (procedure, variant, field) in [
        ("", "", "procedure"),
        ("residence", "", "procedure"),
        (RESIDENCE, "5", "variant"),
        (RESIDENCE, "a b", "variant"),
        (UNLISTED, "1", "variant"),
    ] {
        let reply = ask_plan(running, DESK, procedure, variant).await;
        assert_eq!(reply.code(), Code::InvalidArgument, "{procedure} {variant}");
        assert_eq!(reply.reason().as_deref(), Some("REQUEST_MALFORMED"));
        let details = reply.status.get_details_bad_request().unwrap();
        let fields = details.field_violations.iter().map(|it| it.field.as_str());
        assert_eq!(fields.collect::<Vec<_>>(), [field]);
    }
}

#[tokio::test]
async fn without_a_law_nothing_is_planned() {
    let laid = Laid::out().await;
    std::fs::remove_dir_all(laid.world.dir().join("catalog/once")).unwrap();
    laid.world.seal().unwrap();
    let running = laid.start().await;
    let reply = ask_plan(&running, DESK, RESIDENCE, "").await;
    assert_eq!(reply.code(), Code::FailedPrecondition);
    assert_eq!(reply.reason().as_deref(), Some("LAW_ABSENT"));
    running.stop().await;
}
