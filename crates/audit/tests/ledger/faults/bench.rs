//! A run of a ledger on a disk that fails, and what is found of it afterwards.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use motlan_audit::{
    AppendError, Entry, EraseError, Ledger, OpenError, Settings, SignerKey, State, Store,
};
use motlan_testkit::FragileDisk;
use motlan_testkit::disk::{Fate, Operation, Trouble};
use tempfile::TempDir;

use super::heard::Heard;
use super::script::{Script, second};
use crate::common::{ORIGIN, change, copy_folder, frames_end, question, temporary};
use crate::sealing::{of_subject, subject};

type Files = Box<dyn Store>;

/// Three records or so fill a segment.
const SEGMENT_BYTES: u64 = 1024;
/// More than what is read of a segment at once, and the records that fill so much of it.
const LONG_SEGMENT_BYTES: u64 = 3 << 20;
const FAT_RECORDS: u32 = 40;
/// Two records before the first tile is full.
const RECORDS_BEFORE_TILE: u64 = 254;

/// An entry that names so many fields: 200 take several sectors, 5,000 nearly as much as there may
/// be in one.
fn of_length(fields: u32) -> Entry {
    let mut entry = question(0);
    entry.record.fields_asked = (0..fields).map(|n| format!("field_{n}")).collect();
    entry
}

/// What every run begins from.
pub(super) struct Bench {
    script: Script,
    pub(super) base: TempDir,
    before: Heard,
    pub(super) key: Arc<TempDir>,
}

/// A run that is over.
pub(super) struct Run {
    pub(super) disk: FragileDisk,
    pub(super) heard: Heard,
    script: Script,
    pub(super) root: TempDir,
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
        let mut bench = Bench {
            script,
            base,
            before: Heard::default(),
            key,
        };
        if script != Script::Anew {
            bench.prepare().await;
        }
        bench
    }

    /// Writes what the script begins from.
    async fn prepare(&mut self) {
        let root = self.base.path().to_owned();
        let mut settings = settings(&root, &self.key);
        settings.checkpoint_every = Duration::from_secs(3600);
        settings.segment_bytes = match self.script {
            Script::Long => LONG_SEGMENT_BYTES,
            _ => 1 << 16,
        };
        Ledger::create_with(&settings, &ORIGIN.parse().unwrap()).unwrap();
        let sealing = fs::read(root.join("ledger.sealing")).unwrap();
        let heard = &mut self.before;
        heard.created = true;
        let ledger = Ledger::open(settings).unwrap();
        match self.script {
            Script::Anew => {}
            Script::Tile => {
                for _ in 0..RECORDS_BEFORE_TILE {
                    heard.append(&ledger).await.unwrap();
                }
            }
            Script::Torn | Script::Long => {
                for _ in 0..3 {
                    heard.append(&ledger).await.unwrap();
                }
                let fat = if self.script == Script::Long {
                    FAT_RECORDS
                } else {
                    0
                };
                for _ in 0..fat {
                    heard.append_entry(&ledger, of_length(5000)).await.unwrap();
                }
                let _ = ledger.append(of_length(200)).await.unwrap();
                return self.tear(ledger);
            }
            Script::Subject | Script::Dataset | Script::Unsettled => {
                for n in [1, 2] {
                    heard.append(&ledger).await.unwrap();
                    heard.append_entry(&ledger, second(n)).await.unwrap();
                }
            }
        }
        if self.script == Script::Unsettled {
            heard.erase(&ledger, &of_subject(&subject(1))).unwrap();
        }
        ledger.close().unwrap();
        if self.script == Script::Unsettled {
            fs::write(root.join("ledger.sealing"), sealing).unwrap();
        }
    }

    /// Leaves what a crash leaves of the last frame.
    fn tear(&self, ledger: Ledger) {
        let (root, copy) = (self.base.path(), temporary());
        copy_folder(root, copy.path());
        drop(ledger);
        fs::remove_dir_all(root.join("ledger")).unwrap();
        fs::remove_dir_all(root.join("known")).unwrap();
        copy_folder(copy.path(), root);
        let segment = root.join("ledger/segments/00000000");
        let end = frames_end(&segment);
        change(&segment, |bytes| bytes[end - 600..].fill(0));
        fs::write(root.join("ledger/segments/spare"), b"left").unwrap();
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
            script: self.script,
            root,
            key: Arc::clone(&self.key),
        };
        run.play(wrap).await;
        run
    }
}

