//! The lookups for one component: asked, and asked again where a provider may still answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use motlan_api::audit::v1::GroundOutcome;
use motlan_audit::{Ledger, RecordId};
use motlan_catalog::SystemId;
use motlan_exchange::{Ask, Denial, Lack, Release, Reply, Shown};
use motlan_once::{Finding, Held};
use motlan_policy::{Backing, Moment, Query, Way};
use tonic::Code;

use super::dossier::{Dossier, Part};
use super::way::Denied;
use crate::identity::ArtefactError;
use crate::ledger::now_us;
use crate::lookup::{Answered, Asked, Lookups, Unanswered, WireError, arrival};
use crate::places::Place;
use crate::state::Upkeep;

/// So often a provider is asked for one component.
const ATTEMPTS_MAX: u32 = 3;
/// An attempt has half of the time that is left, where that is as much as this; else all of it.
const HALF_MIN: Duration = Duration::from_secs(2);
/// This part of the desk's time passes before a provider is asked again, but never more than this
/// part of what is left.
const PAUSE_PART: u32 = 8;
const PAUSE_PART_OF_REST: u32 = 4;
/// Nobody is asked with less than this part of the desk's time left.
const ROOM_PART: u32 = 8;
/// The longest message that is handed on: a reply has at most 4 MiB with all that goes with it.
const MESSAGE_BYTES_MAX: usize = 3 << 20;

/// What came of the lookups.
pub(super) enum Found {
    /// The data, whole.
    Data {
        release: Release,
        record: RecordId,
        index: u64,
        ledger: Ledger,
    },
    /// Why it could not be had.
    Lacking {
        outcome: GroundOutcome,
        /// The fields that are missing or differ.
        fields: Vec<String>,
        lookup: RecordId,
    },
    /// Something is to be mended first.
    Refused {
        error: WireError,
        record: Option<RecordId>,
    },
}

/// How one lookup ended.
enum Attempt {
    Ended(Found),
    /// The provider was not asked, for a limit of the grant.
    Barred(Found),
    /// The provider did not give it, and may yet.
    Passing(Found),
    /// The provider was not asked, for want of a place or of time.
    Unasked(Found),
}

/// Whoever makes the lookups.
pub(super) struct Desk<'a> {
    pub(super) lookups: &'a Arc<Lookups>,
    pub(super) upkeep: &'a Upkeep,
    pub(super) dossier: &'a Dossier,
}

