//! Points in time, as people write and read them.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use thiserror::Error;

/// Viet Nam's time, all year.
const HOURS_AHEAD_OF_UTC: i8 = 7;

/// A day, from its midnight in Viet Nam, or a time with its offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since the Unix epoch.
    pub(crate) time_us: i64,
}

/// A text that is no point in time.
#[derive(Debug, Error)]
#[error(
    "`{0}` is neither a day, like `2026-10-01`, nor a time with its offset from UTC, like \
     `2026-10-01T08:00:00+07:00`"
)]
pub(crate) struct MomentError(String);

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Moment, MomentError> {
        let time = match text.parse::<Timestamp>() {
            Ok(time) => Some(time),
            // A time without an offset would be taken for a day as well.
            Err(_) if text.contains(':') => None,
            Err(_) => text.parse::<Date>().ok().and_then(midnight),
        };
        let time = time.ok_or_else(|| MomentError(text.to_owned()))?;
        Ok(Moment {
            time_us: time.as_microsecond(),
        })
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    let zone = TimeZone::fixed(Offset::constant(HOURS_AHEAD_OF_UTC));
    day.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}

/// A time, in microseconds since the Unix epoch, as it is in Viet Nam.
pub(crate) fn time(time_us: i64) -> String {
    let Ok(time) = Timestamp::from_microsecond(time_us) else {
        return format!("{time_us} µs");
    };
    let zone = TimeZone::fixed(Offset::constant(HOURS_AHEAD_OF_UTC));
    time.to_zoned(zone)
        .strftime("%Y-%m-%dT%H:%M:%S%.6f%:z")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_ha_noi() {
        assert_eq!(
            time(1_790_787_600_000_001),
            "2026-10-01T00:00:00.000001+07:00"
        );
    }

    #[test]
    fn a_day_begins_at_midnight_in_viet_nam() {
        let day: Moment = "2026-10-01".parse().unwrap();
        assert_eq!(day.time_us, 1_790_787_600_000_000);
        for same in ["2026-10-01T00:00:00+07:00", "2026-09-30T17:00:00Z"] {
            assert_eq!(same.parse::<Moment>().unwrap(), day, "{same}");
        }
        let later: Moment = "2026-10-01T00:00:00.000001+07:00".parse().unwrap();
        assert_eq!(later.time_us - day.time_us, 1);
    }

    #[test]
    fn what_leaves_the_time_open_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-10-01T08:00:00",
            "08:00",
        ] {
            let error = text.parse::<Moment>().unwrap_err().to_string();
            assert!(error.contains("2026-10-01T08:00:00+07:00"), "{error}");
        }
    }
}
