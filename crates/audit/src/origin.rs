//! The names of a log and of its records.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// Viet Nam's time is seven hours ahead of UTC, all year.
const ZONE_S: i64 = 7 * 3600;
/// The longest origin that is taken.
const ORIGIN_BYTES_MAX: usize = 255;

/// The origin of a log, `<prefix>/<instance>/<quarter>`, e.g. "motlan.example/audit/hn1/2026q4". It
/// is the first line of each checkpoint and tells this log from any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: Arc<str>,
    /// `<instance>-<quarter>`.
    shard: Arc<str>,
    quarter: Quarter,
}

impl Origin {
    /// The origin of the log of `instance` for `quarter`, under `prefix` ("motlan.example/audit").
    pub fn new(prefix: &str, instance: &str, quarter: Quarter) -> Result<Origin, OriginError> {
        format!("{prefix}/{instance}/{quarter}").parse()
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The quarter whose log it is.
    pub fn quarter(&self) -> Quarter {
        self.quarter
    }

    /// What the logs of all quarters of this instance have in common:
    /// "motlan.example/audit/hn1".
    pub fn instance(&self) -> &str {
        self.text.rsplit_once('/').map_or("", |(front, _)| front)
    }

    /// The origin of the same instance's log of another quarter.
    pub fn in_quarter(&self, quarter: Quarter) -> Origin {
        let front = self.shard.rsplit_once('-').map_or("", |(front, _)| front);
        Origin {
            text: format!("{}/{quarter}", self.instance()).into(),
            shard: format!("{front}-{quarter}").into(),
            quarter,
        }
    }

    /// The name of record `index` of this log.
    pub fn record_id(&self, index: u64) -> RecordId {
        RecordId {
            shard: Arc::clone(&self.shard),
            index,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let origin = || {
            let printable = text.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
            if !printable || text.len() > ORIGIN_BYTES_MAX {
                return None;
            }
            let (path, quarter) = text.rsplit_once('/')?;
            let quarter: Quarter = quarter.parse().ok()?;
            let (prefix, instance) = path.rsplit_once('/')?;
            if !is_instance(instance) || prefix.split('/').any(str::is_empty) {
                return None;
            }
            Some(Origin {
                text: text.into(),
                shard: format!("{instance}-{quarter}").into(),
                quarter,
            })
        };
        origin().ok_or_else(|| OriginError(text.to_owned()))
    }
}

fn is_instance(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A text that is not an origin.
#[derive(Debug, Error)]
#[error(
    "`{0}` is not an origin: it must be like `motlan.example/audit/hn1/2026q4`, that is a prefix, \
     an instance of lower-case letters, digits and hyphens, and a quarter"
)]
pub struct OriginError(String);

/// A quarter of a year, in Viet Nam's time; written "2026q4".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quarter {
    year: u16,
    quarter: u8,
}

impl Quarter {
    /// The quarter in which `time_us`, microseconds since the Unix epoch, lies. Times before 1970
    /// count as its first.
    pub fn containing(time_us: i64) -> Quarter {
        let mut days = (time_us.div_euclid(1_000_000) + ZONE_S)
            .div_euclid(86_400)
            .max(0);
        let mut year = 1970_u16;
        loop {
            let leap =
                year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            let lengths = [if leap { 91 } else { 90 }, 91, 92, 92];
            for (length, quarter) in lengths.into_iter().zip(1..) {
                if days < length || year == u16::MAX {
                    return Quarter { year, quarter };
                }
                days -= length;
            }
            year += 1;
        }
    }

    /// When it begins, in microseconds since the Unix epoch.
    pub fn begins_us(self) -> i64 {
        let years = i64::from(self.year);
        // Days of whole years since 1970, with the leap days of those before.
        let leaps = |years: i64| years / 4 - years / 100 + years / 400;
        let days = (years - 1970) * 365 + leaps(years - 1) - leaps(1969);
        let is_leap = leaps(years) > leaps(years - 1);
        let of_year = [0, 90, 181, 273].get(usize::from(self.quarter - 1));
        let leap_day = i64::from(is_leap && self.quarter > 1);
        let days = days + of_year.copied().unwrap_or(0) + leap_day;
        (days * 86_400 - ZONE_S) * 1_000_000
    }

    /// How many quarters it is behind `earlier`; less than 0 where it is the earlier one.
    pub fn since(self, earlier: Quarter) -> i64 {
        let count = |it: Quarter| i64::from(it.year) * 4 + i64::from(it.quarter);
        count(self) - count(earlier)
    }

    /// The quarter that is `count` quarters later; in the year 65535 where it would be later still.
    pub fn after(self, count: u32) -> Quarter {
        let quarters = u32::from(self.quarter - 1).saturating_add(count);
        let year = u32::from(self.year).saturating_add(quarters / 4);
        Quarter {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            // Less than 4.
            quarter: u8::try_from(quarters % 4).unwrap_or(0) + 1,
        }
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}q{}", self.year, self.quarter)
    }
}

impl FromStr for Quarter {
    type Err = QuarterError;

