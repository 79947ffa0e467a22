//! What was heard of a ledger, and whether it is all there. Hashes with a tree of its own: the
//! slow, obvious twin.

use std::fs::{self, File};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;

use aws_lc_rs::digest::{SHA256, digest};
use motlan_audit::wire::RecordKind;
use motlan_audit::{
    AppendError, Checkpoint, Entry, EraseError, Erased, Erasure, IdentityError, Ledger, OpenError,
    Opened, Sealing, Settings, VerifierKey, Whose, read_entries, verify_with,
};
use prost::Message as _;
use tempfile::TempDir;

use super::bench::{read_key, settings};
use crate::common::{ORIGIN, question};

type Hash = [u8; 32];

#[derive(Clone, Default)]
pub(super) struct Heard {
    /// What the last run ended with.
    pub(super) ended: String,
    /// The ledger was said to be made.
    pub(super) created: bool,
    /// The records that were acknowledged, by their index.
    pub(super) told: Vec<Told>,
    /// The checkpoints that anybody can have seen: size and root.
    pub(super) checkpoints: Vec<(u64, Hash)>,
    /// What is wrong already while it runs.
    pub(super) wrong: Option<String>,
    asked: u64,
    /// What an erasure is to erase that has not been heard of again.
    erasing: Vec<usize>,
}

#[derive(Clone)]
pub(super) struct Told {
    record: Vec<u8>,
    dataset: String,
    subject: String,
    is_erased: bool,
}

impl Heard {
    /// Appends a question of its own and takes note of the acknowledgement.
    pub(super) async fn append(&mut self, ledger: &Ledger) -> Result<(), AppendError> {
        self.asked += 1;
        self.append_entry(ledger, question(self.asked)).await
    }

    /// As [`Heard::append`], with an entry of the caller's.
    pub(super) async fn append_entry(
        &mut self,
        ledger: &Ledger,
        entry: Entry,
    ) -> Result<(), AppendError> {
        let subject = entry.sealed.subject.clone();
        let index = ledger.append(entry).await?.index();
        if let Err(why) = self.hear(ledger, index, subject) {
            self.wrong = Some(why);
        }
        self.see(&ledger.checkpoint(), ledger.verifier());
        Ok(())
    }

    /// Takes note that a record is there.
    fn hear(&mut self, ledger: &Ledger, index: u64, subject: String) -> Result<(), String> {
        if index != self.told.len() as u64 {
            return Err(format!("record {index} is not the next"));
        }
        let record = ledger.record(index).map_err(|error| error.to_string())?;
        if record.kind() == RecordKind::Erasure {
            for index in std::mem::take(&mut self.erasing) {
                self.told[index].is_erased = true;
            }
        }
        self.told.push(Told {
            record: record.encode_to_vec(),
            dataset: record.dataset,
            subject,
            is_erased: false,
        });
        Ok(())
    }

    /// Erases, and takes note of what is then said to be on record.
    pub(super) fn erase(&mut self, ledger: &Ledger, erasure: &Erasure) -> Result<(), EraseError> {
        let is_meant = |told: &Told| match &erasure.whose {
            Whose::Subject { subject, .. } => told.subject == *subject,
            Whose::Dataset(dataset) => told.dataset == *dataset && !told.subject.is_empty(),
        };
        let each = self.told.iter().zip(0..);
        let meant = each.filter(|(told, _)| is_meant(told) && !told.is_erased);
        self.erasing = meant.map(|(_, index)| index).collect();
        let due: Vec<_> = self.erasing.iter().map(|index| *index as u64).collect();
        let erased = erase(ledger, erasure);
        let on_record = match &erased {
            Ok(erased) if erased.indices != due => {
                self.wrong = Some(format!("{erased:?} is erased, and {due:?} is due"));
                false
            }
            Ok(_) => !due.is_empty(),
            Err(EraseError::Keys { .. }) => !due.is_empty(),
            Err(_) => false,
        };
        if on_record && let Err(why) = self.hear(ledger, self.told.len() as u64, String::new()) {
            self.wrong = Some(why);
        }
        erased.map(|_| ())
    }

    /// What the sealing file was before it was replaced must be overwritten.
    pub(super) fn must_be_blank(&mut self, mut was: File, sealing: &Path) {
        let is = fs::metadata(sealing).unwrap().ino();
        let mut bytes = Vec::new();
        was.read_to_end(&mut bytes).unwrap();
        let is_blank = bytes.iter().all(|byte| *byte == 0);
        if was.metadata().unwrap().ino() != is && !is_blank {
            self.wrong = Some("what the sealing file was is there still".to_owned());
        }
    }

    fn see(&mut self, note: &str, key: &VerifierKey) {
        match Checkpoint::open(note, key) {
            Ok(seen) => self.checkpoints.push((seen.size(), *seen.root())),
            Err(error) => self.wrong = Some(error.to_string()),
        }
    }

    /// Takes note of a checkpoint's file, if there is one.
    pub(super) fn look(&mut self, file: &Path, key: &TempDir) {
        if let Ok(note) = fs::read_to_string(file) {
            self.see(&note, read_key(key).verifier());
        }
    }

