//! Decisions that are remembered for a moment: which grant fitted the same question just now.
//!
//! Sound, because the key holds everything that the rules see of a question but the time, and the
//! time cannot matter: days and hours change with the minute, agreements begin and end at midnight,
//! so that within one minute of the clock the platform's guards say the same. What an owner's rule
//! makes of the time is not known: datasets that have some are never remembered, nor is what rests
//! on others' signatures or an emergency, nor any refusal, nor anything for longer than
//! [`REMEMBERED_MS_MAX`]. The catalogue's revision is no part of the key, as every revision has
//! rules, and with them a memory, of its own.

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use motlan_catalog::{Agreement, Catalog, DatasetId, GrantId, ProcedureCode, SystemId};

use crate::engine::Granted;
use crate::moment::Moment;
use crate::rules::Query;

/// How many decisions are remembered.
pub const REMEMBERED_MAX: u64 = 65_536;
/// No decision is remembered for longer than this, in milliseconds.
pub const REMEMBERED_MS_MAX: i64 = 5_000;

const MINUTE_MS: i64 = 60_000;

/// Everything that the rules see of a question, but the time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    system: u32,
    method: u32,
    procedure: u32,
    cited: Option<u32>,
    dossier: bool,
}

#[derive(Clone)]
struct Entry {
    fit: Arc<Granted>,
    decided: Moment,
}

/// The decisions, and short names for what they are found by.
pub(crate) struct Remembered {
    systems: HashMap<SystemId, u32>,
    methods: HashMap<String, u32>,
    procedures: HashMap<ProcedureCode, u32>,
    grants: HashMap<GrantId, u32>,
    decisions: Cache<Key, Entry>,
}

impl Remembered {
    /// A memory for the rules of `catalog`, with nothing in it yet.
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let ruled = |dataset: &DatasetId| catalog.owner_rules().any(|(id, _)| id == dataset);
        let on_the_minute = catalog.agreements().iter().all(|agreement| {
            let valid = agreement.valid;
            [valid.from_ms, valid.until_ms]
                .iter()
                .all(|edge| edge.rem_euclid(MINUTE_MS) == 0)
        });
        let datasets = catalog.datasets().filter(|dataset| !ruled(&dataset.id));
        let methods = datasets.flat_map(|dataset| &dataset.methods);
        let methods = methods.filter(|_| on_the_minute);
        let grants = catalog.agreements().iter().flat_map(of);
        let mut procedures: Vec<&ProcedureCode> =
            grants.flat_map(|grant| &grant.procedures).collect();
        procedures.sort_unstable();
        procedures.dedup();
        let grants = catalog.agreements().iter().flat_map(of);
        Self {
            systems: numbered(catalog.systems().map(|system| system.id.clone())),
            methods: numbered(methods.map(|method| method.path.clone())),
            procedures: numbered(procedures.into_iter().cloned()),
            grants: numbered(grants.map(|grant| grant.id.clone())),
            decisions: Cache::new(REMEMBERED_MAX),
        }
    }

    /// What a question is remembered by; nothing where it must not, or could not be allowed.
    pub(crate) fn key(&self, query: &Query<'_>) -> Option<Key> {
        // What others have signed, or an emergency, is looked at anew each time.
        if !query.backing.is_none() {
            return None;
        }
        let cited = match query.cited {
            Some(cited) => Some(*self.grants.get(cited)?),
            None => None,
        };
        Some(Key {
            system: *self.systems.get(&query.system.id)?,
            method: *self.methods.get(&query.method.path)?,
            procedure: *self.procedures.get(query.procedure)?,
            cited,
            dossier: query.dossier,
        })
    }

    /// The grant that fitted, if that was within the same minute of the clock, and just now.
    pub(crate) fn fit(&self, key: &Key, at: Moment) -> Option<Arc<Granted>> {
        let entry = self.decisions.get(key)?;
        let (decided, at) = (entry.decided.unix_ms(), at.unix_ms());
        let same_minute = decided.div_euclid(MINUTE_MS) == at.div_euclid(MINUTE_MS);
        let now = at.saturating_sub(decided) < REMEMBERED_MS_MAX;
        (same_minute && now).then_some(entry.fit)
    }

    pub(crate) fn keep(&self, key: Key, at: Moment, fit: &Arc<Granted>) {
        let entry = Entry {
            fit: Arc::clone(fit),
            decided: at,
        };
        self.decisions.insert(key, entry);
    }
}

fn of(agreement: &Agreement) -> &[Arc<motlan_catalog::Grant>] {
    &agreement.grants
}

fn numbered<T: Eq + std::hash::Hash>(all: impl Iterator<Item = T>) -> HashMap<T, u32> {
    all.zip(0..).collect()
}
