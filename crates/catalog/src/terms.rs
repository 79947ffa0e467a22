//! The terms of a grant beyond whom, what and when: what others must sign first, how often it may
//! be used, and what must be done with what it gives.

use std::fmt;
use std::num::NonZeroU32;

use motlan_mask::{Cover, Keep};

/// At most this many approvals can be demanded for one lookup.
pub const APPROVALS_MAX: u8 = 3;

/// So many approvals are demanded wherever a view gives a field of the class `SECRET`.
pub const SECRET_APPROVALS: u8 = 2;

/// What a grant demands and brings with it. The default demands nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// Whether the official must name the dossier that the lookup serves.
    pub dossier_required: bool,
    /// Whether the person must have consented.
    pub consent_required: bool,
    /// How many officials beside the one who asks must have approved.
    pub approvals: u8,
    /// Where it is a grant for emergencies, and for nothing else.
    pub break_glass: Option<BreakGlass>,
    /// How often it may be used on one day of Việt Nam's calendar.
    pub quota: Budget,
    /// How often it may be used within a minute.
    pub rate: Budget,
    /// What must be done with what it gives.
    pub obligations: Vec<Obligation>,
}

impl Terms {
    /// What is covered.
    #[must_use]
    pub fn covers(&self) -> Vec<Cover> {
        let covers = self.obligations.iter();
        let covers = covers.filter_map(|obligation| match obligation {
            Obligation::Mask(cover) => Some(cover.clone()),
            _ => None,
        });
        covers.collect()
    }

    /// Whether it demands or brings anything that one use of it changes or leaves behind.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self
            == Self {
                dossier_required: self.dossier_required,
                ..Self::default()
            }
    }
}

/// How often a grant may be used: by everybody together, about one subject, and by one official.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// By everybody together.
    pub grant: Option<NonZeroU32>,
    /// About one subject, whoever asks.
    pub subject: Option<NonZeroU32>,
    /// By one official, whomever it is about.
    pub official: Option<NonZeroU32>,
}

impl Budget {
    /// Whether it limits nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// A grant that may be used only by a named official who declares an emergency, and whose every use
/// somebody reviews.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakGlass {
    /// The officials who may declare one, as the `sub` of their tokens, in order, each once.
    pub officials: Vec<String>,
    /// The guards that do not hold in an emergency, in order, each once.
    pub relaxes: Vec<Relaxed>,
    /// So long an emergency lasts, from its first use.
    pub minutes: u32,
    /// Within so many hours after that it must have been reviewed.
    pub review_hours: u32,
}

/// A guard that an emergency can relax. There is no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relaxed {
    /// No dossier need be named.
    Dossier,
    /// Nobody need have consented.
    Consent,
    /// Nobody else need have approved; where a field is `SECRET`, two must all the same.
    Approvals,
    /// It may be used on any day and at any hour.
    Hours,
}

impl Relaxed {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dossier, Self::Consent, Self::Approvals, Self::Hours];

    /// The reason of the guard, which is how an agreement names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dossier => "DOSSIER_REQUIRED",
            Self::Consent => "CONSENT_REQUIRED",
            Self::Approvals => "APPROVALS_REQUIRED",
            Self::Hours => "OUTSIDE_HOURS",
        }
    }
}

/// What must be done with what a grant gives. A closed set: an agreement that names another does
/// not load, and where one cannot be performed nothing is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obligation {
    /// Part of the values of one field is covered.
    Mask(Cover),
    /// The subject is told.
    NotifySubject,
    /// The operator's log has a line of each use.
    Log(LogLevel),
    /// The consumer keeps what it got for so many days at most, and is told until when.
    KeepDays(u32),
    /// Somebody reviews each use within so many days.
    ReviewDays(u32),
}

impl fmt::Display for Obligation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mask(Cover { path, keep }) => match keep {
                Keep::First(kept) => write!(f, "{path} but for its first {kept} covered"),
                Keep::Last(kept) => write!(f, "{path} but for its last {kept} covered"),
            },
            Self::NotifySubject => f.write_str("notify the subject"),
            Self::Log(level) => write!(f, "log as {}", level.as_str()),
            Self::KeepDays(days) => write!(f, "keep {days} days"),
            Self::ReviewDays(days) => write!(f, "review within {days} days"),
        }
    }
}

/// How loud a line in the operator's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For the record.
    Info,
    /// To be looked at.
    Warn,
    /// To be looked at at once.
    Error,
}

impl LogLevel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warn, Self::Error];

    /// As an agreement names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The terms as a reader sees them, each behind a comma; nothing where there are none. Nobody is
/// named: they are shown where no official's name belongs.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(emergency) = &self.break_glass {
            write!(
                f,
                ", in an emergency of {} minutes, reviewed within {} hours",
                emergency.minutes, emergency.review_hours,
            )?;
        }
        if self.dossier_required {
            f.write_str(", with a dossier")?;
        }
        if self.consent_required {
            f.write_str(", with consent")?;
        }
        match self.approvals {
            0 => {}
            1 => f.write_str(", with 1 approval")?,
            many => write!(f, ", with {many} approvals")?,
        }
        for (budget, span) in [(self.quota, "day"), (self.rate, "minute")] {
            let parts = [
                (budget.grant, ""),
                (budget.subject, " per subject"),
                (budget.official, " per official"),
            ];
            for (limit, whose) in parts {
                if let Some(limit) = limit {
                    write!(f, ", {limit} a {span}{whose}")?;
                }
            }
        }
        for obligation in &self.obligations {
            write!(f, ", {obligation}")?;
        }
        if let Some(relaxed) = self.break_glass.as_ref() {
            for guard in &relaxed.relaxes {
                write!(f, ", without {}", guard.as_str())?;
            }
        }
        Ok(())
    }
}
