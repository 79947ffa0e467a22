//! The logs of several quarters: the turn, what a crash leaves of it, dropping, and verification
//! over all of them.

mod backup;
mod dropping;
mod full;
mod keys;
mod restored;
mod stopping;

use std::fs;
use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use motlan_audit::{
    AppendError, Erasure, GroundError, Layout, LayoutError, Ledger, OpenShardsError, Origin,
    PastError, Quarter, ShardSettings, Shards, ShardsReport, SignerKey, TurnError, Whose,
    verify_receipt, verify_shards,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::common::{outcome, question, temporary};
use crate::grounds::{asked, ground};

pub(crate) const INSTANCE: &str = "motlan.example/audit/hn1";
/// How long a turn is waited for.
const TURN_MAX: Duration = Duration::from_secs(60);

/// The logs of an instance in a temporary folder, from 2026q3 on.
pub(crate) struct Years {
    dir: TempDir,
    key: Arc<SignerKey>,
    /// Whether known checkpoints are kept, which find a log that was put back by themselves.
    has_known: bool,
}

pub(crate) fn quarter(text: &str) -> Quarter {
    text.parse().unwrap()
}

/// Waits until the next log is the one that is written. To be followed from before the turn: one
/// that was passed on before is not seen.
pub(crate) async fn turned(newest: &mut watch::Receiver<Ledger>) {
    let changed = tokio::time::timeout(TURN_MAX, newest.changed()).await;
    changed.expect("the quarter did not turn").unwrap();
}

/// A moment in the quarter.
pub(crate) fn in_us(text: &str) -> i64 {
    quarter(text).begins_us() + 1
}

impl Years {
    pub(crate) fn new() -> Years {
        let key = Arc::new(SignerKey::generate(INSTANCE).unwrap());
        let years = Years {
            dir: temporary(),
            key,
            has_known: true,
        };
        let origin = years.origin("2026q3");
        Shards::create(&years.settings(), &origin).unwrap();
        years
    }

    pub(crate) fn layout(&self) -> Layout {
        let mut layout = Layout::beside(self.dir.path().join("ledger"));
        layout.known_checkpoints = self.has_known.then(|| self.dir.path().join("known"));
        layout
    }

    pub(crate) fn origin(&self, text: &str) -> Origin {
        format!("{INSTANCE}/{text}").parse().unwrap()
    }

    pub(crate) fn settings(&self) -> ShardSettings {
        let mut settings = ShardSettings::new(self.layout(), Arc::clone(&self.key));
        settings.segment_bytes = Some(1 << 14);
        settings
    }

    pub(crate) fn open(&self, text: &str) -> Shards {
        Shards::open(self.settings(), in_us(text)).unwrap()
    }

    fn refusal(&self, text: &str) -> OpenShardsError {
        Shards::open(self.settings(), in_us(text)).unwrap_err()
    }

    /// All logs verified, sealed parts and all.
    pub(crate) fn verified(&self) -> ShardsReport {
        let layout = self.layout();
        let (folder, sealings) = (&layout.ledgers, Some(layout.sealings.as_path()));
        verify_shards(
            folder,
            from_ref(self.key.verifier()),
            sealings,
            None,
            |_, _, _| {},
        )
        .unwrap()
    }

    pub(crate) fn must_be_sound(&self) -> ShardsReport {
        let report = self.verified();
        assert!(report.is_sound(), "{report:#?}");
        report
    }

    /// One finding on each line.
    fn findings(&self) -> String {
        let report = self.verified();
        let of_logs = report
            .logs
            .iter()
            .flat_map(|(_, found)| &found.findings.first);
        let all = report.links.first.iter().chain(of_logs);
        all.map(|finding| format!("{finding}\n")).collect()
    }

    /// Turns through these quarters, one lookup in each.
    pub(crate) async fn pass(&self, quarters: &[&str]) -> Shards {
        let shards = self.open("2026q3");
        for at in quarters {
            turn(&shards, at).await.unwrap().unwrap();
            look_up(&shards).await;
        }
        shards
    }
}

fn turn(shards: &Shards, text: &str) -> JoinHandle<Result<bool, TurnError>> {
    let (shards, now_us) = (shards.clone(), in_us(text));
    spawn_blocking(move || shards.turn(now_us))
}

/// A lookup; the quarter that it is recorded in.
pub(crate) async fn look_up(shards: &Shards) -> Quarter {
    let mut shard = shards.current().await;
    let asked = shard.ledger().append(question(7)).await.unwrap();
    shard.asked();
    let ended = shard.ledger().append(outcome(Some(asked.index())));
    let ended = ended.await.unwrap();
    assert_eq!(ended.id().shard(), asked.id().shard());
    ended.id().quarter().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_links_two_logs_and_lookups_go_on_in_the_next() {
    let years = Years::new();
    let shards = years.open("2026q3");
    assert_eq!(look_up(&shards).await, quarter("2026q3"));
    assert!(turn(&shards, "2026q4").await.unwrap().unwrap());
    assert!(!turn(&shards, "2026q4").await.unwrap().unwrap());
    assert_eq!(look_up(&shards).await, quarter("2026q4"));
    assert_eq!(shards.quarters(), [quarter("2026q4"), quarter("2026q3")]);
    let old = shards.past(quarter("2026q3")).unwrap();
    let behind = old.append(question(1)).await;
    assert!(matches!(behind, Err(AppendError::Ended)));
    let behind = old.ground(asked(), &ground(1)).await.map(|_| ());
    let is_ended = matches!(behind, Err(GroundError::Append(AppendError::Ended)));
    assert!(is_ended, "{behind:?}");
    let receipt = old.receipt(0).unwrap();
    let _proven = verify_receipt(&receipt, years.key.verifier()).unwrap();
    shards.close().unwrap();
    let report = years.must_be_sound();
    let records: Vec<_> = report.logs.iter().map(|(_, log)| log.records).collect();
    assert_eq!((records, report.is_turning), (vec![3, 3], false));
    assert_eq!(report.before, None);
    // And so it is found again.
    let shards = years.open("2026q4");
    assert_eq!(look_up(&shards).await, quarter("2026q4"));
    assert_eq!(shards.past(quarter("2026q3")).unwrap().size(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_ends_in_the_log_that_it_began_in_and_the_turn_waits_for_it() {
    let years = Years::new();
    let shards = years.open("2026q3");
    let mut begun = shards.current().await;
    let asked = begun.ledger().append(question(1)).await.unwrap();
    let mut newest = shards.follow();
    let turning = turn(&shards, "2026q4");
    // Nothing begins in the new log before the old one has its last question.
    begun.asked();
    turned(&mut newest).await;
    assert_eq!(look_up(&shards).await, quarter("2026q4"));
    assert!(!turning.is_finished());
    let ended = begun.ledger().append(outcome(Some(asked.index()))).await;
    assert_eq!(ended.unwrap().id().quarter(), Some(quarter("2026q3")));
    drop(begun);
    assert!(turning.await.unwrap().unwrap());
    shards.close().unwrap();
    years.must_be_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_is_named_as_the_next_while_somebody_may_still_ask_in_the_old() {
    let years = Years::new();
    let shards = years.open("2026q3");
    let mut begun = shards.current().await;
    let turning = turn(&shards, "2026q4");
    // Until the turn waits, others begin; from then on they wait behind it.
    while tokio::time::timeout(Duration::ZERO, shards.current())
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
        assert_eq!(shards.newest().origin().quarter(), quarter("2026q3"));
    }
    let _asked = begun.ledger().append(question(1)).await.unwrap();
    begun.asked();
    drop(begun);
    assert!(turning.await.unwrap().unwrap());
    shards.close().unwrap();
    years.must_be_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_the_end_of_a_log_is_found() {
    let years = Years::new();
    let shards = years.open("2026q3");
    let asked = shards.newest().append(question(1)).await.unwrap();
    turn(&shards, "2026q4").await.unwrap().unwrap();
    // Held by no shard, so nobody waited for it.
    let old = shards.past(quarter("2026q3")).unwrap();
    let _late = old.append(outcome(Some(asked.index()))).await.unwrap();
    shards.close().unwrap();
    let found = years.findings();
    assert!(found.contains("stands behind the end"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lookup_is_split_or_refused_while_the_quarters_turn() {
    const QUARTERS: [&str; 4] = ["2026q4", "2027q1", "2027q2", "2027q3"];
    let years = Years::new();
    let shards = years.open("2026q3");
    let mut desks = Vec::new();
    for _ in 0..8 {
        let shards = shards.clone();
        desks.push(tokio::spawn(async move {
            let mut last = quarter("2026q3");
            while last < quarter("2027q3") {
                let now = look_up(&shards).await;
                assert!(now >= last);
                last = now;
            }
        }));
    }
    for at in QUARTERS {
        assert!(turn(&shards, at).await.unwrap().unwrap());
    }
    for desk in desks {
        desk.await.unwrap();
    }
    shards.close().unwrap();
    let report = years.must_be_sound();
    assert_eq!(report.logs.len(), 5);
    assert!(report.logs.iter().all(|(_, log)| log.open_questions == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_waits_gives_way_to_a_stop_and_is_finished_by_the_next_start() {
    let years = Years::new();
    let shards = years.open("2026q3");
    let mut begun = shards.current().await;
    let _asked = begun.ledger().append(question(1)).await.unwrap();
    begun.asked();
    let mut newest = shards.follow();
    let turning = turn(&shards, "2026q4");
    turned(&mut newest).await;
    assert_eq!(look_up(&shards).await, quarter("2026q4"));
    let closing = shards.clone();
    spawn_blocking(move || closing.close())
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(turning.await.unwrap(), Err(TurnError::Closing)));
    assert!(years.must_be_sound().is_turning);
    drop((begun, shards));
    // Not before it is told to: what others know of the log may come first.
    Shards::open_newest(years.settings())
        .unwrap()
        .close()
        .unwrap();
    assert!(years.must_be_sound().is_turning);
    years.open("2026q4").close().unwrap();
    assert!(!years.must_be_sound().is_turning);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_links_to_the_next_log_there_is_and_a_wrong_clock_makes_none() {
    let years = Years::new();
    let shards = years.open("2026q3");
    assert!(!turn(&shards, "2026q2").await.unwrap().unwrap());
    let refused = turn(&shards, "2031q1").await.unwrap().unwrap_err();
    assert!(matches!(refused, TurnError::Ahead { .. }), "{refused}");
    assert_eq!(shards.quarters(), [quarter("2026q3")]);
    shards.close().unwrap();
    let refused = years.refusal("2031q1");
    let OpenShardsError::Turn(TurnError::Ahead { .. }) = refused else {
        panic!("{refused}");
    };
    // A year without the gateway.
    let shards = years.open("2027q3");
    assert_eq!(look_up(&shards).await, quarter("2027q3"));
    assert!(
        spawn_blocking(move || {
            let turned = shards.turn_far(in_us("2031q1")).unwrap();
            shards.close().unwrap();
            turned
        })
        .await
        .unwrap()
    );
    let report = years.must_be_sound();
    let found: Vec<_> = report.logs.iter().map(|(it, _)| it.to_string()).collect();
    assert_eq!(found, ["2026q3", "2027q3", "2031q1"]);
    // A clock that was put back.
    let shards = years.open("2026q3");
    assert_eq!(look_up(&shards).await, quarter("2031q1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_missing_or_another_is_found() {
    let years = Years::new();
    years.pass(&["2026q4", "2027q1"]).await.close().unwrap();
    years.must_be_sound();
    let layout = years.layout();
    let (middle, aside) = (
        layout.ledger(quarter("2026q4")),
        years.dir.path().join("aside"),
    );
    fs::rename(&middle, &aside).unwrap();
    let found = years.findings();
    assert!(found.contains("one between them is missing"), "{found}");
    assert!(found.contains("as the log that follows it"), "{found}");
    // Only the newest is opened by a start; it stays possible, and the gap is found by others.
    fs::rename(&aside, &middle).unwrap();
    let newest = layout.ledger(quarter("2027q1"));
    fs::rename(&newest, &aside).unwrap();
    let found = years.findings();
    assert!(found.contains("follows it, and is not here"), "{found}");
    let refused = years.refusal("2027q1");
    assert!(matches!(refused, OpenShardsError::Lost { .. }), "{refused}");
    fs::rename(&aside, &newest).unwrap();
    // The oldest is gone, and not on record as dropped.
    fs::rename(layout.ledger(quarter("2026q3")), &aside).unwrap();
    let found = years.findings();
    assert!(found.contains("not on record as dropped"), "{found}");
    let from = |text| {
        let (folder, key) = (&layout.ledgers, years.key.verifier());
        verify_shards(
            folder,
            from_ref(key),
            None,
            Some(quarter(text)),
            |_, _, _| {},
        )
        .unwrap()
    };
    // Unless somebody says that it is elsewhere.
    let report = from("2026q4");
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!(
        report.before.as_deref(),
        Some("motlan.example/audit/hn1/2026q3")
    );
    assert!(!from("2026q3").is_sound());
    assert_eq!(from("2027q1").logs.len(), 1);
    assert!(!report.before_was_dropped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_history_of_a_past_quarter_is_found_though_it_is_well_signed() {
    let (mut years, mut other) = (Years::new(), Years::new());
    other.key = Arc::clone(&years.key);
    (years.has_known, other.has_known) = (false, false);
    fs::remove_dir_all(other.layout().ledgers).unwrap();
    fs::remove_dir_all(other.layout().sealings).unwrap();
    Shards::create(&other.settings(), &other.origin("2026q3")).unwrap();
    for years in [&years, &other] {
        let shards = years.open("2026q3");
        look_up(&shards).await;
        turn(&shards, "2026q4").await.unwrap().unwrap();
        look_up(&shards).await;
        shards.close().unwrap();
    }
    other.must_be_sound();
    for folder in [years.layout().ledgers, years.layout().sealings] {
        let name = folder.strip_prefix(years.dir.path()).unwrap();
        let (due, forged) = (folder.join("2026q3"), other.dir.path().join(name));
        match due.is_dir() {
            true => fs::remove_dir_all(&due).unwrap(),
            false => fs::remove_file(&due).unwrap(),
        }
        fs::rename(forged.join("2026q3"), due).unwrap();
    }
    let found = years.findings();
    assert!(
        found.contains("are not those that it ended with"),
        "{found}"
    );
    // Nor is it served, or gone on with.
    let shards = years.open("2026q4");
    let refused = spawn_blocking(move || shards.past(quarter("2026q3")).map(|log| log.size()));
    let refused = refused.await.unwrap().unwrap_err();
    assert!(matches!(refused, PastError::Unlinked { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_the_logs_of_all_quarters() {
    let years = Years::new();
    let shards = years.pass(&["2026q4", "2027q1"]).await;
    shards.close().unwrap();
    let shards = years.open("2027q1");
    let erasure = Erasure {
        whose: Whose::Subject {
            subject: format!("{:012}", 7),
            dataset: None,
        },
        ground: "decision 7".to_owned(),
        by: "operator".to_owned(),
        caller: String::new(),
        time_us: in_us("2027q1"),
    };
    let erased = spawn_blocking(move || {
        let erased = shards.erase(&erasure).unwrap();
        shards.close().unwrap();
        erased
    });
    let erased: Vec<_> = erased.await.unwrap();
    let counts: Vec<_> = erased.iter().map(|(_, it)| it.indices.len()).collect();
    // The outcome names its subject as `question(0)` does.
    assert_eq!(counts, [0, 1, 1]);
    // Behind its end a log may have erasures, and nothing else.
    years.must_be_sound();
}

#[test]
fn a_folder_that_holds_a_log_itself_is_refused_and_so_is_an_empty_one() {
    let years = Years::new();
    let ledgers = years.layout().ledgers;
    let aside = years.dir.path().join("aside");
    fs::rename(ledgers.join("2026q3"), &aside).unwrap();
    let refused = years.refusal("2026q3");
    assert!(matches!(refused, OpenShardsError::None { .. }), "{refused}");
    fs::remove_dir(&ledgers).unwrap();
    fs::rename(&aside, &ledgers).unwrap();
    let refused = years.refusal("2026q3");
    let OpenShardsError::Layout(LayoutError::One { .. }) = refused else {
        panic!("{refused}");
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_that_do_not_end_are_waited_for() {
    let years = Years::new();
    let mut settings = years.settings();
    settings.patience = Duration::ZERO;
    let shards = Shards::open(settings, in_us("2026q3")).unwrap();
    let mut held = shards.current().await;
    held.asked();
    let mut newest = shards.follow();
    let turning = turn(&shards, "2026q4");
    turned(&mut newest).await;
    assert!(!turning.is_finished());
    drop(held);
    assert!(turning.await.unwrap().unwrap());
}
