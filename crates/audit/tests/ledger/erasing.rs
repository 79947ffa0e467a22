//! Erasing, interrupted anywhere and mixed with everything else: what was recorded as erased is,
//! and nothing else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use motlan_audit::{
    AppendError, Disk, EraseError, Erasure, Ledger, LocalDisk, OpenError, Opened, Whose,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::common::{Place, question};
use crate::sealing::{ask, of_subject, opened, subject};

/// What is done before an operation of the disk.
type Before = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The system's disk, with something done before each operation.
struct Watched(Mutex<Option<Before>>);

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

impl Watched {
    fn new() -> Arc<Watched> {
        Arc::new(Watched(Mutex::new(None)))
    }

    fn watch(&self, before: Option<Before>) {
        *self.0.lock().unwrap() = before;
    }

    /// One operation at a time.
    fn then<T>(&self, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut before = self.0.lock().unwrap();
        before.as_mut().map_or(Ok(()), |before| before())?;
        operation()
    }
}

impl Disk for Watched {
    fn create(&self, file: &Path) -> io::Result<File> {
        self.then(|| LocalDisk.create(file))
    }

    fn open(&self, file: &Path) -> io::Result<File> {
        self.then(|| LocalDisk.open(file))
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.then(|| LocalDisk.write(file, bytes, offset))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.then(|| LocalDisk.sync(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.then(|| LocalDisk.rename(from, to))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.then(|| LocalDisk.sync_folder(folder))
    }
}

/// A ledger on a watched disk with two records of subject 1 and one of subject 2.
async fn watched() -> (Place, Arc<Watched>, Ledger) {
    let place = Place::new(1 << 14);
    let disk = Watched::new();
    let mut settings = place.settings();
    settings.disk = Arc::clone(&disk) as Arc<dyn Disk>;
    let ledger = Ledger::open(settings).unwrap();
    ask(&ledger, &[1, 2, 1]).await;
    (place, disk, ledger)
}

/// Lets so many operations pass, and none after them.
fn failing(count: u32) -> Before {
    let mut left = count;
    Box::new(move || match left {
        0 => Err(io::Error::other("the disk is broken")),
        _ => {
            left -= 1;
            Ok(())
        }
    })
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        match file.file_type().unwrap().is_dir() {
            true => copy_all(&file.path(), &target),
            false => drop(fs::copy(file.path(), target).unwrap()),
        }
    }
}

/// After a crash: the erasure is not on record and nothing is erased, or it is on record and
/// carried out once the ledger is opened. Whether it is.
fn must_be_whole(place: &Place) -> bool {
    let is_older = place.opened().0;
    let told = opened(&place.open());
    assert!(
        ["1 2 1", "- 2 - e"].contains(&told.as_str()),
        "{told}: {is_older}"
    );
    assert_eq!(place.opened().0, "", "{told}");
    told.ends_with('e')
}

#[tokio::test]
async fn a_kill_at_any_instant_of_an_erasure_leaves_it_undone_or_done_at_the_next_opening() {
    let (place, disk, ledger) = watched().await;
    let copies = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().to_owned(), copies.path().to_owned());
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    disk.watch(Some(Box::new(move || {
        let mut count = counted.lock().unwrap();
        copy_all(&from, &to.join(count.to_string()));
        *count += 1;
        Ok(())
    })));
    ledger.erase(&of_subject(&subject(1))).unwrap();
    disk.watch(None);
    drop(ledger);
    assert!(must_be_whole(&place));
    let count = *count.lock().unwrap();
    let mut done = Vec::new();
    for n in 0..count {
        let killed = place.copy();
        fs::remove_dir_all(killed.folder()).unwrap();
        copy_all(&copies.path().join(n.to_string()), killed.path());
        done.push(must_be_whole(&killed));
    }
    // Before the record, after it, and each step of replacing the sealing file.
    assert!(count > 7 && !done[0] && done[count - 1], "{done:?}");
    assert!(done.is_sorted(), "{done:?}");
}

