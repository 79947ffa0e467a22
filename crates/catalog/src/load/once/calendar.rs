//! When agencies work: `once/holidays.toml`.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::text;
use crate::calendar::{Calendar, SpecialDay};
use crate::document::{Document, Located, Table};
use crate::fault::Faults;
use crate::hours::{Hours, SPANS_MAX, Span, Weekday};

/// The years that a calendar may have.
const YEARS: std::ops::RangeInclusive<i64> = 2000..=2200;

pub(super) fn calendar(document: &Document, faults: &mut Faults) -> Option<Calendar> {
    let mut root = document.root();
    let hours = root.table("hours", faults).and_then(|mut table| {
        let days = in_order(&mut table, "days", faults, |one: Weekday, other| {
            one < other
        });
        let spans = in_order(&mut table, "spans", faults, |one: Span, other| {
            one.until_minute() <= other.from_minute()
        });
        if spans.len() > SPANS_MAX {
            let what = format!("`hours.spans` names {}", spans.len());
            table.fault(None, what, format!("name at most {SPANS_MAX}"), faults);
        }
        let source = text(&mut table, "source", faults);
        let checked = checked(&mut table, faults);
        table.finish(faults);
        Some((Hours { days, spans }, source?, checked))
    });
    let (hours, hours_source, hours_checked) = hours?;
    let mut calendar = Calendar {
        hours,
        hours_source,
        hours_checked,
        years: BTreeMap::new(),
    };
    for mut table in root.tables("year", faults) {
        if let Some(year) = table.integer("year", YEARS, faults) {
            let days = special_days(&mut table, &year, &calendar, faults);
            let number = i16::try_from(year.value).unwrap_or_default();
            if calendar.years.insert(number, days).is_some() {
                let what = format!("the year {number} stands here twice");
                table.fault(year.line, what, "make one of both", faults);
            }
        }
        table.finish(faults);
    }
    root.finish(faults);
    Some(calendar)
}

/// Names that follow each other, at least one.
fn in_order<T>(
    table: &mut Table<'_>,
    key: &str,
    faults: &mut Faults,
    follows: impl Fn(T, T) -> bool,
) -> Vec<T>
where
    T: std::str::FromStr<Err: std::fmt::Display> + Copy,
{
    let named = table.parsed_list::<T>(key, faults);
    if named.is_empty() {
        let what = format!("`hours.{key}` names none");
        table.fault(None, what, "name at least one", faults);
    }
    for pair in named.windows(2) {
        if let [one, other] = pair
            && !follows(one.value, other.value)
        {
            let what = format!("`hours.{key}` are not in order, or overlap");
            table.fault(other.line, what, "put them in order, each once", faults);
        }
    }
    named.into_iter().map(|one| one.value).collect()
}

fn special_days(
    table: &mut Table<'_>,
    year: &Located<i64>,
    calendar: &Calendar,
    faults: &mut Faults,
) -> BTreeMap<Date, SpecialDay> {
    let mut days = BTreeMap::new();
    for (key, working) in [("off", false), ("working", true)] {
        for mut day in table.tables(key, faults) {
            let date = day.date("day", faults);
            let special = special(&mut day, working, faults);
            if let (Some(date), Some(special)) = (date, special) {
                let wrong = if i64::from(date.value.year()) != year.value {
                    Some(format!("`{}` is not in {}", date.value, year.value))
                } else if calendar.is_usual(date.value) == working {
                    let usual = if working { "a working day" } else { "off" };
                    Some(format!("`{}` is {usual} without this", date.value))
                } else if days.insert(date.value, special).is_some() {
                    Some(format!("`{}` stands here twice", date.value))
                } else {
                    None
                };
                if let Some(what) = wrong {
                    day.fault(date.line, what, "correct or remove it", faults);
                }
            }
            day.finish(faults);
        }
    }
    days
}

fn special(table: &mut Table<'_>, working: bool, faults: &mut Faults) -> Option<SpecialDay> {
    let name = text(table, "name", faults);
    let source = text(table, "source", faults);
    let checked = checked(table, faults);
    Some(SpecialDay {
        working,
        name: name?,
        source: source?,
        checked,
    })
}

/// Whether the source was looked at; nobody who did not says so.
fn checked(table: &mut Table<'_>, faults: &mut Faults) -> bool {
    let checked = table.opt_bool("checked", faults);
    checked.is_some_and(|checked| checked.value)
}
