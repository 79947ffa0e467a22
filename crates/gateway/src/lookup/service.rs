//! The way of a call, from its HTTP/2 request to the stages of `exchange` and back.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Method as HttpMethod, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use motlan_audit::{Ledger, Shards};
use motlan_catalog::Catalog;
use motlan_exchange::{Arrival, Ask, Caller, Reply, Unrecorded};
use motlan_policy::Rules;
use prost::Message as _;
use tonic::Code;
use tracing::Instrument as _;

use super::reply::{ReplyBody, released};
use super::request::{Metadata, bearer};
use super::wire_error::WireError;
use crate::frames::{Deframer, FrameError, FrameLimits, is_grpc};
use crate::identity::{Peer, Tokens};
use crate::owners::Owners;
use crate::places::{Place, Places};
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
    catalog: Arc<Catalog>,
    rules: Rules,
    tokens: Arc<Tokens>,
    shards: Shards,
    owners: Owners,
    metrics: Metrics,
    limits: LookupLimits,
    /// Held until the caller has taken the reply.
    places: Places,
}

/// A call that was understood and may be decided.
struct Asked {
    caller: Caller,
    ask: Ask,
    full_receipt: bool,
    place: Place,
}

impl Lookups {
    /// Puts together what lookups need.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        rules: Rules,
        tokens: Arc<Tokens>,
        shards: Shards,
        owners: Owners,
        metrics: Metrics,
        limits: LookupLimits,
    ) -> Self {
        let (all, each) = (limits.in_flight_max, limits.in_flight_per_system_max);
        let places = Places::new(&catalog, all, each);
        Self {
            catalog,
            rules,
            tokens,
            shards,
            owners,
            metrics,
            limits,
            places,
        }
    }

    /// Answers one call on `peer`'s connection.
    pub async fn call(
        self: Arc<Self>,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let arrived = arrival();
        match self.understand(&peer, request, arrived).await {
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
        peer: &Peer,
        request: Request<Incoming>,
        arrived: Arrival,
    ) -> Result<Asked, WireError> {
        // R3: strangers leave here, long before the ledger.
        let (head, body) = request.into_parts();
        let now_s = arrived.unix_us.div_euclid(1_000_000);
        let caller = bearer(&head.headers)
            .and_then(|token| self.tokens.caller(peer, token, now_s))
            .map_err(|error| WireError::token(&error))?;
        let metadata = Metadata::parse(&head.headers)?;
        let path = head.uri.path();
        let method = self
            .catalog
            .method(path)
            .ok_or_else(|| WireError::unknown_method(path))?;
        check_protocol(&head)?;
        let deadline = arrived.instant + self.patience(metadata.timeout);
        let message = tokio::time::timeout_at(deadline.into(), self.message(body))
            .await
            .map_err(|_| WireError::late())??;
        // Taken only now: a caller that sends nothing takes nothing from the others.
        let place = self
            .places
            .take(&peer.system.id)
            .ok_or_else(WireError::overloaded)?;
        let trace = metadata.trace_parent;
        let ask = Ask {
            method: Arc::clone(method),
            request: message,
            cited: metadata.cited,
            fields: metadata.fields,
            trace_id: trace
                .as_ref()
                .map(|trace| trace.trace_id.clone())
                .unwrap_or_default(),
            trace_parent: trace.map(|trace| trace.text),
            arrived,
            deadline,
        };
        Ok(Asked {
            caller,
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
            caller,
            mut ask,
            full_receipt,
            place,
        } = asked;
        let end = LookupEnd::new(&ask);
        let span = traces::lookup_span(&mut ask);
        let exchanged = self.exchange(caller, ask).instrument(span.clone()).await;
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
    async fn exchange(&self, caller: Caller, ask: Ask) -> Result<(Reply, Ledger), Unrecorded> {
        // R77: question and outcome stand in one log, also where the quarter turns in between.
        let mut shard = self.shards.current().await;
        let ledger = shard.ledger().clone();
        let outcome = match caller.ask(ask).decide(&self.rules) {
            Ok(permitted) => {
                let announced = permitted.announce(&ledger).await?;
                shard.asked();
                announced.fetch(&self.owners).await.mask()
            }
            Err(refusal) => refusal,
        };
        let reply = outcome.record(&ledger).await?.release();
        Ok((reply, ledger))
    }
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

fn check_protocol(head: &http::request::Parts) -> Result<(), WireError> {
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
