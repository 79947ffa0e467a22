//! Which set is in force: one pointer that is swapped whole.

use std::sync::{Arc, Mutex, PoisonError};

use motlan_catalog::Revision;
use opentelemetry::KeyValue;
use tokio::sync::watch;

use super::{Enforced, Problems, Read, Sources};
use crate::ledger::now_us;
use crate::reload::{Changes, What};
use crate::telemetry::Metrics;

/// The set in force. Cheap to clone; all clones tell of the same.
#[derive(Clone)]
pub struct InForce(Arc<Inner>);

struct Inner {
    sources: Sources,
    /// Read for the time that a pointer is copied in; no lookup waits for a set to be loaded.
    taken: watch::Sender<Taken>,
    failed: Mutex<Option<Failed>>,
    /// Held while a set is loaded: one at a time, in the order in which they were asked for.
    loading: tokio::sync::Mutex<()>,
}

/// A set, and since when it decides.
#[derive(Clone)]
struct Taken {
    set: Arc<Enforced>,
    at_us: i64,
}

/// A set that was refused.
#[derive(Debug, Clone)]
pub struct Failed {
    /// When it was tried, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// All that is wrong with it.
    pub problems: Arc<Problems>,
}

/// What came of a try that found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded<T = Revision> {
    /// What was loaded is in force from now on.
    Taken(T),
    /// It is what was in force already, and goes on.
    Unchanged(T),
}

/// What is told of the set in force.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its revision.
    pub revision: Revision,
    /// Since when it decides, in microseconds since the Unix epoch.
    pub taken_us: i64,
    /// The last try, where it was refused.
    pub failed: Option<Failed>,
}

/// The set in force, as it changes.
pub(crate) struct Following(watch::Receiver<Taken>);

impl Following {
    /// The set that decides now.
    pub(crate) fn set(&mut self) -> Arc<Enforced> {
        Arc::clone(&self.0.borrow_and_update().set)
    }

    /// Whether another one decides than [`Self::set`] gave last.
    pub(crate) fn is_behind(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }

