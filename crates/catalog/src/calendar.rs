//! When agencies work: hours of a day, and the days that a year's arrangement takes or adds.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::hours::Hours;

/// The hours and days on which agencies work, for the years whose arrangement is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calendar {
    /// The usual days of the week, and the hours of each.
    pub hours: Hours,
    /// Where the hours come from.
    pub hours_source: String,
    /// Whether the hours were checked against their source.
    pub hours_checked: bool,
    /// What is different from the usual, by year. A year that is not here is not settled.
    pub years: BTreeMap<i16, BTreeMap<Date, SpecialDay>>,
}

/// A day that is not as its day of the week is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpecialDay {
    /// Whether agencies work on it: a day off else.
    pub working: bool,
    /// What day it is, in Vietnamese.
    pub name: String,
    /// The instrument that says so.
    pub source: String,
    /// Whether that was checked.
    pub checked: bool,
}

impl Calendar {
    /// Whether agencies work on `day`; `None` where its year is not settled.
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> Option<bool> {
        let special = self.years.get(&day.year())?.get(&day);
        Some(special.map_or_else(|| self.is_usual(day), |special| special.working))
    }

    /// Whether agencies work on the day of the week that `day` is.
    pub(crate) fn is_usual(&self, day: Date) -> bool {
        let number = day.weekday().to_monday_one_offset();
        self.hours
            .days
            .iter()
            .any(|usual| i8::try_from(usual.number()) == Ok(number))
    }
}
