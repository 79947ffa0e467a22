//! A gRPC caller for tests: any path, any bytes, any metadata, over TLS with or without a
//! certificate, and everything that came back. One connection serves many calls at a time; cheap to
//! clone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri, Version};
use http_body_util::Full;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

mod heard;
mod reply;

pub use crate::frame::{Message, Unfinished};
use heard::Heard;
pub use reply::Reply;

/// A reply that a client takes has at most this many bytes.
pub const REPLY_BYTES_MAX: usize = 64 << 20;
/// How long a connection may take to stand.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long a call may take unless told otherwise: a test that hangs is no test.
const PATIENCE: Duration = Duration::from_secs(30);
const WINDOW_BYTES: u32 = 1 << 22;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not `host:port`.
    #[error("the address `{0}` is not `host:port`")]
    Address(String),
    /// The host cannot stand in a certificate.
    #[error("the host cannot be a server's name")]
    Name(#[from] InvalidDnsNameError),
    /// TCP or TLS failed: nobody listens, or one of the two does not accept the other's
    /// certificate.
    #[error("the connection cannot be made")]
    Connect(#[from] std::io::Error),
    /// HTTP/2 failed.
    #[error("the server does not speak HTTP/2")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("the server does not answer")]
    Patience,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The path or a metadatum cannot stand in a request.
    #[error("the path or a metadatum cannot be sent")]
    Malformed(#[from] http::Error),
    /// No response headers came: the connection is gone, or the stream was reset.
    #[error("the call was broken off before any answer")]
    Unanswered(#[source] hyper::Error),
    /// The stream broke after this much of the body.
    #[error("the answer was broken off after {} bytes", received.len())]
    Broken {
        /// The body as far as it came.
        received: Bytes,
        /// What broke it.
        source: hyper::Error,
    },
    /// The body is longer than [`REPLY_BYTES_MAX`].
    #[error("the answer is too long")]
    TooLong,
    /// It took longer than [`Call::patience`] allows. The stream is reset.
    #[error("the call took too long")]
    Patience,
}

/// A question to be asked, any number of times.
#[derive(Clone, Debug)]
pub struct Call {
    path: PathAndQuery,
    headers: http::HeaderMap,
    body: Bytes,
    patience: Duration,
}

impl Call {
    /// A call of `path` with one encoded message.
    ///
    /// # Errors
    /// Where `path` cannot be sent.
    pub fn new(path: &str, message: &[u8]) -> Result<Self, CallError> {
        Self::raw(path, crate::frame::frame(message))
    }

    /// A call whose body is sent as it is, framed rightly or wrongly.
    ///
    /// # Errors
    /// Where `path` cannot be sent.
    pub fn raw(path: &str, body: Bytes) -> Result<Self, CallError> {
        let path = PathAndQuery::try_from(path).map_err(http::Error::from)?;
        let mut headers = http::HeaderMap::new();
        headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
        let grpc = HeaderValue::from_static("application/grpc");
        headers.insert(http::header::CONTENT_TYPE, grpc);
        Ok(Self {
            path,
            headers,
            body,
            patience: PATIENCE,
        })
    }

    /// With one more metadatum. `te` and `content-type` replace those of gRPC; any other name may
    /// come twice.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn metadata(mut self, name: &str, value: &str) -> Result<Self, CallError> {
        let name = HeaderName::try_from(name).map_err(http::Error::from)?;
        let value = HeaderValue::try_from(value).map_err(http::Error::from)?;
        if name == http::header::TE || name == http::header::CONTENT_TYPE {
            self.headers.insert(name, value);
        } else {
            self.headers.append(name, value);
        }
        Ok(self)
    }

    /// With a token.
    ///
    /// # Errors
    /// Where the token cannot be sent.
    pub fn bearer(self, token: &str) -> Result<Self, CallError> {
        self.metadata("authorization", &format!("Bearer {token}"))
    }

    /// With a deadline that the server is told, in `grpc-timeout`.
    ///
    /// # Errors
    /// Never for a time that a duration can hold.
    pub fn deadline(self, time: Duration) -> Result<Self, CallError> {
        self.metadata(
            "grpc-timeout",
            &format!("{}m", time.as_millis().min(99_999_999)),
        )
    }

    /// How long the client itself waits, whatever the server was told.
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}

/// One connection.
#[derive(Clone)]
pub struct Client {
    authority: Authority,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects to `host:port`, which the server's certificate must name, and waits until the
    /// server has spoken: only then has it accepted the client's certificate. Some servers wait for
    /// the client's first word, which is sent before.
    ///
    /// # Errors
    /// [`ConnectError`], also where the server does not take the certificate.
    pub async fn connect(address: &str, tls: Arc<ClientConfig>) -> Result<Self, ConnectError> {
        tokio::time::timeout(CONNECT_WAIT, Self::open(address, tls))
            .await
            .unwrap_or(Err(ConnectError::Patience))
    }

    async fn open(address: &str, tls: Arc<ClientConfig>) -> Result<Self, ConnectError> {
        let malformed = || ConnectError::Address(address.to_owned());
        let authority = Authority::try_from(address).map_err(|_| malformed())?;
        let server = ServerName::try_from(authority.host().to_owned())?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(tls).connect(server, stream).await?;
        let (stream, heard) = Heard::new(stream);
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        // How the connection ends shows in the calls on it.
        tokio::spawn(connection);
        let gone = || Err(std::io::ErrorKind::UnexpectedEof.into());
        heard.await.unwrap_or_else(|_| gone())?;
        Ok(Self { authority, sender })
    }

    /// Asks, and takes all that comes back. Dropping the future resets the stream: the caller hung
    /// up.
    ///
    /// # Errors
    /// [`CallError`] where no whole reply came. A gRPC error is a reply.
    pub async fn call(&self, call: &Call) -> Result<Reply, CallError> {
        tokio::time::timeout(call.patience, self.ask(call))
            .await
            .unwrap_or(Err(CallError::Patience))
    }

    async fn ask(&self, call: &Call) -> Result<Reply, CallError> {
        let uri = Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(self.authority.clone())
            .path_and_query(call.path.clone())
            .build()?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = call.headers.clone();
        let mut sender = self.sender.clone();
        let response = sender
            .send_request(request)
            .await
            .map_err(CallError::Unanswered)?;
        reply::take(response).await
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}
