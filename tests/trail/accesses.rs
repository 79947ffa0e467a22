//! What a person or enterprise sees of who looked them up.

use std::time::Duration;

use motlan_api::audit::v1::{
    Access, RecordKind, Result as Ended, SearchRequest, SubjectAccessesRequest,
};
use motlan_audit::verify_receipt;
use motlan_testkit::provider::Misbehaviour;
use motlan_testkit::world::OFFICIAL;
use tonic::Code;

use super::asking::{AUDITOR, CASE, PORTAL, about, ask, get};
use crate::system::question::{DESK, DOSSIER, FUNERAL, GET_PERSON, OTHER_DESK, person};
use crate::system::refused::turned_away;
use crate::system::running::Running;
use crate::system::until::until;

/// How long the owner's system takes where it is slow.
const SLOW: Duration = Duration::from_secs(2);

/// The ends of accesses, in the order shown.
fn ends(accesses: &[Access]) -> Vec<Ended> {
    accesses.iter().map(Access::result).collect()
}

/// Two lookups by the desk, one of which was refused, and one by another city's, refused as well.
async fn looked_up(running: &Running, subject: &str) {
    running.ask(&person(subject)).await;
    running.ask(&person(&running.roles().spouse)).await;
    running.ask(&person(subject).procedure(FUNERAL)).await;
    running.ask_as(OTHER_DESK, &person(subject)).await;
}

#[tokio::test]
async fn a_citizen_sees_each_lookup_once_with_a_proof_and_without_the_official() {
    // R76.
    let running = Running::start().await;
    let roles = running.roles();
    looked_up(&running, &roles.person).await;
    let reply = ask(&running, PORTAL, &about(&format!(" {}", roles.person))).await;
    let shown = get(&running, PORTAL, &about(&roles.person)).await;
    // The first call of the portal is seen by the second.
    let told = shown.accesses.iter();
    let told: Vec<_> = told
        .map(|access| (access.caller.as_str(), access.result()))
        .collect();
    let [yes, no] = [Ended::Released, Ended::Refused];
    let due = [(PORTAL, yes), (OTHER_DESK, no), (DESK, no), (DESK, yes)];
    assert_eq!(told, due);
    assert_eq!(shown.next_page_token, "");
    // Whoever looked stays an agency; no official, no dossier, nobody else.
    for secret in [OFFICIAL, DOSSIER, CASE, &roles.spouse] {
        assert!(!reply.contains(secret), "{secret}");
    }
    for access in &shown.accesses {
        let receipt = access.receipt.as_ref().unwrap();
        let proven = verify_receipt(receipt, &running.verifier).unwrap();
        assert_eq!(proven.id.to_string(), access.record);
        assert_eq!(proven.record.caller, access.caller);
        assert!(access.time_us <= proven.record.time_us);
        let mut forged = receipt.clone();
        *forged.leaf.last_mut().unwrap() ^= 1;
        verify_receipt(&forged, &running.verifier).unwrap_err();
    }
    running.stop().await;
}

