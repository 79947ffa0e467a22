//! A gateway whose quarter turns while it serves.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use motlan_api::audit::v1::{
    EraseRequest, GetReceiptRequest, GetReceiptResponse, SearchRequest, SubjectAccessesRequest,
};
use motlan_audit::{RecordId, verify_receipt};
use motlan_testkit::client::Call;
use motlan_testkit::provider::Misbehaviour;
use prost::Message as _;
use tonic::Code;

use crate::system::question::{DESK, GET_PERSON, person};
use crate::system::running::Running;
use crate::system::until::until;
use crate::trail::asking::{AUDITOR, PORTAL, PROTECTOR, about, ask, get};

/// The id in a reply to a lookup.
fn record(reply: &motlan_testkit::client::Reply) -> RecordId {
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    reply.metadata("motlan-record").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lookup_is_refused_or_split_while_the_quarter_turns() {
    // R77.
    let running = Running::start().await;
    let (first, subject) = (running.newest(), running.roles().person);
    let question = person(&subject);
    let has_turned = AtomicBool::new(false);
    let desk = async || {
        let client = running.client(DESK).await;
        let mut seen = Vec::new();
        while !has_turned.load(Ordering::Acquire) || seen.last() == Some(&first) {
            let call = question.by(running.world().system(DESK).unwrap());
            seen.push(
                record(&client.call(&call).await.unwrap())
                    .quarter()
                    .unwrap(),
            );
        }
        seen
    };
    let turn = async {
        until("lookups are on record", async || {
            (running.admin.records().await > 20).then_some(())
        })
        .await;
        for count in 1..=3 {
            assert!(running.turn(first.after(count)).await.unwrap());
        }
        has_turned.store(true, Ordering::Release);
    };
    let (a, b, c, d, ()) = tokio::join!(desk(), desk(), desk(), desk(), turn);
    let seen = [a, b, c, d];
    for quarters in &seen {
        assert!(quarters.is_sorted(), "{quarters:?}");
        assert_eq!(quarters.last(), Some(&first.after(3)));
    }
    let report = running.stop_and_verify().await;
    assert!(report.is_sound() && !report.is_turning, "{report:#?}");
    assert_eq!(report.logs.len(), 4);
    assert!(report.logs.iter().all(|(_, log)| log.open_questions == 0));
    let answered: u64 = report.logs.iter().map(|(_, log)| log.outcomes).sum();
    assert_eq!(answered, seen.iter().flatten().count() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_that_is_slow_keeps_the_old_log_open_and_others_go_on_in_the_new() {
    // R77.
    let running = Running::start().await;
    let (first, subject) = (running.newest(), running.roles().person);
    let population = running.provider("population");
    let slow = Misbehaviour::Slow(Duration::from_secs(1));
    population.misbehave(GET_PERSON, Some(&subject), slow);
    let slow = async { record(&running.ask(&person(&subject)).await) };
    let turn = async {
        until("the provider is asked", async || {
            (running.heard() == 1).then_some(())
        })
        .await;
        assert!(running.turn(first.after(1)).await.unwrap());
    };
    let quick = async {
        until("the new log is written", async || {
            let (_, text) = running.admin.page("/readyz").await;
            text.contains(&format!("quarter {}", first.after(1)))
                .then_some(())
        })
        .await;
        record(&running.ask(&person(&running.roles().spouse)).await)
    };
    let (slow, quick, ()) = tokio::join!(slow, quick, turn);
    assert_eq!(slow.quarter(), Some(first));
    assert_eq!(quick.quarter(), Some(first.after(1)));
    let report = running.stop_and_verify().await;
    assert!(report.is_sound() && !report.is_turning, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_that_cannot_turn_leaves_the_old_log_going_on() {
    let running = Running::start().await;
    let first = running.newest();
    let next = running.layout().ledger(first.after(1));
    fs::create_dir_all(next.join("segments")).unwrap();
    fs::write(next.join("stranger"), "in the way").unwrap();
    let refused = running.turn(first.after(1)).await.unwrap_err();
    assert!(refused.to_string().contains("was not made"), "{refused}");
    let answered = running.ask(&person(&running.roles().person)).await;
    assert_eq!(record(&answered).quarter(), Some(first));
    // Nor does a clock that is wrong by years make one.
    running.turn(first.after(5)).await.unwrap_err();
    fs::remove_file(next.join("stranger")).unwrap();
    assert!(running.turn(first.after(1)).await.unwrap());
    let answered = running.ask(&person(&running.roles().person)).await;
    assert_eq!(record(&answered).quarter(), Some(first.after(1)));
    let report = running.stop_and_verify().await;
    assert!(report.is_sound(), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_log_is_served_and_receipts_and_searches_reach_the_older() {
    let running = Running::start().await;
    let (first, subject) = (running.newest(), running.roles().person);
    let mut records = Vec::new();
    for count in 0..3 {
        running.turn(first.after(count)).await.unwrap();
        records.push(record(&running.ask(&person(&subject)).await));
    }
    let origin = |text: &str| text.lines().next().unwrap().to_owned();
    let (_, newest) = running.admin.page("/log/checkpoint").await;
    assert!(origin(&newest).ends_with(&first.after(2).to_string()));
    for (count, id) in (0..).zip(&records) {
        let quarter = first.after(count).to_string();
        let (status, note) = running
            .admin
            .page(&format!("/log/{quarter}/checkpoint"))
            .await;
        assert_eq!(
            (status, origin(&note).ends_with(&quarter)),
            (200, true),
            "{note}"
        );
        let tile = format!("/log/{quarter}/tile/entries/000.p/1");
        assert_eq!(running.admin.status(&tile).await, 200);
        // The receipt of a record of whatever quarter.
        let request = GetReceiptRequest {
            record: id.to_string(),
        }
        .encode_to_vec();
        let call = Call::new("/motlan.audit.v1.Audit/GetReceipt", &request).unwrap();
        let reply = running.desk.call(&call).await.unwrap();
        let reply = GetReceiptResponse::decode(reply.messages().unwrap().remove(0)).unwrap();
        let proven = verify_receipt(&reply.receipt.unwrap(), &running.verifier).unwrap();
        assert_eq!(proven.id, *id);
        // And what is found there.
        let search = SearchRequest {
            quarter: quarter.clone(),
            subject: subject.clone(),
            caller: DESK.to_owned(),
            ..SearchRequest::default()
        };
        let found = get(&running, AUDITOR, &search).await;
        assert_eq!(found.records.first().unwrap().id, id.to_string());
        assert_eq!((found.records.len(), found.quarters.len()), (2, 3));
    }
    let unknown = running.admin.status("/log/2020q1/checkpoint").await;
    assert_eq!(unknown, 404);
    // Whom it is about sees all quarters, the newest first, page by page.
    let mut request = SubjectAccessesRequest {
        page_size: 1,
        ..about(&subject)
    };
    let mut seen = Vec::new();
    loop {
        let page = get(&running, PORTAL, &request).await;
        seen.extend(page.accesses);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let lookups = seen.iter().filter(|access| !access.dataset.is_empty());
    let lookups: Vec<_> = lookups.map(|access| access.record.as_str()).collect();
    let due: Vec<_> = records.iter().rev().map(ToString::to_string).collect();
    assert_eq!(lookups, due);
    let report = running.stop_and_verify().await;
    assert!(report.is_sound(), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tile_is_kept_for_good_under_its_quarter_only() {
    let running = Running::start().await;
    let first = running.newest();
    record(&running.ask(&person(&running.roles().person)).await);
    let caching = async |below: &str| {
        let path = format!("/log/{below}tile/entries/000.p/1");
        running.admin.caching(&path).await
    };
    let kept = caching(&format!("{first}/")).await;
    assert!(kept.ends_with("immutable"), "{kept}");
    // Here the same path is another tile after a turn.
    assert_eq!(caching("").await, "no-store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_is_erased_from_all_quarters() {
    let running = Running::start().await;
    let (first, subject) = (running.newest(), running.roles().person);
    for count in 0..2 {
        running.turn(first.after(count)).await.unwrap();
        let _id = record(&running.ask(&person(&subject)).await);
    }
    let erase = EraseRequest {
        subject: subject.clone(),
        ground: "Decision 12".to_owned(),
        ..EraseRequest::default()
    };
    let erased = get(&running, PROTECTOR, &erase).await;
    assert_eq!(erased.sealed_parts.get("population"), Some(&4));
    assert_eq!(erased.records.len(), 2);
    let reply = ask(&running, PORTAL, &about(&subject)).await;
    assert_eq!(reply.code(), Code::Ok);
    assert!(!reply.contains(GET_PERSON));
    let report = running.stop_and_verify().await;
    assert!(report.is_sound(), "{report:#?}");
    assert!(report.logs.iter().all(|(_, log)| log.erasures == 1));
}