#[tokio::test]
async fn an_erasure_whose_disk_fails_says_what_is_done_and_is_completed() {
    let mut seen = BTreeMap::new();
    for nth in 0.. {
        let (place, disk, ledger) = watched().await;
        disk.watch(Some(failing(nth)));
        let erased = ledger.erase(&of_subject(&subject(1)));
        disk.watch(None);
        drop(ledger);
        let is_done = must_be_whole(&place);
        let what = match &erased {
            Ok(_) => "done",
            Err(EraseError::Append(_)) => "unrecorded",
            Err(EraseError::Keys { .. }) => "recorded",
            Err(other) => panic!("{other}"),
        };
        *seen.entry(what).or_insert(0) += 1;
        // Whoever was told that nothing was recorded may try again; else it is done.
        assert!(is_done || what == "unrecorded", "operation {nth}: {what}");
        if erased.is_ok() {
            break;
        }
    }
    assert!(seen["unrecorded"] > 0 && seen["recorded"] > 4, "{seen:?}");
}

#[tokio::test]
async fn keys_that_stayed_in_the_file_are_used_no_more_and_gone_with_the_next_try() {
    let (place, disk, ledger) = watched().await;
    // The record is written, and then nothing.
    disk.watch(Some(failing(1)));
    let erased = ledger.erase(&of_subject(&subject(1)));
    assert!(matches!(erased, Err(EraseError::Keys { .. })), "{erased:?}");
    assert_eq!(opened(&ledger), "- 2 - e");
    assert_ne!(place.opened().0, "");
    let again = ledger.erase(&of_subject(&subject(1)));
    assert!(matches!(again, Err(EraseError::Keys { .. })), "{again:?}");
    disk.watch(None);
    let again = ledger.erase(&of_subject(&subject(1))).unwrap();
    assert_eq!(again.records, []);
    assert_eq!(place.opened().0, "");
}

