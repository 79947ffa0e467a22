//! Searching: what is found, what is recorded of it, and what is no search.

use motlan_api::audit::v1::{RecordKind, Result as Ended, SearchRequest};
use prost::Message as _;
use tonic::Code;

use super::asking::{AUDITOR, BASIS, CASE, ask, fill, get, indices};
use crate::system::past::Entry;
use crate::system::question::{DOSSIER, FUNERAL, parcel, person};
use crate::system::refused::turned_away;
use crate::system::running::Running;

/// Records 0 and 1 are about the person, 2 and 3 about his wife, 4 is a refusal, 5 and 6 are about
/// a parcel.
async fn looked_up(running: &Running) {
    let roles = running.roles();
    running.ask(&person(&roles.person)).await;
    running.ask(&person(&roles.spouse)).await;
    running.ask(&person(&roles.person).procedure(FUNERAL)).await;
    running.ask(&parcel(&roles.certificate)).await;
}

#[tokio::test]
async fn a_search_finds_what_was_asked_and_is_a_record_itself() {
    // R74.
    let running = Running::start().await;
    let subject = running.roles().person;
    looked_up(&running).await;
    let request = SearchRequest {
        subject: format!(" {subject} "),
        ..SearchRequest::default()
    };
    let found = get(&running, AUDITOR, &request).await;
    assert_eq!(indices(&found.records), [4, 1, 0]);
    let end = (found.indexed_to, found.next_page_token.as_str());
    assert_eq!(end, (7, ""));
    let first = &found.records[0];
    let reason = &first.record.as_ref().unwrap().reason;
    assert_eq!(reason, "PURPOSE_NOT_COVERED");
    let sealed = first.sealed.as_ref().unwrap();
    assert_eq!([&*sealed.subject, &sealed.dossier], [&*subject, DOSSIER]);

    let past = running.stop().await;
    assert_eq!(past.entries.len(), 8);
    let Entry { record, sealed, .. } = past.entry(&found.look);
    assert_eq!(record.kind(), RecordKind::Look);
    assert_eq!(record.result(), Ended::Released);
    assert_eq!(record.caller, AUDITOR);
    assert_eq!(sealed.subject, subject);
    assert_eq!([&*sealed.basis, &sealed.dossier], [BASIS, CASE]);
    // The same query at the same size finds the same again.
    let query = SearchRequest::decode(sealed.query.as_slice()).unwrap();
    assert_eq!(query, request);
    let told = record.look.as_ref().unwrap();
    assert_eq!(told.filters, ["subject"]);
    assert_eq!((told.size, told.shown, &*told.quarter), (7, 3, ""));
}

#[tokio::test]
async fn all_filters_must_fit_and_pages_speak_for_the_log_as_it_was() {
    let running = Running::start().await;
    looked_up(&running).await;
    let all = get(&running, AUDITOR, &SearchRequest::default()).await;
    let newest = all.records[0].record.as_ref().unwrap().time_us;
    let quarter = all.quarters[0].clone();
    let hour_us = 3_600_000_000;
    let request = SearchRequest {
        dataset: "population".to_owned(),
        kind: RecordKind::Outcome.into(),
        result: Ended::Released.into(),
        dossier: DOSSIER.to_owned(),
        since_us: Some(newest - hour_us),
        until_us: Some(newest + hour_us),
        page_size: 1,
        quarter,
        ..SearchRequest::default()
    };
    let page = get(&running, AUDITOR, &request).await;
    assert_eq!(indices(&page.records), [3]);
    // What comes in between changes no page.
    running.ask(&person(&running.roles().child)).await;
    let page_token = page.next_page_token;
    let next = SearchRequest {
        page_token,
        ..request
    };
    let rest = get(&running, AUDITOR, &next).await;
    assert_eq!(indices(&rest.records), [1]);
    let end = (rest.indexed_to, rest.next_page_token.as_str());
    assert_eq!(end, (page.indexed_to, ""));
    // Looks are found as lookups are.
    let looks = SearchRequest {
        kind: RecordKind::Look.into(),
        caller: AUDITOR.to_owned(),
        ..SearchRequest::default()
    };
    let looks = get(&running, AUDITOR, &looks).await;
    assert_eq!(indices(&looks.records), [11, 8, 7]);
    let past = running.stop().await;
    let record = &past.entry(&page.look).record;
    assert_eq!(record.dataset, "population");
    let filters = &record.look.as_ref().unwrap().filters;
    let names = "dataset dossier kind result since_us until_us";
    assert_eq!(filters.join(" "), names);
}

#[tokio::test]
async fn a_filter_that_is_wrong_is_told_by_name_and_no_look() {
    let running = Running::start().await;
    let none = SearchRequest::default;
    let wrong = [
        (
            "page_size",
            SearchRequest {
                page_size: 1001,
                ..none()
            },
        ),
        (
            "page_token",
            SearchRequest {
                page_token: "x".into(),
                ..none()
            },
        ),
        (
            "until_us",
            SearchRequest {
                since_us: Some(2),
                until_us: Some(2),
                ..none()
            },
        ),
        ("kind", SearchRequest { kind: 99, ..none() }),
        (
            "result",
            SearchRequest {
                result: 99,
                ..none()
            },
        ),
        (
            "dossier",
            SearchRequest {
                dossier: "x".repeat(5000),
                ..none()
            },
        ),
        (
            "subject",
            SearchRequest {
                subject: "  ".into(),
                ..none()
            },
        ),
    ];
    for (field, request) in wrong {
        let reply = ask(&running, AUDITOR, &request).await;
        turned_away(&reply, Code::InvalidArgument, "REQUEST_MALFORMED");
        let info = reply.error_info().unwrap();
        assert_eq!(info.metadata["field"], field, "{:?}", reply.status);
    }
    let elsewhere = SearchRequest {
        quarter: "2001q1".into(),
        ..none()
    };
    let reply = ask(&running, AUDITOR, &elsewhere).await;
    turned_away(&reply, Code::NotFound, "QUARTER_NOT_FOUND");
    assert!(running.stop().await.entries.is_empty());
}

#[tokio::test]
async fn a_filter_that_names_no_dataset_stays_out_of_the_public_part() {
    let running = Running::start().await;
    let subject = running.roles().person;
    let request = SearchRequest {
        dataset: subject,
        ..SearchRequest::default()
    };
    let found = get(&running, AUDITOR, &request).await;
    assert!(found.records.is_empty());
    // That nothing personal is in the leaf, the reading of the past checks.
    let past = running.stop().await;
    assert_eq!(past.entry(&found.look).record.dataset, "");
}

/// R4: a page of a thousand records is within what clients take.
#[tokio::test]
async fn a_page_holds_a_thousand_records() {
    let running = Running::start().await;
    fill(&running, 500).await;
    let request = SearchRequest {
        page_size: 1000,
        ..SearchRequest::default()
    };
    let reply = ask(&running, AUDITOR, &request).await;
    let found = get(&running, AUDITOR, &request).await;
    assert_eq!(found.records.len(), 1000);
    assert!(reply.body.len() < 4 << 20, "{}", reply.body.len());
    running.stop().await;
}