    /// Waits until it does; for ever, where none will.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl InForce {
    /// Loads the first set. Blocking.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(sources: Sources, metrics: &Metrics) -> Result<Self, Problems> {
        let set = Enforced::load(&sources, None)?;
        Ok(Self::begin(set, sources, metrics))
    }

    /// Takes what was read as the first set. Blocking.
    pub(crate) fn of(read: Read, sources: Sources, metrics: &Metrics) -> Result<Self, Problems> {
        let set = Enforced::take(read, &sources)?;
        Ok(Self::begin(set, sources, metrics))
    }

    fn begin(set: Enforced, sources: Sources, metrics: &Metrics) -> Self {
        let (set, at_us) = (Arc::new(set), now_us());
        let this = Self(Arc::new(Inner {
            sources,
            taken: watch::Sender::new(Taken { set, at_us }),
            failed: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        }));
        this.observe(metrics);
        this
    }

    /// The set that decides now. Whoever holds it is answered by it alone, whatever is taken in
    /// force meanwhile.
    #[must_use]
    pub fn set(&self) -> Arc<Enforced> {
        Arc::clone(&self.0.taken.borrow().set)
    }

    /// The set in force, and the ones that come after it.
    #[must_use]
    pub(crate) fn follow(&self) -> Following {
        Following(self.0.taken.subscribe())
    }

    /// What is told of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let Taken { set, at_us } = self.0.taken.borrow().clone();
        let failed = self.0.failed.lock();
        Standing {
            revision: set.revision().clone(),
            taken_us: at_us,
            failed: failed.unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// R87: loads and checks the set anew, beside the lookups, and takes it in force whole, once
    /// that is on record. Where anything is wrong with it, all of that is logged, and the one in
    /// force stays.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) async fn reload(&self, changes: &Changes) -> Result<Reloaded, Arc<Problems>> {
        let _one_at_a_time = self.0.loading.lock().await;
        let this = self.clone();
        let load = move || Enforced::load(&this.0.sources, Some(&this.set()));
        let loaded = tokio::task::spawn_blocking(load).await;
        let before = self.set().revision().clone();
        let set = match loaded.unwrap_or_else(|_panicked| Err(Problems::lost())) {
            Ok(set) => set,
            Err(problems) => {
                let problems = self.refuse(problems, changes);
                let refused = changes.refused(What::Catalog, before.as_str(), problems.len());
                refused.await;
                return Err(problems);
            }
        };
        let revision = set.revision().clone();
        if revision == before {
            tracing::info!(%revision, "the set that is in force was loaded again, and goes on");
            self.fail(None);
            changes.count(What::Catalog, "unchanged");
            discard(set).await;
            return Ok(Reloaded::Unchanged(revision));
        }
        // R106: on record first; where the ledger cannot write, nothing changes.
        let taken = changes.taken(What::Catalog, before.as_str(), revision.as_str());
        if let Err(error) = taken.await {
            let mut problems = Problems::default();
            problems.other(&ChangeError(error));
            discard(set).await;
            return Err(self.refuse(problems, changes));
        }
        self.fail(None);
        let (set, at_us) = (Arc::new(set), now_us());
        let old = self.0.taken.send_replace(Taken { set, at_us });
        tracing::info!(%revision, %before, "another set is in force");
        changes.count(What::Catalog, "taken");
        discard(old).await;
        Ok(Reloaded::Taken(revision))
    }

    /// Tells all that is wrong with a set; the one in force stays.
    fn refuse(&self, problems: Problems, changes: &Changes) -> Arc<Problems> {
        for problem in problems.lines() {
            tracing::error!(problem, "a fault of the set that was to be taken in force");
        }
        let (faults, revision) = (problems.len(), self.set().revision().to_string());
        tracing::error!(
            faults,
            revision,
            "a set was refused; the one in force stays"
        );
        changes.count(What::Catalog, "refused");
        let problems = Arc::new(problems);
        self.fail(Some(Failed {
            at_us: now_us(),
            problems: Arc::clone(&problems),
        }));
        problems
    }

    fn fail(&self, failed: Option<Failed>) {
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }

    fn observe(&self, metrics: &Metrics) {
        let observed = Arc::downgrade(&self.0);
        metrics
            .meter()
            .i64_observable_gauge("motlan.catalog.taken")
            .with_description("Since when the set in force decides, by its revision")
            .with_unit("s")
            .with_callback(move |gauge| {
                let Some(inner) = observed.upgrade() else {
                    return;
                };
                let Taken { set, at_us } = inner.taken.borrow().clone();
                let revision = KeyValue::new("revision", set.revision().to_string());
                gauge.observe(at_us.div_euclid(1_000_000), &[revision]);
            })
            .build();
        let observed = Arc::downgrade(&self.0);
        metrics
            .meter()
            .i64_observable_gauge("motlan.catalog.refused")
            .with_description("When the last try was refused; 0 where it was not")
            .with_unit("s")
            .with_callback(move |gauge| {
                let Some(inner) = observed.upgrade() else {
                    return;
                };
                let failed = inner.failed.lock();
                let failed = failed.unwrap_or_else(PoisonError::into_inner);
                let at_us = failed.as_ref().map_or(0, |failed| failed.at_us);
                gauge.observe(at_us.div_euclid(1_000_000), &[]);
            })
            .build();
    }
}

/// Why a set that is good is not taken in force.
#[derive(Debug, thiserror::Error)]
#[error("the change cannot be recorded, so it is not taken in force")]
struct ChangeError(#[source] motlan_audit::AppendError);

/// The end of a large set takes its time, which no lookup shall wait for.
async fn discard<T: Send + 'static>(set: T) {
    let _panicked_or_gone = tokio::task::spawn_blocking(move || drop(set)).await;
}
