//! The lookups for one component: asked, and asked again where a provider may still answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use motlan_api::audit::v1::GroundOutcome;
use motlan_audit::{Ledger, RecordId};
use motlan_catalog::{GrantId, SystemId};
use motlan_exchange::{Ask, Denial, Lack, Release, Reply, Shown};
use motlan_once::{Finding, Held};
use motlan_policy::{Backing, Moment, Query};
use tonic::Code;

use super::dossier::{Dossier, Part};
use crate::identity::ArtefactError;
use crate::ledger::now_us;
use crate::lookup::{Answered, Asked, Lookups, Unanswered, WireError, arrival};
use crate::places::Place;
use crate::state::Upkeep;

/// So often a provider is asked for one component.
const ATTEMPTS_MAX: u32 = 3;
/// This part of the desk's time passes before a provider is asked again, and twice as much before
/// the last time, but never more than this part of what is left. One that only starts anew is not
/// taken for one that cannot be had.
const PAUSE_PART: u32 = 8;
const PAUSE_PART_OF_REST: u32 = 4;
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
    /// The provider may answer yet.
    Passing {
        lookup: RecordId,
    },
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
        let mut lacking = None;
        for attempt in 1..=ATTEMPTS_MAX {
            let asked = match self.asked(part, held, deadline(attempt, end), place) {
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
            match (self.ended(held, reply, ledger), lacking.is_some()) {
                // A limit or a token that ran out meanwhile does not undo that nobody answered.
                (Attempt::Barred(_), true) => break,
                (Attempt::Barred(found) | Attempt::Ended(found), _) => {
                    return Ok((found, Some(place)));
                }
                (Attempt::Passing { lookup }, _) => {
                    lacking = Some(Found::Lacking {
                        outcome: GroundOutcome::Unavailable,
                        fields: Vec::new(),
                        lookup,
                    });
                }
            }
            if attempt == ATTEMPTS_MAX {
                break;
            }
            tokio::time::sleep(pause(attempt, begun, end)).await;
        }
        let found = lacking.unwrap_or_else(|| refused(WireError::overloaded()));
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

    fn ended(&self, held: &Held, reply: Reply, ledger: Ledger) -> Attempt {
        match reply.result {
            Ok(release) => judged(held, release, reply.record, reply.index, ledger),
            Err(denial) => self.denied(held, &denial, reply.record),
        }
    }

    /// R101: only what nobody at the desk can mend is a ground.
    fn denied(&self, held: &Held, denial: &Denial, record: RecordId) -> Attempt {
        let refused = |error| Found::Refused {
            error,
            record: Some(record.clone()),
        };
        let outcome = match denial.lack() {
            Lack::NotShared => match self.allowing(held).as_slice() {
                [] => GroundOutcome::NotShared,
                grants => return Attempt::Ended(refused(uncited(grants))),
            },
            Lack::NotFound => GroundOutcome::NotFound,
            Lack::Unavailable { again: true } => return Attempt::Passing { lookup: record },
            Lack::Unavailable { again: false } => GroundOutcome::Unavailable,
            Lack::Own => {
                let found = refused(WireError::denied(denial));
                return match denial {
                    Denial::Limit(_) => Attempt::Barred(found),
                    _ => Attempt::Ended(found),
                };
            }
        };
        Attempt::Ended(Found::Lacking {
            outcome,
            fields: Vec::new(),
            lookup: record,
        })
    }

    /// The grants that would do, were they cited with all that they demand: one that came nearer
    /// to the question may have hidden them, or one that the desk chose to cite.
    fn allowing(&self, held: &Held) -> Vec<GrantId> {
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
        set.rules.allowing(&set.catalog, &query, now)
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

/// How long to wait behind this attempt.
fn pause(attempt: u32, begun: Instant, end: Instant) -> Duration {
    let all = end.saturating_duration_since(begun);
    let left = end.saturating_duration_since(Instant::now());
    (all / PAUSE_PART * attempt).min(left / PAUSE_PART_OF_REST)
}

/// The first attempt has half of the time that is left, the next half of the rest, the last all.
fn deadline(attempt: u32, end: Instant) -> Instant {
    let now = Instant::now();
    let left = end.saturating_duration_since(now);
    match attempt {
        ATTEMPTS_MAX => end,
        _ => now + left / 2,
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

fn uncited(grants: &[GrantId]) -> WireError {
    let grants: Vec<&str> = grants.iter().map(GrantId::as_str).collect();
    let message = format!(
        "another grant would do; cite one of `{}`, with what it demands",
        grants.join("`, `")
    );
    WireError::new(Code::FailedPrecondition, "GRANT_NOT_CITED", message)
}

fn refused(error: WireError) -> Found {
    Found::Refused {
        error,
        record: None,
    }
}
