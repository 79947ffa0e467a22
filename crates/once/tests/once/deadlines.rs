//! Deadlines by a table, and against a slow twin that counts minute by minute.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, date};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use motlan_once::{Channel, DeadlineError, deadline};
use proptest::prelude::*;

use crate::once;

/// The moment at which a clock in Việt Nam shows this.
fn moment(local: DateTime) -> Timestamp {
    let zone = TimeZone::fixed(Offset::constant(7));
    local.to_zoned(zone).unwrap().timestamp()
}

fn local(moment: Timestamp) -> DateTime {
    Offset::constant(7).to_datetime(moment)
}

/// The local time of a deadline that there is.
fn due_at(channel: Channel, received: DateTime) -> DateTime {
    let once = once();
    let received = moment(received);
    local(deadline(&once.calendar, &once.law.notice, channel, received).unwrap())
}

fn due(channel: Channel, received: &str) -> Result<String, DeadlineError> {
    let once = once();
    let received = moment(received.parse().unwrap());
    let due = deadline(&once.calendar, &once.law.notice, channel, received)?;
    Ok(local(due).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Received, due where it came in online, due where it came in on paper.
const TABLE: &str = "\
# A whole day's work, and the same from its middle.
2026-03-03 07:30:00 | 2026-03-03 17:00:00 | 2026-03-04 17:00:00
2026-03-03 09:15:30 | 2026-03-04 09:15:30 | 2026-03-04 17:00:00
# Before work, over lunch, one minute before its end, at its end, one minute after.
2026-03-03 03:00:00 | 2026-03-03 17:00:00 | 2026-03-04 17:00:00
2026-03-03 11:29:00 | 2026-03-04 11:29:00 | 2026-03-04 17:00:00
2026-03-03 11:30:00 | 2026-03-04 11:30:00 | 2026-03-04 17:00:00
2026-03-03 12:15:00 | 2026-03-04 11:30:00 | 2026-03-04 17:00:00
2026-03-03 16:59:00 | 2026-03-04 16:59:00 | 2026-03-04 17:00:00
2026-03-03 17:00:00 | 2026-03-04 17:00:00 | 2026-03-04 17:00:00
2026-03-03 17:01:00 | 2026-03-04 17:00:00 | 2026-03-04 17:00:00
# A Friday, a Saturday, a Sunday.
2026-03-06 16:59:00 | 2026-03-09 16:59:00 | 2026-03-09 17:00:00
2026-03-06 17:01:00 | 2026-03-09 17:00:00 | 2026-03-09 17:00:00
2026-03-07 10:00:00 | 2026-03-09 17:00:00 | 2026-03-09 17:00:00
2026-03-08 23:59:59 | 2026-03-09 17:00:00 | 2026-03-09 17:00:00
# The last Friday before Tết, and Tết itself: the 16th to the 20th of February.
2026-02-13 13:00:00 | 2026-02-23 11:30:00 | 2026-02-23 17:00:00
2026-02-13 17:01:00 | 2026-02-23 17:00:00 | 2026-02-23 17:00:00
2026-02-17 09:00:00 | 2026-02-23 17:00:00 | 2026-02-23 17:00:00
# New Year: the 2nd is off, and worked on Saturday the 10th.
2026-01-01 09:00:00 | 2026-01-05 17:00:00 | 2026-01-05 17:00:00
2026-01-09 16:59:00 | 2026-01-10 16:59:00 | 2026-01-10 17:00:00
2026-01-10 16:59:00 | 2026-01-12 16:59:00 | 2026-01-12 17:00:00
# Giỗ Tổ on a Sunday, made up on Monday; two days later 30 April and 1 May.
2026-04-24 16:00:00 | 2026-04-28 16:00:00 | 2026-04-28 17:00:00
2026-04-29 16:59:00 | 2026-05-04 16:59:00 | 2026-05-04 17:00:00
# National Day, from Saturday to Wednesday.
2026-08-28 08:30:00 | 2026-09-03 08:30:00 | 2026-09-03 17:00:00
";

// R82.
#[test]
fn notice_is_due_after_eight_working_hours_online_and_one_working_day_on_paper() {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    assert_eq!(rows.len(), 22);
    for row in rows {
        let [received, online, paper] = row.as_slice() else {
            panic!("{row:?}");
        };
        assert_eq!(
            due(Channel::Online, received).as_deref(),
            Ok(*online),
            "{received} online"
        );
        assert_eq!(
            due(Channel::Paper, received).as_deref(),
            Ok(*paper),
            "{received} paper"
        );
    }
}

// R82: never a guess.
#[test]
fn a_deadline_that_reaches_into_a_year_that_is_not_settled_is_an_error() {
    assert_eq!(
        due(Channel::Online, "2026-12-31 07:30:00").unwrap(),
        "2026-12-31 17:00:00"
    );
    for (channel, received) in [
        (Channel::Online, "2026-12-31 07:31:00"),
        (Channel::Paper, "2026-12-31 07:30:00"),
        (Channel::Online, "2025-12-31 09:00:00"),
        (Channel::Online, "2027-02-01 09:00:00"),
    ] {
        let error = due(channel, received).unwrap_err();
        let year = if received < "2026" { 2025 } else { 2027 };
        let known = vec![2026];
        assert_eq!(
            error,
            DeadlineError::YearNotSettled { year, known },
            "{received}"
        );
    }
    assert_eq!(
        due(Channel::Paper, "2026-12-31 07:30:00")
            .unwrap_err()
            .to_string(),
        "the working days of 2027 are not in `once/holidays.toml`, only those of 2026"
    );
}

#[test]
fn the_reference_calendar_has_days_of_eight_hours_and_eleven_days_off_in_2026() {
    let calendar = &once().calendar;
    let minutes: u16 = calendar
        .hours
        .spans
        .iter()
        .map(|span| span.until_minute() - span.from_minute())
        .sum();
    assert_eq!(minutes, 8 * 60);
    assert_eq!(calendar.years.keys().collect::<Vec<_>>(), [&2026]);
    let days = &calendar.years[&2026];
    let count = |working: bool| days.values().filter(|day| day.working == working).count();
    // Article 112 gives 11: Giỗ Tổ has its day in lieu here, and two days are exchanged.
    assert_eq!((count(false), count(true)), (11 + 2, 2));
}

/// Whether an agency works in the minute that begins then, by the plainest reading of the table.
fn works(days: &BTreeMap<Date, bool>, minute: DateTime) -> bool {
    let usual = minute.weekday().to_monday_one_offset() <= 5;
    let day = days.get(&minute.date()).copied().unwrap_or(usual);
    let clock = i32::from(minute.hour()) * 60 + i32::from(minute.minute());
    day && ((450..690).contains(&clock) || (780..1020).contains(&clock))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn deadlines_are_those_that_counting_minutes_gives(minute in 0_i32..(350 * 24 * 60)) {
        let once = once();
        let days = once.calendar.years[&2026].iter().map(|(day, it)| (*day, it.working)).collect();
        let received = date(2026, 1, 1).at(0, 0, 0, 0) + minute.minutes();
        let mut clock = received;
        let mut left = 8 * 60;
        while left > 0 {
            left -= i32::from(works(&days, clock));
            clock += 1.minute();
        }
        prop_assert_eq!(due_at(Channel::Online, received), clock, "{} online", received);
        // The first day that is worked after this one, and then its last minute.
        let mut clock = received.date().tomorrow().unwrap().at(0, 0, 0, 0);
        while !works(&days, clock) {
            clock += 1.minute();
        }
        while works(&days, clock) || clock.hour() < 13 {
            clock += 1.minute();
        }
        prop_assert_eq!(due_at(Channel::Paper, received), clock, "{} on paper", received);
    }
}
