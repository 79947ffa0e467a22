//! `[ledger]`: where the logs lie, with which key, and for how long.

use std::path::{Path, PathBuf};

use motlan_audit::Layout;
use motlan_catalog::Faults;
use motlan_catalog::document::{Located, Table};

use crate::witnesses::Quorum;

/// How much must be free on the ledger's disk: 16 segments.
pub(super) const FREE_BYTES_MIN: u64 = 1 << 30;

/// How much of the ledger's disk is held for the last records: four segments.
pub(super) const RESERVE_BYTES: u64 = 256 << 20;

/// The longest retention: a century.
pub(super) const QUARTERS_MAX: i64 = 400;

/// The ledger's place.
#[derive(Debug, Clone)]
pub struct LedgerSettings {
    /// `folder`: the logs, one folder for each quarter.
    pub folder: PathBuf,
    /// `origin`: the prefix of the log's origin.
    pub origin: String,
    /// `key`: the file with the key that signs all logs, made by `motlan ledger init`.
    pub key: PathBuf,
    /// `known_checkpoint`: the folder where each log's newest checkpoint is kept outside its own;
    /// nowhere without it.
    pub known_checkpoint: Option<PathBuf>,
    /// `keep_quarters`: before so many more have begun, `motlan ledger drop` drops no quarter's
    /// log.
    pub keep_quarters: Option<u32>,
    /// `free_bytes_min`: not ready while less is free on the ledger's disk.
    pub free_bytes_min: u64,
    /// `reserve_bytes`: how long the file is that holds room on the ledger's disk, and is given
    /// back when that is full; 0 for none.
    pub reserve_bytes: u64,
    /// `sealing`: the folder with the secrets of each log's sealed parts.
    pub sealing: PathBuf,
    /// `index`: the folder with each log's search index; beside the folder without it.
    pub index: PathBuf,
    /// `[[ledger.retain]]`: what `motlan ledger retain` makes unreadable.
    pub retain: Vec<Retention>,
    /// What it says of witnesses.
    pub quorum: Quorum,
}

impl LedgerSettings {
    /// Where the logs lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout {
            ledgers: self.folder.clone(),
            sealings: self.sealing.clone(),
            indexes: self.index.clone(),
            known_checkpoints: self.known_checkpoint.clone(),
        }
    }
}

/// How long the personal part of a dataset's records stays readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// `dataset`.
    pub dataset: String,
    /// `quarters`: so many whole quarters after the one of the newest record.
    pub quarters: u32,
    /// `ground`: the legal ground. It is recorded in public.
    pub ground: String,
}

pub(super) fn read(
    mut table: Table<'_>,
    witnesses: usize,
    faults: &mut Faults,
) -> Option<LedgerSettings> {
    let folder = table.path("folder", faults);
    let origin = table.string("origin", faults);
    let key = table.path("key", faults);
    let sealing = table.path("sealing", faults);
    let index = table.opt_path("index", faults);
    let known_checkpoint = table.opt_path("known_checkpoint", faults);
    let free_bytes_min = table.opt_integer("free_bytes_min", 1..=i64::MAX, faults);
    let reserve_bytes = table.opt_integer("reserve_bytes", 0..=i64::MAX, faults);
    let quorum = Quorum::read(&mut table, witnesses, faults);
    let retain = table.tables("retain", faults);
    let retain = retain.into_iter();
    let retain = retain.filter_map(|one| retention(one, faults)).collect();
    let keep_quarters = table.opt_integer("keep_quarters", 1..=QUARTERS_MAX, faults);
    let beside = [
        ("index", &index),
        ("known_checkpoint", &known_checkpoint),
        ("sealing", &sealing),
    ];
    if let Some(folder) = &folder {
        lie_apart(&table, &folder.value, &beside, faults);
    }
    table.finish(faults);
    let folder = folder?.value;
    Some(LedgerSettings {
        index: index.map_or_else(|| Layout::beside(&folder).indexes, |found| found.value),
        folder,
        origin: origin?.value,
        key: key?.value,
        sealing: sealing?.value,
        known_checkpoint: known_checkpoint.map(|found| found.value),
        keep_quarters: keep_quarters.and_then(|found| u32::try_from(found.value).ok()),
        free_bytes_min: free_bytes_min.map_or(FREE_BYTES_MIN, |found| found.value.unsigned_abs()),
        reserve_bytes: reserve_bytes.map_or(RESERVE_BYTES, |found| found.value.unsigned_abs()),
        retain,
        quorum,
    })
}

/// Refuses folders that lie in the ledger's, or are one: each holds an entry for each quarter,
/// named after it.
fn lie_apart(
    table: &Table<'_>,
    ledger: &Path,
    beside: &[(&'static str, &Option<Located<PathBuf>>)],
    faults: &mut Faults,
) {
    let usual = Layout::beside(ledger).indexes;
    let mut before: Vec<(&str, &Path)> = Vec::new();
    if beside
        .iter()
        .any(|(key, place)| *key == "index" && place.is_none())
    {
        before.push(("index", &usual));
    }
    for (key, place) in beside {
        let Some(place) = place else { continue };
        if place.value.starts_with(ledger) {
            let remedy = "put it beside that folder, which holds what counts and nothing else";
            let what = format!("`{key}` lies in the ledger's folder");
            table.fault(place.line, what, remedy, faults);
        }
        if let Some((other, _)) = before.iter().find(|(_, it)| *it == place.value) {
            let what = format!("`{key}` and `{other}` are one folder");
            table.fault(place.line, what, "give each a folder of its own", faults);
        }
        before.push((key, &place.value));
    }
}

fn retention(mut table: Table<'_>, faults: &mut Faults) -> Option<Retention> {
    let dataset = table.string("dataset", faults);
    let quarters = table.integer("quarters", 1..=QUARTERS_MAX, faults);
    let ground = table.string("ground", faults);
    table.finish(faults);
    Some(Retention {
        dataset: dataset?.value,
        quarters: u32::try_from(quarters?.value).ok()?,
        ground: ground?.value,
    })
}
