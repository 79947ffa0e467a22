//! Places for calls that are under way at once, with a share for each system.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use motlan_catalog::SystemId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many systems' shares are kept before those of idle ones are dropped.
const SHARES_MAX: usize = 4096;

/// So many places, and so many of them for one system.
pub struct Places {
    count: usize,
    all: Arc<Semaphore>,
    each: usize,
    /// Made when a system first takes a place. They outlive any set in force: a reload neither
    /// frees a place nor adds one.
    shares: Mutex<HashMap<SystemId, Arc<Semaphore>>>,
}

/// A place that is taken, until this is dropped.
#[must_use]
pub struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
}

impl Places {
    /// `all` places, of which each system may take `each`.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Places {
        Places {
            count: all,
            all: Arc::new(Semaphore::new(all)),
            each,
            shares: Mutex::default(),
        }
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.count.saturating_sub(self.all.available_permits())
    }

    /// Whether a registered system could take a place now.
    pub fn has_room(&self, system: &SystemId) -> bool {
        self.all.available_permits() > 0 && self.share(system).available_permits() > 0
    }

    /// A place for a registered system, where there is one.
    pub fn take(&self, system: &SystemId) -> Option<Place> {
        Some(Place {
            _of_share: self.share(system).try_acquire_owned().ok()?,
            _of_all: Arc::clone(&self.all).try_acquire_owned().ok()?,
        })
    }

    /// The same, waiting for one, at most until `end`.
    pub async fn wait(&self, system: &SystemId, end: Instant) -> Option<Place> {
        let taking = async {
            Some(Place {
                _of_share: self.share(system).acquire_owned().await.ok()?,
                _of_all: Arc::clone(&self.all).acquire_owned().await.ok()?,
            })
        };
        tokio::time::timeout_at(end.into(), taking).await.ok()?
    }

    fn share(&self, system: &SystemId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(system) {
            return Arc::clone(share);
        }
        if shares.len() >= SHARES_MAX {
            // Of systems that take no place now, registered or not any more.
            shares.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = Arc::new(Semaphore::new(self.each));
        shares.insert(system.clone(), Arc::clone(&share));
        share
    }

    /// Waits until all places are free, at most until `end`. Says whether it came to that.
    pub async fn drained(&self, end: Instant) -> bool {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        tokio::time::timeout_at(end.into(), self.all.acquire_many(count))
            .await
            .is_ok()
    }
}
