//! A run of a ledger on a disk that fails, and what is found of it afterwards.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use motlan_audit::{AppendError, Entry, Ledger, Settings, SignerKey, State, Store};
use motlan_testkit::FragileDisk;
use motlan_testkit::disk::{Operation, Trouble};
use tempfile::TempDir;

use super::heard::Heard;
use crate::common::{ORIGIN, change, copy_folder, frames_end, question, temporary};

/// Three records or so fill a segment.
const SEGMENT_BYTES: u64 = 1024;
/// Two records before the first tile is full.
const RECORDS_BEFORE_TILE: u64 = 254;

type Files = Box<dyn Store>;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// A ledger is made, opened, written over several segments, and closed.
    Anew,
    /// A ledger whose first tile is nearly full is opened, written, and closed.
    Tile,
    /// A ledger that a crash left with a torn frame and a spare segment is opened, written, and
    /// closed.
    Torn,
}

impl Script {
    pub(super) const ALL: [Script; 3] = [Script::Anew, Script::Tile, Script::Torn];

    fn appends(self) -> u64 {
        match self {
            Script::Anew => 6,
            Script::Tile => 3,
            Script::Torn => 1,
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Script::Anew => "anew",
            Script::Tile => "tile",
            Script::Torn => "torn",
        })
    }
}

/// An entry of several sectors.
fn long() -> Entry {
    let mut long = question(0);
    long.record.fields_asked = (0..200).map(|n| format!("field_{n}")).collect();
    long
}

/// What every run begins from.
pub(super) struct Bench {
    script: Script,
    base: TempDir,
    before: Heard,
    key: Arc<TempDir>,
}

/// A run that is over.
pub(super) struct Run {
    pub(super) disk: FragileDisk,
    pub(super) heard: Heard,
    root: TempDir,
    key: Arc<TempDir>,
}

/// What was found on the disk in all its states.
pub(super) struct Found {
    /// The sizes; none where there was no ledger.
    sizes: BTreeSet<Option<u64>>,
    pub(super) states: u64,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.sizes.iter().map(|size| match size {
            Some(size) => size.to_string(),
            None => "none".to_owned(),
        });
        f.write_str(&sizes.collect::<Vec<_>>().join(" or "))
    }
}

pub(super) fn settings(root: &Path, key: &TempDir) -> Settings {
    let mut settings = Settings::new(root.join("ledger"), read_key(key));
    settings.segment_bytes = SEGMENT_BYTES;
    settings.known_checkpoint = Some(root.join("known/checkpoint"));
    settings.checkpoint_every = Duration::ZERO;
    settings
}

pub(super) fn read_key(key: &TempDir) -> SignerKey {
    SignerKey::read(&key.path().join("ledger.key")).unwrap()
}

impl Bench {
    pub(super) async fn new(script: Script) -> Bench {
        let (base, key) = (temporary(), Arc::new(temporary()));
        let signer = SignerKey::generate(ORIGIN).unwrap();
        signer.write(&key.path().join("ledger.key")).unwrap();
        let mut before = Heard::default();
        let mut settings = settings(base.path(), &key);
        settings.checkpoint_every = Duration::from_secs(3600);
        let records = match script {
            Script::Anew => 0,
            Script::Tile => RECORDS_BEFORE_TILE,
            Script::Torn => 3,
        };
        if script != Script::Anew {
            settings.segment_bytes = 1 << 16;
            Ledger::create_with(&settings, &ORIGIN.parse().unwrap()).unwrap();
            before.created = true;
            let ledger = Ledger::open(settings).unwrap();
            for _ in 0..records {
                before.append(&ledger).await.unwrap();
            }
            if script == Script::Torn {
                let _ = ledger.append(long()).await.unwrap();
            }
            if script == Script::Torn {
                let copy = temporary();
                copy_folder(base.path(), copy.path());
                drop(ledger);
                fs::remove_dir_all(base.path().join("ledger")).unwrap();
                fs::remove_dir_all(base.path().join("known")).unwrap();
                copy_folder(copy.path(), base.path());
                let segment = base.path().join("ledger/segments/00000000");
                let end = frames_end(&segment);
                change(&segment, |bytes| bytes[end - 600..].fill(0));
                fs::write(base.path().join("ledger/segments/spare"), b"left").unwrap();
            } else {
                ledger.close().unwrap();
            }
        }
        Bench {
            script,
            base,
            before,
            key,
        }
    }

