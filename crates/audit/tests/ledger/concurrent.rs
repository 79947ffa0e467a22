//! Many callers at once, and entries that are refused.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use motlan_api::audit::v1::RecordKind;
use motlan_audit::{AppendError, verify, verify_receipt};

use crate::common::{Place, outcome, question};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_get_contiguous_indices_and_receipts_that_hold() {
    const CALLERS: u64 = 64;
    const EACH: u64 = 20;
    let place = Place::new(1 << 16);
    let mut settings = place.settings();
    settings.queue_records_max = 16;
    let ledger = motlan_audit::Ledger::open(settings).unwrap();
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let mut indices = Vec::new();
                for n in 0..EACH / 2 {
                    let asked = ledger.append(question(caller * EACH + n)).await.unwrap();
                    let answered = ledger.append(outcome(Some(asked.index()))).await.unwrap();
                    assert!(ledger.size() > answered.index());
                    indices.extend([asked.index(), answered.index()]);
                }
                indices
            })
        })
        .collect();
    let mut indices = Vec::new();
    for task in tasks {
        indices.extend(task.await.unwrap());
    }
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..CALLERS * EACH));
    let key = place.verifier();
    for index in 0..CALLERS * EACH {
        let proven = verify_receipt(&ledger.receipt(index).unwrap(), &key).unwrap();
        assert_eq!((proven.id.index(), proven.size), (index, CALLERS * EACH));
    }
    ledger.close().unwrap();
    let report = verify(&place.folder(), &key).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    let halves = (report.questions, report.outcomes, report.open_questions);
    assert_eq!(halves, (CALLERS * EACH / 2, CALLERS * EACH / 2, 0));
    assert!(report.frames < report.records, "records share commits");
}

#[tokio::test]
async fn the_file_checkpoint_follows_without_another_append() {
    let place = Place::new(1 << 16);
    let mut settings = place.settings();
    settings.checkpoint_every = Duration::from_millis(5);
    let ledger = motlan_audit::Ledger::open(settings).unwrap();
    let _ = ledger.append(question(0)).await.unwrap();
    let file = place.folder().join("checkpoint");
    let due = ledger.checkpoint();
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while std::fs::read_to_string(&file).unwrap() != due {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("the file was not replaced");
}

#[tokio::test]
async fn entries_that_verification_would_find_wrong_are_refused() {
    let place = Place::new(2048);
    let ledger = place.open();
    let mut kindless = question(0);
    kindless.record.kind = RecordKind::Unspecified.into();
    let mut answering = question(0);
    answering.record.question = Some(0);
    for entry in [
        kindless,
        answering,
        outcome(Some(0)),
        outcome(Some(u64::MAX)),
    ] {
        let refused = ledger.append(entry).await.map(|durable| durable.index());
        assert!(
            matches!(refused, Err(AppendError::Malformed(_))),
            "{refused:?}"
        );
    }
    let mut large = question(0);
    large.record.fields_asked = vec!["x".repeat(2000)];
    assert!(matches!(
        ledger.append(large).await,
        Err(AppendError::TooLarge { .. })
    ));
    let mut huge = question(0);
    huge.sealed.dossier = "x".repeat(70_000);
    let refused = ledger.append(huge).await.map(|durable| durable.index());
    assert!(
        matches!(
            refused,
            Err(AppendError::TooLarge {
                bytes_max: 65_535,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(
        (ledger.size(), ledger.state()),
        (0, motlan_audit::State::Writing)
    );
    assert_eq!(ledger.append(question(0)).await.unwrap().index(), 0);
}

// R34: the record of a caller that hangs up is written all the same.
#[tokio::test]
async fn an_entry_that_is_queued_is_written_though_nobody_waits_for_it() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    {
        let mut append = pin!(ledger.append(question(0)));
        let _ = append
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    ledger.close().unwrap();
    assert_eq!(place.open().size(), 1);
}
