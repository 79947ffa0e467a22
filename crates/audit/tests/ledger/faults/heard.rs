//! What was heard of a ledger, and whether it is all there. Hashes with a tree of its own: the
//! slow, obvious twin.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use motlan_audit::{
    AppendError, Checkpoint, IdentityError, Ledger, OpenError, Sealing, Settings, VerifierKey,
    read_entries, verify,
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
}

#[derive(Clone)]
pub(super) struct Told {
    record: Vec<u8>,
    subject: String,
}

impl Heard {
    /// Appends a question of its own and takes note of the acknowledgement.
    pub(super) async fn append(&mut self, ledger: &Ledger) -> Result<(), AppendError> {
        self.asked += 1;
        let entry = question(self.asked);
        let subject = entry.sealed.subject.clone();
        let durable = ledger.append(entry).await?;
        let record = match ledger.record(durable.index()) {
            Ok(record) if durable.index() == self.told.len() as u64 => record.encode_to_vec(),
            other => {
                self.wrong = Some(format!("record {}: {other:?}", durable.index()));
                Vec::new()
            }
        };
        self.told.push(Told { record, subject });
        self.see(&ledger.checkpoint(), ledger.verifier());
        Ok(())
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
        let size = ledger.size();
        let due = self.told.len() as u64;
        // One more may have been written that nobody was told of.
        if size < due || size > due + 1 {
            return Err(format!("{size} records, and {due} were acknowledged"));
        }
        // The last ones; all of them are compared once it is closed.
        for (told, index) in self
            .told
            .iter()
            .zip(0..)
            .skip(self.told.len().saturating_sub(4))
        {
            let record = ledger.record(index).map_err(|error| error.to_string())?;
            if record.encode_to_vec() != told.record {
                return Err(format!("record {index} is another"));
            }
        }
        if size > due {
            let record = ledger.record(due).map_err(|error| error.to_string())?;
            let subject = format!("{:012}", self.asked);
            let record = record.encode_to_vec();
            self.told.push(Told { record, subject });
        }
        self.append(&ledger)
            .await
            .map_err(|error| format!("does not write: {error}"))?;
        ledger.close().map_err(|error| error.to_string())?;
        Ok((!missing).then_some(size))
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
        let report = verify(&folder, read_key(key).verifier()).map_err(|e| e.to_string())?;
        if !report.is_sound() {
            return Err(format!("is not sound: {:?}", report.findings.first));
        }
        let mut leaves = Vec::new();
        let mut wrong = None;
        let sealing = Sealing::read(&root.join("ledger.sealing")).map_err(|e| e.to_string())?;
        let read = read_entries(&folder, Some(&sealing), |entry| {
            let told = heard.told.get(leaves.len());
            let leaf = entry.record.encode_to_vec();
            let subject = entry.sealed.sealed().map(|sealed| &sealed.subject);
            let same = |told: &Told| told.record == leaf && subject == Some(&told.subject);
            if !told.is_some_and(same) {
                wrong = Some(leaves.len());
            }
            leaves.push(hash(&[&[0], &leaf]));
            ControlFlow::Continue(())
        });
        read.map_err(|error| error.to_string())?;
        if let Some(index) = wrong {
            return Err(format!("record {index} is not the one that was given"));
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
