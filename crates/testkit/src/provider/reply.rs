//! A response as a script of steps, so that it can go wrong at any of them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame};
use tokio::time::Sleep;
use tonic::{Code, Status};

use super::misbehaviour::{self, CHATTER, CHATTER_HEADER, Misbehaviour};
use crate::frame;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const CHATTER_NAME: HeaderName = HeaderName::from_static(CHATTER_HEADER);
const CHATTER_VALUE: HeaderValue = HeaderValue::from_static(CHATTER);

/// A reset drops what is queued before it: so the messages get this long to leave.
const BEFORE_RESET: Duration = Duration::from_millis(20);

/// The stream is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("the stand-in resets this stream")]
pub(super) struct Reset;

/// What is left to send.
#[derive(Default)]
pub(super) struct Script(VecDeque<Step>);

enum Step {
    Data(Bytes),
    Wait(Duration),
    Waiting(Pin<Box<Sleep>>),
    Trailers(HeaderMap),
    Reset,
    Never,
}

impl Script {
    fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        loop {
            return Poll::Ready(match self.0.pop_front() {
                None => None,
                Some(Step::Data(data)) => Some(Ok(Frame::data(data))),
                Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Some(Step::Reset) => Some(Err(Reset)),
                Some(Step::Wait(time)) => {
                    self.0
                        .push_front(Step::Waiting(Box::pin(tokio::time::sleep(time))));
                    continue;
                }
                Some(Step::Waiting(mut sleep)) => {
                    let woken = sleep.as_mut().poll(context);
                    if woken.is_pending() {
                        self.0.push_front(Step::Waiting(sleep));
                    }
                    ready!(woken);
                    continue;
                }
                Some(Step::Never) => {
                    self.0.push_front(Step::Never);
                    return Poll::Pending;
                }
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// The right answer.
pub(super) fn answer(frames: &[Bytes]) -> Response<Script> {
    let data = frames.iter().cloned().map(Step::Data);
    response(Script::of(data.chain([Step::Trailers(ok())])))
}

/// A refusal without a message, in the headers.
pub(super) fn refusal(status: &Status) -> Response<Script> {
    let mut refusal = response(Script::default());
    // Metadata that does not fit into headers cannot come from here.
    let _added = status.add_header(refusal.headers_mut());
    refusal
}

/// The answer as `how` spoils it. `frames` is none where nothing is held about the subject.
pub(super) async fn spoiled(
    how: &Misbehaviour,
    frames: Option<&[Bytes]>,
) -> Result<Response<Script>, Reset> {
    let held = frames.unwrap_or_default();
    let data = |frames: &[Bytes]| -> Vec<Step> { frames.iter().cloned().map(Step::Data).collect() };
    let rewritten = |rewrite: &dyn Fn(&[u8]) -> Bytes| {
        let all: Vec<Bytes> = held.iter().map(|frame| rewrite(content(frame))).collect();
        answer(&all)
    };
    Ok(match how {
        Misbehaviour::Silent => std::future::pending().await,
        Misbehaviour::SilentAfterHeaders => response(Script::of([Step::Never])),
        Misbehaviour::Slow(time) => {
            tokio::time::sleep(*time).await;
            frames.map_or_else(not_found, answer)
        }
        Misbehaviour::Meets(meeting) => {
            meeting.met().await;
            frames.map_or_else(not_found, answer)
        }
        Misbehaviour::Once(how) => Box::pin(spoiled(how, frames)).await?,
        Misbehaviour::Instead(message) => answer(&[frame::frame(message)]),
        Misbehaviour::Trickle(time) => {
            let paced = held
                .iter()
                .flat_map(|one| [Step::Wait(*time), Step::Data(one.clone())]);
            response(Script::of(paced.chain([Step::Trailers(ok())])))
        }
        Misbehaviour::Garbage => answer(&[misbehaviour::garbage()]),
        Misbehaviour::Oversized(bytes) => answer(&[misbehaviour::oversized(*bytes)]),
        Misbehaviour::Status(code) => refusal(&chatty_status(*code)),
        Misbehaviour::Chatty => {
            let mut trailers = ok();
            trailers.insert(CHATTER_NAME, CHATTER_VALUE);
            let steps = data(held).into_iter().chain([Step::Trailers(trailers)]);
            let mut chatty = response(Script::of(steps));
            chatty.headers_mut().insert(CHATTER_NAME, CHATTER_VALUE);
            chatty
        }
        Misbehaviour::Truncated(after) => {
            let mut trailers = HeaderMap::new();
            let _added = chatty_status(Code::Internal).add_header(&mut trailers);
            let kept = held.get(..*after).unwrap_or(held);
            response(Script::of(
                data(kept).into_iter().chain([Step::Trailers(trailers)]),
            ))
        }
        Misbehaviour::Compressed => {
            let zip = |message: &[u8]| frame::frame_as(&misbehaviour::gzip(message), true, 0);
            let mut zipped = rewritten(&zip);
            zipped
                .headers_mut()
                .insert(GRPC_ENCODING, HeaderValue::from_static("gzip"));
            zipped
        }
        Misbehaviour::Reset(0) => return Err(Reset),
        Misbehaviour::Reset(after) => {
            let kept = held.get(..*after).unwrap_or(held);
            let end = [Step::Wait(BEFORE_RESET), Step::Reset];
            response(Script::of(data(kept).into_iter().chain(end)))
        }
        Misbehaviour::UnknownFields => rewritten(&misbehaviour::with_unknown_fields),
        Misbehaviour::WrongLength(by) => rewritten(&|message| frame::frame_as(message, false, *by)),
        Misbehaviour::NoStatus => response(Script::of(data(held))),
        Misbehaviour::NotGrpc(status) => not_grpc(*status),
    })
}

/// What is said where nothing is held.
pub(super) fn not_found() -> Response<Script> {
    refusal(&Status::not_found("nothing is held under this identifier"))
}

fn content(framed: &[u8]) -> &[u8] {
    framed.get(frame::PREFIX_BYTES..).unwrap_or_default()
}

fn ok() -> HeaderMap {
    HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))])
}

fn chatty_status(code: Code) -> Status {
    let mut metadata = HeaderMap::new();
    metadata.insert(CHATTER_NAME, CHATTER_VALUE);
    let metadata = tonic::metadata::MetadataMap::from_headers(metadata);
    Status::with_details_and_metadata(
        code,
        CHATTER,
        Bytes::from_static(CHATTER.as_bytes()),
        metadata,
    )
}

fn not_grpc(status: u16) -> Response<Script> {
    let mut page = Response::new(Script::of([Step::Data(Bytes::from_static(
        CHATTER.as_bytes(),
    ))]));
    *page.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    page.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    page
}

fn response(script: Script) -> Response<Script> {
    let mut response = Response::new(script);
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}
