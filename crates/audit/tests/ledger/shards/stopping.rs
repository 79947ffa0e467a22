//! A turn, and a dropping, in which each operation on the disk goes wrong, or the machine stops.

use std::sync::Arc;

use motlan_audit::Shards;
use motlan_testkit::FragileDisk;
use motlan_testkit::disk::Trouble;
use tokio::task::spawn_blocking;

use super::dropping::dropping;
use super::{Years, in_us, look_up, quarter};
use crate::common::temporary;

/// What goes wrong: the process goes on after the first two.
const TROUBLES: [Trouble; 5] = [
    Trouble::Lost,
    Trouble::Kept,
    Trouble::Stops,
    Trouble::StopsAfterFront,
    Trouble::StopsAfterBack,
];

/// Opens the logs on a disk on which nothing has gone wrong yet.
fn open_on(years: &Years, at: &str) -> (Shards, FragileDisk) {
    let disk = FragileDisk::under(years.dir.path()).unwrap();
    let mut settings = years.settings();
    settings.disk = Arc::new(disk.clone());
    (Shards::open(settings, in_us(at)).unwrap(), disk)
}

/// One log with one lookup.
async fn begun() -> Years {
    let years = Years::new();
    let shards = years.open("2026q3");
    look_up(&shards).await;
    shards.close().unwrap();
    years
}

/// How a turn with trouble at an operation went.
enum Went {
    /// It has fewer operations.
    NoSuch,
    /// Nothing like this can happen to it.
    Cannot,
    /// This is the disk then; and whether the turn came to its end.
    So(FragileDisk, bool),
}

async fn turn_with(years: &Years, nth: usize, trouble: Trouble) -> Went {
    let (shards, disk) = open_on(years, "2026q3");
    let nth = disk.operations().len() + nth;
    disk.plan(nth, trouble);
    let turned = spawn_blocking(move || {
        let turned = shards.turn(in_us("2026q4")).is_ok();
        // What was not acknowledged may be lost.
        let _ = shards.close();
        turned
    });
    let turned = turned.await.unwrap();
    match disk.operations().get(nth) {
        None => Went::NoSuch,
        Some(operation) if !trouble.can_befall(operation) => Went::Cannot,
        Some(_) => Went::So(disk, turned),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_finished_by_the_next_opening_wherever_the_power_was_cut() {
    let (mut states, mut unfinished) = (0, 0);
    for trouble in TROUBLES {
        for nth in 0.. {
            let years = begun().await;
            let (disk, turned) = match turn_with(&years, nth, trouble).await {
                Went::NoSuch => break,
                Went::Cannot => continue,
                Went::So(disk, turned) => (disk, turned),
            };
            for fate in disk.fates() {
                let after = Years {
                    dir: temporary(),
                    key: Arc::clone(&years.key),
                    has_known: true,
                };
                disk.lay(&fate, after.dir.path()).unwrap();
                let shards = after.open("2026q4");
                let what = format!("{trouble:?} at {nth}, {fate}");
                assert_eq!(look_up(&shards).await, quarter("2026q4"), "{what}");
                shards.close().unwrap();
                let report = after.must_be_sound();
                let records: Vec<_> = report.logs.iter().map(|(_, log)| log.records).collect();
                assert_eq!((records, report.is_turning), (vec![3, 3], false), "{what}");
                states += 1;
            }
            unfinished += u64::from(!turned);
        }
    }
    assert!(states > 500 && unfinished > 50, "{states}, {unfinished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropping_that_is_stopped_at_any_step_is_on_record_or_did_not_happen() {
    let (mut steps, mut dropped_at_last, mut finished) = (0, false, 0);
    while !dropped_at_last {
        let years = Years::new();
        let shards = years.pass(&["2026q4"]).await;
        shards.close().unwrap();
        let (shards, disk) = open_on(&years, "2026q4");
        dropped_at_last = spawn_blocking(move || {
            // Opened before the machine stops.
            shards.past(quarter("2026q3")).unwrap();
            disk.plan(disk.operations().len() + steps, Trouble::Stops);
            let dropped = shards.drop_log(&dropping("2026q3")).is_ok();
            shards.close().is_ok() && dropped
        })
        .await
        .unwrap();
        let shards = years.open("2026q4");
        let is_here = shards.quarters().contains(&quarter("2026q3"));
        shards.close().unwrap();
        let report = years.must_be_sound();
        assert_eq!(report.before_was_dropped, !is_here, "step {steps}");
        let layout = years.layout();
        let left = [
            layout.ledger(quarter("2026q3")).exists(),
            layout.sealing(quarter("2026q3")).exists(),
        ];
        assert_eq!(left, [is_here; 2], "step {steps}");
        finished += u64::from(!is_here);
        steps += 1;
    }
    assert!(finished > 2, "{finished}");
}
