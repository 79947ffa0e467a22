//! The way of a call, from its HTTP/2 request to the stages of `exchange` and back.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method as HttpMethod, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use motlan_audit::{Ledger, Shards};
use motlan_catalog::{Method, SystemId};
use motlan_exchange::{Arrival, Ask, Caller, Limits, Reply, Shown, Unrecorded};
use prost::Message as _;
use tonic::Code;
use tracing::Instrument as _;

use super::reply::{ReplyBody, released};
use super::request::{Metadata, bearer};
use super::wire_error::WireError;
use crate::enforced::{Enforced, InForce};
use crate::frames::{Deframer, FrameError, FrameLimits, is_grpc};
use crate::identity::{Certificate, Peer};
use crate::places::{Place, Places};
use crate::shadow::{self, Shadow};
use crate::state::Upkeep;
use crate::telemetry::{LookupEnd, Metrics, traces};

/// This part of a caller's time, and at most so much, is kept back from the provider.
const RESERVE_PART: u32 = 10;
const RESERVE_MAX: Duration = Duration::from_millis(50);

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
    in_force: InForce,
    shadow: Option<Shadow>,
    shards: Shards,
    metrics: Metrics,
    limits: LookupLimits,
    /// How often grants were used, whatever set is in force.
    used: Arc<Limits>,
    upkeep: Upkeep,
    /// Held until the caller has taken the reply.
    places: Places,
}

/// A call that was understood and may be decided.
struct Asked {
    /// R88: what decides it, and all that comes of it.
    set: Arc<Enforced>,
    caller: Caller,
    ask: Ask,
    full_receipt: bool,
    place: Place,
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
        }
    }

    /// Answers one call on a connection with this certificate.
    pub async fn call(
        self: Arc<Self>,
        certificate: Arc<Certificate>,
        request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let arrived = arrival();
        match self.understand(&certificate, request, arrived).await {
            Ok(asked) => {
                // R34: a task of its own. A caller that hangs up does not stop the record.
                let lookup = tokio::spawn(Arc::clone(&self).answer(asked));
                match lookup.await {
                    Ok(response) => response,
                    Err(_panicked) => {
                        self.metrics.turned_away("LOOKUP_LOST");
                        tracing::error!(
                            "a lookup panicked; its question may stand without an outcome"
                        );
                        WireError::lost().response(None)
                    }
                }
            }
            Err(error) => {
                self.metrics.turned_away(error.reason());
                error.response(None)
            }
        }
    }

    /// Counts a call by no registered system.
    pub fn stranger(&self) {
        self.metrics.turned_away("SYSTEM_UNREGISTERED");
    }

    /// Waits until no lookup is under way, at most until `end`. Says whether it came to that.
    pub async fn drained(&self, end: Instant) -> bool {
        self.places.drained(end).await
    }

    /// Checks the token, finds the method and reads the message. Nothing is recorded until then:
    /// else any stranger could fill the ledger.
    async fn understand(
        &self,
        certificate: &Certificate,
        request: Request<Incoming>,
        arrived: Arrival,
    ) -> Result<Asked, WireError> {
        // R3: strangers leave here, long before the ledger.
        let (head, body) = request.into_parts();
        let now_s = arrived.unix_us.div_euclid(1_000_000);
        let door = self.in_force.set();
        let known = Known::of(&door, certificate, &head, now_s)?;
        let metadata = Metadata::parse(&head.headers)?;
        let method = method(&door, &head)?;
        check_protocol(&head)?;
        let deadline = arrived.instant + self.patience(metadata.timeout);
        let message = tokio::time::timeout_at(deadline.into(), self.message(body))
            .await
            .map_err(|_| WireError::late())??;
        // R88: taken once, now that the question is whole. A caller that took its time is not
        // decided by what is in force no more.
        let set = self.in_force.set();
        let (known, method) = match Arc::ptr_eq(&set, &door) {
            true => (known, method),
            false => {
                let known = Known::of(&set, certificate, &head, now_s)?;
                (known, self::method(&set, &head)?)
            }
        };
        if metadata.incident.as_deref() != known.caller.incident() {
            return Err(WireError::incident());
        }
        let shown = known.shown(&set, &metadata, &self.upkeep)?;
        // Taken only now: a caller that sends nothing takes nothing from the others.
        let place = self
            .places
            .take(&known.system)
            .ok_or_else(WireError::overloaded)?;
        let trace = metadata.trace_parent;
        let ask = Ask {
            method,
            request: message,
            cited: metadata.cited,
            fields: metadata.fields,
            shown,
            trace_id: trace
                .as_ref()
                .map(|trace| trace.trace_id.clone())
                .unwrap_or_default(),
            trace_parent: trace.map(|trace| trace.text),
            arrived,
            deadline,
        };
        Ok(Asked {
            set,
            caller: known.caller,
            ask,
            full_receipt: metadata.full_receipt,
            place,
        })
    }

    /// R43: how long a provider may take: as long as the caller waits, less what is kept back so
    /// that the reason and the record of an answer that is late still reach the caller; and never
    /// longer than our own limit.
    fn patience(&self, timeout: Option<Duration>) -> Duration {
        let own = self.limits.lookup_max;
        timeout.map_or(own, |wait| {
            let reserve = (wait / RESERVE_PART).min(RESERVE_MAX);
            wait.saturating_sub(reserve).min(own)
        })
    }

    /// Reads the one message of the request.
    async fn message(&self, mut body: Incoming) -> Result<Bytes, WireError> {
        let limits = FrameLimits {
            body_bytes_max: self.limits.request_bytes_max,
            messages_max: 1,
        };
        let mut deframer = Deframer::new(limits);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| message_malformed("the message broke off"))?;
            if let Ok(chunk) = frame.into_data() {
                deframer.push(chunk).map_err(wrong_message)?;
            }
        }
        let mut messages = deframer.finish().map_err(wrong_message)?;
        messages
            .pop()
            .ok_or_else(|| message_malformed("there is no message"))
    }

    /// Takes a call through the stages, and makes the response.
    async fn answer(self: Arc<Self>, asked: Asked) -> Response<ReplyBody> {
        let Asked {
            set,
            caller,
            mut ask,
            full_receipt,
            place,
        } = asked;
        let end = LookupEnd::new(&ask);
        let span = traces::lookup_span(&mut ask);
        let exchanged = self
            .exchange(&set, caller, ask)
            .instrument(span.clone())
            .await;
        let (reply, ledger) = match exchanged {
            Ok(recorded) => recorded,
            Err(unrecorded) => {
                // R33: no record, no answer.
                self.metrics.unrecorded(&unrecorded);
                self.metrics.ended(&end, "LEDGER_UNAVAILABLE");
                return WireError::unrecorded().response(None);
            }
        };
        match &reply.result {
            Ok(release) => {
                self.metrics.ended(&end, "OK");
                let receipt = if full_receipt {
                    receipt(ledger, reply.index).await
                } else {
                    None
                };
                released(release, &reply.record, receipt, place)
            }
            Err(denial) => {
                span.record("error.type", denial.reason());
                self.metrics.ended(&end, denial.reason());
                WireError::denied(denial).response(Some(&reply.record))
            }
        }
    }

    /// The one way of a lookup. Gives as well the log that it is recorded in.
    async fn exchange(
        &self,
        set: &Arc<Enforced>,
        caller: Caller,
        ask: Ask,
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
                        let announced = reserved.announce(&ledger).await?;
                        shard.asked();
                        let answer = announced.fetch(&set.owners, duties).await;
                        answer.mask(duties).await
                    }
                    Err(refusal) => refusal,
                }
            }
            Err(refusal) => refusal,
        };
        let reply = outcome.record(&ledger).await?.release();
        Ok((reply, ledger))
    }
}

