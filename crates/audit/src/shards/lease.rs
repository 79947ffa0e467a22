//! A log that is written, held by those who have begun something in it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tokio::sync::OwnedRwLockReadGuard;

use super::lock;
use crate::ledger::Ledger;

/// A log that is written, and how many hold it.
pub(super) struct Open {
    pub(super) ledger: Ledger,
    held: Mutex<Held>,
    released: Condvar,
}

#[derive(Default)]
struct Held {
    count: u64,
    /// Somebody waits until nobody holds it.
    is_awaited: bool,
}

impl Open {
    pub(super) fn new(ledger: Ledger) -> Arc<Open> {
        let (held, released) = (Mutex::default(), Condvar::new());
        Arc::new(Open {
            ledger,
            held,
            released,
        })
    }

    /// Waits until nobody holds it, at most so long; how many still do.
    pub(super) fn wait(&self, at_most: Duration) -> u64 {
        let mut held = lock(&self.held);
        held.is_awaited = true;
        let waited = self
            .released
            .wait_timeout_while(held, at_most, |held| held.count > 0);
        waited
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .0
            .count
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.ledger, f)
    }
}

/// The log that was the newest when it was taken, held so that a turn of the quarter waits: for a
/// moment until the question is recorded, and for the outcome before it says where the log ended.
#[derive(Debug)]
pub struct Shard {
    open: Arc<Open>,
    asking: Option<OwnedRwLockReadGuard<Arc<Open>>>,
}

impl Shard {
    pub(super) fn take(asking: OwnedRwLockReadGuard<Arc<Open>>) -> Shard {
        let open = Arc::clone(&asking);
        lock(&open.held).count += 1;
        let asking = Some(asking);
        Shard { open, asking }
    }

    /// The log.
    pub fn ledger(&self) -> &Ledger {
        &self.open.ledger
    }

    /// To be called once the question is recorded, and nothing but its outcome follows: from here
    /// on the quarter can turn.
    pub fn asked(&mut self) {
        self.asking = None;
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        let mut held = lock(&self.open.held);
        held.count -= 1;
        // Told only where somebody listens: it is a call of the system.
        if held.count == 0 && held.is_awaited {
            self.open.released.notify_all();
        }
    }
}
