//! Other keys for later logs: each log vouches for the next one's, and no log for its own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use motlan_audit::{
    Erasure, OpenError, OpenShardsError, ShardSettings, Shards, ShardsReport, SignerKey, TurnError,
    VerifierKey, Whose, verify_receipt, verify_shards,
};
use tokio::task::spawn_blocking;

use super::{INSTANCE, Years, in_us, look_up, quarter, turn};

impl Years {
    fn next_file(&self) -> PathBuf {
        self.dir.path().join("ledger.key.next")
    }

    /// Settings under which the next log may have another key.
    fn rotating(&self) -> ShardSettings {
        let mut settings = self.settings();
        settings.keys.next = Some(self.next_file());
        settings
    }

    fn rotated(&self, text: &str) -> Shards {
        Shards::open(self.rotating(), in_us(text)).unwrap()
    }

    fn verified_by(&self, key: &VerifierKey) -> ShardsReport {
        let layout = self.layout();
        let sealings = Some(layout.sealings.as_path());
        let keys = std::slice::from_ref(key);
        verify_shards(&layout.ledgers, keys, sealings, None, |_, _, _| {}).unwrap()
    }
}

fn lay_next(years: &Years) -> VerifierKey {
    let key = SignerKey::generate(INSTANCE).unwrap();
    key.write(&years.next_file()).unwrap();
    key.verifier().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_signs_from_the_next_log_on_and_either_key_verifies_all() {
    // R109.
    let years = Years::new();
    let shards = years.rotated("2026q3");
    look_up(&shards).await;
    let old = years.key.verifier().clone();
    let new = lay_next(&years);
    // Nothing changes within the quarter.
    look_up(&shards).await;
    assert_eq!(*shards.newest().verifier(), old);
    assert!(turn(&shards, "2026q4").await.unwrap().unwrap());
    look_up(&shards).await;
    assert_eq!(*shards.newest().verifier(), new);
    assert!(turn(&shards, "2027q1").await.unwrap().unwrap());
    look_up(&shards).await;
    shards.close().unwrap();
    for key in [&old, &new] {
        let report = years.verified_by(key);
        assert!(report.is_sound(), "{report:#?}");
        assert_eq!(report.logs.len(), 3);
    }
    let stranger = SignerKey::generate(INSTANCE).unwrap();
    assert!(!years.verified_by(stranger.verifier()).is_sound());

    // After a start old logs are signed, erased from and proven with their own key.
    let shards = years.rotated("2027q1");
    let first = spawn_blocking({
        let shards = shards.clone();
        move || shards.past(quarter("2026q3"))
    });
    let first = first.await.unwrap().unwrap();
    assert_eq!(*first.verifier(), old);
    let receipt = first.receipt(0).unwrap();
    let _proven = verify_receipt(&receipt, &old).unwrap();
    verify_receipt(&receipt, &new).unwrap_err();
    let erasure = Erasure {
        whose: Whose::Dataset("population".to_owned()),
        ground: "by law".to_owned(),
        by: "retention".to_owned(),
        caller: String::new(),
        time_us: in_us("2027q1"),
    };
    assert_eq!(first.erase(&erasure).unwrap().records.len(), 1);
    shards.close().unwrap();
    assert!(years.verified_by(&new).is_sound());

    // A log whose key is gone is not opened with another.
    fs::remove_file(years.next_file()).unwrap();
    let refused = Shards::open_newest(years.rotating()).map(|_| ());
    let Err(OpenShardsError::Open { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(source, OpenError::Key { .. }), "{source:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_leaves_the_old_log_written() {
    // R109.
    let years = Years::new();
    let shards = years.rotated("2026q3");
    fs::write(years.next_file(), "PRIVATE+KEY+").unwrap();
    let refused = turn(&shards, "2026q4").await.unwrap();
    assert!(matches!(refused, Err(TurnError::Key(_))), "{refused:?}");
    assert_eq!(look_up(&shards).await, quarter("2026q3"));
    // One of another name speaks for no log here.
    fs::remove_file(years.next_file()).unwrap();
    let other = SignerKey::generate("motlan.example/audit/hn2").unwrap();
    other.write(&years.next_file()).unwrap();
    let refused = turn(&shards, "2026q4").await.unwrap();
    assert!(matches!(refused, Err(TurnError::Create(_))), "{refused:?}");
    fs::remove_file(years.next_file()).unwrap();
    let new = lay_next(&years);
    assert!(turn(&shards, "2026q4").await.unwrap().unwrap());
    shards.close().unwrap();
    assert!(years.verified_by(&new).is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_the_turn_to_a_new_key_is_made_good() {
    // R109, R77.
    let years = Years::new();
    let shards = years.rotated("2026q3");
    look_up(&shards).await;
    shards.close().unwrap();
    let new = lay_next(&years);
    // The next log was made, and nothing leads to it yet.
    let key = SignerKey::read(&years.next_file()).unwrap();
    let mut settings = years.settings();
    settings.key = Arc::new(key);
    Shards::create(&settings, &years.origin("2026q4")).unwrap();
    let shards = years.rotated("2026q4");
    look_up(&shards).await;
    shards.close().unwrap();
    for key in [&new, years.key.verifier()] {
        let report = years.verified_by(key);
        assert!(report.is_sound(), "{report:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_folder_cannot_name_a_key_of_their_own_behind_the_checkpoint() {
    // R109: a link that no checkpoint speaks for vouches for nothing.
    let years = Years::new();
    let shards = years.rotated("2026q3");
    look_up(&shards).await;
    shards.close().unwrap();
    let log = years.layout().ledger(quarter("2026q3"));
    let checkpoint = fs::read(log.join("checkpoint")).unwrap();
    let own = lay_next(&years);
    let shards = years.rotated("2026q4");
    shards.close().unwrap();
    // The old key was never used for what came since: only the records are there.
    fs::write(log.join("checkpoint"), checkpoint).unwrap();
    let report = years.verified_by(years.key.verifier());
    let told: Vec<_> = report.links.first.iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|line| line.contains(&own.to_string()) && line.contains("signed link")),
        "{told:?}"
    );
}