    /// Opens it again, made anew where it had not been made, and writes one record more.
    pub(super) async fn reopen(
        &mut self,
        settings: impl Fn() -> Settings,
    ) -> Result<Option<u64>, String> {
        let mut missing = false;
        let ledger = match Ledger::open(settings()) {
            Err(OpenError::Identity(IdentityError::Missing { .. })) if !self.created => {
                missing = true;
                Ledger::create_with(&settings(), &ORIGIN.parse().unwrap())
                    .map_err(|error| format!("cannot be made again: {error}"))?;
                Ledger::open(settings())
            }
            opened => opened,
        };
        let ledger = ledger.map_err(|error| format!("does not open: {error}"))?;
        self.created = true;
        let size = self.meet(&ledger)?;
        self.append(&ledger)
            .await
            .map_err(|error| format!("does not write: {error}"))?;
        ledger.close().map_err(|error| error.to_string())?;
        Ok((!missing).then_some(size))
    }

    /// Compares what was heard with a ledger that was opened just now, and gives its size.
    pub(super) fn meet(&mut self, ledger: &Ledger) -> Result<u64, String> {
        let size = ledger.size();
        let due = self.told.len() as u64;
        // One more may have been written that nobody was told of.
        if size < due || size > due + 1 {
            return Err(format!("{size} records, and {due} were acknowledged"));
        }
        // The last ones; all of them are compared once it is closed.
        let last = self.told.len().saturating_sub(4);
        for (told, index) in self.told.iter().zip(0..).skip(last) {
            let record = ledger.record(index).map_err(|error| error.to_string())?;
            if record.encode_to_vec() != told.record {
                return Err(format!("record {index} is another"));
            }
        }
        if size > due {
            let record = ledger.record(due).map_err(|error| error.to_string())?;
            let subject = match record.kind() {
                RecordKind::Erasure if self.erasing.is_empty() => {
                    return Err("an erasure that nobody asked for".to_owned());
                }
                RecordKind::Erasure => String::new(),
                _ => format!("{:012}", self.asked),
            };
            self.hear(ledger, due, subject)?;
        }
        // Now it is known whether it is on record.
        self.erasing.clear();
        Ok(size)
    }

    /// Opens what was left in `root` and gives how many records it holds.
    pub(super) async fn is_all_there(
        &self,
        root: &Path,
        key: &TempDir,
    ) -> Result<Option<u64>, String> {
        let mut heard = self.clone();
        let size = heard.reopen(|| settings(root, key)).await?;
        let folder = root.join("ledger");
        let file = root.join("ledger.sealing");
        let sealing = Sealing::read(&file).map_err(|e| e.to_string())?;
        let verifier = read_key(key).verifier().clone();
        let report = verify_with(&folder, &verifier, Some(&sealing), |_, _| {});
        let report = report.map_err(|error| error.to_string())?;
        if !report.is_sound() {
            return Err(format!("is not sound: {:?}", report.findings.first));
        }
        let leaves = heard.compare(&folder, &sealing)?;
        // Nor does what an interrupted replacement left open what was erased.
        if let Ok(left) = Sealing::read(&root.join("ledger.sealing.new")) {
            heard.compare(&folder, &left)?;
        }
        for (size, root) in &heard.checkpoints {
            let first = leaves.get(..*size as usize);
            if first.map(tree) != Some(*root) {
                return Err(format!(
                    "does not extend a checkpoint of {size} that was seen"
                ));
            }
        }
        Ok(size)
    }

    /// Compares all records in `folder` with what was heard, and gives the hashes of the leaves.
    fn compare(&self, folder: &Path, sealing: &Sealing) -> Result<Vec<Hash>, String> {
        let mut leaves = Vec::new();
        let mut wrong = None;
        let read = read_entries(folder, Some(sealing), |entry| {
            let told = self.told.get(leaves.len());
            let leaf = entry.record.encode_to_vec();
            let same = |told: &Told| {
                told.record == leaf
                    && match &entry.sealed {
                        Opened::Erased => told.is_erased,
                        Opened::Sealed(sealed) => !told.is_erased && sealed.subject == told.subject,
                        Opened::NoKey | Opened::Damaged => false,
                    }
            };
            if !told.is_some_and(same) {
                wrong = Some(leaves.len());
            }
            leaves.push(hash(&[&[0], &leaf]));
            ControlFlow::Continue(())
        });
        read.map_err(|error| error.to_string())?;
        match wrong {
            Some(index) => Err(format!("record {index} is not the one that was given")),
            None => Ok(leaves),
        }
    }
}

/// Erases on a thread of its own: in a task of a runtime it would have to wait for its turn, and
/// have nobody give it.
pub(super) fn erase(ledger: &Ledger, erasure: &Erasure) -> Result<Erased, EraseError> {
    thread::scope(|scope| scope.spawn(|| ledger.erase(erasure)).join().unwrap())
}

/// The root of RFC 6962 section 2.1, word for word.
fn tree(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(&[]),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(k);
            hash(&[&[1], &tree(left), &tree(right)])
        }
    }
}

fn hash(parts: &[&[u8]]) -> Hash {
    digest(&SHA256, &parts.concat())
        .as_ref()
        .try_into()
        .unwrap()
}
