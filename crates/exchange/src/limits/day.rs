//! What was used on one day.

use std::mem;
use std::time::Duration;

use motlan_catalog::AgencyCode;
use motlan_policy::Moment;

use super::table::Table;
use super::{Due, Over};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The day that it is, and one other: a clock that goes forth and back finds both as they were.
pub(super) struct Days {
    now: Day,
    other: Day,
    tags_max: usize,
}

/// How often each was used on one day.
pub(super) struct Day {
    /// Its number, or [`i64::MIN`] before there was any.
    day: i64,
    used: Table<u32>,
}

impl Days {
    pub(super) fn new(tags_max: usize) -> Self {
        Self {
            now: Day::new(i64::MIN, tags_max),
            other: Day::new(i64::MIN, tags_max),
            tags_max,
        }
    }

    /// The day that `at` counts for. A clock that is put back past midnight begins none: then it is
    /// the day after, unless its own is known. Of the two days before, the nearer one is kept.
    pub(super) fn on(&mut self, at: Moment) -> &mut Day {
        let today = at.local_day();
        for day in [today, today.saturating_add(1)] {
            if self.other.day == day {
                mem::swap(&mut self.now, &mut self.other);
            }
            if self.now.day == day {
                return &mut self.now;
            }
        }
        let before = mem::replace(&mut self.now, Day::new(today, self.tags_max));
        if before.day.abs_diff(today) <= self.other.day.abs_diff(today) {
            self.other = before;
        }
        &mut self.now
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.now.used.is_empty() && self.other.used.is_empty()
    }
}

impl Day {
    fn new(day: i64, tags_max: usize) -> Self {
        Self {
            day,
            used: Table::new(tags_max),
        }
    }

    /// Whether all that are due can be charged.
    pub(super) fn check(&self, agency: &AgencyCode, due: &[Due], at: Moment) -> Result<(), Over> {
        let mut fresh = 0;
        for Due { whose, tag, limit } in due {
            match self.used.of(agency, *tag) {
                Some(used) if used >= limit => {
                    return Err(Over::Limit(*whose, *limit, self.until_next(at)));
                }
                Some(_) => {}
                None => fresh += 1,
            }
        }
        if fresh > self.used.room(agency) {
            return Err(Over::Room);
        }
        Ok(())
    }

    /// Charges what was checked.
    pub(super) fn charge(&mut self, agency: &AgencyCode, due: &[Due]) {
        for due in due {
            let used = self.used.entry(agency, due.tag, 0);
            *used = used.saturating_add(1);
        }
    }

    /// Charges what was used before, as far as there is room.
    pub(super) fn recall(&mut self, agency: &AgencyCode, due: &[Due]) {
        for due in due {
            if self.used.room(agency) > 0 || self.used.of(agency, due.tag).is_some() {
                self.charge(agency, std::slice::from_ref(due));
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
