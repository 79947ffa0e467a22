//! Erasing through the running gateway.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1::{
    EraseRequest, PlaceHoldRequest, RecordKind, Result as Ended, SearchRequest,
};
use motlan_audit::verify_receipt;
use tonic::Code;

use super::asking::{AUDITOR, BASIS, PORTAL, PROTECTOR, about, ask, call, get, indices};
use crate::system::question::{DESK, person};
use crate::system::refused::{refused_on_record, turned_away};
use crate::system::running::Running;

const GROUND: &str = "order 17 of the data protection authority";

fn erase(subject: &str) -> EraseRequest {
    EraseRequest {
        subject: subject.to_owned(),
        dataset: String::new(),
        ground: GROUND.to_owned(),
    }
}

#[tokio::test]
async fn an_erased_subject_has_no_accesses_and_every_proof_stays_valid() {
    // R38.
    let running = Running::start().await;
    let roles = running.roles();
    let subject = roles.person.clone();
    running.ask(&person(&subject)).await;
    running.ask(&person(&roles.spouse)).await;
    let before = get(&running, PORTAL, &about(&subject)).await;
    let receipt = before.accesses[0].receipt.clone().unwrap();
    let unknown = EraseRequest {
        dataset: "land".into(),
        ..erase(&subject)
    };
    let none = get(&running, PROTECTOR, &unknown).await;
    assert!(none.records.is_empty() && none.sealed_parts.is_empty());

    let lower = format!(" {subject} ");
    let erased = get(&running, PROTECTOR, &erase(&lower)).await;
    // The look was about the subject too.
    let counts: Vec<_> = erased
        .sealed_parts
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    let mut sorted = counts.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [("", 1), ("population", 2)]);
    assert_eq!(erased.records.len(), 1);
    assert!(
        get(&running, PORTAL, &about(&subject))
            .await
            .accesses
            .is_empty()
    );
    let search = SearchRequest {
        caller: DESK.to_owned(),
        ..SearchRequest::default()
    };
    let found = get(&running, AUDITOR, &search).await;
    assert_eq!(indices(&found.records), [3, 2, 1, 0]);
    let is_sealed: Vec<_> = found
        .records
        .iter()
        .map(|found| found.sealed.is_some())
        .collect();
    assert_eq!(is_sealed, [true, true, false, false]);
    let _ = verify_receipt(&receipt, &running.verifier).unwrap();

    let past = running.stop().await;
    let erasure = past.entry(&erased.records[0]);
    assert_eq!(erasure.record.kind(), RecordKind::Erasure);
    assert_eq!(erasure.record.caller, PROTECTOR);
    assert_eq!(erasure.record.erasure.as_ref().unwrap().ground, GROUND);
    assert_eq!(erasure.sealed.erased, [0, 1, 4]);
    assert_eq!(erasure.sealed.official, motlan_testkit::world::OFFICIAL);
    // That there was nothing to erase was on record first, and did not name whom.
    let nothing = &past.entries[5];
    assert_eq!(nothing.record.kind(), RecordKind::Look);
    assert_eq!(nothing.record.method, "/motlan.audit.v1.Audit/Erase");
    assert_eq!(nothing.record.look.as_ref().unwrap().shown, 0);
    assert!(nothing.sealed.subject.is_empty() && nothing.sealed.query.is_empty());
}

#[tokio::test]
async fn what_is_held_is_not_erased() {
    // R75.
    let running = Running::start().await;
    let roles = running.roles();
    running.ask(&person(&roles.person)).await;
    running.ask(&person(&roles.spouse)).await;
    let hour = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3600);
    let hold = PlaceHoldRequest {
        caller: DESK.to_owned(),
        subject: roles.person.clone(),
        ground: GROUND.to_owned(),
        until_us: i64::try_from(hour.as_micros()).unwrap(),
        ..PlaceHoldRequest::default()
    };
    get(&running, PROTECTOR, &hold).await;
    let reply = ask(&running, PROTECTOR, &erase(&roles.person)).await;
    let held = refused_on_record(&reply, Code::FailedPrecondition, "RECORDS_HELD");
    let freed = get(&running, PROTECTOR, &erase(&roles.spouse)).await;
    assert_eq!(freed.sealed_parts["population"], 2);
    // By what it covers, too, where it names no subject.
    let of_all = PlaceHoldRequest {
        subject: String::new(),
        ..hold
    };
    get(&running, PROTECTOR, &of_all).await;
    running.ask(&person(&roles.spouse)).await;
    let reply = ask(&running, PROTECTOR, &erase(&roles.spouse)).await;
    refused_on_record(&reply, Code::FailedPrecondition, "RECORDS_HELD");
    let past = running.stop().await;
    assert_eq!(past.entry(&held).record.result(), Ended::Refused);
    let erased: Vec<_> = past
        .entries
        .iter()
        .filter(|entry| entry.is_erased)
        .collect();
    assert_eq!(erased.len(), 2);
}

#[tokio::test]
async fn an_official_with_as_long_a_name_as_a_token_takes_can_erase() {
    // R38.
    let running = Running::start().await;
    let subject = running.roles().person;
    running.ask(&person(&subject)).await;
    let protector = running.world().system(PROTECTOR).unwrap();
    let official = "đ".repeat(128);
    let token = protector
        .token("1.004222")
        .unwrap()
        .claim("sub", &*official);
    let token = protector.sign(&token.basis(BASIS)).unwrap();
    let call = call(&erase(&subject)).bearer(&token).unwrap();
    let client = running.client(PROTECTOR).await;
    let reply = client.call(&call).await.unwrap();
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let past = running.stop().await;
    assert_eq!(past.entries.last().unwrap().sealed.official, official);
}

#[tokio::test]
async fn an_erasure_that_cannot_be_is_refused_by_the_name_of_the_field() {
    let running = Running::start().await;
    let subject = running.roles().person;
    running.ask(&person(&subject)).await;
    for (field, request) in [
        ("subject", erase(" ")),
        (
            "ground",
            EraseRequest {
                ground: String::new(),
                ..erase(&subject)
            },
        ),
        (
            "ground",
            EraseRequest {
                ground: "two\nlines".into(),
                ..erase(&subject)
            },
        ),
    ] {
        let reply = ask(&running, PROTECTOR, &request).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
        assert_eq!(reply.error_info().unwrap().metadata["field"], field);
    }
    let ground = format!("about {subject}");
    let personal = EraseRequest {
        ground,
        ..erase(&subject)
    };
    let reply = ask(&running, PROTECTOR, &personal).await;
    turned_away(&reply, Code::InvalidArgument, "GROUND_PERSONAL");
    assert_eq!(running.stop().await.entries.len(), 2);
}
