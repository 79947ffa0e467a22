//! Places for calls that are under way at once, with a share for each system.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use motlan_catalog::{Catalog, SystemId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places, and so many of them for one system.
pub struct Places {
    count: usize,
    all: Arc<Semaphore>,
    shares: HashMap<SystemId, Arc<Semaphore>>,
}

/// A place that is taken, until this is dropped.
#[must_use]
pub struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
}

impl Places {
    /// `all` places, of which each registered system may take `each`.
    #[must_use]
    pub fn new(catalog: &Catalog, all: usize, each: usize) -> Places {
        let share = || Arc::new(Semaphore::new(each));
        let systems = catalog.systems();
        let shares = systems.map(|system| (system.id.clone(), share()));
        Places {
            count: all,
            all: Arc::new(Semaphore::new(all)),
            shares: shares.collect(),
        }
    }

    /// A place, where there is one.
    pub fn take(&self, system: &SystemId) -> Option<Place> {
        let share = Arc::clone(self.shares.get(system)?);
        Some(Place {
            _of_share: share.try_acquire_owned().ok()?,
            _of_all: Arc::clone(&self.all).try_acquire_owned().ok()?,
        })
    }

    /// Waits until all places are free, at most until `end`. Says whether it came to that.
    pub async fn drained(&self, end: Instant) -> bool {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        tokio::time::timeout_at(end.into(), self.all.acquire_many(count))
            .await
            .is_ok()
    }
}
