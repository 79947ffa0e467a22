//! When a grant may be used: days of the week, and hours of the day, in Việt Nam's time.

use std::fmt;
use std::str::FromStr;

/// The most spans of hours that one grant has.
pub const SPANS_MAX: usize = 3;

/// The minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// The days and hours in which a grant may be used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hours {
    /// The days of the week, in order, each once. Never empty.
    pub days: Vec<Weekday>,
    /// The spans of each of these days, in order, none within another. Never empty, and never more
    /// than [`SPANS_MAX`].
    pub spans: Vec<Span>,
}

impl Hours {
    /// Every day, around the clock.
    #[must_use]
    pub fn always() -> Self {
        Self {
            days: Weekday::ALL.to_vec(),
            spans: vec![Span::DAY],
        }
    }
}

/// As a person writes it: `mon tue 07:30-11:30 13:00-17:00`.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::always() {
            return f.write_str("any time");
        }
        let days = match self.days.len() {
            7 => "every day".to_owned(),
            _ => words(self.days.iter().map(|day| day.as_str().to_owned())),
        };
        let spans = words(self.spans.iter().map(Span::to_string));
        write!(f, "{days} {spans}")
    }
}

fn words(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// `mon`
    Monday,
    /// `tue`
    Tuesday,
    /// `wed`
    Wednesday,
    /// `thu`
    Thursday,
    /// `fri`
    Friday,
    /// `sat`
    Saturday,
    /// `sun`
    Sunday,
}

impl Weekday {
    /// All seven, from Monday on.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Its number by ISO 8601: Monday is 1, Sunday is 7.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// As it is written in a file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoursError {
    /// Not the name of a day.
    #[error("`{found}` is no day: expected `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`")]
    Weekday {
        /// The text as given.
        found: String,
    },
    /// Not two times with a hyphen between.
    #[error("`{found}` is no span of hours: expected two times, as in `07:30-17:30`")]
    Span {
        /// The text as given.
        found: String,
    },
    /// A span whose end is not after its beginning.
    #[error("`{found}` does not end after it begins: write one over midnight as two")]
    Backwards {
        /// The text as given.
        found: String,
    },
}

impl FromStr for Weekday {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let day = Self::ALL.into_iter().find(|day| day.as_str() == text);
        day.ok_or_else(|| HoursError::Weekday {
            found: text.to_owned(),
        })
    }
}

/// Hours of one day, from `from_minute` on and before `until_minute`, both in minutes since
/// midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    from_minute: u16,
    until_minute: u16,
}

impl Span {
    /// The whole day.
    pub const DAY: Self = Self {
        from_minute: 0,
        until_minute: DAY_MINUTES,
    };

    /// The first minute within, from 0 on.
    #[must_use]
    pub const fn from_minute(self) -> u16 {
        self.from_minute
    }

    /// The first minute no longer within, up to 1440.
    #[must_use]
    pub const fn until_minute(self) -> u16 {
        self.until_minute
    }
}

impl FromStr for Span {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let found = || text.to_owned();
        let times = text.split_once('-');
        let minutes = times.and_then(|(from, until)| minute(from).zip(minute(until)));
        let (from_minute, until_minute) =
            minutes.ok_or_else(|| HoursError::Span { found: found() })?;
        if from_minute >= until_minute {
            return Err(HoursError::Backwards { found: found() });
        }
        Ok(Self {
            from_minute,
            until_minute,
        })
    }
}

/// Minutes since midnight of a time such as `07:30`; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && minute <= DAY_MINUTES).then_some(minute)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", time(self.from_minute), time(self.until_minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_are_written_and_nothing_else_does() {
        let read = |text: &str| {
            let span: Result<Span, HoursError> = text.parse();
            span.ok().map(|span| (span.from_minute, span.until_minute))
        };
        assert_eq!(read("07:30-17:30"), Some((450, 1050)));
        assert_eq!(read("00:00-24:00"), Some((0, 1440)));
        assert_eq!(read("23:59-24:00"), Some((1439, 1440)));
        for wrong in [
            "",
            "-",
            "07:30",
            "7:30-17:30",
            "07:30-24:01",
            "07:60-08:00",
            "07:30-07:30",
            "22:00-06:00",
            "07:30 - 17:30",
            "+7:30-17:30",
            "07:30-17:30-18:00",
            "٠٧:30-17:30",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let span: Span = "07:05-24:00".parse().unwrap();
        assert_eq!(span.to_string(), "07:05-24:00");
    }

    #[test]
    fn days_have_the_numbers_of_iso_8601() {
        let numbers = Weekday::ALL.map(Weekday::number);
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!("sun".parse(), Ok(Weekday::Sunday));
        assert!("Mon".parse::<Weekday>().is_err());
    }

    #[test]
    fn hours_print_as_they_are_written() {
        let hours = Hours {
            days: vec![Weekday::Monday, Weekday::Friday],
            spans: vec![
                "07:30-11:30".parse().unwrap(),
                "13:00-17:00".parse().unwrap(),
            ],
        };
        assert_eq!(hours.to_string(), "mon fri 07:30-11:30 13:00-17:00");
        assert_eq!(Hours::always().to_string(), "any time");
    }
}