impl Run {
    fn settings(&self) -> Settings {
        let mut settings = settings(self.root.path(), &self.key);
        settings.checkpoint_every = self.script.checkpoint_every();
        settings.disk = Arc::new(self.disk.clone());
        settings
    }

    /// The same run once more, on what `fate` left of it, or on the disk as it is.
    pub(super) async fn again(self, fate: Option<&Fate>, nth: usize, trouble: Trouble) -> Run {
        let mut run = match fate {
            None => self,
            Some(fate) => {
                let root = temporary();
                self.disk.lay(fate, root.path()).unwrap();
                Run {
                    disk: FragileDisk::under(root.path()).unwrap(),
                    root,
                    ..self
                }
            }
        };
        run.disk.repair();
        run.disk.plan(run.disk.operations().len() + nth, trouble);
        run.play(|files| files).await;
        run
    }

    /// Plays the script and takes note of what it ends with.
    async fn play(&mut self, wrap: impl FnOnce(Files) -> Files) {
        self.heard.ended = self.acts(wrap).await;
        let root = self.root.path();
        for checkpoint in ["ledger/checkpoint", "known/checkpoint"] {
            self.heard.look(&root.join(checkpoint), &self.key);
        }
    }

    async fn acts(&mut self, wrap: impl FnOnce(Files) -> Files) -> String {
        let is_made = fs::exists(self.root.path().join("ledger/log")).unwrap();
        if !self.heard.created && !is_made {
            if Ledger::create_with(&self.settings(), &ORIGIN.parse().unwrap()).is_err() {
                return "create fails".to_owned();
            }
            self.heard.created = true;
        }
        let sealing = self.root.path().join("ledger.sealing");
        let unsettled = fs::File::open(&sealing);
        let ledger = match Ledger::open_through(self.settings(), wrap) {
            Ok(ledger) => ledger,
            Err(OpenError::Unsettled(_)) => return "open cannot erase".to_owned(),
            Err(_) => return "open fails".to_owned(),
        };
        self.heard.created = true;
        if self.script == Script::Unsettled {
            self.heard.must_be_blank(unsettled.unwrap(), &sealing);
        }
        if let Err(why) = self.heard.meet(&ledger) {
            self.heard.wrong = Some(why);
        }
        let mut ended = String::new();
        for (erasure, n) in self.script.erasures().iter().zip(1..) {
            let before = fs::File::open(&sealing).unwrap();
            match self.heard.erase(&ledger, erasure) {
                Ok(()) => self.heard.must_be_blank(before, &sealing),
                Err(EraseError::Keys { .. }) => ended = format!("keys {n} stay, "),
                Err(_) => {
                    return self
                        .has_failed(ledger, &format!("{ended}erasure {n}"))
                        .await;
                }
            }
        }
        if self.script == Script::Dataset {
            // Not even if its keys are there still: the next opening destroys them.
            let refused = ledger.append(second(3)).await;
            let refused = refused.map(|durable| durable.index());
            assert!(matches!(refused, Err(AppendError::NoKey)), "{refused:?}");
        }
        for n in 1..=self.script.appends() {
            if self.heard.append(&ledger).await.is_err() {
                return self.has_failed(ledger, &format!("{ended}append {n}")).await;
            }
        }
        ended.push_str(match ledger.close() {
            Ok(()) => "all goes well",
            Err(_) => "close fails",
        });
        ended
    }

    /// Nothing may be acknowledged any more.
    async fn has_failed(&self, ledger: Ledger, what: &str) -> String {
        for _ in 0..2 {
            let again = ledger.append(question(0)).await;
            let again = again.map(|durable| durable.index());
            assert!(matches!(again, Err(AppendError::Failed(_))), "{again:?}");
        }
        assert!(matches!(ledger.state(), State::Failed(_)));
        assert!(ledger.close().is_err());
        format!("{what} fails")
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
