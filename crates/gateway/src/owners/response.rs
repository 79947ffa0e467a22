//! An owner's response: collected whole, judged by its status, before anything of it is used.

use h2::RecvStream;
use http::{HeaderMap, Response, StatusCode};
use motlan_exchange::{Fetched, ProviderFault};

use crate::frames::{Deframer, FrameError, FrameLimits, is_grpc};

const GRPC_OK: u32 = 0;
const GRPC_STATUS_MAX: u32 = 16;
const GRPC_DEADLINE_EXCEEDED: u32 = 4;
const GRPC_NOT_FOUND: u32 = 5;

/// R42: collects the whole answer. An answer that ends in an error has no messages, whatever came
/// before.
pub(super) async fn whole(
    response: Response<RecvStream>,
    limits: FrameLimits,
    streaming: bool,
) -> Result<Fetched, ProviderFault> {
    let (head, mut body) = response.into_parts();
    check_head(head.status, &head.headers)?;
    if let Some(status) = status(&head.headers)? {
        // A response of trailers only.
        return Err(fault(status).unwrap_or_else(|| malformed("there is no message")));
    }
    let mut deframer = Deframer::new(limits);
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|_| ProviderFault::BrokenOff)?;
        // Taken note of at once: how much may come is for the limits. It can only be too much where
        // the stream is over.
        let _over = body.flow_control().release_capacity(chunk.len());
        deframer
            .push(chunk)
            .map_err(|error| wrong_body(error, limits))?;
    }
    let trailers = body.trailers().await;
    let trailers = trailers.map_err(|_| ProviderFault::BrokenOff)?;
    let trailers = trailers.ok_or(ProviderFault::BrokenOff)?;
    match status(&trailers)?.map(fault) {
        Some(None) => {}
        Some(Some(fault)) => return Err(fault),
        None => return Err(ProviderFault::BrokenOff),
    }
    let messages = deframer
        .finish()
        .map_err(|error| wrong_body(error, limits))?;
    if !streaming && messages.len() != 1 {
        return Err(malformed("there is not exactly one message"));
    }
    Ok(Fetched {
        messages,
        as_of: as_of(&trailers, &head.headers),
    })
}

fn check_head(status: StatusCode, headers: &HeaderMap) -> Result<(), ProviderFault> {
    if status != StatusCode::OK {
        return Err(malformed("the HTTP status is not 200"));
    }
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if !value("content-type").is_some_and(is_grpc) {
        return Err(malformed("the content type is not gRPC's"));
    }
    // We accept no compression, so that an answer's size is bounded by what came over the wire.
    match value("grpc-encoding") {
        None | Some("identity") => Ok(()),
        Some(_) => Err(malformed("it is compressed")),
    }
}

fn status(headers: &HeaderMap) -> Result<Option<u32>, ProviderFault> {
    let mut values = headers.get_all("grpc-status").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // R41: one of the codes that there are, so that no other number of the provider's passes.
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    match parsed {
        Some(status) if status <= GRPC_STATUS_MAX && values.next().is_none() => Ok(Some(status)),
        _ => Err(malformed("the gRPC status is none")),
    }
}

/// R41: a status code is all that is taken from a provider's error.
fn fault(status: u32) -> Option<ProviderFault> {
    match status {
        GRPC_OK => None,
        GRPC_NOT_FOUND => Some(ProviderFault::NotFound),
        GRPC_DEADLINE_EXCEEDED => Some(ProviderFault::Silent),
        status => Some(ProviderFault::Failed { status }),
    }
}

fn wrong_body(error: FrameError, limits: FrameLimits) -> ProviderFault {
    match error {
        FrameError::TooLong => ProviderFault::Oversized {
            limit: limits.body_bytes_max,
            unit: "bytes",
        },
        FrameError::TooMany => ProviderFault::Oversized {
            limit: limits.messages_max,
            unit: "messages",
        },
        FrameError::Flag | FrameError::Truncated => malformed(&error.to_string()),
    }
}

fn malformed(what: &str) -> ProviderFault {
    ProviderFault::Malformed {
        what: what.to_owned(),
    }
}

/// The owner's own word on how fresh its answer is, if it is an RFC 3339 time; else the time of the
/// answer.
fn as_of(trailers: &HeaderMap, headers: &HeaderMap) -> String {
    let stated = trailers
        .get("motlan-as-of")
        .or_else(|| headers.get("motlan-as-of"));
    let stated: Option<jiff::Timestamp> = stated
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let as_of = stated.unwrap_or_else(jiff::Timestamp::now);
    format!("{as_of:.0}")
}
