//! How often a grant may be used: on one day, and within a minute; by everybody together, about one
//! subject, and by one official. Counted apart from the rules, which know nothing of the past.
//!
//! **All or nothing.** Every limit that a use is under is looked at before the first is charged,
//! under one lock: a use that one limit refuses costs the others nothing.
//!
//! **Days** are those of the calendar in Việt Nam. A clock that is put back past midnight begins no
//! day anew, and one that goes forth and back finds two days as they were.
//! **Minutes** are by the generic cell rate algorithm: as many uses at once as a minute has, and
//! after that one more whenever its part of the minute has passed.
//!
//! **Nobody is named.** What is kept of a subject and of an official is a tag of 128 bits, by a key
//! that is made at random when a process starts and never leaves it. A grant without limits costs
//! neither tag nor lock.
//!
//! **One person, however written.** Names are compared without what nobody sees: see `alike`.
//!
//! **Limits.** At most [`TAGS_MAX`] tags for a day and as many for the minutes, and no more than a
//! quarter of them for one agency that asks. Where there is no room, what is not counted yet is
//! refused: nothing is forgotten to make room.

mod day;
mod minute;
mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use motlan_catalog::{AgencyCode, Budget, GrantId, Terms};
use motlan_policy::Moment;
use unicode_normalization::UnicodeNormalization as _;

use day::Days;
use minute::Minute;

/// So many subjects and officials can be counted on one day: what a table of 2^21 places holds,
/// which takes 66 MiB when it is full, and twice that where many agencies share it. There are three
/// such tables: of two days, and of the minutes.
pub const TAGS_MAX: usize = 1_835_008;

/// How long until it is worth asking again where there is no room for more.
const FULL_RETRY: Duration = Duration::from_secs(60);

/// The limits' counters: one for all lookups of a process, whatever catalogue is in force.
pub struct Limits {
    key: hmac::Key,
    epoch: Instant,
    used: Mutex<Used>,
}

/// No counters could be made: the system gave no random key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random key for the counters of limits")]
pub struct NoRandomKey;

/// By whom, or about whom, uses are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// By everybody together.
    Grant,
    /// About one subject.
    Subject,
    /// By one official.
    Official,
}

impl Whose {
    const ALL: [Self; 3] = [Self::Grant, Self::Subject, Self::Official];

    /// As an agreement names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Subject => "subject",
            Self::Official => "official",
        }
    }

    /// Its part of a budget.
    fn of(self, budget: &Budget) -> Option<u32> {
        let part = match self {
            Self::Grant => budget.grant,
            Self::Subject => budget.subject,
            Self::Official => budget.official,
        };
        part.map(Into::into)
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Grant => "by everybody together",
            Self::Subject => "about one subject",
            Self::Official => "by one official",
        }
    }
}

/// Why a grant may not be used for now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// It was used as often as it may be on one day.
    #[error(
        "`{grant}` may be used {limit} times a day {}, and was; it may be again from midnight on",
        whose.phrase()
    )]
    Quota {
        /// The grant.
        grant: GrantId,
        /// Whose uses were counted.
        whose: Whose,
        /// How many there may be.
        limit: u32,
        /// The time until then.
        retry: Duration,
    },
    /// It was used as often as it may be within a minute.
    #[error("`{grant}` may be used {limit} times a minute {}, and was; wait", whose.phrase())]
    Rate {
        /// The grant.
        grant: GrantId,
        /// Whose uses were counted.
        whose: Whose,
        /// How many there may be.
        limit: u32,
        /// The time until the next one.
        retry: Duration,
    },
    /// So many are counted that there is no room for one more.
    #[error(
        "the gateway counts the uses of as many subjects and officials as it can, of this \
             agency or of all"
    )]
    Full {
        /// When it may be worth asking again.
        retry: Duration,
    },
}

