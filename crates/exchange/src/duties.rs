//! What one use of a grant brings with it beside the answer: cases that somebody reviews, notices,
//! lines in the log, a last day.

use std::future::Future;
use std::sync::Arc;

use motlan_audit::RecordId;
use motlan_catalog::{AgencyCode, GrantId, LogLevel, Obligation};
use motlan_policy::Permit;

use crate::question::Question;

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;
/// Việt Nam keeps UTC+7 all year.
const VIETNAM_US: i64 = 7 * HOUR_US;

/// Why a use that is permitted does not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DutyFault {
    /// The incident's time is over.
    #[error("the emergency is over: its name cannot be used again for this grant")]
    EmergencyOver,
    /// Somebody has not reviewed an earlier use in time.
    #[error("`{grant}` is suspended until earlier uses of it are reviewed")]
    GrantSuspended {
        /// The grant.
        grant: GrantId,
    },
    /// More uses wait for somebody to review them than may.
    #[error("as many uses of `{grant}` wait for a review as may; ask its owner to review them")]
    ReviewsPending {
        /// The grant.
        grant: GrantId,
    },
    /// What the grant obliges to cannot be done, so nothing is given.
    #[error("what the grant obliges this gateway to could not be done; tell the operator")]
    Failed,
}

impl DutyFault {
    /// The stable reason, as in `google.rpc.ErrorInfo.reason` and in the ledger.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EmergencyOver => "EMERGENCY_OVER",
            Self::GrantSuspended { .. } => "GRANT_SUSPENDED",
            Self::ReviewsPending { .. } => "REVIEWS_PENDING",
            Self::Failed => "OBLIGATION_FAILED",
        }
    }
}

/// Who performs what grants oblige to.
pub trait Duties {
    /// Says whether a use may begin, of any grant. Returns once the emergency that it is part of
    /// would survive a power cut.
    fn admit(&self, made: &Use) -> impl Future<Output = Result<(), DutyFault>> + Send;

    /// Opens the case of a use, or adds the use to that of its emergency. Returns once that would
    /// survive a power cut. No case closes while a use of it is [under way](Use::under_way).
    fn open(
        &self,
        made: &Use,
        question: &RecordId,
    ) -> impl Future<Output = Result<(), DutyFault>> + Send;

    /// Keeps a notice for the subject of a question. Returns once it would survive a power cut.
    fn notify(&self, question: &RecordId) -> impl Future<Output = Result<(), DutyFault>> + Send;

    /// Writes a line into the operator's log.
    fn log(&self, level: LogLevel, made: &Use, question: &RecordId);
}

/// One use of a grant, as those see it who perform what it obliges to. Names an incident, so it
/// does not print.
#[derive(Clone)]
pub struct Use {
    /// The grant.
    pub grant: GrantId,
    /// The method asked, by its path.
    pub method: String,
    /// The agency that answers, whose officer reviews.
    pub provider: AgencyCode,
    /// The emergency that it is part of.
    pub emergency: Option<Emergency>,
    /// By when it must have been reviewed by itself, in microseconds since the Unix epoch.
    pub review_by_us: Option<i64>,
    /// When it is made, in microseconds since the Unix epoch.
    pub now_us: i64,
    /// Held until the outcome is on record, or there will be none: whoever has a weak reference to
    /// it can tell that the use is under way.
    pub under_way: Arc<()>,
}

/// An emergency, as one use of it states it.
#[derive(Clone)]
pub struct Emergency {
    /// The incident, in the caller's words.
    pub incident: String,
    /// So long it lasts from its first use, in microseconds.
    pub lasts_us: i64,
    /// So long after that it must have been reviewed, in microseconds.
    pub review_us: i64,
}

impl Use {
    /// Whether somebody reviews it.
    #[must_use]
    pub fn is_reviewed(&self) -> bool {
        self.emergency.is_some() || self.review_by_us.is_some()
    }
}

/// What a permit obliges to.
pub(crate) struct Obliged {
    pub(crate) made: Use,
    pub(crate) notify: bool,
    pub(crate) log: Option<LogLevel>,
    /// The first instant at which what was given may no longer be kept.
    pub(crate) keep_until_us: Option<i64>,
}

impl Obliged {
    pub(crate) fn by(question: &Question, permit: &Permit) -> Self {
        let terms = permit.terms();
        let now_us = question.ask.arrived.now_us();
        let method = &question.ask.method;
        let incident = question.caller.statement.incident.as_ref();
        let glass = terms.break_glass.as_ref().zip(incident);
        let mut obliged = Self {
            made: Use {
                grant: permit.grant().clone(),
                method: method.path.clone(),
                provider: method.owner.clone(),
                emergency: glass.map(|(glass, incident)| Emergency {
                    incident: incident.clone(),
                    lasts_us: i64::from(glass.minutes) * MINUTE_US,
                    review_us: i64::from(glass.review_hours) * HOUR_US,
                }),
                review_by_us: None,
                now_us,
                under_way: Arc::new(()),
            },
            notify: false,
            log: None,
            keep_until_us: None,
        };
        // R95: a closed set. An obligation that is new is performed here, or nothing compiles.
        for obligation in &terms.obligations {
            match obligation {
                // The permit's mask does it.
                Obligation::Mask(_) => {}
                Obligation::NotifySubject => obliged.notify = true,
                Obligation::Log(level) => obliged.log = Some(*level),
                Obligation::KeepDays(days) => {
                    obliged.keep_until_us = Some(end_of_day_us(now_us, *days));
                }
                Obligation::ReviewDays(days) => {
                    obliged.made.review_by_us = Some(end_of_day_us(now_us, *days));
                }
            }
        }
        obliged
    }
}

/// When the day in Việt Nam ends that is so many days after the one of `now_us`.
fn end_of_day_us(now_us: i64, days: u32) -> i64 {
    let today = now_us.saturating_add(VIETNAM_US).div_euclid(DAY_US);
    let after = today.saturating_add(i64::from(days)).saturating_add(1);
    after.saturating_mul(DAY_US).saturating_sub(VIETNAM_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_ends_at_midnight_in_viet_nam() {
        // 1970-01-01 at 07:00 in Việt Nam.
        assert_eq!(end_of_day_us(0, 0), DAY_US - VIETNAM_US);
        assert_eq!(
            end_of_day_us(DAY_US - VIETNAM_US - 1, 0),
            DAY_US - VIETNAM_US
        );
        assert_eq!(
            end_of_day_us(DAY_US - VIETNAM_US, 0),
            2 * DAY_US - VIETNAM_US
        );
        assert_eq!(end_of_day_us(0, 30), 31 * DAY_US - VIETNAM_US);
        assert!(end_of_day_us(i64::MAX, u32::MAX) > 0);
    }
}
