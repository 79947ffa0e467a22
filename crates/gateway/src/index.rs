//! The search indexes that follow the logs: off the way of lookups, which neither wait for them nor
//! fail with them.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use motlan_audit::{Index, Ledger, PastError, Quarter, Shards};

use crate::telemetry::{Metrics, with_sources};

/// How often a log that could not be opened is tried again: each try may read it whole.
const AGAIN_EVERY: Duration = Duration::from_secs(600);

/// The indexes of all logs that are open. Cheap to clone.
#[derive(Clone)]
pub struct Indexes {
    shards: Shards,
    followed: Arc<Mutex<BTreeMap<Quarter, Index>>>,
}

impl Indexes {
    /// Starts following the newest log. The index is made where there is none: it is derived, and
    /// empty.
    ///
    /// # Errors
    /// Where no thread can be started. What is wrong with an index itself is logged, and found by
    /// whoever searches.
    pub fn follow(shards: &Shards, metrics: &Metrics) -> io::Result<Self> {
        let followed = Arc::<Mutex<BTreeMap<Quarter, Index>>>::default();
        let counted = Arc::downgrade(&followed);
        metrics
            .meter()
            .u64_observable_gauge("motlan.index.lag")
            .with_description("Records that the search indexes have not reached yet")
            .with_callback(move |gauge| {
                if let Some(followed) = counted.upgrade() {
                    let lag = lock(&followed).values().map(Index::lag).sum();
                    gauge.observe(lag, &[]);
                }
            })
            .build();
        let shards = shards.clone();
        let indexes = Self { shards, followed };
        indexes.of(&indexes.shards.newest())?;
        Ok(indexes)
    }

