//! A ledger that grows by real records: pairs like the one of a lookup that the gateway itself has
//! answered, appended by the ledger's own code, each sealed and committed as any other, with other
//! subjects, dossiers, officials and tokens; and the search index taken on to the end.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::wire::{Record, Sealed};
use motlan_audit::{
    Entry, Index, Layout, Ledger, LogFolder, ReadEntry, Sealing, ShardSettings, SignerKey,
};
use motlan_testkit::World;
use serde::Serialize;
use tokio::task::JoinSet;

/// So many lookups are on their way to the ledger at a time: what waits for the committer at most.
const UNDER_WAY: usize = 4_096;
/// How many officials ask.
const OFFICIALS: u64 = 500;

/// What lies on the disk, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Disk {
    /// The segments, the tree's tiles and the checkpoint.
    pub(super) log_bytes: u64,
    /// The secrets of the sealed parts.
    pub(super) sealing_bytes: u64,
    /// The search index.
    pub(super) index_bytes: u64,
}

impl Disk {
    /// What there is of the newest log. Nobody writes it meanwhile.
    pub(super) fn of(world: &World) -> Result<Self> {
        let place = Place::of(world)?;
        Ok(Self {
            log_bytes: bytes_below(&place.settings.folder)?,
            sealing_bytes: bytes_below(&place.settings.sealing)?,
            index_bytes: bytes_below(&place.index)?,
        })
    }

    /// All together.
    pub(super) fn bytes(&self) -> u64 {
        self.log_bytes + self.sealing_bytes + self.index_bytes
    }
}

/// Where the newest log lies.
struct Place {
    settings: motlan_audit::Settings,
    index: std::path::PathBuf,
}

impl Place {
    /// As the world's `motlan.toml` says.
    fn of(world: &World) -> Result<Self> {
        let mut layout = Layout::beside(world.dir().join("ledger"));
        layout.sealings = world.dir().join("pki/sealing");
        let newest = layout.quarters()?.last().copied().context("no log")?;
        let key = SignerKey::read(&world.dir().join("pki/ledger.key"))?;
        let index = layout.index(newest);
        let settings = ShardSettings::new(layout, key).of(newest);
        Ok(Self { settings, index })
    }
}

/// Appends `records` records, half of them questions and half their outcomes. No gateway runs
/// meanwhile.
pub(super) async fn grow(world: &World, records: u64) -> Result<()> {
    if records == 0 {
        return Ok(());
    }
    let Place { settings, index } = Place::of(world)?;
    let (folder, sealing) = (settings.folder.clone(), settings.sealing.clone());
    let ledger = tokio::task::spawn_blocking(move || Ledger::open(settings)).await??;
    let before = ledger.size();
    let pair = Pair::first(&ledger)?;
    let mut under_way = JoinSet::new();
    for number in 0..records / 2 {
        while under_way.len() >= UNDER_WAY {
            appended(under_way.join_next().await)?;
        }
        under_way.spawn(append(ledger.clone(), pair.clone(), number));
    }
    while let Some(done) = under_way.join_next().await {
        appended(Some(done))?;
    }
    let grown = ledger.size() - before;
    ensure!(grown == records, "{grown} records were made of {records}");
    let close = move || -> Result<()> {
        ledger.close()?;
        let log = LogFolder::open(&folder, Some(Sealing::read(&sealing)?))?;
        Index::open(log, &index)?.update(&mut |_, _| {})?;
        Ok(())
    };
    tokio::task::spawn_blocking(close).await?
}

fn appended(done: Option<Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    done.context("nothing was under way")??
}

/// A question and its outcome.
#[derive(Clone)]
struct Pair {
    question: (Record, Sealed),
    outcome: (Record, Sealed),
}

impl Pair {
    /// The first of the ledger.
    fn first(ledger: &Ledger) -> Result<Self> {
        let mut read = Vec::new();
        ledger.entries(0, |entry| {
            read.push(entry);
            match read.len() {
                2.. => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
        let mut parts = read.into_iter().map(parts);
        let (question, outcome) = parts.next().zip(parts.next()).context("no lookup")?;
        Ok(Self {
            question: question?,
            outcome: outcome?,
        })
    }
}

fn parts(entry: ReadEntry) -> Result<(Record, Sealed)> {
    let sealed = entry.sealed.sealed().cloned();
    Ok((
        entry.record,
        sealed.context("a sealed part cannot be read")?,
    ))
}

/// Appends the lookup of this number.
async fn append(ledger: Ledger, pair: Pair, number: u64) -> Result<()> {
    let question = ledger.append(entry(pair.question, number)).await?;
    let mut outcome = entry(pair.outcome, number);
    outcome.record.question = Some(question.index());
    let _durable = ledger.append(outcome).await?;
    Ok(())
}

/// The same, of somebody else, a moment later.
fn entry((mut record, mut sealed): (Record, Sealed), number: u64) -> Entry {
    record.time_us = record.time_us.saturating_add_unsigned(number);
    // Twelve digits, as of a person, and nobody's: no province has the number 000.
    sealed.subject = format!("000{number:09}");
    sealed.dossier = format!("000.00.00.H26-261122-{number:07}");
    sealed.official = format!("official-{:04}", number % OFFICIALS);
    sealed.token_id = format!("{number:032x}");
    Entry { record, sealed }
}

/// How much a file, or a folder with all below it, holds on the disk.
fn bytes_below(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::symlink_metadata(path)?;
    // In units of 512 bytes, whatever the file system (stat(2)).
    let mut bytes = found.blocks() * 512;
    if found.is_dir() {
        for entry in std::fs::read_dir(path)? {
            bytes += bytes_below(&entry?.path())?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lookups_are_of_one_subject_dossier_or_token() {
        let of = |number| entry(Default::default(), number).sealed;
        let (one, other) = (of(1), of(2));
        assert_ne!(one.subject, other.subject);
        assert_ne!(one.dossier, other.dossier);
        assert_ne!(one.token_id, other.token_id);
        assert_eq!(one.subject.len(), 12);
    }

    #[test]
    fn a_folder_holds_what_its_files_do() {
        let dir = tempfile::TempDir::new().unwrap();
        let before = bytes_below(dir.path()).unwrap();
        std::fs::write(dir.path().join("one"), vec![7; 100_000]).unwrap();
        assert!(bytes_below(dir.path()).unwrap() >= before + 100_000);
    }
}
