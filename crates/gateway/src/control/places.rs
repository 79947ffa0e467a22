//! Places for calls that are under way at once, with a share for each system.

use std::collections::HashMap;
use std::sync::Arc;

use motlan_catalog::{Catalog, SystemId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places, and so many of them for one system.
pub(super) struct Places {
    all: Arc<Semaphore>,
    shares: HashMap<SystemId, Arc<Semaphore>>,
}

/// A place that is taken, until this is dropped.
#[must_use]
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_share: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(catalog: &Catalog, all: usize, each: usize) -> Places {
        let share = || Arc::new(Semaphore::new(each));
        let systems = catalog.systems();
        let shares = systems.map(|system| (system.id.clone(), share()));
        Places {
            all: Arc::new(Semaphore::new(all)),
            shares: shares.collect(),
        }
    }

    /// A place, where there is one.
    pub(super) fn take(&self, system: &SystemId) -> Option<Place> {
        let share = Arc::clone(self.shares.get(system)?);
        Some(Place {
            _of_share: share.try_acquire_owned().ok()?,
            _of_all: Arc::clone(&self.all).try_acquire_owned().ok()?,
        })
    }
}
