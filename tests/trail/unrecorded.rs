//! A look that cannot be recorded shows nothing, and one that was asked for is recorded.

use std::fs;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::{EraseRequest, SearchRequest};
use tonic::Code;

use super::asking::{AUDITOR, PORTAL, PROTECTOR, about, ask, call, fill, token};
use crate::system::question::person;
use crate::system::refused::turned_away;
use crate::system::running::Running;
use crate::system::until::until;

/// Has the ledger find another file in the place of each that it writes, with the same in it: it
/// can be read, and not be written.
pub(crate) fn block_writing(folder: &Path) {
    let segments = segments(folder);
    assert!(!segments.is_empty());
    for segment in segments {
        let copy = segment.with_extension("copy");
        fs::copy(&segment, &copy).unwrap();
        fs::rename(copy, segment).unwrap();
    }
}

/// The segments below a folder.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(segments(&path));
        } else if path.ends_with("00000000") {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_ledger_that_cannot_write_shows_nothing() {
    // R33, R74.
    let running = Running::start().await;
    let subject = running.roles().person;
    let answered = running.ask(&person(&subject)).await;
    let record = answered.metadata("motlan-record").unwrap().to_owned();
    let search = SearchRequest::default();
    let reply = ask(&running, AUDITOR, &search).await;
    assert!(
        reply.contains(&record),
        "it is shown while it can be recorded"
    );
    let size = running.admin.records().await;
    block_writing(&running.world().dir().join("ledger"));
    let replies = [
        ask(&running, AUDITOR, &search).await,
        ask(&running, AUDITOR, &about(&subject)).await,
        ask(&running, PORTAL, &search).await,
    ];
    for reply in replies {
        turned_away(&reply, Code::Unavailable, "LEDGER_UNAVAILABLE");
        assert!(!reply.contains(&record) && !reply.contains(&subject));
    }
    let (_, text) = running.admin.page("/readyz").await;
    assert!(!text.contains(&format!("records {}", size + 1)), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_fails_half_way_names_what_is_done() {
    // R38.
    let running = Running::start().await;
    let subject = running.roles().person;
    running.ask(&person(&subject)).await;
    let older = running.newest();
    let newer = older.after(1);
    assert!(running.turn(newer).await.unwrap());
    running.ask(&person(&subject)).await;
    let ledger = running.world().dir().join("ledger");
    block_writing(&ledger.join(newer.to_string()));
    let erase = EraseRequest {
        subject,
        ground: "order 17 of the authority".to_owned(),
        ..EraseRequest::default()
    };
    let reply = ask(&running, PROTECTOR, &erase).await;
    assert_eq!(reply.code(), Code::Unavailable, "{:?}", reply.status);
    assert_eq!(reply.reason().as_deref(), Some("ERASURE_INCOMPLETE"));
    let record = reply.metadata("motlan-record").unwrap();
    assert!(record.contains(&older.to_string()), "{record}");
    let message = reply.status.message();
    assert!(
        message.contains(&format!("`{record}`")) && message.contains("LEDGER_UNAVAILABLE"),
        "{message}"
    );
}

/// As many calls of the audit trail are taken at once of one system.
const AT_ONCE: usize = 4;

/// So many looks that nobody waits for any more, while each of them is under way: one more is told
/// that the gateway is busy. Gives how many of these were answered all the same.
async fn hang_up(running: &Running, slow: &SearchRequest) -> u64 {
    let system = running.world().system(AUDITOR).unwrap();
    let client = running.client(AUDITOR).await;
    let bearing = |request: &SearchRequest| call(request).bearer(&token(system)).unwrap();
    let mut answered = 0;
    let mut calling = tokio::task::JoinSet::new();
    until("all places are taken", async || {
        while calling.try_join_next().is_some() {}
        while calling.len() < AT_ONCE {
            let (client, call) = (client.clone(), bearing(slow));
            calling.spawn(async move { client.call(&call).await.map(|reply| reply.code()) });
        }
        // They are sent before it.
        tokio::task::yield_now().await;
        let probe = client.call(&bearing(&SearchRequest::default())).await;
        let reason = probe.unwrap().reason();
        answered += u64::from(reason.is_none());
        (reason.as_deref() == Some("GATEWAY_BUSY")).then_some(())
    })
    .await;
    calling.shutdown().await;
    answered
}

#[tokio::test]
async fn a_caller_that_hangs_up_after_it_asked_is_on_record() {
    // R34, R4: and no more of one system are taken at once.
    let running = Running::start().await;
    fill(&running, 200).await;
    let before = running.admin.records().await;
    let slow = SearchRequest {
        page_size: 400,
        ..SearchRequest::default()
    };
    let answered = hang_up(&running, &slow).await;
    until("every look that was asked for is on record", async || {
        let looks = running.admin.records().await - before;
        (looks >= answered + AT_ONCE as u64).then_some(())
    })
    .await;
    running.stop().await;
}
