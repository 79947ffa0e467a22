//! The reply to the caller as an HTTP/2 response.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use jiff::tz::Offset;
use motlan_audit::RecordId;
use motlan_exchange::Release;

use super::wire_error::WireError;
use crate::frames::framed;
use crate::headers::{insert, insert_passing};
use crate::places::Place;

/// `motlan-withheld` has at most this many bytes; what does not fit is told as `...`.
const WITHHELD_BYTES_MAX: usize = 2048;

/// The body of a reply: at most one chunk, then the trailers; or what a control service streams.
pub enum ReplyBody {
    /// A lookup's reply.
    Lookup {
        /// The framed messages.
        data: Option<Bytes>,
        /// The trailers after them.
        trailers: Option<HeaderMap>,
        /// The lookup's place, given back once the caller has taken all of it.
        place: Option<Place>,
    },
    /// A control service's reply.
    Control(tonic::body::Body),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        match &mut *self {
            Self::Lookup { data, trailers, .. } => Poll::Ready(
                data.take()
                    .map(Frame::data)
                    .or_else(|| trailers.take().map(Frame::trailers))
                    .map(Ok),
            ),
            Self::Control(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Lookup { data, trailers, .. } => data.is_none() && trailers.is_none(),
            Self::Control(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Lookup { data, .. } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Self::Control(body) => body.size_hint(),
        }
    }
}

/// An answer: the messages, then the trailers with the record, what was withheld, and the receipt.
pub(super) fn released(
    release: &Release,
    record: &RecordId,
    receipt: Option<HeaderValue>,
    place: Place,
) -> Response<ReplyBody> {
    let mut trailers = HeaderMap::with_capacity(6);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    insert_passing(&mut trailers, "motlan-record", &record.to_string());
    insert(&mut trailers, "motlan-withheld", &joined(&release.withheld));
    insert_passing(&mut trailers, "motlan-as-of", &release.as_of);
    if let Some(until_us) = release.keep_until_us {
        // R95: the last day on which it may be kept.
        insert(&mut trailers, "motlan-keep-until", &last_day(until_us));
    }
    if let Some(receipt) = receipt {
        trailers.insert("motlan-receipt-bin", receipt);
    }
    let data = (!release.messages.is_empty()).then(|| framed(&release.messages));
    respond(
        ReplyBody::Lookup {
            data,
            trailers: Some(trailers),
            place: Some(place),
        },
        HeaderMap::new(),
    )
}

impl WireError {
    /// No answer: a response of trailers only. `record` is the ledger's record of it, where there
    /// is one.
    #[must_use]
    pub fn response(&self, record: Option<&RecordId>) -> Response<ReplyBody> {
        let mut headers = self.trailers(record);
        if let Some(record) = record {
            insert(&mut headers, "motlan-record", &record.to_string());
        }
        respond(
            ReplyBody::Lookup {
                data: None,
                trailers: None,
                place: None,
            },
            headers,
        )
    }
}

/// What a call gets for which there is no place: made once, since it is needed most when there is
/// least time.
pub(super) fn busy() -> Response<ReplyBody> {
    static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
        WireError::overloaded()
            .response(None)
            .into_parts()
            .0
            .headers
    });
    let nothing = ReplyBody::Lookup {
        data: None,
        trailers: None,
        place: None,
    };
    let mut response = Response::new(nothing);
    response.headers_mut().clone_from(&HEADERS);
    response
}

fn respond(body: ReplyBody, headers: HeaderMap) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

/// The day in Việt Nam before an instant, e.g. `2026-11-22`.
fn last_day(until_us: i64) -> String {
    let vietnam = Offset::constant(7);
    let last = Timestamp::from_microsecond(until_us.saturating_sub(1)).unwrap_or(Timestamp::MAX);
    vietnam.to_datetime(last).date().to_string()
}

fn joined(names: &[String]) -> String {
    let mut joined = String::new();
    for name in names {
        if joined.len() + name.len() + 1 > WITHHELD_BYTES_MAX {
            joined.push_str(",...");
            break;
        }
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(name);
    }
    joined
}
