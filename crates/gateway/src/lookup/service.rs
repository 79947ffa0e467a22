//! The way of a call, from its HTTP/2 request to the stages of `exchange` and back.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method as HttpMethod, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use motlan_api::audit::v1::Receipt;
use motlan_catalog::{Method, SystemId};
use motlan_exchange::{Arrival, Ask, Caller, Shown};
use prost::Message as _;
use tonic::Code;

use super::reply::{ReplyBody, busy, released};
use super::request::{Metadata, bearer};
use super::way::{Answered, Asked, Lookups, arrival, receipt};
use super::wire_error::WireError;
use crate::enforced::Enforced;
use crate::frames::{Deframer, FrameError, FrameLimits, is_grpc};
use crate::identity::{Certificate, Peer};
use crate::state::Upkeep;

/// A call that was understood.
struct Understood {
    asked: Asked,
    full_receipt: bool,
}

impl Lookups {
    /// Answers one call on a connection with this certificate.
    pub async fn call(
        self: Arc<Self>,
        certificate: Arc<Certificate>,
        request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let arrived = arrival();
        if self.is_full(&certificate) {
            self.metrics.turned_away(WireError::OVERLOADED);
            return busy();
        }
        let understood = match self.understand(&certificate, request, arrived).await {
            Ok(understood) => understood,
            Err(error) => {
                self.metrics.turned_away(error.reason());
                return error.response(None);
            }
        };
        let answered = match self.take(understood.asked).await {
            Ok(answered) => answered,
            Err(unanswered) => return WireError::from(unanswered).response(None),
        };
        let Answered {
            reply,
            ledger,
            place,
        } = answered;
        match &reply.result {
            Ok(release) => {
                let receipt = match understood.full_receipt {
                    true => receipt(ledger, reply.index).await,
                    false => None,
                };
                let receipt = receipt.as_ref().and_then(encoded);
                released(release, &reply.record, receipt, place)
            }
            Err(denial) => WireError::denied(denial).response(Some(&reply.record)),
        }
    }

    /// Whether a call on a connection with this certificate would find no place. Nothing is taken,
    /// and nothing of the call was looked at: what is turned away costs little.
    fn is_full(&self, certificate: &Certificate) -> bool {
        let peer = Peer::of(certificate, &self.in_force.set().catalog);
        peer.is_ok_and(|peer| !self.places.has_room(&peer.system.id))
    }

    /// Checks the token, finds the method and reads the message. Nothing is recorded until then:
    /// else any stranger could fill the ledger.
    async fn understand(
        &self,
        certificate: &Certificate,
        request: Request<Incoming>,
        arrived: Arrival,
    ) -> Result<Understood, WireError> {
        // R105: what was verified in the handshake may be revoked or out of date by now.
        certificate.stands().map_err(WireError::fallen)?;
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
        certificate.stands().map_err(WireError::fallen)?;
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
        Ok(Understood {
            asked: Asked {
                set,
                caller: known.caller,
                ask,
                place,
            },
            full_receipt: metadata.full_receipt,
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

/// A receipt as a `-bin` header.
fn encoded(receipt: &Receipt) -> Option<HeaderValue> {
    let encoded = BASE64_STANDARD_NO_PAD.encode(receipt.encode_to_vec());
    HeaderValue::from_str(&encoded).ok()
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
