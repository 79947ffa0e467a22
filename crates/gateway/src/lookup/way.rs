//! The one way of a lookup through the stages of `exchange`, whoever begins it: a call of a
//! dataset, or a part of a call of the gateway's own services.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1::Receipt;
use motlan_audit::{Ledger, Shards};
use motlan_catalog::SystemId;
use motlan_exchange::{Arrival, Ask, Caller, Limits, Outcome, Reply, Unrecorded};
use tracing::Instrument as _;

use super::outlive::Outliving;
use super::wire_error::WireError;
use crate::enforced::{Enforced, InForce};
use crate::places::{Place, Places};
use crate::shadow::{self, Shadow};
use crate::state::Upkeep;
use crate::telemetry::{Course, Metrics, Stage};

/// This part of a caller's time, and at most so much, is kept back from the provider.
const RESERVE_PART: u32 = 10;
const RESERVE_MAX: Duration = Duration::from_millis(50);

/// Calls under way at once that make lookups of their own.
const COLLECTIONS_MAX: usize = 256;
/// Those of one system.
const COLLECTIONS_PER_SYSTEM_MAX: usize = 64;

/// How much a lookup may take.
#[derive(Debug, Clone, Copy)]
pub struct LookupLimits {
    /// A request message, with its prefix, in bytes.
    pub request_bytes_max: usize,
    /// From arrival to the provider's answer, where the caller names no shorter `grpc-timeout`.
    pub lookup_max: Duration,
    /// Lookups under way at once, replies that are not taken yet included; one more is refused.
    pub in_flight_max: usize,
    /// Those of one system.
    pub in_flight_per_system_max: usize,
}

/// Everything that a lookup needs.
pub struct Lookups {
    pub(super) in_force: InForce,
    shadow: Option<Shadow>,
    shards: Shards,
    pub(super) metrics: Metrics,
    pub(super) limits: LookupLimits,
    /// How often grants were used, whatever set is in force.
    used: Arc<Limits>,
    pub(super) upkeep: Upkeep,
    /// Held until the caller has taken the reply.
    pub(super) places: Places,
    /// Held until the last lookup of a call has ended.
    collections: Places,
}

/// A question with a place, which may be decided.
pub(crate) struct Asked {
    /// R88: what decides it, and all that comes of it.
    pub(crate) set: Arc<Enforced>,
    /// Who asks.
    pub(crate) caller: Caller,
    /// What is asked.
    pub(crate) ask: Ask,
    /// Held until the lookup is recorded, and then as long as the caller likes.
    pub(crate) place: Place,
}

/// A lookup that is on record.
pub(crate) struct Answered {
    /// What came of it.
    pub(crate) reply: Reply,
    /// The log that it is recorded in.
    pub(crate) ledger: Ledger,
    /// Its place.
    pub(crate) place: Place,
}

/// Why nobody hears what came of a lookup. The operator was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The ledger cannot write.
    Unrecorded,
    /// It broke off without an outcome.
    Lost,
}

impl Lookups {
    /// Puts together what lookups need.
    #[must_use]
    pub fn new(
        in_force: InForce,
        shadow: Option<Shadow>,
        shards: Shards,
        metrics: Metrics,
        limits: LookupLimits,
        used: Arc<Limits>,
        upkeep: Upkeep,
    ) -> Self {
        let (all, each) = (limits.in_flight_max, limits.in_flight_per_system_max);
        let places = Places::new(all, each);
        Self {
            in_force,
            shadow,
            shards,
            metrics,
            limits,
            used,
            upkeep,
            places,
            collections: Places::new(COLLECTIONS_MAX, COLLECTIONS_PER_SYSTEM_MAX),
        }
    }

    /// Counts a call by nobody who is known.
    pub(crate) fn turned_away(&self, error: &WireError) {
        self.metrics.turned_away(error.reason());
    }

