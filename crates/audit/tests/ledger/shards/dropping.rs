//! Dropping the oldest log.

use std::fs;

use motlan_api::audit::v1::{Held, Hold, Record, RecordKind, Sealed};
use motlan_audit::{DropError, Dropping, Entry, Shards, verify_receipt};
use tokio::task::spawn_blocking;

use super::{Years, in_us, look_up, quarter};

pub(super) fn dropping(at: &str) -> Dropping {
    Dropping {
        quarter: quarter(at),
        ground: "decision 9".to_owned(),
        by: "operator".to_owned(),
        keep_quarters: None,
        time_us: in_us("2027q1"),
    }
}

pub(super) async fn try_to(shards: &Shards, dropping: Dropping) -> Result<String, DropError> {
    let shards = shards.clone();
    let dropped = spawn_blocking(move || shards.drop_log(&dropping)).await;
    Ok(dropped.unwrap()?.record.to_string())
}

fn hold(until_us: i64, ends: &str) -> Entry {
    let hold = Hold {
        ground: "decision 5".to_owned(),
        until_us,
        ends: ends.to_owned(),
    };
    Entry {
        record: Record {
            kind: RecordKind::Hold.into(),
            hold: Some(hold),
            ..Record::default()
        },
        sealed: Sealed {
            held: Some(Held::default()),
            ..Sealed::default()
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_log_is_gone_on_record_and_its_receipts_still_verify() {
    let years = Years::new();
    let shards = years.open("2026q3");
    look_up(&shards).await;
    let receipt = shards.newest().receipt(1).unwrap();
    let sealing = fs::File::open(years.layout().sealing(quarter("2026q3"))).unwrap();
    shards.close().unwrap();
    let shards = years.open("2026q4");
    let record = try_to(&shards, dropping("2026q3")).await.unwrap();
    assert_eq!(shards.quarters(), [quarter("2026q4")]);
    let told = shards.newest().record(1).unwrap();
    assert_eq!(record, "hn1-2026q4-1");
    let told = told.erasure.unwrap().log.unwrap();
    assert_eq!(
        (told.size, told.origin.as_str()),
        (3, "motlan.example/audit/hn1/2026q3")
    );
    shards.close().unwrap();
    let layout = years.layout();
    for folder in [
        &layout.ledgers,
        &layout.sealings,
        &years.dir.path().join("known"),
    ] {
        let left: Vec<_> = fs::read_dir(folder).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &sealing, &mut bytes).unwrap();
    assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0));
    let proven = verify_receipt(&receipt, years.key.verifier()).unwrap();
    assert_eq!(proven.id.to_string(), "hn1-2026q3-1");
    assert!(years.must_be_sound().before_was_dropped);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_oldest_log_is_dropped_and_not_before_its_time() {
    let years = Years::new();
    let shards = years.pass(&["2026q4", "2027q1"]).await;
    let refused = async |at, keep_quarters| {
        let mut dropping = dropping(at);
        dropping.keep_quarters = keep_quarters;
        try_to(&shards, dropping).await.unwrap_err().to_string()
    };
    assert!(refused("2027q1", None).await.contains("being written"));
    assert!(
        refused("2026q4", None)
            .await
            .contains("drop that one first")
    );
    assert!(refused("2026q2", None).await.contains("no log of `2026q2`"));
    assert!(refused("2026q3", Some(2)).await.contains("until `2027q2`"));
    let mut silent = dropping("2026q3");
    silent.ground = " ".to_owned();
    assert!(matches!(
        try_to(&shards, silent).await,
        Err(DropError::Ground)
    ));
    let mut due = dropping("2026q3");
    due.keep_quarters = Some(1);
    try_to(&shards, due).await.unwrap();
    shards.close().unwrap();
    years.must_be_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_dropped_while_a_hold_is_in_force() {
    let years = Years::new();
    let shards = years.open("2026q3");
    let until_us = in_us("2027q1") + 1;
    let placed = shards.newest().append(hold(until_us, "")).await.unwrap();
    let past = shards.newest().append(hold(in_us("2026q4"), "")).await;
    assert_eq!(past.unwrap().index(), 1);
    shards.close().unwrap();
    let shards = years.open("2026q4");
    let refused = try_to(&shards, dropping("2026q3")).await.unwrap_err();
    assert!(matches!(&refused, DropError::Held(holds) if holds == &[placed.id().clone()]));
    assert!(refused.to_string().ends_with(": hn1-2026q3-0"), "{refused}");
    let ended = hold(0, &placed.id().to_string());
    let _ended = shards.newest().append(ended).await.unwrap();
    try_to(&shards, dropping("2026q3")).await.unwrap();
    shards.close().unwrap();
    years.must_be_sound();
}
