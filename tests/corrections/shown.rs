//! Who sees what, and that each look is a record first.

use std::time::Duration;

use motlan_api::audit::v1::{
    EndHoldRequest, EraseRequest, GroundOutcome, PlaceHoldRequest, RecordKind, Result as Ended,
};
use motlan_api::once::v1::{Correction, CorrectionsRequest};
use prost::Message as _;
use tonic::Code;

use super::asking::{CIVIL_STATUS_OWNER, POPULATION_OWNER, close, listed, met, numbers};
use crate::system::question::{DESK, GET_BIRTH};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;
use crate::trail::asking::{AUDITOR, PROTECTOR, ask, get};
use crate::trail::held::in_us;

fn of(dataset: &str) -> CorrectionsRequest {
    CorrectionsRequest {
        dataset: dataset.to_owned(),
        ..CorrectionsRequest::default()
    }
}

fn page(page_token: &str) -> CorrectionsRequest {
    CorrectionsRequest {
        page_size: 1,
        page_token: page_token.to_owned(),
        ..CorrectionsRequest::default()
    }
}

/// One at a time, the oldest first.
async fn assert_pages(running: &Running) {
    let first = get(running, POPULATION_OWNER, &page("")).await;
    let second = get(running, POPULATION_OWNER, &page(&first.next_page_token)).await;
    assert_eq!(
        numbers(&[first.corrections, second.corrections].concat()),
        [1, 3]
    );
    let last = get(running, POPULATION_OWNER, &page(&second.next_page_token)).await;
    assert_eq!(
        (last.corrections.len(), last.next_page_token.as_str()),
        (0, "")
    );
}

/// Those who may not see them, or ask wrongly. Gives the records of the refusals.
async fn refused(running: &Running) -> Vec<(String, &'static str)> {
    let mut refused = Vec::new();
    for (system, dataset, reason) in [
        (DESK, "", "ROLE_NOT_HELD"),
        (AUDITOR, "", "ROLE_NOT_HELD"),
        (POPULATION_OWNER, "civil_status", "DATASET_NOT_OWNED"),
        (POPULATION_OWNER, "no_such", "DATASET_NOT_OWNED"),
    ] {
        let reply = ask(running, system, &of(dataset)).await;
        let record = refused_on_record(&reply, Code::PermissionDenied, reason);
        refused.push((record, reason));
    }
    for wrong in [
        page("x"),
        CorrectionsRequest {
            page_size: 201,
            ..page("")
        },
    ] {
        let reply = ask(running, POPULATION_OWNER, &wrong).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
    }
    refused
}

/// R103, R73, R74.
#[tokio::test]
async fn a_correction_is_shown_to_the_owner_of_its_dataset_alone_and_on_record() {
    let (running, [_, record]) = met().await;
    let subject = running.roles().person;
    let shown = get(&running, CIVIL_STATUS_OWNER, &CorrectionsRequest::default()).await;
    let opened_us = shown.corrections[0].opened_us;
    let correction = Correction {
        correction: 2,
        dataset: "civil_status".to_owned(),
        method: GET_BIRTH.to_owned(),
        subject,
        outcome: GroundOutcome::Mismatch.into(),
        fields: vec!["registered_on".to_owned()],
        opened_us,
        times: 1,
        record,
    };
    assert!(opened_us > 0);
    assert_eq!(
        (shown.corrections, shown.next_page_token.as_str()),
        (vec![correction], "")
    );

    let own = listed(&running, POPULATION_OWNER).await;
    assert_eq!(numbers(&own), [1, 3]);
    assert_eq!((own[0].times, own[1].times), (2, 1));
    assert_eq!(own[0].fields, ["full_name", "sex"]);
    let one = get(&running, POPULATION_OWNER, &of("population")).await;
    assert_eq!(numbers(&one.corrections), [1, 3]);
    assert_pages(&running).await;
    let refused = refused(&running).await;
    let past = running.stop().await;
    let look = &past.entry(&one.look).record;
    assert_eq!(
        (look.kind(), look.result()),
        (RecordKind::Look, Ended::Released)
    );
    assert_eq!(look.method, "/motlan.once.v1.OnceOnly/Corrections");
    assert_eq!(
        (look.caller.as_str(), look.dataset.as_str()),
        (POPULATION_OWNER, "population")
    );
    let told = look.look.as_ref().unwrap();
    assert_eq!(
        (told.filters.as_slice(), told.shown),
        (["dataset".to_owned()].as_slice(), 2)
    );
    assert_eq!(
        past.entry(&one.look).sealed.query,
        of("population").encode_to_vec()
    );
    for (record, reason) in refused {
        let record = &past.entry(&record).record;
        assert_eq!(
            (record.kind(), record.reason.as_str()),
            (RecordKind::Look, reason)
        );
    }
}

/// R103, R75.
#[tokio::test]
async fn what_is_held_is_kept_from_its_owner_and_can_not_be_closed() {
    let (running, _) = met().await;
    let hold = PlaceHoldRequest {
        caller: DESK.to_owned(),
        ground: "decision 12/QD-2026 of the investigating body".to_owned(),
        until_us: in_us(Duration::from_secs(3600)),
        ..PlaceHoldRequest::default()
    };
    let hold = get(&running, PROTECTOR, &hold).await.hold;
    let shown = get(&running, POPULATION_OWNER, &page("")).await;
    // Empty, and yet it leads on.
    assert_eq!(
        (shown.corrections.len(), shown.next_page_token.as_str()),
        (0, "1")
    );
    let reply = ask(&running, POPULATION_OWNER, &close(1)).await;
    refused_on_record(&reply, Code::NotFound, "CORRECTION_NOT_FOUND");
    let end = EndHoldRequest {
        hold,
        ground: "the body has lifted it".to_owned(),
    };
    get(&running, PROTECTOR, &end).await;
    assert_eq!(numbers(&listed(&running, POPULATION_OWNER).await), [1, 3]);
    running.stop().await;
}

pub(crate) async fn erase(running: &Running) {
    let erase = EraseRequest {
        subject: running.roles().person,
        ground: "order 17 of the authority".to_owned(),
        ..EraseRequest::default()
    };
    let erased = get(running, PROTECTOR, &erase).await;
    assert!(!erased.records.is_empty());
}

/// R103: nobody is named who was erased; not in what was said of their correction either.
#[tokio::test]
async fn a_correction_of_an_erased_subject_names_nobody() {
    let (running, _) = met().await;
    let closed = get(&running, POPULATION_OWNER, &close(1)).await;
    erase(&running).await;
    let left = listed(&running, POPULATION_OWNER).await;
    let told = left.iter().map(|it| (it.correction, it.subject.as_str()));
    assert_eq!(told.collect::<Vec<_>>(), [(3, "")]);
    let without = get(&running, POPULATION_OWNER, &close(3)).await;
    let past = running.stop().await;
    assert!(past.entry(&closed.record).is_erased);
    assert!(!past.entry(&without.record).is_erased);
}