    /// How many lookups have a place, and how many may.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        (self.places.taken(), self.limits.in_flight_max)
    }

    /// Waits until no lookup is under way, at most until `end`. Says whether it came to that.
    pub async fn drained(&self, end: Instant) -> bool {
        self.collections.drained(end).await && self.places.drained(end).await
    }

    /// A place for a call that makes lookups of its own, where there is one.
    pub(crate) fn collection(&self, system: &SystemId) -> Option<Place> {
        self.collections.take(system)
    }

    /// Waits for a place, at most until `end`.
    pub(crate) async fn place(&self, system: &SystemId, end: Instant) -> Option<Place> {
        self.places.wait(system, end).await
    }

    /// The logs in which lookups are recorded.
    pub(crate) fn shards(&self) -> &Shards {
        &self.shards
    }

    /// R43: how long a provider may take: as long as the caller waits, less what is kept back so
    /// that the reason and the record of an answer that is late still reach the caller; and never
    /// longer than our own limit.
    pub(crate) fn patience(&self, timeout: Option<Duration>) -> Duration {
        let own = self.limits.lookup_max;
        timeout.map_or(own, |wait| {
            let reserve = (wait / RESERVE_PART).min(RESERVE_MAX);
            wait.saturating_sub(reserve).min(own)
        })
    }

    /// Takes a question through the stages.
    ///
    /// # Errors
    /// [`Unanswered`], upon which nobody hears anything.
    pub(crate) async fn take(self: &Arc<Self>, asked: Asked) -> Result<Answered, Unanswered> {
        // R34: a caller that hangs up does not stop the record.
        let lookup = Outliving::new(Arc::clone(self).through(asked));
        lookup.await.unwrap_or_else(|_panicked| {
            self.metrics.turned_away("LOOKUP_LOST");
            tracing::error!("a lookup panicked; its question may stand without an outcome");
            Err(Unanswered::Lost)
        })
    }

    async fn through(self: Arc<Self>, asked: Asked) -> Result<Answered, Unanswered> {
        let Asked {
            set,
            caller,
            mut ask,
            place,
        } = asked;
        let mut course = Course::begin(&self.metrics, &caller, &mut ask);
        let span = course.span();
        let exchanged = self
            .exchange(&set, caller, ask, &mut course)
            .instrument(span)
            .await;
        let (reply, ledger) = match exchanged {
            Ok(recorded) => recorded,
            Err(unrecorded) => {
                // R33: no record, no answer.
                self.metrics.unrecorded(&unrecorded);
                course.unrecorded();
                return Err(Unanswered::Unrecorded);
            }
        };
        course.ended(&reply);
        Ok(Answered {
            reply,
            ledger,
            place,
        })
    }

    /// The one way of a lookup. Gives as well the log that it is recorded in.
    async fn exchange(
        &self,
        set: &Arc<Enforced>,
        caller: Caller,
        ask: Ask,
        course: &mut Course,
    ) -> Result<(Reply, Ledger), Unrecorded> {
        // R77: question and outcome stand in one log, also where the quarter turns in between.
        let mut shard = self.shards.current().await;
        let ledger = shard.ledger().clone();
        let question = caller.ask(ask);
        if let Some(shadow) = &self.shadow {
            shadow.observe(set, || {
                shadow::Asked::of(&question.query(), question.moment())
            });
        }
        let outcome = match question.decide(&set.rules) {
            Ok(permitted) => {
                let duties = &self.upkeep;
                match permitted.reserve(&self.used, duties).await {
                    Ok(reserved) => {
                        course.passed(Stage::Decide);
                        let announced = reserved.announce(&ledger).await?;
                        shard.asked();
                        course.passed(Stage::Announce);
                        let answer = announced.fetch(&set.owners, duties).await;
                        course.passed(Stage::Fetch);
                        let outcome = answer.mask(duties).await;
                        course.passed(Stage::Mask);
                        outcome
                    }
                    Err(refusal) => refused(refusal, course),
                }
            }
            Err(refusal) => refused(refusal, course),
        };
        let reply = outcome.record(&ledger).await?.release();
        course.passed(Stage::Record);
        Ok((reply, ledger))
    }
}

/// The way of what is not asked: from the decision to the record.
fn refused(refusal: Outcome, course: &mut Course) -> Outcome {
    course.passed(Stage::Decide);
    refusal
}

/// Now, on both clocks.
pub(crate) fn arrival() -> Arrival {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let unix_us = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    Arrival {
        unix_us,
        instant: Instant::now(),
    }
}

/// The receipt of a record. The record stands whatever happens here: a caller that gets no receipt
/// now can fetch it from `motlan.audit.v1.Audit/GetReceipt`.
pub(crate) async fn receipt(ledger: Ledger, index: u64) -> Option<Receipt> {
    let receipt = tokio::task::spawn_blocking(move || ledger.receipt(index))
        .await
        .ok()?;
    receipt
        .inspect_err(|error| tracing::warn!(%error, index, "no receipt could be made"))
        .ok()
}
