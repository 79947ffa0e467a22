//! A ledger that cannot write acknowledges nothing, says so, and never tries again.

use std::fs;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use motlan_audit::{Ack, AppendError, Batch, Ledger, OpenError, State, Store, StoreError};
use motlan_testkit::FragileDisk;
use motlan_testkit::disk::{Operation, Trouble, Verb};

use crate::common::{Place, ask, question};

/// A store around the files that goes wrong at one commit.
struct Faulty {
    files: Box<dyn Store>,
    /// How many commits go well before.
    well: u32,
    how: How,
    last: Option<Ack>,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// An error, and nothing was written.
    Lost,
    /// An error, and all was written.
    Kept,
    /// No error, and an answer for fewer records than were given.
    Lies,
    /// A panic.
    Panics,
}

impl Store for Faulty {
    fn commit(&mut self, batch: &Batch) -> Result<Ack, StoreError> {
        let fails = self.well == 0;
        self.well = self.well.wrapping_sub(1);
        let error = || {
            Err(StoreError::Other(
                io::Error::from(io::ErrorKind::StorageFull).into(),
            ))
        };
        match self.how {
            _ if !fails => {
                let ack = self.files.commit(batch)?;
                self.last = Some(Ack::assertion(batch));
                Ok(ack)
            }
            How::Lost => error(),
            How::Kept => self.files.commit(batch).and_then(|_| error()),
            How::Lies => Ok(self.last.take().unwrap()),
            How::Panics => panic!("injected"),
        }
    }
}

fn open_faulty(place: &Place, well: u32, how: How) -> Ledger {
    let faulty = |files| {
        Box::new(Faulty {
            files,
            well,
            how,
            last: None,
        }) as Box<dyn Store>
    };
    Ledger::open_through(place.settings(), faulty).unwrap()
}

// R33: a ledger that cannot write acknowledges nothing.
#[tokio::test]
async fn after_a_failed_commit_nothing_is_acknowledged_and_what_was_before_stays() {
    for how in [How::Lost, How::Kept, How::Lies, How::Panics] {
        for well in 1..4 {
            let place = Place::new(1 << 16);
            let ledger = open_faulty(&place, well, how);
            for n in 0..u64::from(well) {
                assert_eq!(ledger.append(question(n)).await.unwrap().index(), n);
            }
            let failed = ledger
                .append(question(9))
                .await
                .map(|durable| durable.index());
            assert!(
                matches!(failed, Err(AppendError::Failed(_))),
                "{how:?}: {failed:?}"
            );
            assert!(matches!(ledger.state(), State::Failed(_)), "{how:?}");
            let again = ledger
                .append(question(9))
                .await
                .map(|durable| durable.index());
            assert!(
                matches!(again, Err(AppendError::Failed(_))),
                "{how:?}: {again:?}"
            );
            assert_eq!(ledger.size(), u64::from(well));
            assert!(
                ledger.receipt(0).is_ok(),
                "what is durable can still be read"
            );
            assert!(ledger.close().is_err());

            let ledger = place.open();
            let kept = u64::from(matches!(how, How::Kept));
            assert_eq!(ledger.size(), u64::from(well) + kept, "{how:?}");
            ledger.close().unwrap();
            assert_eq!(place.findings(), "");
        }
    }
}

/// A store that waits for word before each commit.
struct Gated {
    files: Box<dyn Store>,
    entered: mpsc::Sender<()>,
    word: mpsc::Receiver<bool>,
}

impl Store for Gated {
    fn commit(&mut self, batch: &Batch) -> Result<Ack, StoreError> {
        self.entered.send(()).unwrap();
        if self.word.recv().unwrap() {
            return self.files.commit(batch);
        }
        Err(StoreError::Other("told to fail".into()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_waiter_hears_of_the_failure() {
    let place = Place::new(1 << 16);
    let (entered, has_entered) = mpsc::channel();
    let (say, word) = mpsc::channel();
    let mut settings = place.settings();
    settings.queue_records_max = 8;
    let gated = |files| {
        Box::new(Gated {
            files,
            entered,
            word,
        }) as Box<dyn Store>
    };
    let ledger = Ledger::open_through(settings, gated).unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.append(question(n)).await })
        })
        .collect();
    // Some are in the commit, some in the queue, some wait for room: none may hear of success.
    has_entered.recv().unwrap();
    say.send(false).unwrap();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Err(AppendError::Failed(_))));
    }
    match ledger.state() {
        State::Failed(reason) => assert_eq!(&*reason, "the store failed: told to fail"),
        other => panic!("{other:?}"),
    }
    drop(ledger);
    assert_eq!(place.open().size(), 0);
}

