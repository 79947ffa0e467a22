//! One log with two histories: made by the ledger itself, from a copy of its folder.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use motlan_audit::wire::{Record, RecordKind};
use motlan_audit::{
    Checkpoint, ConsistencyProof, Entry, Hash, Ledger, Settings, SignerKey, VerifierKey,
};
use tempfile::TempDir;

use super::laid::copy_folder;

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";

/// A log that was copied when it had `fork` records, and has gone on as two.
pub(super) struct Histories {
    pub(super) key: VerifierKey,
    /// As it was when it was copied.
    pub(super) fork: u64,
    both: [History; 2],
    _dir: TempDir,
}

struct History {
    ledger: Ledger,
    /// A checkpoint for each size.
    notes: BTreeMap<u64, String>,
}

impl Histories {
    pub(super) async fn lay(fork: u64, size: u64) -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-histories-")?;
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let file = dir.path().join("key");
        SignerKey::generate(ORIGIN)?.write(&file)?;
        let key = SignerKey::read(&file)?;
        let verifier = key.verifier().clone();
        Ledger::create(&one, &ORIGIN.parse()?, &key)?;
        let mut first = History::open(&one, key)?;
        first.grow(fork, "before").await?;
        let notes = first.notes;
        first.ledger.close()?;
        copy_folder(&one, &two)?;
        std::fs::copy(
            dir.path().join("one.sealing"),
            dir.path().join("two.sealing"),
        )?;
        let mut both = Vec::new();
        for (folder, who) in [(&one, "one"), (&two, "two")] {
            let mut history = History::open(folder, SignerKey::read(&file)?)?;
            history.notes.clone_from(&notes);
            history.grow(size, who).await?;
            both.push(history);
        }
        let both = both.try_into().ok().context("not two")?;
        Ok(Self {
            key: verifier,
            fork,
            both,
            _dir: dir,
        })
    }

    /// The next size after `size` for which there is a checkpoint.
    pub(super) fn next(&self, which: usize, size: u64) -> Option<u64> {
        let notes = &self.both.get(which)?.notes;
        notes.range(size + 1..).next().map(|(size, _)| *size)
    }

    /// The body of a request to a witness.
    pub(super) fn request(&self, which: usize, old: u64, size: u64) -> Result<String> {
        let history = self.both.get(which).context("there are two")?;
        let note = history.notes.get(&size).context("no checkpoint")?.clone();
        let proof = history.ledger.consistency(old, size)?;
        Ok(ConsistencyProof::new(old, proof, Some(note)).to_string())
    }

    /// Which of them has this root at this size; both up to the fork.
    pub(super) fn root(&self, which: usize, size: u64) -> Result<Hash> {
        let history = self.both.get(which).context("there are two")?;
        let note = history.notes.get(&size).context("no checkpoint")?;
        Ok(*Checkpoint::open(note, &self.key)?.root())
    }
}

impl History {
    fn open(folder: &std::path::Path, key: SignerKey) -> Result<Self> {
        let mut settings = Settings::new(folder, key);
        settings.segment_bytes = 1 << 20;
        let ledger = Ledger::open(settings)?;
        let notes = BTreeMap::from([(ledger.size(), ledger.checkpoint())]);
        Ok(Self { ledger, notes })
    }

    async fn grow(&mut self, size: u64, caller: &str) -> Result<()> {
        while self.ledger.size() < size {
            let record = Record {
                kind: RecordKind::Question.into(),
                caller: caller.to_owned(),
                ..Record::default()
            };
            let entry = Entry {
                record,
                ..Entry::default()
            };
            let _durable = self.ledger.append(entry).await?;
            self.notes
                .insert(self.ledger.size(), self.ledger.checkpoint());
        }
        Ok(())
    }
}
