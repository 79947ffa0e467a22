//! Which credentials of a side are in force: one pointer that is swapped whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use tokio::sync::watch;

use super::{Expiry, Side, TlsError, now_s};
use crate::enforced::Reloaded;
use crate::ledger::now_us;
use crate::reload::Changes;
use crate::settings::TlsFiles;
use crate::telemetry::Metrics;

/// One side's credentials in force. Cheap to clone; all clones tell of the same.
pub struct Credentials<S>(Arc<Inner<S>>);

impl<S> Clone for Credentials<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<S> {
    files: TlsFiles,
    taken: watch::Sender<Taken<S>>,
    /// That of `taken`, for whoever only wants to know whether it is another.
    generation: AtomicU64,
    failed: Mutex<Option<Failed>>,
}

/// Credentials, and since when they are in force.
pub(crate) struct Taken<S> {
    pub(crate) side: Arc<S>,
    /// How many were in force before.
    pub(crate) generation: u64,
    at_us: i64,
}

impl<S> Clone for Taken<S> {
    fn clone(&self) -> Self {
        Self {
            side: Arc::clone(&self.side),
            ..*self
        }
    }
}

/// Credentials that were refused.
#[derive(Debug, Clone)]
pub struct Failed {
    /// When they were tried, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// What is wrong with them.
    pub error: Arc<TlsError>,
}

/// What is told of a side.
#[derive(Debug, Clone)]
pub struct Standing {
    /// SHA-256 over what is public of it, in lower-case hexadecimal digits.
    pub digest: String,
    /// Since when it is in force, in microseconds since the Unix epoch.
    pub taken_us: i64,
    /// When what it is made from goes out of date.
    pub expiries: Vec<Expiry>,
    /// The last try, where it was refused.
    pub failed: Option<Failed>,
}

impl<S: Side> Credentials<S> {
    /// Loads the first. Blocking.
    ///
    /// # Errors
    /// [`TlsError`], naming the file.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let side = Arc::new(S::load(files)?);
        warn(side.expiries());
        let at_us = now_us();
        Ok(Self(Arc::new(Inner {
            files: files.clone(),
            taken: watch::Sender::new(Taken {
                side,
                generation: 0,
                at_us,
            }),
            generation: AtomicU64::new(0),
            failed: Mutex::default(),
        })))
    }

    /// Those in force now.
    #[must_use]
    pub fn newest(&self) -> Arc<S> {
        Arc::clone(&self.0.taken.borrow().side)
    }

    /// Those in force now, with their number.
    pub(crate) fn taken(&self) -> Taken<S> {
        self.0.taken.borrow().clone()
    }

    /// The number of those in force.
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Those in force, and the ones that come after them.
    pub(crate) fn follow(&self) -> watch::Receiver<Taken<S>> {
        self.0.taken.subscribe()
    }

    /// What is told of them.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let taken = self.taken();
        let failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
        Standing {
            digest: taken.side.digest().to_owned(),
            taken_us: taken.at_us,
            expiries: taken.side.expiries().to_vec(),
            failed: failed.clone(),
        }
    }

    /// R105: loads the files anew and takes them in force whole, once that is on record. Where
    /// anything is wrong with them, that is logged and recorded, and those in force stay.
    ///
    /// One at a time: whoever calls this sees to that.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) async fn reload(
        &self,
        changes: &Changes,
    ) -> Result<Reloaded<String>, Arc<TlsError>> {
        let files = self.0.files.clone();
        let loaded = tokio::task::spawn_blocking(move || S::load(&files)).await;
        let before = self.newest().digest().to_owned();
        let side = match loaded.unwrap_or(Err(TlsError::Lost)) {
            Ok(side) => side,
            Err(error) => {
                let error = self.refuse(error, changes);
                changes.refused(S::WHAT, &before, 1).await;
                return Err(error);
            }
        };
        let (what, after) = (S::WHAT.as_str(), side.digest().to_owned());
        if after == before {
            self.fail(None);
            changes.count(S::WHAT, "unchanged");
            return Ok(Reloaded::Unchanged(after));
        }
        // R106: on record first; where the ledger cannot write, nothing changes.
        if let Err(error) = changes.taken(S::WHAT, &before, &after).await {
            return Err(self.refuse(TlsError::Unrecorded(error), changes));
        }
        self.fail(None);
        self.take(side);
        tracing::info!(what, before, after, "other credentials are in force");
        changes.count(S::WHAT, "taken");
        Ok(Reloaded::Taken(after))
    }

    fn take(&self, side: S) {
        warn(side.expiries());
        let generation = self.generation().saturating_add(1);
        self.0.taken.send_replace(Taken {
            side: Arc::new(side),
            generation,
            at_us: now_us(),
        });
        // Last: who sees the number finds them.
        self.0.generation.store(generation, Ordering::Release);
    }

    fn refuse(&self, error: TlsError, changes: &Changes) -> Arc<TlsError> {
        let (what, problem) = (S::WHAT.as_str(), error.told());
        tracing::error!(
            what,
            problem,
            "credentials were refused; those in force stay"
        );
        changes.count(S::WHAT, "refused");
        let error = Arc::new(error);
        self.fail(Some(Failed {
            at_us: now_us(),
            error: Arc::clone(&error),
        }));
        error
    }

    fn fail(&self, failed: Option<Failed>) {
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }

    /// Has the metrics tell of them.
    pub(crate) fn observe(&self, metrics: &Metrics) {
        let observed = Arc::downgrade(&self.0);
        metrics
            .meter()
            .i64_observable_gauge("motlan.credentials.expiry")
            .with_description("When the first of certificates or revocation lists is out of date")
            .with_unit("s")
            .with_callback(move |gauge| {
                let Some(inner) = observed.upgrade() else {
                    return;
                };
                let side = Arc::clone(&inner.taken.borrow().side);
                for expiry in side.expiries() {
                    gauge.observe(expiry.at_s, &[KeyValue::new("what", expiry.what)]);
                }
            })
            .build();
        let observed = Arc::downgrade(&self.0);
        metrics
            .meter()
            .i64_observable_gauge("motlan.credentials.taken")
            .with_description("Since when the credentials of a side are in force")
            .with_unit("s")
            .with_callback(move |gauge| {
                let Some(inner) = observed.upgrade() else {
                    return;
                };
                let at_us = inner.taken.borrow().at_us;
                let what = KeyValue::new("what", S::WHAT.as_str());
                gauge.observe(at_us.div_euclid(1_000_000), &[what]);
            })
            .build();
    }
}

/// Tells of each that is out of date before long.
pub(crate) fn warn(expiries: &[Expiry]) {
    let now_s = now_s();
    for expiry in expiries.iter().filter(|expiry| expiry.is_near(now_s)) {
        tracing::warn!(what = expiry.what, "{}", expiry.told(now_s));
    }
}