/// Who calls, as one set knows them.
struct Known {
    system: SystemId,
    caller: Caller,
}

impl Known {
    fn of(
        set: &Enforced,
        certificate: &Certificate,
        head: &Parts,
        now_s: i64,
    ) -> Result<Self, WireError> {
        let peer = Peer::of(certificate, &set.catalog)
            .map_err(|error| WireError::unregistered(error.to_string()))?;
        let caller = bearer(&head.headers)
            .and_then(|token| set.tokens.caller(&peer, token, now_s))
            .map_err(|error| WireError::token(&error))?;
        let system = peer.system.id.clone();
        Ok(Self { system, caller })
    }

    /// What the call shows that others have signed.
    fn shown(
        &self,
        set: &Enforced,
        metadata: &Metadata,
        upkeep: &Upkeep,
    ) -> Result<Shown, WireError> {
        let approvals: Vec<&str> = metadata.approvals.iter().map(String::as_str).collect();
        let consent = metadata.consent.as_deref();
        let is_revoked = |issuer: &SystemId, id: &str| upkeep.is_revoked(issuer, id);
        set.tokens
            .shown(&self.system, consent, &approvals, &is_revoked)
            .map_err(|error| WireError::artefact(&error))
    }
}

fn method(set: &Enforced, head: &Parts) -> Result<Arc<Method>, WireError> {
    let path = head.uri.path();
    let method = set.catalog.method(path);
    let method = method.ok_or_else(|| WireError::unknown_method(path))?;
    Ok(Arc::clone(method))
}

/// The receipt as a `-bin` header. The record stands whatever happens here: a caller that gets no
/// receipt now can fetch it from `motlan.audit.v1.Audit/GetReceipt`.
async fn receipt(ledger: Ledger, index: u64) -> Option<HeaderValue> {
    let receipt = tokio::task::spawn_blocking(move || ledger.receipt(index))
        .await
        .ok()?;
    match receipt {
        Ok(receipt) => {
            let encoded = BASE64_STANDARD_NO_PAD.encode(receipt.encode_to_vec());
            HeaderValue::from_str(&encoded).ok()
        }
        Err(error) => {
            tracing::warn!(%error, index, "no receipt could be made");
            None
        }
    }
}

fn arrival() -> Arrival {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let unix_us = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    Arrival {
        unix_us,
        instant: Instant::now(),
    }
}

fn check_protocol(head: &Parts) -> Result<(), WireError> {
    let value = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let plain = head.method == HttpMethod::POST && head.uri.query().is_none();
    if !plain || !value("content-type").is_some_and(is_grpc) {
        return Err(message_malformed("this is no gRPC call"));
    }
    match value("grpc-encoding") {
        None | Some("identity") => Ok(()),
        Some(_) => {
            let message = "compressed messages are not accepted; send `grpc-encoding: identity`";
            Err(WireError::new(
                Code::Unimplemented,
                "MESSAGE_MALFORMED",
                message,
            ))
        }
    }
}

fn wrong_message(error: FrameError) -> WireError {
    match error {
        FrameError::TooMany => message_malformed("there is more than one message"),
        other => message_malformed(&other.to_string()),
    }
}

fn message_malformed(what: &str) -> WireError {
    WireError::new(Code::InvalidArgument, "MESSAGE_MALFORMED", what)
}
