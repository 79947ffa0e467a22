//! One witness: its connection, and one exchange after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use motlan_audit::witness::{Answer, Cosignature, Next, Rejection, Submission};
use motlan_audit::{CheckpointError, Ledger, ReadError, WitnessVerifierKey};
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::{Address, WitnessSettings, WitnessesError, backoff};
use crate::tls;

/// The longest answer: its head, and again its body.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Why a witness's turn brought no cosignature.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("it cannot be reached")]
    Unreachable(#[source] std::io::Error),
    #[error("its address is no name that a certificate could have")]
    Name(#[from] InvalidDnsNameError),
    #[error("the connection broke off")]
    BrokenOff(#[from] hyper::Error),
    #[error("no answer within {0:?}")]
    Slow(Duration),
    #[error("its answer is longer than {ANSWER_BYTES_MAX} bytes, is no text, or broke off")]
    Answer,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("our own checkpoint cannot be read")]
    Checkpoint(#[from] CheckpointError),
    #[error("our own log cannot be read")]
    Read(#[from] ReadError),
}

impl Trouble {
    /// As it is counted.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Name(_) => "unreachable",
            Self::BrokenOff(_) => "broken_off",
            Self::Slow(_) => "slow",
            Self::Answer => "answer",
            Self::Rejected(Rejection::Cosignature(_)) => "bad_cosignature",
            Self::Rejected(said) if said.is_contradiction() => "contradiction",
            Self::Rejected(_) => "refused",
            Self::Checkpoint(_) | Self::Read(_) => "own_log",
        }
    }
}

/// A witness.
pub(super) struct Remote {
    address: Address,
    key: WitnessVerifierKey,
    tls: Option<TlsConnector>,
    answer_max: Duration,
    connection: Option<Connection>,
    /// How many records it has cosigned, as far as we know.
    known: u64,
    failures: u32,
    /// When it may be asked again.
    due: Option<Instant>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Ends with it.
    _driver: JoinSet<()>,
}

impl Remote {
    pub(super) fn new(
        settings: &WitnessSettings,
        answer_max: Duration,
    ) -> Result<Self, WitnessesError> {
        let tls = settings.ca.as_deref().map(tls::anonymous).transpose();
        let tls = tls.map_err(|source| WitnessesError::Tls {
            witness: settings.key.name().to_owned(),
            source,
        })?;
        Ok(Self {
            address: settings.url.clone(),
            key: settings.key.clone(),
            tls: tls.map(|config| TlsConnector::from(Arc::new(config))),
            answer_max,
            connection: None,
            known: 0,
            failures: 0,
            due: None,
        })
    }

    /// The same witness, asked nothing yet.
    pub(super) fn anew(&self) -> Self {
        Self {
            address: self.address.clone(),
            key: self.key.clone(),
            tls: self.tls.clone(),
            answer_max: self.answer_max,
            connection: None,
            known: 0,
            failures: 0,
            due: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.key.name()
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    pub(super) fn known(&self) -> u64 {
        self.known
    }

    /// Has it cosign a checkpoint, or finds out why it does not.
    pub(super) async fn submit(
        &mut self,
        ledger: &Ledger,
        note: &str,
    ) -> Result<Cosignature, Trouble> {
        let answer = self.turns(ledger, note).await;
        match &answer {
            Ok(_) => (self.failures, self.due) = (0, None),
            Err(_) => {
                // Nothing that is left of the exchange may be taken for the answer to another.
                self.connection = None;
                self.failures = self.failures.saturating_add(1);
                self.due = Some(Instant::now() + backoff::pause(self.failures));
            }
        }
        answer
    }

    async fn turns(&mut self, ledger: &Ledger, note: &str) -> Result<Cosignature, Trouble> {
        let mut submission = Submission::new(note.to_owned(), ledger.verifier(), self.known)?;
        loop {
            let (old, size) = (submission.old_size(), submission.size());
            let log = ledger.clone();
            let proof = tokio::task::spawn_blocking(move || log.consistency(old, size)).await;
            let proof = proof.unwrap_or(Err(ReadError::Damaged { index: old }))?;
            let body = submission.body(proof);
            let told = tokio::time::timeout(self.answer_max, self.exchange(body)).await;
            let (status, content_type, body) =
                told.map_err(|_| Trouble::Slow(self.answer_max))??;
            let answer = Answer {
                status,
                content_type: &content_type,
                body: &body,
            };
            if let Next::Done(cosignature) = submission.answered(answer, &self.key)? {
                self.known = size;
                return Ok(cosignature);
            }
        }
    }

    /// Sends a request and takes in the whole answer: status, type and body.
    async fn exchange(&mut self, body: String) -> Result<(u16, String, String), Trouble> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.address.path())
            .header(HOST, self.address.authority())
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::from(body))
            // Its parts were read as an address.
            .map_err(|_| Trouble::Unreachable(std::io::ErrorKind::InvalidInput.into()))?;
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
        let body = body.await.map_err(|_| Trouble::Answer)?.to_bytes();
        let body = String::from_utf8(body.to_vec()).map_err(|_| Trouble::Answer)?;
        Ok((status, content_type, body))
    }

    /// Sends over the kept connection, or over a new one if that has closed meanwhile.
    async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Trouble> {
        if let Some(kept) = &mut self.connection
            && kept.sender.ready().await.is_ok()
        {
            match kept.sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        self.connection = None;
        let fresh = self
            .connection
            .insert(dial(&self.address, self.tls.as_ref()).await?);
        Ok(fresh.sender.send_request(request).await?)
    }
}

async fn dial(address: &Address, tls: Option<&TlsConnector>) -> Result<Connection, Trouble> {
    let tcp = TcpStream::connect((address.host(), address.port())).await;
    let tcp = tcp.map_err(Trouble::Unreachable)?;
    // A request and its answer: nothing to be gathered.
    tcp.set_nodelay(true).map_err(Trouble::Unreachable)?;
    match tls {
        None => handshake(tcp).await,
        Some(tls) => {
            let name = ServerName::try_from(address.host().to_owned())?;
            let stream = tls.connect(name, tcp).await;
            handshake(stream.map_err(Trouble::Unreachable)?).await
        }
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Connection, Trouble> {
    let (sender, connection) = Builder::new()
        .max_buf_size(ANSWER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // How it ended shows in the exchange.
        let _ended = connection.await;
    });
    Ok(Connection {
        sender,
        _driver: driver,
    })
}