#[tokio::test]
async fn a_ledger_that_cannot_carry_out_an_erasure_on_record_does_not_open() {
    let (place, _, ledger) = watched().await;
    let older = fs::read(place.sealing_file()).unwrap();
    ledger.erase(&of_subject(&subject(1))).unwrap();
    ledger.close().unwrap();
    let mut unsettled = 0;
    for nth in 0.. {
        fs::write(place.sealing_file(), &older).unwrap();
        let disk = Watched::new();
        let mut settings = place.settings();
        settings.disk = Arc::clone(&disk) as Arc<dyn Disk>;
        disk.watch(Some(failing(nth)));
        match Ledger::open(settings) {
            Ok(ledger) => {
                disk.watch(None);
                assert_eq!(opened(&ledger), "- 2 - e");
                break;
            }
            Err(OpenError::Unsettled(_)) => unsettled += 1,
            Err(OpenError::Io { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(unsettled > 4);
    assert!(must_be_whole(&place));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_with_a_bound_leaves_what_was_recorded_behind_it() {
    let place = Place::new(1 << 20);
    let ledger = place.open();
    ask(&ledger, &[1, 2, 1]).await;
    let bound = ledger.size();
    ask(&ledger, &[1]).await;
    let erased = ledger.erase_before(&of_subject(&subject(1)), bound);
    assert_eq!(erased.unwrap().indices, [0, 2]);
    assert_eq!(opened(&ledger), "- 2 - 1 e");
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
}

#[test]
fn a_ground_names_somebody_whatever_stands_between_the_letters() {
    for (ground, name) in [
        ("about 0011 9998 9554", "001199989554"),
        ("about 001-199.989554.", "0011 9998 9554"),
        ("case abc-7", "ABC7"),
        ("it was o-1, and", "O-1"),
    ] {
        assert!(Erasure::names(ground, name), "{ground}");
    }
    for (ground, name) in [
        ("decision 120-12", "O-1"),
        ("decision 12/QD", "-"),
        ("decision 12/QD", ""),
        ("decision 12/QD", "2"),
    ] {
        assert!(!Erasure::names(ground, name), "{ground}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_while_a_subject_is_erased_stays_readable() {
    let place = Place::new(1 << 20);
    let ledger = place.open();
    ask(&ledger, &[1; 50]).await;
    let asking = {
        let ledger = ledger.clone();
        tokio::spawn(async move { ask(&ledger, &[1, 2].repeat(200)).await })
    };
    let erasing = ledger.clone();
    let erased = tokio::task::spawn_blocking(move || {
        let erase = |_| erasing.erase(&of_subject(&subject(1))).unwrap().indices;
        (0..5).flat_map(erase).collect::<Vec<_>>()
    });
    let erased = erased.await.unwrap();
    asking.await.unwrap();
    assert!(erased.len() >= 50);
    for index in 0..ledger.size() {
        let is_erased = ledger.opened(index).unwrap() == Opened::Erased;
        assert_eq!(is_erased, erased.contains(&index), "{index}");
    }
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
}

/// What becomes of a question at once: that it cannot be sealed, or that it waits to be written.
fn asked_now(ledger: &Ledger) -> String {
    let mut asked = pin!(ledger.append(question(9)));
    match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => error.to_string(),
        Poll::Ready(Ok(_)) => "written".to_owned(),
        Poll::Pending => "waits".to_owned(),
    }
}

#[tokio::test]
async fn nothing_is_sealed_with_keys_of_which_it_is_recorded_that_they_are_destroyed() {
    let (_place, disk, ledger) = watched().await;
    let of_dataset = |dataset: &str| Erasure {
        whose: Whose::Dataset(dataset.to_owned()),
        ..of_subject("")
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let (telling, asking) = (Arc::clone(&told), ledger.clone());
    disk.watch(Some(Box::new(move || {
        telling.lock().unwrap().push(asked_now(&asking));
        Ok(())
    })));
    ledger.erase(&of_dataset("population")).unwrap();
    disk.watch(None);
    let told = told.lock().unwrap().clone();
    // From before the record is written until the old keys are overwritten.
    assert!(told.len() > 7, "{told:?}");
    let no_key = AppendError::NoKey.to_string();
    assert!(told.iter().all(|told| *told == no_key), "{told:?}");
    // A dataset of which there was nothing to erase is written on.
    let mut other = question(1);
    other.record.dataset = "land".to_owned();
    assert_eq!(ledger.erase(&of_dataset("land")).unwrap().records, []);
    let _ = ledger.append(other).await.unwrap();
}

/// What is done to a ledger.
#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    Erase(u64),
    Reopen,
    /// The sealing file is put back from where it was first.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..5_u64).prop_map(Step::Ask),
        2 => (1..5_u64).prop_map(Step::Erase),
        1 => Just(Step::Reopen),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_any_order_exactly_what_was_erased_cannot_be_read(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = Runtime::new().unwrap();
        let place = Place::new(1 << 14);
        let first = fs::read(place.sealing_file()).unwrap();
        let mut ledger = Some(place.open());
        let mut twin: Vec<String> = Vec::new();
        for step in steps {
            let open = ledger.take().unwrap();
            match step {
                Step::Ask(n) => {
                    let appended = runtime.block_on(open.append(question(n))).unwrap();
                    prop_assert_eq!(appended.index(), twin.len() as u64);
                    twin.push(n.to_string());
                    ledger = Some(open);
                }
                Step::Erase(n) => {
                    let erased = open.erase(&of_subject(&subject(n))).unwrap();
                    let mut due = Vec::new();
                    for (one, index) in twin.iter_mut().zip(0..) {
                        if *one == n.to_string() {
                            *one = "-".into();
                            due.push(index);
                        }
                    }
                    prop_assert_eq!(&erased.indices, &due);
                    twin.extend(erased.records.iter().map(|_| "e".to_owned()));
                    ledger = Some(open);
                }
                Step::Reopen => {
                    open.close().unwrap();
                    ledger = Some(place.open());
                }
                Step::Restore => {
                    open.close().unwrap();
                    fs::write(place.sealing_file(), &first).unwrap();
                    ledger = Some(place.open());
                }
            }
            prop_assert_eq!(opened(ledger.as_ref().unwrap()), twin.join(" "));
        }
        ledger.take().unwrap().close().unwrap();
        prop_assert_eq!(place.opened().0, "");
    }
}