#[tokio::test]
async fn a_segment_deleted_or_replaced_under_the_ledger_is_missed_at_once() {
    for replace in [false, true] {
        let place = Place::new(1 << 16);
        let ledger = place.open();
        ask(&ledger, &place, 2).await;
        let bytes = fs::read(place.segment(0)).unwrap();
        fs::remove_file(place.segment(0)).unwrap();
        if replace {
            fs::write(place.segment(0), bytes).unwrap();
        }
        assert!(matches!(
            ledger.append(question(2)).await,
            Err(AppendError::Failed(_))
        ));
        match ledger.state() {
            State::Failed(reason) => assert!(reason.contains("deleted or replaced"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_folder_that_takes_no_new_segment_fails_the_ledger() {
    let place = Place::new(1024);
    let ledger = place.open();
    let _ = ledger.append(question(0)).await.unwrap();
    // The name of the next segment is taken.
    fs::create_dir(place.segment(1)).unwrap();
    let mut last = Ok(());
    for n in 0..9 {
        last = ledger.append(question(n)).await.map(|_| ());
    }
    assert!(matches!(last, Err(AppendError::Failed(_))), "{last:?}");
    assert!(
        matches!(ledger.state(), State::Failed(reason) if reason.contains("segments/00000001"))
    );
}

#[tokio::test]
async fn a_closed_ledger_says_that_it_is_closed() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let other = ledger.clone();
    ledger.close().unwrap();
    assert!(matches!(
        other.append(question(0)).await,
        Err(AppendError::Closed)
    ));
    assert_eq!(other.state(), State::Closed);
}

/// Why a ledger fails that finds the disk full when it writes to this file.
async fn full_at(path: &str) -> String {
    let place = Place::new(1024);
    let disk = FragileDisk::under(place.path()).unwrap();
    let mut settings = place.settings();
    settings.disk = Arc::new(disk.clone());
    settings.checkpoint_every = Duration::ZERO;
    let ledger = Ledger::open(settings).unwrap();
    let _ = ledger.append(question(0)).await.unwrap();
    let operation = Operation {
        verb: Verb::Write,
        path: path.into(),
    };
    disk.plan_next(operation, Trouble::Full);
    let mut reason = String::new();
    for n in 1..9 {
        if let Err(error) = ledger.append(question(n)).await {
            reason = error.to_string();
        }
    }
    let told = ledger.size();
    assert!(ledger.close().is_err());
    // With room again, all is there.
    assert_eq!(place.open().size(), told);
    reason
}

// R33: a full disk is told by its name, whatever it was that found no room.
#[tokio::test]
async fn a_full_disk_fails_the_ledger_and_says_what_to_do() {
    let files = ["segments/00000000", "segments/spare", "checkpoint.new"];
    for file in files {
        let reason = full_at(&format!("ledger/{file}")).await;
        let what = "the disk is full; make room, then start again: all that was acknowledged is";
        assert!(reason.contains(what), "{file}: {reason}");
    }
    let place = Place::new(1024);
    let disk = FragileDisk::under(place.path()).unwrap();
    let mut settings = place.settings();
    settings.disk = Arc::new(disk.clone());
    let operation = Operation {
        verb: Verb::Write,
        path: "ledger/checkpoint.new".into(),
    };
    disk.plan_next(operation, Trouble::Full);
    let refused = Ledger::open(settings).unwrap_err();
    assert!(matches!(refused, OpenError::Full { .. }), "{refused}");
}

#[test]
fn a_disk_that_is_nearly_full_is_told_of_before_it_is() {
    let place = Place::new(1024);
    let ledger = place.open();
    let room = ledger.room().unwrap();
    assert!(room.free_bytes > 0);
    drop(ledger);
    let mut settings = place.settings();
    settings.free_bytes_min = u64::MAX;
    assert!(Ledger::open(settings).unwrap().room().unwrap().is_low());
    let mut settings = place.settings();
    settings.free_bytes_min = 0;
    assert!(!Ledger::open(settings).unwrap().room().unwrap().is_low());
}
