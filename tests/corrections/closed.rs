//! Closing: on record, with what was done, by the owner and nobody else.

use motlan_api::audit::v1::{RecordKind, Result as Ended};
use motlan_api::once::v1::{CloseCorrectionRequest, CorrectionsRequest};
use prost::Message as _;
use tonic::Code;

use super::asking::{CIVIL_STATUS_OWNER, GROUND, POPULATION_OWNER, close, listed, met, numbers};
use crate::system::question::DESK;
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;
use crate::trail::asking::{ask, get};
use crate::trail::unrecorded::block_writing;

/// R103.
#[tokio::test]
async fn a_correction_stands_until_its_owner_closes_it_on_record() {
    let (running, [record, _]) = met().await;
    let subject = running.roles().person;
    for (system, number, code, reason) in [
        (DESK, 1, Code::PermissionDenied, "ROLE_NOT_HELD"),
        (
            CIVIL_STATUS_OWNER,
            1,
            Code::NotFound,
            "CORRECTION_NOT_FOUND",
        ),
        (POPULATION_OWNER, 2, Code::NotFound, "CORRECTION_NOT_FOUND"),
        (POPULATION_OWNER, 9, Code::NotFound, "CORRECTION_NOT_FOUND"),
    ] {
        let reply = ask(&running, system, &close(number)).await;
        refused_on_record(&reply, code, reason);
    }
    for ground in ["", " \n", &"x".repeat(513)] {
        let request = CloseCorrectionRequest {
            correction: 1,
            ground: ground.to_owned(),
        };
        let reply = ask(&running, POPULATION_OWNER, &request).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
    }
    assert_eq!(numbers(&listed(&running, POPULATION_OWNER).await), [1, 3]);

    let closed = get(&running, POPULATION_OWNER, &close(1)).await;
    let again = ask(&running, POPULATION_OWNER, &close(1)).await;
    refused_on_record(&again, Code::NotFound, "CORRECTION_NOT_FOUND");
    let running = running.again().await;
    let left = listed(&running, POPULATION_OWNER).await;
    assert_eq!(numbers(&left), [3]);
    assert_eq!((&left[0].subject, &left[0].record), (&subject, &record));

    let past = running.stop().await;
    let entry = past.entry(&closed.record);
    assert_eq!(
        (entry.record.kind(), entry.record.result()),
        (RecordKind::Look, Ended::Released)
    );
    assert_eq!(
        entry.record.method,
        "/motlan.once.v1.OnceOnly/CloseCorrection"
    );
    assert_eq!(entry.record.dataset, "population");
    assert_eq!(
        (&entry.sealed.subject, &entry.sealed.query),
        (&subject, &close(1).encode_to_vec())
    );
    let leaf = entry.record.encode_to_vec();
    let is_ground = |part: &[u8]| part == GROUND.as_bytes();
    assert!(
        !leaf.windows(GROUND.len()).any(is_ground),
        "the ground is no public text"
    );
}

/// R33, R74, R103.
#[tokio::test]
async fn a_ledger_that_cannot_write_shows_no_correction_and_closes_none() {
    let (running, _) = met().await;
    block_writing(&running.world().dir().join("ledger"));
    let shown = ask(&running, POPULATION_OWNER, &CorrectionsRequest::default()).await;
    turned_away(&shown, Code::Unavailable, "LEDGER_UNAVAILABLE");
    assert!(!shown.contains(&running.roles().person));
    let closed = ask(&running, POPULATION_OWNER, &close(1)).await;
    turned_away(&closed, Code::Unavailable, "LEDGER_UNAVAILABLE");
    let running = running.again_after_failure().await;
    assert_eq!(numbers(&listed(&running, POPULATION_OWNER).await), [1, 3]);
    running.stop().await;
}

#[tokio::test]
async fn a_gateway_without_a_state_has_no_corrections() {
    let running = Running::start().await;
    let shown = ask(&running, POPULATION_OWNER, &CorrectionsRequest::default()).await;
    turned_away(&shown, Code::FailedPrecondition, "STATE_ABSENT");
    let closed = ask(&running, POPULATION_OWNER, &close(1)).await;
    turned_away(&closed, Code::FailedPrecondition, "STATE_ABSENT");
    running.stop().await;
}
