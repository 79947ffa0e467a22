//! Instants, and what a clock on the wall in Việt Nam shows at one.

/// Việt Nam keeps UTC+7 all year.
const VIETNAM_MINUTES: i64 = 7 * 60;
const DAY_MINUTES: i64 = 24 * 60;
const MINUTE_MS: i64 = 60_000;
/// 1970-01-01 was a Thursday: three days after a Monday.
const EPOCH_AFTER_MONDAY: i64 = 3;

/// An instant, in milliseconds since the Unix epoch. Passed in: there is no clock here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// The instant `unix_ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// The day of the week in Việt Nam by ISO 8601: 1 is Monday, 7 is Sunday.
    #[must_use]
    pub const fn local_weekday(self) -> i64 {
        let days = self.local_minutes().div_euclid(DAY_MINUTES);
        days.rem_euclid(7)
            .saturating_add(EPOCH_AFTER_MONDAY)
            .rem_euclid(7)
            .saturating_add(1)
    }

    /// Minutes since midnight in Việt Nam, from 0 to 1439.
    #[must_use]
    pub const fn local_minute(self) -> i64 {
        self.local_minutes().rem_euclid(DAY_MINUTES)
    }

    /// The calendar day in Việt Nam, counted from 1970-01-01.
    #[must_use]
    pub const fn local_day(self) -> i64 {
        self.local_minutes().div_euclid(DAY_MINUTES)
    }

    /// The last midnight in Việt Nam, or this very instant.
    #[must_use]
    pub const fn local_midnight(self) -> Self {
        let minutes = self.local_day().saturating_mul(DAY_MINUTES);
        Self(
            minutes
                .saturating_sub(VIETNAM_MINUTES)
                .saturating_mul(MINUTE_MS),
        )
    }

    /// Minutes since the epoch on a clock in Việt Nam.
    const fn local_minutes(self) -> i64 {
        self.0.div_euclid(MINUTE_MS).saturating_add(VIETNAM_MINUTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_the_one_on_a_wall_in_viet_nam() {
        let shown = |unix_ms| {
            let moment = Moment::from_unix_ms(unix_ms);
            (moment.local_weekday(), moment.local_minute())
        };
        assert_eq!(shown(0), (4, 420)); // Thursday 1970-01-01, 07:00
        assert_eq!(shown(-1), (4, 419));
        assert_eq!(shown(-7 * 3_600_000), (4, 0));
        assert_eq!(shown(-7 * 3_600_000 - 1), (3, 1439));
        assert_eq!(shown(1_795_305_600_000), (7, 7 * 60)); // Sunday 2026-11-22, 07:00
        assert_eq!(shown(1_795_305_600_000 + 17 * 3_600_000), (1, 0));
    }

    #[test]
    fn a_day_begins_at_midnight_in_viet_nam() {
        let midnight = 1_795_305_600_000 - 7 * 3_600_000; // Sunday 2026-11-22
        let day = Moment::from_unix_ms(midnight).local_day();
        for (unix_ms, after) in [
            (midnight - 1, -1),
            (midnight, 0),
            (midnight + 86_399_999, 0),
            (midnight + 86_400_000, 1),
        ] {
            let moment = Moment::from_unix_ms(unix_ms);
            assert_eq!(moment.local_day(), day + after);
            let begun = midnight + after * 86_400_000;
            assert_eq!(moment.local_midnight().unix_ms(), begun);
        }
    }

    #[test]
    fn every_instant_has_a_day_and_a_minute() {
        for unix_ms in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let moment = Moment::from_unix_ms(unix_ms);
            assert!((1..=7).contains(&moment.local_weekday()));
            assert!((0..1440).contains(&moment.local_minute()));
        }
    }
}
