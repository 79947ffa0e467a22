//! Everything that came back.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, LocalizedMessage, StatusExt as _};

use super::{CallError, Message, REPLY_BYTES_MAX, Unfinished};
use crate::frame;

/// A reply, error or not.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status: 200 for all of gRPC.
    pub http_status: StatusCode,
    /// The initial metadata; all there is where a server refuses at once.
    pub headers: HeaderMap,
    /// The frames as they came.
    pub body: Bytes,
    /// The trailing metadata.
    pub trailers: HeaderMap,
    /// The gRPC status, from the trailers or else the headers; `UNKNOWN` where there is none.
    pub status: Status,
}

impl Reply {
    /// The messages, without their frames.
    ///
    /// # Errors
    /// Where the body ends within one.
    pub fn messages(&self) -> Result<Vec<Bytes>, Unfinished> {
        Ok(self
            .framed()?
            .into_iter()
            .map(|message| message.bytes)
            .collect())
    }

    /// The messages, and whether each is compressed.
    ///
    /// # Errors
    /// Where the body ends within one.
    pub fn framed(&self) -> Result<Vec<Message>, Unfinished> {
        frame::split(&self.body)
    }

    /// The status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.status.code()
    }

    /// The trailing or, where there is none, the initial metadatum of this name, as text.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.trailers
            .get(name)
            .or_else(|| self.headers.get(name))?
            .to_str()
            .ok()
    }

    /// The `google.rpc.ErrorInfo` of an error.
    #[must_use]
    pub fn error_info(&self) -> Option<ErrorInfo> {
        self.status.get_details_error_info()
    }

    /// The stable reason of an error, e.g. `NO_AGREEMENT`.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        Some(self.error_info()?.reason)
    }

    /// The `google.rpc.LocalizedMessage` of an error.
    #[must_use]
    pub fn localized(&self) -> Option<LocalizedMessage> {
        self.status.get_details_localized_message()
    }

    /// Whether `text` stands anywhere in the reply: in the frames, the metadata, the message or the
    /// details, those in base64 included. It is how a test shows that nothing leaked.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let needle = text.as_bytes();
        let within = |hay: &[u8]| hay.windows(needle.len().max(1)).any(|part| part == needle);
        let metadata = [&self.headers, &self.trailers].into_iter().flatten();
        within(&self.body)
            || within(self.status.message().as_bytes())
            || within(self.status.details())
            || metadata
                .into_iter()
                .any(|(name, value)| within(name.as_str().as_bytes()) || within(value.as_bytes()))
    }
}

/// Takes the whole of a response.
pub(super) async fn take(response: Response<Incoming>) -> Result<Reply, CallError> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Received::default();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = incoming.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(source) => {
                return Err(CallError::Broken {
                    received: body.whole(),
                    source,
                });
            }
        };
        match frame.into_data() {
            Ok(data) => body.add(data)?,
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    let status = Status::from_header_map(&trailers)
        .or_else(|| Status::from_header_map(&head.headers))
        .unwrap_or_else(|| Status::unknown("the reply has no `grpc-status`"));
    Ok(Reply {
        http_status: head.status,
        headers: head.headers,
        body: body.whole(),
        trailers,
        status,
    })
}

/// A body in the making: copied only where it comes in more than one piece.
#[derive(Default)]
struct Received {
    first: Bytes,
    rest: BytesMut,
}

impl Received {
    fn add(&mut self, data: Bytes) -> Result<(), CallError> {
        if self.first.len() + self.rest.len() + data.len() > REPLY_BYTES_MAX {
            return Err(CallError::TooLong);
        }
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = data;
        } else {
            if self.rest.is_empty() {
                self.rest
                    .extend_from_slice(&std::mem::take(&mut self.first));
            }
            self.rest.extend_from_slice(&data);
        }
        Ok(())
    }

    fn whole(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}
