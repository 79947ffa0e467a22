//! What was used on one day.

use std::collections::HashMap;
use std::time::Duration;

use motlan_policy::Moment;

use super::{Due, Over, Tag};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How often each was used on the day that it is.
pub(super) struct Day {
    /// The latest there was.
    day: i64,
    used: HashMap<Tag, u32>,
    tags_max: usize,
}

impl Day {
    pub(super) fn new(tags_max: usize) -> Self {
        Self {
            day: i64::MIN,
            used: HashMap::new(),
            tags_max,
        }
    }

    /// Forgets what was used, if it is a later day. A clock that is put back begins none.
    pub(super) fn begin(&mut self, at: Moment) {
        if at.local_day() > self.day {
            self.day = at.local_day();
            self.used.clear();
        }
    }

    /// Whether all that are due can be charged.
    pub(super) fn check(&self, due: &[Due], at: Moment) -> Result<(), Over> {
        let mut fresh = 0;
        for Due { whose, tag, limit } in due {
            match self.used.get(tag) {
                Some(used) if used >= limit => {
                    return Err(Over::Limit(*whose, *limit, self.until_next(at)));
                }
                Some(_) => {}
                None => fresh += 1,
            }
        }
        let room = self.tags_max.saturating_sub(self.used.len());
        if fresh > room {
            return Err(Over::Room);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    /// Charges what was checked.
    pub(super) fn charge(&mut self, due: &[Due]) {
        for due in due {
            let used = self.used.entry(due.tag).or_default();
            *used = used.saturating_add(1);
        }
    }

    /// Charges what was used before, as far as there is room.
    pub(super) fn recall(&mut self, due: &[Due], at: Moment) {
        if at.local_day() != self.day {
            return;
        }
        for due in due {
            if self.used.len() < self.tags_max || self.used.contains_key(&due.tag) {
                self.charge(std::slice::from_ref(due));
            }
        }
    }

    /// The time until the day after.
    fn until_next(&self, at: Moment) -> Duration {
        let behind = self.day.saturating_sub(at.local_day());
        let midnight = at.local_midnight().unix_ms();
        let next = behind
            .saturating_add(1)
            .saturating_mul(DAY_MS)
            .saturating_add(midnight);
        let left_ms = next.saturating_sub(at.unix_ms());
        Duration::from_millis(u64::try_from(left_ms).unwrap_or_default())
    }
}
