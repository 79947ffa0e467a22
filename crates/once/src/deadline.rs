//! By when an applicant must be told that data could not be had: the law's working hours and days
//! over the catalogue's calendar, in Việt Nam's time.
//!
//! Working hours are counted from the moment of receipt, and only while agencies work. Working days
//! are counted from the day after (Civil Code, Article 147), and the last one ends with its last
//! working hour: earlier than at midnight, never later.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use motlan_catalog::{Calendar, Notice};

/// The most days that a deadline is looked for.
pub const DAYS_MAX: usize = 1_000;

/// Việt Nam keeps UTC+7 all year.
const VIETNAM: Offset = Offset::constant(7);

/// How a dossier came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Online: notice is due within working hours.
    Online,
    /// On paper: notice is due within working days.
    Paper,
}

/// Why there is no deadline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeadlineError {
    /// The count reaches a year whose working days are not settled.
    #[error(
        "the working days of {year} are not in `once/holidays.toml`, only those of {}",
        years(.known)
    )]
    YearNotSettled {
        /// The year.
        year: i16,
        /// The years that are settled.
        known: Vec<i16>,
    },
    /// Nobody works for so many days, or the count leaves the calendar of the world.
    #[error("no deadline was found within {DAYS_MAX} days")]
    TooFar,
}

fn years(known: &[i16]) -> String {
    let known: Vec<String> = known.iter().map(i16::to_string).collect();
    known.join(", ")
}

/// The last moment at which notice of a dossier that came in at `received` is in time. Parts of a
/// second are left out.
///
/// # Errors
/// Where the count reaches a year that the calendar does not hold, or goes on too long.
pub fn deadline(
    calendar: &Calendar,
    notice: &Notice,
    channel: Channel,
    received: Timestamp,
) -> Result<Timestamp, DeadlineError> {
    let received = VIETNAM.to_datetime(received);
    let due = match channel {
        Channel::Online => {
            let seconds = i64::from(notice.online_working_hours) * 3600;
            after_hours(calendar, received, seconds)?
        }
        Channel::Paper => after_days(calendar, received.date(), notice.paper_working_days)?,
    };
    let zoned = due.to_zoned(TimeZone::fixed(VIETNAM));
    Ok(zoned.map_err(|_| DeadlineError::TooFar)?.timestamp())
}

/// The first moment by which so many seconds were worked.
fn after_hours(
    calendar: &Calendar,
    received: DateTime,
    seconds: i64,
) -> Result<DateTime, DeadlineError> {
    let mut left = seconds;
    let mut since = second_of_day(received);
    for day in days_from(received.date()) {
        if works_on(calendar, day)? {
            for span in &calendar.hours.spans {
                let begin = (i64::from(span.from_minute()) * 60).max(since);
                let worked = i64::from(span.until_minute()) * 60 - begin;
                if worked >= left {
                    return at(day, begin + left);
                }
                left -= worked.max(0);
            }
        }
        since = 0;
    }
    Err(DeadlineError::TooFar)
}

/// The end of work on the day that is so many working days after `received`.
fn after_days(calendar: &Calendar, received: Date, days: u32) -> Result<DateTime, DeadlineError> {
    let mut left = days;
    for day in days_from(received).skip(1) {
        if works_on(calendar, day)? {
            left = left.saturating_sub(1);
            if left == 0 {
                let last = calendar.hours.spans.last().ok_or(DeadlineError::TooFar)?;
                return at(day, i64::from(last.until_minute()) * 60);
            }
        }
    }
    Err(DeadlineError::TooFar)
}

fn works_on(calendar: &Calendar, day: Date) -> Result<bool, DeadlineError> {
    // R82: never a guess.
    let works = calendar.is_working_day(day);
    works.ok_or_else(|| DeadlineError::YearNotSettled {
        year: day.year(),
        known: calendar.years.keys().copied().collect(),
    })
}

fn days_from(first: Date) -> impl Iterator<Item = Date> {
    let next = |day: &Date| day.tomorrow().ok();
    std::iter::successors(Some(first), next).take(DAYS_MAX)
}

fn second_of_day(moment: DateTime) -> i64 {
    i64::from(moment.hour()) * 3600 + i64::from(moment.minute()) * 60 + i64::from(moment.second())
}

fn at(day: Date, second: i64) -> Result<DateTime, DeadlineError> {
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    let moment = midnight.checked_add(second.seconds());
    moment.map_err(|_| DeadlineError::TooFar)
}