    /// The index of a log that is open, followed from now on if it has not been.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn of(&self, ledger: &Ledger) -> io::Result<Index> {
        let quarter = ledger.origin().quarter();
        let mut followed = lock(&self.followed);
        if let Some(index) = followed.get(&quarter) {
            return Ok(index.clone());
        }
        let layout = self.shards.layout();
        // Derived like what is in it: made where it is not there.
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&layout.indexes)?;
        let index = Index::follow(ledger.clone(), &layout.index(quarter))?;
        followed.insert(quarter, index.clone());
        Ok(index)
    }

    /// Follows each log that becomes the newest, and opens those of earlier quarters, until the
    /// task is dropped. What could not be opened is tried again now and then.
    pub async fn run(self) {
        let mut newest = self.shards.follow();
        let mut ticks = tokio::time::interval(AGAIN_EVERY);
        let mut opening: Option<JoinHandle<()>> = None;
        loop {
            tokio::select! {
                changed = newest.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let ledger = newest.borrow_and_update().clone();
                    if let Err(error) = self.of(&ledger) {
                        tracing::error!(%error, "the index of the new quarter does not follow yet");
                    }
                }
                _ = ticks.tick() => {
                    let is_over = opening.as_ref().is_none_or(JoinHandle::is_finished);
                    if !is_over || self.unopened().is_empty() {
                        continue;
                    }
                    match self.open_past() {
                        Ok(begun) => opening = Some(begun),
                        Err(error) => tracing::error!(%error, "no thread to open past logs in"),
                    }
                }
            }
        }
    }

    /// The quarters whose logs are not followed yet.
    fn unopened(&self) -> Vec<Quarter> {
        let mut left = self.shards.quarters();
        let followed = lock(&self.followed);
        left.retain(|quarter| !followed.contains_key(quarter));
        left
    }

    /// Opens the logs of earlier quarters and follows them, in a thread of its own: reading them
    /// takes a while. A log that cannot be opened is logged, and not to be had.
    fn open_past(&self) -> io::Result<JoinHandle<()>> {
        let this = self.clone();
        let opening = thread::Builder::new().name("past-logs".to_owned());
        opening.spawn(move || {
            for quarter in this.unopened() {
                let followed = match this.shards.past(quarter) {
                    Ok(ledger) => this.of(&ledger).map_err(|error| with_sources(&error)),
                    Err(PastError::Closing) => return,
                    Err(error) => Err(with_sources(&error)),
                };
                if let Err(error) = followed {
                    let quarter = quarter.to_string();
                    tracing::error!(quarter, error, "the log of a quarter cannot be read");
                }
            }
        })
    }

    /// Stops all. Blocking.
    pub fn stop(&self) {
        let followed = std::mem::take(&mut *lock(&self.followed));
        followed.into_values().for_each(|index| index.stop());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes an index on to the end of the ledger, so that it forgets what was just erased. Blocking.
/// Nothing where there is no index.
///
/// # Errors
/// Where it could not be done, and the file may still tell.
pub fn forget_erased(ledger: &Ledger, file: &Path) -> Result<(), motlan_audit::SearchError> {
    if !file.exists() {
        return Ok(());
    }
    let failed = |source| motlan_audit::IndexError::Io {
        file: file.to_owned(),
        source,
    };
    let index = Index::follow(ledger.clone(), file)
        .map_err(|source| motlan_audit::SearchError::Index(failed(source).into()))?;
    index.catch_up()?;
    index.stop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use motlan_api::audit::v1::{Record, RecordKind, Sealed};
    use motlan_audit::{
        Entry, Erasure, Layout, Origin, Query, Settings, ShardSettings, SignerKey, Whose,
    };

    use super::*;

    const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
    const SUBJECT: &str = "001099012345";

    async fn ledger(folder: &Path) -> Ledger {
        let key = SignerKey::generate(ORIGIN).unwrap();
        Ledger::create(folder, &ORIGIN.parse().unwrap(), &key).unwrap();
        let mut settings = Settings::new(folder, key);
        settings.segment_bytes = 1 << 16;
        let ledger = Ledger::open(settings).unwrap();
        ask(&ledger).await;
        ledger
    }

    async fn ask(ledger: &Ledger) {
        for _ in 0..5 {
            let record = Record {
                kind: RecordKind::Question.into(),
                ..Record::default()
            };
            let sealed = Sealed {
                subject: SUBJECT.into(),
                ..Sealed::default()
            };
            let _ = ledger.append(Entry { record, sealed }).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_index_is_made_kept_up_and_measured() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, metrics) = (dir.path().join("ledger"), Metrics::new().unwrap());
        let (origin, key): (Origin, _) = (ORIGIN.parse().unwrap(), SignerKey::generate(ORIGIN));
        let settings = ShardSettings::new(Layout::beside(&folder), key.unwrap());
        Shards::create(&settings, &origin).unwrap();
        let shards = Shards::open_newest(settings).unwrap();
        ask(&shards.newest()).await;
        let indexes = Indexes::follow(&shards, &metrics).unwrap();
        let index = indexes.of(&shards.newest()).unwrap();
        index.catch_up().unwrap();
        assert_eq!(index.indexed_to(), 5);
        let text = metrics.exposition("").unwrap().text;
        let lag = text
            .lines()
            .find(|line| line.starts_with("motlan_index_lag"));
        assert!(lag.is_some_and(|line| line.ends_with(" 0")), "{text}");
    }

    #[tokio::test]
    async fn an_index_that_nobody_follows_forgets_what_was_erased() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("ledger");
        let (ledger, file) = (ledger(&folder).await, Index::beside(&folder));
        let tag = ledger.sealing().subject_tag(SUBJECT).0;
        let tells = || {
            fs::read(&file)
                .unwrap()
                .windows(tag.len())
                .any(|bytes| bytes == tag)
        };
        let index = Index::follow(ledger.clone(), &file).unwrap();
        index.search(&Query::default()).unwrap();
        index.stop();
        assert!(tells());
        let erasure = Erasure {
            whose: Whose::Subject {
                subject: SUBJECT.to_owned(),
                dataset: None,
            },
            ground: "decision 7".to_owned(),
            by: "operator".to_owned(),
            caller: String::new(),
            time_us: 0,
        };
        ledger.erase(&erasure).unwrap();
        forget_erased(&ledger, &file).unwrap();
        assert!(!tells());
    }
}