impl Exceeded {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason` and in the ledger.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Quota { .. } => "QUOTA_EXCEEDED",
            Self::Rate { .. } => "RATE_EXCEEDED",
            Self::Full { .. } => "LIMITS_FULL",
        }
    }

    /// How long until it may be asked again.
    #[must_use]
    pub fn retry(&self) -> Duration {
        match self {
            Self::Quota { retry, .. } | Self::Rate { retry, .. } | Self::Full { retry } => *retry,
        }
    }

    /// Whose uses were too many.
    #[must_use]
    pub fn whose(&self) -> Option<Whose> {
        match self {
            Self::Quota { whose, .. } | Self::Rate { whose, .. } => Some(*whose),
            Self::Full { .. } => None,
        }
    }
}

/// One use of a grant, to be counted. Personal: does not print.
#[derive(Clone, Copy)]
pub struct Charge<'a> {
    /// The grant's name.
    pub grant: &'a GrantId,
    /// The agency that asks, out of whose part of the room the counters come.
    pub consumer: &'a AgencyCode,
    /// About whom.
    pub subject: &'a str,
    /// By whom.
    pub official: &'a str,
}

/// What stands for one counter.
type Tag = u128;

/// A limit that a use is under.
#[derive(Clone, Copy)]
struct Due {
    whose: Whose,
    tag: Tag,
    limit: u32,
}

/// No limit, or more than there is room for, is exceeded.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// This one.
    Limit(Whose, u32, Duration),
    /// There is no room to count it.
    Room,
}

struct Used {
    days: Days,
    minute: Minute,
}

impl Limits {
    /// Counters that have counted nothing.
    ///
    /// # Errors
    /// The system gives no random key.
    pub fn new() -> Result<Self, NoRandomKey> {
        Self::with_room(TAGS_MAX)
    }

    /// Counters with room for fewer.
    fn with_room(tags_max: usize) -> Result<Self, NoRandomKey> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            key: key.map_err(|_unspecified| NoRandomKey)?,
            epoch: Instant::now(),
            used: Mutex::new(Used {
                days: Days::new(tags_max),
                minute: Minute::new(tags_max),
            }),
        })
    }

    /// Begins the day that `now` is in, so that what is recalled counts for its own day.
    pub fn begin(&self, now: Moment) {
        self.lock().days.on(now);
    }

    /// Counts a use of an earlier process, which is on record: only for the day, whether or not
    /// that has room for it. Where it has none, nothing new is let through that day. For the day
    /// that was [begun](Self::begin) and the next: one far off would take the place of these.
    pub fn recall(&self, past: &Charge<'_>, quota: &Budget, at: Moment) {
        let due = self.due(past, quota);
        if !due.is_empty() {
            self.lock().days.on(at).recall(past.consumer, &due);
        }
    }

    /// Charges all limits that a use is under, or none.
    pub(crate) fn charge(
        &self,
        one: &Charge<'_>,
        terms: &Terms,
        at: Moment,
        instant: Instant,
    ) -> Result<(), Exceeded> {
        if terms.quota.is_open() && terms.rate.is_open() {
            return Ok(());
        }
        let quotas = self.due(one, &terms.quota);
        let rates = self.due(one, &terms.rate);
        let mut used = self.lock();
        let Used { days, minute } = &mut *used;
        let (day, agency) = (days.on(at), one.consumer);
        // R93: all are looked at before any is charged.
        let grant = || one.grant.clone();
        day.check(agency, &quotas, at).map_err(|over| match over {
            Over::Limit(whose, limit, retry) => Exceeded::Quota {
                grant: grant(),
                whose,
                limit,
                retry,
            },
            Over::Room => Exceeded::Full { retry: FULL_RETRY },
        })?;
        let now = instant.saturating_duration_since(self.epoch);
        let checked = minute.check(agency, &rates, now);
        checked.map_err(|over| match over {
            Over::Limit(whose, limit, retry) => Exceeded::Rate {
                grant: grant(),
                whose,
                limit,
                retry,
            },
            Over::Room => Exceeded::Full { retry: FULL_RETRY },
        })?;
        day.charge(agency, &quotas);
        minute.charge(agency, &rates, now);
        Ok(())
    }

    /// The limits of `budget` that a use is under.
    fn due(&self, one: &Charge<'_>, budget: &Budget) -> Vec<Due> {
        let limited = Whose::ALL
            .into_iter()
            .filter_map(|whose| Some((whose, whose.of(budget)?)));
        let due = limited.map(|(whose, limit)| Due {
            whose,
            tag: self.tag(whose, one),
            limit,
        });
        due.collect()
    }

    fn tag(&self, whose: Whose, one: &Charge<'_>) -> Tag {
        let name = match whose {
            Whose::Grant => String::new(),
            Whose::Subject => alike(one.subject),
            Whose::Official => alike(one.official),
        };
        let mut context = hmac::Context::with_key(&self.key);
        // Neither holds a zero: what stands before it is told from what stands after.
        for part in [whose.as_str(), "\0", one.grant.as_str(), "\0", &name] {
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        let head = tag.as_ref().first_chunk();
        Tag::from_be_bytes(head.copied().unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name as limits and approvals compare it: its letters and digits, and of other characters those
/// of ASCII that can be seen, in capitals and in Unicode NFKC. Stricter than the ledger's index on
/// purpose: here two that are taken for one are asked about less often, and one taken for two more.
pub(crate) fn alike(name: &str) -> String {
    let seen = name.nfkc().filter(|it| {
        // Letters that show nothing: what holds the place of a letter of Hangul.
        let blank = matches!(it, '\u{115f}' | '\u{1160}');
        it.is_ascii_graphic() || (it.is_alphanumeric() && !blank)
    });
    seen.flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests;