impl Desk<'_> {
    /// Fetches one component. Gives as well the place, where one was had.
    ///
    /// # Errors
    /// Where the ledger cannot write: then nobody hears anything.
    pub(super) async fn fetch(
        &self,
        part: &Part,
        held: &Held,
    ) -> Result<(Found, Option<Place>), Unanswered> {
        let Dossier { begun, end, .. } = *self.dossier;
        // R101: whoever finds no place in the first half of the time is told so. A provider that
        // had the second half and did not answer was given time to.
        let half = begun + end.saturating_duration_since(begun) / 2;
        let system = &self.dossier.peer.system.id;
        let Some(mut place) = self.lookups.place(system, half).await else {
            return Ok((refused(WireError::overloaded()), None));
        };
        let (mut lacking, mut unasked) = (None, None);
        for attempt in 1..=ATTEMPTS_MAX {
            let deadline = deadline(attempt, Instant::now(), end);
            let asked = match self.asked(part, held, deadline, place) {
                Ok(asked) => asked,
                Err(error) => return Ok((lacking.unwrap_or(refused(error)), None)),
            };
            let answered = match self.lookups.take(asked).await {
                Ok(answered) => answered,
                Err(Unanswered::Lost) => return Ok((refused(WireError::lost()), None)),
                Err(unrecorded) => return Err(unrecorded),
            };
            let Answered {
                reply,
                ledger,
                place: kept,
            } = answered;
            place = kept;
            match self.ended(part, held, reply, ledger) {
                // A limit or a token that ran out meanwhile does not undo that nobody answered.
                Attempt::Barred(_) if lacking.is_some() => break,
                Attempt::Barred(found) | Attempt::Ended(found) => {
                    return Ok((found, Some(place)));
                }
                Attempt::Passing(found) => lacking = Some(found),
                Attempt::Unasked(found) => unasked = Some(found),
            }
            let Some(pause) = pause(attempt, begun, Instant::now(), end) else {
                break;
            };
            tokio::time::sleep(pause).await;
        }
        let found = lacking.or(unasked);
        let found = found.unwrap_or_else(|| refused(WireError::overloaded()));
        Ok((found, Some(place)))
    }

    /// A lookup of its own, with all that it needs checked anew: its token may have run out.
    fn asked(
        &self,
        part: &Part,
        held: &Held,
        deadline: Instant,
        place: Place,
    ) -> Result<Asked, WireError> {
        let Dossier {
            set,
            peer,
            token,
            trace,
            ..
        } = self.dossier;
        let arrived = arrival();
        let now_s = arrived.unix_us.div_euclid(1_000_000);
        let caller = set.tokens.caller(peer, token, now_s);
        let caller = caller.map_err(|error| WireError::token(&error))?;
        let shown = self
            .shown(part)
            .map_err(|error| WireError::artefact(&error))?;
        let trace = trace.as_ref();
        let ask = Ask {
            method: Arc::clone(&held.method),
            request: held.request.clone(),
            cited: part.grant.clone(),
            fields: held.fields.clone(),
            shown,
            trace_parent: trace.map(|it| it.text.clone()),
            trace_id: trace.map(|it| it.trace_id.clone()).unwrap_or_default(),
            arrived,
            deadline,
        };
        Ok(Asked {
            set: Arc::clone(set),
            caller,
            ask,
            place,
        })
    }

    fn ended(&self, part: &Part, held: &Held, reply: Reply, ledger: Ledger) -> Attempt {
        match reply.result {
            Ok(release) => judged(held, release, reply.record, reply.index, ledger),
            Err(denial) => self.denied(part, held, &denial, reply.record),
        }
    }

    /// R101: only what nobody at the desk can mend is a ground.
    fn denied(&self, part: &Part, held: &Held, denial: &Denial, lookup: RecordId) -> Attempt {
        let record = Some(lookup.clone());
        let lacking = |outcome| Found::Lacking {
            outcome,
            fields: Vec::new(),
            lookup,
        };
        let refused = |error| Found::Refused { error, record };
        match denial.lack() {
            Lack::NotShared => Attempt::Ended(match self.way(held) {
                Some(way) => refused(self.told(part, denial, &way)),
                None => lacking(GroundOutcome::NotShared),
            }),
            Lack::NotFound => Attempt::Ended(lacking(GroundOutcome::NotFound)),
            Lack::Unavailable { again } => {
                let found = lacking(GroundOutcome::Unavailable);
                match again {
                    true => Attempt::Passing(found),
                    false => Attempt::Ended(found),
                }
            }
            Lack::Unasked => Attempt::Unasked(refused(WireError::denied(denial))),
            Lack::Own => {
                let found = refused(WireError::denied(denial));
                match denial {
                    Denial::Limit(_) => Attempt::Barred(found),
                    _ => Attempt::Ended(found),
                }
            }
        }
    }

    fn told(&self, part: &Part, denial: &Denial, way: &Way) -> WireError {
        let denied = Denied {
            system: &self.dossier.peer.system.id,
            procedure: &self.dossier.procedure,
            cited: part.grant.as_deref(),
            denial,
        };
        denied.told(way)
    }

    /// How the agency would be allowed it: a grant that came nearer to the question may have hidden
    /// another that would do, or one that the desk chose to cite.
    fn way(&self, held: &Held) -> Option<Way> {
        let Dossier { set, peer, .. } = self.dossier;
        let query = Query {
            system: &peer.system,
            method: &held.method,
            procedure: &self.dossier.procedure,
            dossier: true,
            backing: Backing::default(),
            cited: None,
            fields: &held.fields,
        };
        let now = Moment::from_unix_ms(now_us().div_euclid(1_000));
        set.rules.way(&set.catalog, &query, now)
    }

    /// What of the component's texts others have signed.
    fn shown(&self, part: &Part) -> Result<Shown, ArtefactError> {
        let Dossier { set, peer, .. } = self.dossier;
        let approvals: Vec<&str> = part.approvals.iter().map(String::as_str).collect();
        let is_revoked = |issuer: &SystemId, id: &str| self.upkeep.is_revoked(issuer, id);
        let consent = part.consent.as_deref();
        set.tokens
            .shown(&peer.system.id, consent, &approvals, &is_revoked)
    }
}

