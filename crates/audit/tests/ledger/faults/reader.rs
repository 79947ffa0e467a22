//! A ledger that is read on a disk that fails, step by step.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motlan_audit::{Disk, Ledger, Prover, Sealing, Settings, TreeAt, verify_through};
use motlan_testkit::FragileDisk;
use tempfile::TempDir;

use super::bench::{read_key, settings};
use super::heard::erase;
use super::script::Script;
use crate::common::{copy_folder, temporary};
use crate::sealing::{of_subject, subject};

/// What one thing that is done with a ledger gives.
pub(super) type Answer = Result<String, String>;

/// A ledger that is read on a disk that fails.
pub(super) struct Reader {
    pub(super) disk: FragileDisk,
    root: TempDir,
    key: Arc<TempDir>,
    ledger: Option<Ledger>,
}

/// What is done, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Open,
    Record,
    Receipt,
    Consistency,
    Tile,
    Bundle,
    Sealed,
    Entries,
    Holdings,
    Prove,
    Erase,
    Close,
    Verify,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Which steps a ledger of this script goes through: one with many records is not read whole.
pub(super) fn steps(script: Script) -> Vec<Step> {
    use Step::*;
    if script == Script::Long {
        return vec![Open, Close, Verify];
    }
    let all = [
        Open,
        Record,
        Receipt,
        Consistency,
        Tile,
        Bundle,
        Sealed,
        Entries,
        Holdings,
        Prove,
        Erase,
        Close,
        Verify,
    ];
    let reads_all = |step: &Step| [Holdings, Erase].contains(step);
    let is_due = |step: &Step| script != Script::Tile || !reads_all(step);
    all.into_iter().filter(is_due).collect()
}

fn told(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

impl Reader {
    pub(super) fn new(base: &Path, key: &Arc<TempDir>) -> Reader {
        let root = temporary();
        copy_folder(base, root.path());
        Reader {
            disk: FragileDisk::under(root.path()).unwrap(),
            root,
            key: Arc::clone(key),
            ledger: None,
        }
    }

    fn settings(&self) -> Settings {
        let mut settings = settings(self.root.path(), &self.key);
        settings.disk = Arc::new(self.disk.clone());
        // Nothing is written while the files are looked at.
        settings.checkpoint_every = Duration::from_secs(3600);
        settings
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    pub(super) fn take(&mut self, step: Step) -> Answer {
        match step {
            Step::Open => {
                self.ledger = Some(Ledger::open(self.settings()).map_err(told)?);
                Ok(self.ledger().size().to_string())
            }
            Step::Close => {
                let closed = self.ledger.take().unwrap().close();
                closed.map(|()| String::new()).map_err(told)
            }
            Step::Verify => {
                let sealing = Sealing::read(&self.root.path().join("ledger.sealing")).unwrap();
                let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
                let folder = self.root.path().join("ledger");
                let key = read_key(&self.key).verifier().clone();
                let report = verify_through(&disk, &folder, &key, Some(&sealing), |_, _| {});
                report.map(|report| format!("{report:?}")).map_err(told)
            }
            served => self.is_served(served),
        }
    }

    fn is_served(&self, step: Step) -> Answer {
        let ledger = self.ledger();
        let size = ledger.size();
        let width = usize::try_from(size).unwrap().min(256);
        let mut given = String::new();
        let answer = match step {
            Step::Record => format!("{:?}", ledger.record(size - 1).map_err(told)?),
            Step::Receipt => format!("{:?}", ledger.receipt(1).map_err(told)?),
            Step::Consistency => format!("{:?}", ledger.consistency(1, size).map_err(told)?),
            Step::Tile => format!("{:?}", ledger.tile(0, 0, width).map_err(told)?),
            Step::Bundle => {
                let visit = |leaf: &[u8]| given.push_str(&format!("{leaf:?}"));
                ledger.bundle(0, 2, visit).map_err(told)?;
                given
            }
            Step::Sealed => format!("{:?}", ledger.opened(2).map_err(told)?),
            Step::Entries => {
                let visit = |entry: motlan_audit::ReadEntry| {
                    let _ = write!(given, "{entry:?} {:?}", entry.sealed);
                    ControlFlow::Continue(())
                };
                ledger.entries(size - 2, visit).map_err(told)?;
                given
            }
            Step::Prove => {
                let disk = Arc::new(self.disk.clone());
                let folder = self.root.path().join("ledger");
                let mut prover = Prover::open_through(disk, &folder).map_err(told)?;
                let note = prover.checkpoint().to_owned();
                let inclusion = prover.inclusion(1, &note).map_err(told)?;
                let new = TreeAt::Checkpoint(&note);
                let grown = prover.consistency(TreeAt::Size(1), new).map_err(told)?;
                format!("{inclusion:?} {grown:?}")
            }
            Step::Holdings => format!("{:?}", ledger.holdings().map_err(told)?),
            Step::Erase => {
                let erased = erase(ledger, &of_subject(&subject(2))).map_err(told)?;
                format!("{:?}", erased.indices)
            }
            Step::Open | Step::Close | Step::Verify => unreachable!(),
        };
        Ok(answer)
    }

    pub(super) fn files(&self) -> Files {
        let mut files = Files::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("segments/spare") {
                    let name = path.strip_prefix(self.root.path()).unwrap().to_owned();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }
}
