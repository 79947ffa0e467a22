//! From the collection for a dossier to the owner's desk, and into the figures.

use motlan_api::audit::v1::GroundOutcome;
use motlan_api::once::v1::{OutcomeCount, ReportRequest, SourceCount};

use super::asking::{CIVIL_STATUS_OWNER, POPULATION_OWNER, REPORTING, listed};
use super::shown::erase;
use crate::backing::desk::now_s;
use crate::once_only::asking::{collect, declaring, evidence, ground, request, start, wanted};
use crate::system::question::{DESK, GET_PERSON};
use crate::system::running::Running;
use crate::trail::asking::get;

async fn reported(running: &Running, agency: &str) -> (u64, u64, Vec<SourceCount>) {
    let now_us = now_s() * 1_000_000;
    let request = ReportRequest {
        from_us: now_us - 3_600_000_000,
        until_us: now_us + 3_600_000_000,
        agency: agency.to_owned(),
    };
    let report = get(running, REPORTING, &request).await;
    (report.served, report.documents_not_brought, report.sources)
}

/// R103, R104.
#[tokio::test]
async fn what_differs_is_at_its_owners_desk_when_the_ground_is_given_and_in_the_figures() {
    const DECLARED: &str = "Ai Khác";
    let running = start().await;
    let person = running.roles().person;
    let paper = declaring(wanted("identity_paper", &person), "full_name", DECLARED);
    let fine = wanted("marital_status_certificate", &person);
    let request = request(vec![paper, fine]);
    let first = collect(&running, &request).await;
    evidence(&first[1]);
    let opened = listed(&running, POPULATION_OWNER).await.remove(0);
    assert_eq!(opened.correction, ground(&first[0]).correction);
    assert_eq!((&opened.subject, opened.times), (&person, 1));
    assert_eq!(opened.outcome(), GroundOutcome::Mismatch);
    assert_eq!(opened.fields, ["full_name"]);
    assert_eq!(
        (opened.dataset.as_str(), opened.method.as_str()),
        ("population", GET_PERSON)
    );
    assert!(!format!("{opened:?}").contains(DECLARED));

    let second = collect(&running, &request).await;
    assert_eq!(ground(&second[0]).correction, opened.correction);
    let again = listed(&running, POPULATION_OWNER).await.remove(0);
    assert_eq!((again.times, again.opened_us), (2, opened.opened_us));
    assert_ne!(again.record, opened.record);
    assert!(listed(&running, CIVIL_STATUS_OWNER).await.is_empty());

    // Twice the same document of the same dossier: it was not brought once.
    let of = |dataset: &str, served, outcome: Option<GroundOutcome>| SourceCount {
        dataset: dataset.to_owned(),
        database: String::new(),
        served,
        grounds: outcome.into_iter().map(|it| count(it, 2)).collect(),
    };
    let sources = vec![
        of("population", 0, Some(GroundOutcome::Mismatch)),
        of("civil_status", 2, None),
    ];
    assert_eq!(reported(&running, "H26").await, (2, 1, sources));
    assert_eq!(reported(&running, "G01").await, (0, 0, Vec::new()));
    let past = running.stop().await;
    // The lookup that met it first, and the one that met it last.
    for record in [&opened.record, &again.record] {
        let lookup = past.entry(record);
        assert_eq!(
            (lookup.record.caller.as_str(), &lookup.sealed.subject),
            (DESK, &person)
        );
    }
}

/// R103: what is met again is found again, whatever became of the record that met it first.
#[tokio::test]
async fn a_correction_that_is_met_again_names_its_subject_although_the_first_record_was_erased() {
    let running = start().await;
    let person = running.roles().person;
    let paper = declaring(wanted("identity_paper", &person), "full_name", "Ai Khác");
    let request = request(vec![paper]);
    collect(&running, &request).await;
    erase(&running).await;
    let erased = listed(&running, POPULATION_OWNER).await.remove(0);
    assert_eq!((erased.subject.as_str(), erased.times), ("", 1));
    collect(&running, &request).await;
    let again = listed(&running, POPULATION_OWNER).await.remove(0);
    assert_eq!(again.correction, erased.correction);
    assert_eq!((&again.subject, again.times), (&person, 2));
    running.stop().await;
}

fn count(outcome: GroundOutcome, grounds: u64) -> OutcomeCount {
    let outcome = outcome.into();
    OutcomeCount { outcome, grounds }
}
