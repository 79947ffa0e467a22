//! The control of the table: a disk, or a store, that lies is caught by the same examination.
//! `lies.txt` has the lies that do no harm, each with its reason; all others are caught.

use std::fmt::Write as _;
use std::path::Path;

use motlan_audit::{Ack, Batch, Store, StoreError};
use motlan_testkit::disk::{Operation, Trouble, Verb};

use super::bench::{Bench, Run};
use super::is_as_reviewed;
use super::script::Script;

const LEGEND: &str = "\
# The lies of a disk that do no harm: it said that it had done this, and had not. Every other lie is
# caught by the examination behind `faults.txt`. Written by `tests/ledger/faults/liars.rs`; run it
# with MOTLAN_WRITE_TABLE=1 to write it anew, and review the diff.
";

/// Of the same operation on the same file so many are tried, from the first on.
const OF_A_KIND_MAX: usize = 3;
/// How many operations after a lie the power is cut.
const CUTS_AFTER: std::ops::RangeInclusive<usize> = 1..=24;

/// Runs the script with one lie, and the power cut soon after it, later, or never.
async fn is_caught(bench: &Bench, nth: usize, lie: Trouble) -> Option<String> {
    for after in CUTS_AFTER {
        let plan = [(nth, lie), (nth + after, Trouble::Stops)];
        if let Err(why) = bench.run(&plan).await.examine().await {
            return Some(why);
        }
    }
    bench.run(&[(nth, lie)]).await.examine().await.err()
}

/// Why it does no harm if this is not done.
fn reason(operation: &Operation) -> &'static str {
    let path = operation.path.to_str().unwrap();
    match (operation.verb, path) {
        (Verb::SyncFolder, "") => "the next sync of it does, before the ledger is made",
        (Verb::SyncFolder, "ledger") => {
            "the next sync of it does, or the checkpoint before it stays"
        }
        (Verb::SyncFolder, "known") => "the checkpoint before it comes back",
        (Verb::SyncFolder, "ledger/segments") => "all names lasted already",
        (Verb::Write, "ledger/segments/spare") => "this spare was never used",
        (Verb::Sync, "ledger/segments/spare") => "synced again with its header",
        (Verb::Rename, "ledger/segments/spare") => "the ledger itself misses the segment at once",
        (Verb::Rename, "ledger/checkpoint.new" | "known/checkpoint.new") => {
            "the checkpoint before it stays"
        }
        (Verb::Rename, "ledger.sealing.new") => "opening the ledger gives it its name",
        (Verb::Sync, "ledger.sealing") => "that file has no name any more: nobody finds it by one",
        (Verb::Remove, "ledger/segments/spare") => "made anew, empty",
        (Verb::Sync | Verb::Forget, "ledger/segments/00000000") => "disk and cache were the same",
        (Verb::SetLen, _) => "the file had its length, or the next opening gives it",
        _ => panic!(
            "{} {path}: this lie should have been caught",
            operation.verb
        ),
    }
}

#[tokio::test]
async fn a_disk_that_says_it_did_what_it_did_not_is_caught() {
    let mut table = LEGEND.to_owned();
    // Not that of tiles: they are derived, and whatever becomes of them does no harm.
    let scripts = [
        Script::Anew,
        Script::Torn,
        Script::Subject,
        Script::Dataset,
        Script::Unsettled,
    ];
    for script in scripts {
        let bench = Bench::new(script).await;
        let operations = bench.run(&[]).await.disk.operations();
        let (mut caught, mut harmless) = (0, Vec::new());
        for (nth, operation) in script.tried(&operations) {
            let before = operations.iter().take(nth);
            let of_its_kind = before.filter(|other| *other == operation).count();
            if of_its_kind >= OF_A_KIND_MAX || !Trouble::Lies.can_befall(operation) {
                continue;
            }
            match is_caught(&bench, nth, Trouble::Lies).await {
                Some(_) => caught += 1,
                None => harmless.push((nth, operation)),
            }
        }
        writeln!(
            table,
            "\n[{script}] {caught} lies are caught, and these do no harm\n"
        )
        .unwrap();
        for (nth, operation) in harmless {
            let (verb, name) = (operation.verb, operation.path.display().to_string());
            let reason = reason(operation);
            writeln!(table, "{nth:>3} {verb:<13} {name:<26} {reason}").unwrap();
        }
    }
    is_as_reviewed("lies.txt", &table);
}

async fn first(bench: &Bench, is: impl Fn(&Operation) -> bool) -> usize {
    let operations = bench.run(&[]).await.disk.operations();
    operations.iter().position(is).unwrap()
}

fn is_frame(operation: &Operation) -> bool {
    operation.verb == Verb::Write && operation.path.ends_with("segments/00000000")
}

fn lie(verb: Verb, path: &str) -> Option<Operation> {
    let path = Path::new(path).to_owned();
    Some(Operation { verb, path })
}

#[tokio::test]
async fn a_disk_that_puts_records_in_each_others_place_is_caught() {
    let bench = Bench::new(Script::Anew).await;
    let frame = first(&bench, is_frame).await;
    assert!(is_caught(&bench, frame, Trouble::Swaps).await.is_some());
}

#[tokio::test]
async fn a_cache_that_is_not_forgotten_is_caught() {
    let bench = Bench::new(Script::Anew).await;
    let frame = first(&bench, is_frame).await;
    let run: Run = bench.run(&[(frame, Trouble::Cached)]).await;
    let forget = lie(Verb::Forget, "ledger/segments/00000000");
    assert!(run.examine_reopened(forget).await.is_err());
    assert!(
        bench
            .run(&[(frame, Trouble::Cached)])
            .await
            .examine()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_name_that_is_relied_on_before_it_lasts_is_caught() {
    let bench = Bench::new(Script::Anew).await;
    let renaming = |operation: &Operation| {
        operation.verb == Verb::Rename && operation.path.ends_with("segments/spare")
    };
    let after = first(&bench, renaming).await + 1;
    let run = bench.run(&[(after, Trouble::Stops)]).await;
    let sync = lie(Verb::SyncFolder, "ledger/segments");
    assert!(run.examine_reopened(sync).await.is_err());
}

/// A store that acknowledges one batch without writing it.
struct Silent {
    files: Box<dyn Store>,
    well: u32,
}

impl Store for Silent {
    fn commit(&mut self, batch: &Batch) -> Result<Ack, StoreError> {
        self.well = self.well.wrapping_sub(1);
        if self.well == u32::MAX {
            return Ok(Ack::assertion(batch));
        }
        self.files.commit(batch)
    }
}

#[tokio::test]
async fn a_store_that_acknowledges_without_writing_is_caught() {
    let bench = Bench::new(Script::Anew).await;
    for well in 0..4 {
        let wrap = |files| Box::new(Silent { files, well }) as Box<dyn Store>;
        let run = bench.run_through(wrap).await;
        assert!(run.examine().await.is_err(), "{well}");
    }
}