/// How long to wait behind this attempt; none where no other is to follow. The last one begins in
/// the last quarter of the time, so that a provider that only starts anew is met.
fn pause(attempt: u32, begun: Instant, now: Instant, end: Instant) -> Option<Duration> {
    let all = end.saturating_duration_since(begun);
    let left = end.saturating_duration_since(now);
    let short = (all / PAUSE_PART).min(left / PAUSE_PART_OF_REST);
    let pause = match attempt + 1 {
        ATTEMPTS_MAX => short.max(left.saturating_sub(all / 4)),
        _ => short,
    };
    (attempt < ATTEMPTS_MAX && left.saturating_sub(pause) >= all / ROOM_PART).then_some(pause)
}

/// Until when this attempt may last. Whoever is slow must not look like whoever is down.
fn deadline(attempt: u32, now: Instant, end: Instant) -> Instant {
    let half = end.saturating_duration_since(now) / 2;
    match attempt < ATTEMPTS_MAX && half >= HALF_MIN {
        true => now + half,
        false => end,
    }
}

fn judged(held: &Held, release: Release, record: RecordId, index: u64, ledger: Ledger) -> Attempt {
    let lacking = |outcome, fields| {
        Attempt::Ended(Found::Lacking {
            outcome,
            fields,
            lookup: record.clone(),
        })
    };
    let [message] = release.messages.as_slice() else {
        return lacking(GroundOutcome::Unavailable, Vec::new());
    };
    if message.len() > MESSAGE_BYTES_MAX {
        let text = "the answer is too large to be collected; fetch it by a lookup of its own";
        let error = WireError::new(Code::OutOfRange, "EVIDENCE_TOO_LARGE", text);
        let record = Some(record);
        return Attempt::Ended(Found::Refused { error, record });
    }
    match held.judge(message, &release.covered) {
        Finding::Whole => Attempt::Ended(Found::Data {
            release,
            record,
            index,
            ledger,
        }),
        Finding::Incomplete(fields) => lacking(GroundOutcome::Incomplete, fields),
        Finding::Mismatch(fields) => lacking(GroundOutcome::Mismatch, fields),
        Finding::Unreadable => lacking(GroundOutcome::Unavailable, Vec::new()),
    }
}

fn refused(error: WireError) -> Found {
    Found::Refused {
        error,
        record: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R101.
    #[test]
    fn a_provider_has_two_seconds_or_all_that_there_is() {
        let begun = Instant::now();
        let ends = |attempt, seconds| {
            deadline(attempt, begun, begun + Duration::from_secs(seconds)) - begun
        };
        assert_eq!(ends(1, 10), Duration::from_secs(5));
        assert_eq!(ends(2, 4), Duration::from_secs(2));
        assert_eq!(ends(1, 3), Duration::from_secs(3));
        assert_eq!(ends(ATTEMPTS_MAX, 10), Duration::from_secs(10));
    }

    // R101.
    #[test]
    fn whoever_fails_at_once_is_asked_again_in_the_last_quarter_and_never_without_room() {
        for all in [1_850, 10_000, 60_000].map(Duration::from_millis) {
            let begun = Instant::now();
            let end = begun + all;
            let second = begun + pause(1, begun, begun, end).unwrap();
            assert_eq!(second - begun, all / 8);
            let third = second + pause(2, begun, second, end).unwrap();
            assert_eq!(third - begun, all - all / 4);
            assert_eq!(pause(3, begun, third, end), None);
            assert_eq!(pause(1, begun, end, end), None);
            assert_eq!(pause(1, begun, end - all / 10, end), None);
            // Whoever took long is asked again at once, nearly.
            let late = begun + all / 5 * 4;
            assert_eq!(pause(2, begun, late, end), Some((end - late) / 4));
        }
    }
}