#[tokio::test]
async fn an_access_says_in_plain_words_who_asked_what_for_which_procedure() {
    // R76.
    let running = Running::start().await;
    let subject = running.roles().person;
    looked_up(&running, &subject).await;
    get(&running, PORTAL, &about(&subject)).await;
    let shown = get(&running, PORTAL, &about(&subject)).await;
    let [look, other, refused, released] = shown.accesses.as_slice() else {
        panic!("{:#?}", shown.accesses);
    };
    let agency = [&released.agency, &released.agency_name_vi];
    assert_eq!(agency, ["H26", "UBND TP Hà Nội"]);
    let asked = [&released.dataset, &released.procedure];
    assert_eq!(asked, ["population", "1.004222"]);
    assert!(released.fields_released.contains(&"full_name".to_owned()));
    assert!(other.fields_released.is_empty() && refused.fields_released.is_empty());
    assert!(other.agency_name_vi.contains("Hồ Chí Minh"));
    assert_eq!([&look.dataset, &look.procedure], ["", ""]);
    let fields = released.fields_released.len();
    let due = [
        (&released.sentence_vi, "Lúc "),
        (
            &released.sentence_vi,
            ", UBND TP Hà Nội (hệ thống “Hệ thống thông tin",
        ),
        (
            &released.sentence_vi,
            "đã tra cứu “Cơ sở dữ liệu quốc gia về dân cư” để",
        ),
        (
            &released.sentence_vi,
            &*format!("(1.004222) và nhận được {fields} trường thông tin."),
        ),
        (
            &released.sentence_en,
            "(Viet Nam time), UBND TP Hà Nội (system “",
        ),
        (
            &released.sentence_en,
            &*format!("(1.004222) and received {fields} fields."),
        ),
        (&refused.sentence_vi, "đã yêu cầu tra cứu “"),
        (
            &refused.sentence_vi,
            "cổng đã từ chối và không cung cấp thông tin nào.",
        ),
        (
            &refused.sentence_en,
            "the gateway refused, and nothing was handed out.",
        ),
        (&look.sentence_vi, "đã xem danh sách các lần tra cứu."),
        (&look.sentence_en, "viewed the list of lookups."),
    ];
    for (sentence, part) in due {
        assert!(sentence.contains(part), "{sentence}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_lookup_under_way_is_seen_and_its_end_later() {
    let running = Running::start().await;
    let subject = running.roles().person;
    let population = running.provider("population");
    population.misbehave(GET_PERSON, None, Misbehaviour::Slow(SLOW));
    let call = person(&subject).by(running.world().system(DESK).unwrap());
    let client = running.desk.clone();
    let asking = tokio::spawn(async move { client.call(&call).await.unwrap() });
    until("the provider is asked", async || {
        (running.heard() == 1).then_some(())
    })
    .await;
    let shown = get(&running, AUDITOR, &about(&subject)).await;
    assert_eq!(ends(&shown.accesses), [Ended::Unspecified]);
    assert!(
        shown.accesses[0]
            .sentence_vi
            .ends_with("chưa ghi nhận kết quả.")
    );
    let receipt = shown.accesses[0].receipt.as_ref().unwrap();
    let proven = verify_receipt(receipt, &running.verifier).unwrap();
    assert_eq!(proven.record.kind(), RecordKind::Question);

    assert_eq!(asking.await.unwrap().code(), Code::Ok);
    let shown = get(&running, AUDITOR, &about(&subject)).await;
    assert_eq!(ends(&shown.accesses), [Ended::Released, Ended::Released]);
    assert_eq!(shown.accesses[0].dataset, "population");
    // The look between the question and its outcome.
    assert_eq!(shown.accesses[1].caller, AUDITOR);
    running.stop().await;
}

#[tokio::test]
async fn pages_of_any_size_show_everything_once() {
    let running = Running::start().await;
    let subject = running.roles().person;
    for _ in 0..4 {
        running.ask(&person(&subject)).await;
        running.ask(&person(&subject).procedure(FUNERAL)).await;
    }
    let whole = get(&running, PORTAL, &about(&subject)).await;
    let records = |accesses: &[Access]| {
        let records = accesses.iter().map(|access| access.record.clone());
        records.collect::<Vec<_>>()
    };
    let whole = records(&whole.accesses);
    assert_eq!(whole.len(), 8);
    for page_size in [1, 2, 3, 7] {
        let until_us = Some(i64::MAX);
        let mut request = SubjectAccessesRequest {
            page_size,
            until_us,
            ..about(&subject)
        };
        let mut seen = Vec::new();
        loop {
            let page = get(&running, PORTAL, &request).await;
            assert!(page.accesses.len() <= page_size as usize);
            seen.extend(page.accesses);
            // Not of the time of the first page, and so on none.
            running.ask(&person(&subject)).await;
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        // A question and its outcome on two pages are told once, by the outcome.
        assert!(!ends(&seen).contains(&Ended::Unspecified), "by {page_size}");
        let seen: Vec<_> = records(&seen);
        let of_start: Vec<_> = seen
            .iter()
            .filter(|id| whole.contains(id))
            .cloned()
            .collect();
        assert_eq!(of_start, whole, "by {page_size}");
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "by {page_size}");
    }
    running.stop().await;
}

#[tokio::test]
async fn times_bound_what_is_shown_and_a_token_is_of_its_own_subject() {
    let running = Running::start().await;
    let roles = running.roles();
    running.ask(&person(&roles.person)).await;
    running.ask(&person(&roles.person)).await;
    let shown = get(&running, PORTAL, &about(&roles.person)).await;
    let [newer, older] = shown.accesses.as_slice() else {
        panic!("{:#?}", shown.accesses);
    };
    let whole_s = |access: &Access| access.time_us.div_euclid(1_000_000) * 1_000_000;
    let before = SubjectAccessesRequest {
        until_us: Some(whole_s(older)),
        ..about(&roles.person)
    };
    assert!(get(&running, PORTAL, &before).await.accesses.is_empty());
    let since = SubjectAccessesRequest {
        since_us: Some(whole_s(older)),
        page_size: 1,
        ..about(&roles.person)
    };
    let page = get(&running, PORTAL, &since).await;
    // The newest is the portal's own look by now.
    assert_ne!(page.accesses[0].record, newer.record);
    let page_token = page.next_page_token;
    assert!(!page_token.is_empty());
    for request in [
        SubjectAccessesRequest {
            page_token: page_token.clone(),
            ..about(&roles.person)
        },
        SubjectAccessesRequest {
            page_token,
            subject: roles.spouse,
            ..since
        },
        SubjectAccessesRequest {
            page_size: 201,
            ..about(&roles.person)
        },
        SubjectAccessesRequest {
            page_token: "2026q4.".to_owned(),
            ..about(&roles.person)
        },
        about(" "),
    ] {
        let reply = ask(&running, PORTAL, &request).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
    }
    running.stop().await;
}

#[tokio::test]
async fn whoever_searched_for_a_subject_is_shown_to_it() {
    let running = Running::start().await;
    let subject = running.roles().person;
    let search = SearchRequest {
        subject: subject.clone(),
        ..SearchRequest::default()
    };
    get(&running, AUDITOR, &search).await;
    // Refused, and shown for it.
    ask(&running, DESK, &search).await;
    // For nobody.
    get(&running, AUDITOR, &SearchRequest::default()).await;
    let shown = get(&running, PORTAL, &about(&subject)).await;
    let told: Vec<_> = shown
        .accesses
        .iter()
        .map(|access| access.caller.as_str())
        .collect();
    assert_eq!(told, [DESK, AUDITOR]);
    assert!(shown.accesses[0].sentence_vi.ends_with("cổng đã từ chối."));
    assert!(
        shown.accesses[1]
            .sentence_en
            .ends_with("searched the record of lookups.")
    );
    running.stop().await;
}
