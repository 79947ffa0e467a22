//! How many handshakes one address has under way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The addresses that have handshakes under way, with how many: no more entries than handshakes.
pub(super) type Shares = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One handshake under way from an address; gives its place back when dropped.
pub(super) struct Share {
    shares: Shares,
    address: IpAddr,
}

impl Share {
    /// One of `max` places of `address`.
    pub(super) fn of(shares: &Shares, address: IpAddr, max: usize) -> Option<Self> {
        let mut taken = shares.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Self {
            shares: Arc::clone(shares),
            address,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = taken.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_places_and_no_others() {
        let shares = Shares::default();
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let held = Share::of(&shares, one, 1);
        assert!(held.is_some());
        assert!(Share::of(&shares, one, 1).is_none());
        assert!(Share::of(&shares, other, 1).is_some());
        drop(held);
        assert!(Share::of(&shares, one, 1).is_some());
        assert!(shares.lock().unwrap().is_empty());
    }
}