    /// Runs the script with these operations going wrong.
    pub(super) async fn run(&self, plan: &[(usize, Trouble)]) -> Run {
        self.play(plan, |files| files).await
    }

    /// Runs the script on a sound disk, with another store around that of files.
    pub(super) async fn run_through(&self, wrap: impl FnOnce(Files) -> Files) -> Run {
        self.play(&[], wrap).await
    }

    async fn play(&self, plan: &[(usize, Trouble)], wrap: impl FnOnce(Files) -> Files) -> Run {
        let root = temporary();
        copy_folder(self.base.path(), root.path());
        let disk = FragileDisk::under(root.path()).unwrap();
        for (nth, trouble) in plan {
            disk.plan(*nth, *trouble);
        }
        let mut run = Run {
            disk,
            heard: self.before.clone(),
            root,
            key: Arc::clone(&self.key),
        };
        run.heard.ended = run.play(self.script, wrap).await;
        run.heard
            .look(&run.root.path().join("ledger/checkpoint"), &run.key);
        run.heard
            .look(&run.root.path().join("known/checkpoint"), &run.key);
        run
    }
}

impl Run {
    fn settings(&self) -> Settings {
        let mut settings = settings(self.root.path(), &self.key);
        settings.disk = Arc::new(self.disk.clone());
        settings
    }

    /// Plays the script and tells what it ended with.
    async fn play(&mut self, script: Script, wrap: impl FnOnce(Files) -> Files) -> String {
        if !self.heard.created {
            if Ledger::create_with(&self.settings(), &ORIGIN.parse().unwrap()).is_err() {
                return "create fails".to_owned();
            }
            self.heard.created = true;
        }
        let Ok(ledger) = Ledger::open_through(self.settings(), wrap) else {
            return "open fails".to_owned();
        };
        for n in 1..=script.appends() {
            if self.heard.append(&ledger).await.is_err() {
                // Nothing may be acknowledged any more.
                for _ in 0..2 {
                    let again = ledger
                        .append(question(0))
                        .await
                        .map(|durable| durable.index());
                    assert!(matches!(again, Err(AppendError::Failed(_))), "{again:?}");
                }
                assert!(matches!(ledger.state(), State::Failed(_)));
                assert!(ledger.close().is_err());
                return format!("append {n} fails");
            }
        }
        match ledger.close() {
            Ok(()) => "all goes well".to_owned(),
            Err(_) => "close fails".to_owned(),
        }
    }

    /// Opens the ledger again on whatever a kill or a power cut can have left, and, where it was
    /// only killed, after a power cut that comes once it was opened and written again.
    pub(super) async fn examine(&self) -> Result<Found, String> {
        self.examine_reopened(None).await
    }

    /// As [`Run::examine`], with a lie when it is opened again.
    pub(super) async fn examine_reopened(&self, lie: Option<Operation>) -> Result<Found, String> {
        if let Some(wrong) = &self.heard.wrong {
            return Err(wrong.clone());
        }
        let mut found = Found {
            sizes: BTreeSet::new(),
            states: 0,
        };
        self.examine_fates(&self.heard, Some(&mut found)).await?;
        self.disk.repair();
        if let Some(operation) = lie {
            self.disk.plan_next(operation, Trouble::Lies);
        }
        let mut heard = self.heard.clone();
        heard.reopen(|| self.settings()).await?;
        let states = self.examine_fates(&heard, None).await?;
        found.states += states;
        Ok(found)
    }

    async fn examine_fates(&self, heard: &Heard, found: Option<&mut Found>) -> Result<u64, String> {
        let mut sizes = BTreeSet::new();
        let fates = self.disk.fates();
        let states = fates.len() as u64;
        for fate in fates {
            let left = temporary();
            self.disk.lay(&fate, left.path()).unwrap();
            let size = heard
                .is_all_there(left.path(), &self.key)
                .await
                .map_err(|why| format!("{fate}: {why}"))?;
            sizes.insert(size);
        }
        if let Some(found) = found {
            found.sizes = sizes;
            found.states += states;
        }
        Ok(states)
    }
}
