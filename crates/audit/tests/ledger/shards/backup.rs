//! Backups while the logs are written, and what may be put back from them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use motlan_audit::{
    BackedUp, BackupError, Disk, Erasure, Layout, LocalDisk, OpenShardsError, Opened, RestoreError,
    Restored, Restoring, Shards, ShardsReport, Taking, UnknownError, Vouched, Whose, back_up,
    backup_layout, restore, verify_shards,
};
use tokio::task::spawn_blocking;

use super::{Years, in_us, look_up, quarter, turn};
use crate::common::question;

/// The subject of every lookup here.
const SUBJECT: &str = "000000000007";

impl Years {
    fn backups(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    fn backup(&self) -> PathBuf {
        self.backups().join("hn1")
    }

    fn back_up(&self) -> Result<BackedUp, BackupError> {
        self.back_up_through(Arc::new(LocalDisk))
    }

    fn back_up_through(&self, disk: Arc<dyn Disk>) -> Result<BackedUp, BackupError> {
        let (layout, to) = (self.layout(), self.backups());
        let mut taking = Taking::new(&layout, "hn1", from_ref(self.key.verifier()), &to);
        taking.disk = disk;
        back_up(&taking)
    }

    /// Takes everything away but the backups and the known checkpoints.
    fn lose(&self) {
        let Layout {
            ledgers, sealings, ..
        } = self.layout();
        fs::remove_dir_all(ledgers).unwrap();
        fs::remove_dir_all(sealings).unwrap();
    }

    fn restore(&self) -> Result<Restored, RestoreError> {
        self.restore_by(None, Arc::new(LocalDisk))
    }

    fn restore_by(
        &self,
        checkpoint: Option<(&Path, &str)>,
        disk: Arc<dyn Disk>,
    ) -> Result<Restored, RestoreError> {
        let (layout, backup) = (self.layout(), self.backup());
        let mut restoring = Restoring::new(&backup, &layout, from_ref(self.key.verifier()));
        restoring.checkpoint = checkpoint;
        restoring.disk = disk;
        restore(&restoring)
    }

    fn backup_verified(&self) -> ShardsReport {
        let layout = backup_layout(&self.backup());
        let (folder, sealings) = (&layout.ledgers, Some(layout.sealings.as_path()));
        let keys = from_ref(self.key.verifier());
        verify_shards(folder, keys, sealings, None, |_, _, _| {}).unwrap()
    }

    /// Two quarters with a lookup in each, closed.
    async fn closed() -> Years {
        let years = Years::new();
        let shards = years.open("2026q3");
        look_up(&shards).await;
        turn(&shards, "2026q4").await.unwrap().unwrap();
        look_up(&shards).await;
        shards.close().unwrap();
        years
    }

    async fn one_more(&self) {
        let shards = self.open("2026q4");
        look_up(&shards).await;
        shards.close().unwrap();
    }
}

fn unknown(restored: Result<Restored, RestoreError>) -> UnknownError {
    match restored {
        Err(RestoreError::Unknown(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_all_that_was_acknowledged_before_it_began() {
    // R108.
    let years = Arc::new(Years::new());
    let shards = years.open("2026q3");
    look_up(&shards).await;
    turn(&shards, "2026q4").await.unwrap().unwrap();
    let mut desks = Vec::new();
    for _ in 0..4 {
        let shards = shards.clone();
        desks.push(tokio::spawn(async move {
            loop {
                look_up(&shards).await;
            }
        }));
    }
    let mut taken_before = 0;
    for round in 0..2 {
        let acknowledged = shards.newest().append(question(1)).await.unwrap();
        let own = Arc::clone(&years);
        let taken = spawn_blocking(move || own.back_up()).await.unwrap();
        let taken = taken.unwrap();
        let records: Vec<_> = taken.logs.iter().map(|log| log.records).collect();
        assert_eq!((taken.logs.len(), records[0]), (2, 3));
        assert!(records[1] > acknowledged.index().max(taken_before));
        taken_before = records[1];
        // What the one before has is kept: the old quarter's segment at least.
        assert_eq!(taken.kept_bytes > 0, round > 0);
        let report = years.backup_verified();
        assert!(report.is_sound(), "{report:#?}");
        assert_eq!(report.logs[1].1.after_checkpoint, 0);
    }
    desks.iter().for_each(tokio::task::JoinHandle::abort);
    for desk in desks {
        assert!(desk.await.unwrap_err().is_cancelled());
    }
    shards.close().unwrap();
}

/// Fails from its n-th change on, as a machine that stops there.
#[derive(Debug)]
struct Stops(AtomicU32);

impl Stops {
    fn after(changes: u32) -> Arc<Stops> {
        Arc::new(Stops(AtomicU32::new(changes)))
    }

    fn step(&self) -> io::Result<()> {
        let left = |left: u32| left.checked_sub(1);
        let stepped = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        stepped
            .map(|_| ())
            .map_err(|_| io::Error::other("the machine has stopped"))
    }
}

impl Disk for Stops {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        LocalDisk.create_folder(folder)
    }

    fn create(&self, file: &Path) -> io::Result<File> {
        self.step()?;
        LocalDisk.create(file)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.step()?;
        LocalDisk.write(file, bytes, offset)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        LocalDisk.rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.step()?;
        LocalDisk.remove(file)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        LocalDisk.sync_folder(folder)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_cut_short_is_none_and_leaves_the_one_before() {
    // R108.
    let years = Years::closed().await;
    let mut cut_short = 0;
    while years.back_up_through(Stops::after(cut_short)).is_err() {
        let is_none = !years.backup().exists();
        // The very last steps are behind its name.
        assert!(is_none || years.backup_verified().is_sound());
        cut_short += 1;
    }
    assert!(cut_short > 20, "{cut_short}");
    years.one_more().await;
    let due = |report: &ShardsReport| report.logs.last().map(|(_, log)| log.records);
    let (earlier, mut between, mut at) = (due(&years.backup_verified()), 0, 0);
    while years.back_up_through(Stops::after(at)).is_err() {
        match years.backup().exists() {
            true => assert!(due(&years.backup_verified()) >= earlier),
            // Between the two renamings; the next one finds it.
            false => between += 1,
        }
        at += 1;
    }
    assert!(between <= 1, "{between}");
    assert_eq!(due(&years.backup_verified()), earlier.map(|it| it + 2));
    let names: Vec<_> = fs::read_dir(years.backups()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_lost_is_put_back_and_goes_on() {
    // R109.
    let years = Years::closed().await;
    years.back_up().unwrap();
    let there = years.restore();
    assert!(
        matches!(there, Err(RestoreError::There { .. })),
        "{there:?}"
    );
    years.lose();
    let restored = years.restore().unwrap();
    assert_eq!(restored.vouched, Vouched::Known);
    assert_eq!(restored.logs.len(), 2);
    years.must_be_sound();
    years.one_more().await;
    years.must_be_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_earlier_day_is_not_put_back_to_be_gone_on_from() {
    // R109.
    let mut years = Years::closed().await;
    years.back_up().unwrap();
    years.one_more().await;
    let newest = fs::read_to_string(years.layout().ledger(quarter("2026q4")).join("checkpoint"));
    let newest = newest.unwrap();
    years.lose();
    let why = unknown(years.restore());
    let UnknownError::Behind { known, backup, .. } = &why else {
        panic!("{why:?}");
    };
    assert_eq!((*known, *backup), (5, 3));
    assert!(why.to_string().contains("another `instance`"), "{why}");
    // Without what the last gateway kept, somebody else must know.
    years.has_known = false;
    assert!(matches!(unknown(years.restore()), UnknownError::Nothing));
    let elsewhere = Path::new("receipt");
    let by = |note: &str| years.restore_by(Some((elsewhere, note)), Arc::new(LocalDisk));
    assert!(matches!(unknown(by(&newest)), UnknownError::Behind { .. }));
    let layout = backup_layout(&years.backup());
    let note = |text: &str| fs::read_to_string(layout.ledger(quarter(text)).join("checkpoint"));
    let old = note("2026q3").unwrap();
    assert!(matches!(unknown(by(&old)), UnknownError::Older { .. }));
    let (own, note) = (years.backup().join("x"), note("2026q4").unwrap());
    let own = years.restore_by(Some((&own, &note)), Arc::new(LocalDisk));
    assert!(matches!(unknown(own), UnknownError::Own { .. }));
    assert!(!years.layout().ledgers.exists(), "something was written");
    assert_eq!(by(&note).unwrap().vouched, Vouched::Given);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_turned_after_its_backup_is_not_put_back() {
    // R109.
    let years = Years::closed().await;
    years.back_up().unwrap();
    let shards = years.open("2026q4");
    turn(&shards, "2027q1").await.unwrap().unwrap();
    shards.close().unwrap();
    years.lose();
    let why = unknown(years.restore());
    assert!(matches!(why, UnknownError::Later { .. }), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_in_a_backup_is_found_before_anything_is_put_back() {
    // R109.
    let years = Years::closed().await;
    years.back_up().unwrap();
    years.lose();
    let layout = backup_layout(&years.backup());
    let log = layout.ledger(quarter("2026q4"));
    let files = [
        (log.join("segments/00000000"), 600),
        (log.join("checkpoint"), 3),
        (log.join("log"), 90),
        (layout.sealing(quarter("2026q3")), 40),
        (years.backup().join("backup"), 60),
    ];
    for (file, at) in files {
        let whole = fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        assert!(years.restore().is_err(), "{}", file.display());
        assert!(!years.layout().ledgers.exists(), "{}", file.display());
        fs::write(&file, whole).unwrap();
    }
    years.restore().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_damaged_is_made_whole_by_the_next() {
    let years = Years::closed().await;
    years.back_up().unwrap();
    let log = backup_layout(&years.backup()).ledger(quarter("2026q3"));
    let segment = log.join("segments/00000000");
    let mut changed = fs::read(&segment).unwrap();
    changed[600] ^= 1;
    fs::write(&segment, changed).unwrap();
    assert!(!years.backup_verified().is_sound());
    let taken = years.back_up().unwrap();
    assert_eq!(taken.kept_bytes, 0);
    assert!(years.backup_verified().is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_put_back_from_an_earlier_day_is_not_backed_up_over_the_later() {
    let mut years = Years::closed().await;
    years.back_up().unwrap();
    let (first, later) = (years.dir.path().join("first"), years.backups());
    fs::rename(&later, &first).unwrap();
    years.one_more().await;
    years.back_up().unwrap();
    years.lose();
    years.has_known = false;
    let layout = years.layout();
    let backup = first.join("hn1");
    let mut restoring = Restoring::new(&backup, &layout, from_ref(years.key.verifier()));
    restoring.has_witnesses = true;
    assert_eq!(restore(&restoring).unwrap().vouched, Vouched::Witnesses);
    let refused = years.back_up().map(|_| ());
    assert!(
        matches!(refused, Err(BackupError::Ahead { .. })),
        "{refused:?}"
    );
    assert!(years.backup_verified().is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledger_is_not_backed_up_over_the_first() {
    let (years, other) = (Years::closed().await, Years::closed().await);
    years.back_up().unwrap();
    let (layout, to) = (other.layout(), years.backups());
    let taking = Taking::new(&layout, "hn1", from_ref(other.key.verifier()), &to);
    let refused = back_up(&taking).map(|_| ());
    assert!(
        matches!(refused, Err(BackupError::Other { .. })),
        "{refused:?}"
    );
    assert!(years.backup_verified().is_sound());
    let inside = years.layout().ledgers.join("backups");
    let layout = years.layout();
    let taking = Taking::new(&layout, "hn1", from_ref(years.key.verifier()), &inside);
    assert!(matches!(back_up(&taking), Err(BackupError::Inside { .. })));
}

fn erase(shards: &Shards) {
    for at in shards.quarters() {
        let log = shards.past(at).unwrap();
        log.erase(&Erasure {
            whose: Whose::Subject {
                subject: SUBJECT.to_owned(),
                dataset: None,
            },
            ground: "order 17".to_owned(),
            by: "operator".to_owned(),
            caller: String::new(),
            time_us: in_us("2026q4"),
        })
        .unwrap();
    }
}

fn is_erased(shards: &Shards) -> bool {
    let logs = shards.quarters().into_iter();
    let mut logs = logs.map(|at| shards.past(at).unwrap().opened(0).unwrap());
    // The newest begins with its link to the one before.
    logs.next();
    logs.all(|opened| opened == Opened::Erased)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_is_in_no_later_backup_and_stays_erased_when_it_is_put_back() {
    // R108, R109.
    let years = Years::closed().await;
    years.back_up().unwrap();
    let layout = backup_layout(&years.backup());
    let kept = fs::read(layout.sealing(quarter("2026q3"))).unwrap();
    let held = File::open(layout.sealing(quarter("2026q3"))).unwrap();
    let shards = years.open("2026q4");
    assert!(!is_erased(&shards));
    erase(&shards);
    assert!(is_erased(&shards));
    shards.close().unwrap();
    years.back_up().unwrap();
    // The file that was replaced is blank.
    let mut before = Vec::new();
    io::Read::read_to_end(&mut &held, &mut before).unwrap();
    assert!(!before.is_empty() && before.iter().all(|byte| *byte == 0));
    years.lose();
    // An older sealing file that somebody put there is not taken.
    let sealing = years.layout().sealing(quarter("2026q3"));
    fs::create_dir_all(sealing.parent().unwrap()).unwrap();
    fs::write(&sealing, kept).unwrap();
    years.restore().unwrap();
    let shards = years.open("2026q4");
    assert!(is_erased(&shards));
    shards.close().unwrap();
    years.must_be_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restoring_is_run_again_and_no_gateway_starts_meanwhile() {
    // R109.
    let years = Years::closed().await;
    years.back_up().unwrap();
    years.lose();
    let mut at = 0;
    while years.restore_by(None, Stops::after(at)).is_err() {
        let opened = Shards::open_newest(years.settings());
        let is_refused = match &opened {
            Err(OpenShardsError::None { .. } | OpenShardsError::Half { .. }) => true,
            // The mark is gone; only that was not told.
            other => other.is_ok() && at > 20,
        };
        assert!(is_refused, "{at}: {opened:?}");
        at += 1;
        if opened.is_ok() {
            break;
        }
    }
    assert!(at > 20, "{at}");
    years.one_more().await;
    years.must_be_sound();
}
