//! Logs that were put back, put elsewhere or taken away, and logs that have failed: none is gone on
//! from as if nothing were.

use std::fs;
use std::path::Path;

use motlan_api::audit::v1::{Record, RecordKind, Sealed};
use motlan_audit::{DropError, Entry, PastError, Shards, TurnError, verify_shards};
use tokio::task::spawn_blocking;

use super::dropping::{dropping, try_to};
use super::{Years, in_us, look_up, quarter, turn, turned};

/// Copies a file or a folder to a place where nothing is.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

async fn past(shards: &Shards, text: &str) -> Result<u64, PastError> {
    let (shards, at) = (shards.clone(), quarter(text));
    spawn_blocking(move || shards.past(at).map(|log| log.size()))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_log_that_was_put_back_from_an_earlier_day_is_not_used() {
    // R71.
    let mut years = Years::new();
    years.has_known = false;
    let shards = years.open("2026q3");
    look_up(&shards).await;
    shards.close().unwrap();
    let (log, aside) = (
        years.layout().ledger(quarter("2026q3")),
        years.dir.path().join("aside"),
    );
    copy(&log, &aside);
    let shards = years.open("2026q3");
    look_up(&shards).await;
    turn(&shards, "2026q4").await.unwrap().unwrap();
    turn(&shards, "2027q1").await.unwrap().unwrap();
    shards.close().unwrap();
    let shards = years.open("2027q1");
    assert_eq!(past(&shards, "2026q3").await.unwrap(), 5);
    shards.close().unwrap();
    fs::remove_dir_all(&log).unwrap();
    copy(&aside, &log);
    let shards = years.open("2027q1");
    let refused = past(&shards, "2026q3").await;
    assert!(
        matches!(refused, Err(PastError::Unlinked { .. })),
        "{refused:?}"
    );
    assert!(shards.opened(quarter("2026q3")).is_none());
    let refused = try_to(&shards, dropping("2026q3")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, DropError::Past(_)), "{refused}");
    assert_eq!(past(&shards, "2026q4").await.unwrap(), 2);
    shards.close().unwrap();
    // A log that has no link at all is not gone on from either, though the one between is gone.
    fs::rename(
        years.layout().ledger(quarter("2026q4")),
        years.dir.path().join("q4"),
    )
    .unwrap();
    let shards = years.open("2027q1");
    let refused = past(&shards, "2026q3").await;
    assert!(
        matches!(refused, Err(PastError::Unlinked { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_the_folder_of_another_quarter_is_not_used() {
    let years = Years::new();
    years.pass(&["2026q4", "2027q1"]).await.close().unwrap();
    let layout = years.layout();
    for place in [&layout.ledgers, &layout.sealings] {
        fs::rename(place.join("2026q4"), years.dir.path().join("aside")).unwrap();
        fs::rename(place.join("2026q3"), place.join("2026q4")).unwrap();
        let _gone = fs::remove_file(years.dir.path().join("aside"))
            .or_else(|_| fs::remove_dir_all(years.dir.path().join("aside")));
    }
    let shards = years.open("2027q1");
    let refused = past(&shards, "2026q4").await;
    assert!(
        matches!(refused, Err(PastError::Other { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_failed_log_ended_is_told_by_the_next_opening_and_not_before() {
    let years = Years::new();
    let shards = years.open("2026q3");
    let mut begun = shards.current().await;
    let _asked = begun.ledger().append(super::question(1)).await.unwrap();
    begun.asked();
    let mut newest = shards.follow();
    let turning = turn(&shards, "2026q4");
    turned(&mut newest).await;
    begun.ledger().fail("the disk is gone");
    drop(begun);
    let refused = turning.await.unwrap();
    assert!(
        matches!(refused, Err(TurnError::OldFailed { .. })),
        "{refused:?}"
    );
    assert!(shards.is_ending());
    assert_eq!(shards.newest().size(), 0, "no end on record");
    assert_eq!(look_up(&shards).await, quarter("2026q4"));
    shards.close().unwrap_err();
    drop(shards);
    let shards = years.open("2026q4");
    assert!(!shards.is_ending());
    shards.close().unwrap();
    assert!(!years.must_be_sound().is_turning);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarter_that_turns_while_it_is_verified_is_no_finding() {
    let years = Years::new();
    let shards = years.open("2026q3");
    // So many that it turns before the last is read.
    for _ in 0..40 {
        look_up(&shards).await;
    }
    let report = spawn_blocking(move || {
        let (layout, mut has_turned) = (years.layout(), false);
        let report = verify_shards(
            &layout.ledgers,
            std::slice::from_ref(years.key.verifier()),
            None,
            None,
            |_, _, _| {
                if !has_turned {
                    has_turned = true;
                    shards.turn(in_us("2026q4")).unwrap();
                }
            },
        );
        shards.close().unwrap();
        // Whatever had been read by then, now all is.
        years.must_be_sound();
        report.unwrap()
    });
    let report = report.await.unwrap();
    assert!(report.is_sound(), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_log_that_comes_back_is_found_and_not_used() {
    let years = Years::new();
    let shards = years.open("2026q3");
    look_up(&shards).await;
    turn(&shards, "2026q4").await.unwrap().unwrap();
    shards.close().unwrap();
    let (layout, aside) = (years.layout(), years.dir.path().join("aside"));
    let (at, dropped) = (aside.as_path(), quarter("2026q3"));
    let known = years.dir.path().join("known/2026q3");
    let places = [layout.ledger(dropped), layout.sealing(dropped), known];
    fs::create_dir(at).unwrap();
    let kept = |n: usize| at.join(n.to_string());
    for (n, place) in places.iter().enumerate() {
        copy(place, &kept(n));
    }
    let shards = years.open("2026q4");
    try_to(&shards, dropping("2026q3")).await.unwrap();
    turn(&shards, "2027q1").await.unwrap().unwrap();
    shards.close().unwrap();
    assert!(years.must_be_sound().before_was_dropped);
    for (n, place) in places.iter().enumerate() {
        copy(&kept(n), place);
    }
    let found = years.findings();
    assert!(
        found.contains("is on record as dropped, and is here"),
        "{found}"
    );
    let shards = years.open("2027q1");
    let refused = past(&shards, "2026q3").await;
    assert!(
        matches!(refused, Err(PastError::Dropped { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_leaves_nothing_of_a_log_that_lies_elsewhere_nor_half_of_its_secrets() {
    let years = Years::new();
    years.pass(&["2026q4"]).await.close().unwrap();
    let (layout, dropped) = (years.layout(), quarter("2026q3"));
    let (log, elsewhere) = (layout.ledger(dropped), years.dir.path().join("elsewhere"));
    fs::rename(&log, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    let half = layout.sealings.join("2026q3.new");
    fs::copy(layout.sealing(dropped), &half).unwrap();
    let mut opened = fs::File::open(&half).unwrap();
    let shards = years.open("2026q4");
    try_to(&shards, dropping("2026q3")).await.unwrap();
    shards.close().unwrap();
    assert!(fs::symlink_metadata(&log).is_err());
    assert!(!elsewhere.exists());
    assert!(!half.exists());
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut opened, &mut bytes).unwrap();
    assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_kept_as_long_as_its_newest_record_asks_for() {
    let years = Years::new();
    let shards = years.open("2026q3");
    // The turn failed for a while, and the log went on.
    let late = Record {
        kind: RecordKind::Question.into(),
        time_us: in_us("2027q1"),
        ..Record::default()
    };
    let entry = Entry {
        record: late,
        sealed: Sealed::default(),
    };
    let _asked = shards.newest().append(entry).await.unwrap();
    turn(&shards, "2027q1").await.unwrap().unwrap();
    turn(&shards, "2027q2").await.unwrap().unwrap();
    let mut dropping = dropping("2026q3");
    dropping.keep_quarters = Some(1);
    let refused = try_to(&shards, dropping.clone()).await.unwrap_err();
    assert!(
        matches!(&refused, DropError::Young { until, .. } if *until == quarter("2027q3")),
        "{refused}"
    );
    dropping.keep_quarters = Some(0);
    try_to(&shards, dropping).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_nor_opened_once_all_is_closed() {
    let years = Years::new();
    years.pass(&["2026q4"]).await.close().unwrap();
    let shards = years.open("2026q4");
    shards.close().unwrap();
    let refused = turn(&shards, "2027q1").await.unwrap();
    assert!(matches!(refused, Err(TurnError::Closing)), "{refused:?}");
    assert!(!years.layout().ledger(quarter("2027q1")).exists());
    let refused = past(&shards, "2026q3").await;
    assert!(matches!(refused, Err(PastError::Closing)), "{refused:?}");
}
