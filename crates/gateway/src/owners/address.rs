//! How an address of an owner's system has fared.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After a failed dial nobody dials the address again for this long, doubled with each failure.
const REST_MIN: Duration = Duration::from_millis(200);
/// And at most for this long: within the two seconds that a collection waits, it is dialled.
const REST_MAX: Duration = Duration::from_secs(1);

/// One address, with what is known of it by all of its connections.
pub(super) struct Address {
    text: String,
    trouble: Mutex<Option<Trouble>>,
}

#[derive(Clone, Copy)]
struct Trouble {
    rest: Duration,
    until: Instant,
}

impl Address {
    pub(super) fn new(text: String) -> Self {
        Self {
            text,
            trouble: Mutex::new(None),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the last dial failed.
    pub(super) fn is_troubled(&self) -> bool {
        self.trouble().is_some()
    }

    /// Whether it is too early to dial again: those who wait would only wait longer.
    pub(super) fn is_resting(&self) -> bool {
        self.trouble()
            .is_some_and(|trouble| Instant::now() < trouble.until)
    }

    /// A dial failed.
    pub(super) fn failed(&self) {
        let rest = self
            .trouble()
            .map_or(REST_MIN, |before| (before.rest * 2).min(REST_MAX));
        self.set(Some(Trouble {
            rest,
            until: Instant::now() + rest,
        }));
    }

    /// A dial came through.
    pub(super) fn answered(&self) {
        self.set(None);
    }

    fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, trouble: Option<Trouble>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R43, R101.
    #[test]
    fn whoever_fails_often_is_dialled_again_within_a_second() {
        let address = Address::new(String::new());
        for _ in 0..20 {
            address.failed();
            assert!(address.is_troubled() && address.is_resting());
            let until = address.trouble().unwrap().until;
            assert!(until <= Instant::now() + Duration::from_secs(1));
        }
        address.answered();
        assert!(!address.is_troubled() && !address.is_resting());
    }
}
