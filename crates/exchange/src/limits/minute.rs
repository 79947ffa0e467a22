//! What was used within a minute.

use std::time::Duration;

use motlan_catalog::AgencyCode;

use super::table::Table;
use super::{Due, Over};

const MINUTE_NS: u64 = 60_000_000_000;

/// So long a sweep is not repeated: where nothing can be forgotten, the next refusal is quick.
const SWEEP_NS: u64 = 1_000_000_000;

/// When each that was used is as good as unused again. Times are nanoseconds since the process
/// began to count.
pub(super) struct Minute {
    rested: Table<u64>,
    swept_ns: u64,
}

/// What one use takes of a minute.
fn share(limit: u32) -> u64 {
    MINUTE_NS.checked_div(u64::from(limit)).unwrap_or(MINUTE_NS)
}

impl Minute {
    pub(super) fn new(tags_max: usize) -> Self {
        Self {
            rested: Table::new(tags_max),
            swept_ns: 0,
        }
    }

    /// Whether all that are due can be charged. Where there is no room, those are forgotten that
    /// nothing is held against.
    pub(super) fn check(
        &mut self,
        agency: &AgencyCode,
        due: &[Due],
        now: Duration,
    ) -> Result<(), Over> {
        let now = nanos(now);
        let mut fresh = 0;
        for Due { whose, tag, limit } in due {
            let Some(rested) = self.rested.of(agency, *tag) else {
                fresh += 1;
                continue;
            };
            // As many at once as a minute has.
            let burst = share(*limit).saturating_mul(u64::from(limit.saturating_sub(1)));
            let early = rested.saturating_sub(now.saturating_add(burst));
            if early > 0 {
                return Err(Over::Limit(*whose, *limit, Duration::from_nanos(early)));
            }
        }
        if fresh > self.rested.room(agency) {
            self.sweep(now);
        }
        if fresh > self.rested.room(agency) {
            return Err(Over::Room);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.rested.is_empty()
    }

    /// Charges what was checked.
    pub(super) fn charge(&mut self, agency: &AgencyCode, due: &[Due], now: Duration) {
        let now = nanos(now);
        for Due { tag, limit, .. } in due {
            let rested = self.rested.entry(agency, *tag, now);
            *rested = (*rested).max(now).saturating_add(share(*limit));
        }
    }

    fn sweep(&mut self, now: u64) {
        if self.swept_ns == 0 || now.saturating_sub(self.swept_ns) >= SWEEP_NS {
            self.swept_ns = now;
            self.rested.retain(|rested| *rested > now);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