    fn from_str(text: &str) -> Result<Quarter, QuarterError> {
        let quarter = || {
            let (year, quarter) = text.split_once('q')?;
            let digits = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
            let quarter = match quarter {
                "1" => 1,
                "2" => 2,
                "3" => 3,
                "4" => 4,
                _ => return None,
            };
            digits.then_some(Quarter {
                year: year.parse().ok()?,
                quarter,
            })
        };
        quarter().ok_or_else(|| QuarterError(text.to_owned()))
    }
}

/// A text that is not a quarter.
#[derive(Debug, Error)]
#[error("`{0}` is not a quarter: it must be like `2026q4`")]
pub struct QuarterError(String);

/// The name of a record, `<instance>-<quarter>-<index>`, e.g. "hn1-2026q4-42". Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordId {
    shard: Arc<str>,
    index: u64,
}

impl RecordId {
    /// The record's index in its log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Which log it is in: `<instance>-<quarter>`.
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// The quarter of its log.
    pub fn quarter(&self) -> Option<Quarter> {
        self.shard.rsplit_once('-')?.1.parse().ok()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shard, self.index)
    }
}

impl FromStr for RecordId {
    type Err = RecordIdError;

    fn from_str(text: &str) -> Result<RecordId, RecordIdError> {
        let id = || {
            let (shard, index) = text.rsplit_once('-')?;
            let (instance, quarter) = shard.rsplit_once('-')?;
            quarter.parse::<Quarter>().ok()?;
            if !is_instance(instance) {
                return None;
            }
            let id = RecordId {
                shard: shard.into(),
                index: index.parse().ok()?,
            };
            // One name per record: no leading zeros, no sign.
            (id.to_string() == text).then_some(id)
        };
        id().ok_or_else(|| RecordIdError(text.to_owned()))
    }
}

/// A text that is not the name of a record.
#[derive(Debug, Error)]
#[error("`{0}` is not a record id: it must be like `hn1-2026q4-42`")]
pub struct RecordIdError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_id_reads_back_as_it_is_printed_and_in_no_other_way() {
        let origin: Origin = "motlan.example/audit/ha-noi-1/2026q4".parse().unwrap();
        let id = origin.record_id(42);
        assert_eq!(id.to_string(), "ha-noi-1-2026q4-42");
        assert_eq!("ha-noi-1-2026q4-42".parse::<RecordId>().unwrap(), id);
        for text in [
            "",
            "42",
            "2026q4-42",
            "-2026q4-42",
            "hn1-2026q5-42",
            "hn1-2026q4-+42",
        ] {
            assert!(text.parse::<RecordId>().is_err(), "{text}");
        }
        for text in [
            "hn1-2026q4-042",
            "hn1-2026q4-",
            "HN1-2026q4-1",
            "hn1-26q4-1",
            "hn1-2026q4-1 ",
        ] {
            assert!(text.parse::<RecordId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_needs_prefix_instance_and_quarter() {
        assert!("a/hn1/2026q4".parse::<Origin>().is_ok());
        for text in [
            "hn1/2026q4",
            "a/2026q4",
            "a//2026q4",
            "/hn1/2026q4",
            "a/hn1/2026",
            "a b/h/2026q1",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
        for text in [
            "a+b/h/2026q1",
            "a/h/2026q0",
            "a/h/2026q1\n",
            "a/h_1/2026q1",
            "đ/h/2026q1",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_later_quarter_may_lie_in_a_later_year() {
        let after = |text: &str, count| text.parse::<Quarter>().unwrap().after(count).to_string();
        assert_eq!(after("2026q4", 0), "2026q4");
        assert_eq!(after("2026q4", 1), "2027q1");
        assert_eq!(after("2026q2", 6), "2027q4");
        assert_eq!(after("2026q1", u32::MAX), "65535q4");
    }

    #[test]
    fn quarters_turn_at_midnight_in_ha_noi() {
        let at = |s: i64| Quarter::containing(s * 1_000_000).to_string();
        assert_eq!(at(0), "1970q1");
        // 2026-10-01T00:00:00+07:00 and the second before it.
        assert_eq!(at(1_790_787_600), "2026q4");
        assert_eq!(at(1_790_787_599), "2026q3");
        // 2024-03-31T23:59:59+07:00, in a leap year, and the second after it.
        assert_eq!(at(1_711_904_399), "2024q1");
        assert_eq!(at(1_711_904_400), "2024q2");
        // 2027-01-01T00:00:00+07:00.
        assert_eq!(at(1_798_736_400), "2027q1");
        let mut quarter: Quarter = "1970q2".parse().unwrap();
        while quarter < "2401q2".parse().unwrap() {
            let begins_us = quarter.begins_us();
            assert_eq!(Quarter::containing(begins_us), quarter);
            assert_eq!(Quarter::containing(begins_us - 1).after(1), quarter);
            quarter = quarter.after(1);
        }
    }

    #[test]
    fn an_instance_has_one_origin_for_each_quarter() {
        let origin: Origin = "a/b/hn-1/2026q4".parse().unwrap();
        let next = origin.in_quarter(origin.quarter().after(1));
        assert_eq!(next, "a/b/hn-1/2027q1".parse().unwrap());
        assert_eq!(next.record_id(3).quarter(), Some(next.quarter()));
        assert_eq!(next.quarter().since(origin.quarter()), 1);
    }
}
