//! One kept connection to an owner's system.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use motlan_exchange::ProviderFault;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::address::Address;

const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

type Sender = SendRequest<Full<Bytes>>;

/// A place for one connection, dialled when it is needed.
pub(super) struct Connection {
    address: Arc<Address>,
    server_name: ServerName<'static>,
    tls: TlsConnector,
    dial_max: Duration,
    sender: Mutex<Option<Sender>>,
    /// Held while dialling, so that one dials and the others wait for it.
    dialling: tokio::sync::Mutex<()>,
    in_flight: AtomicUsize,
}

/// One enquiry under way; gives its place back when dropped.
pub(super) struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    pub(super) fn new(
        address: Arc<Address>,
        server_name: ServerName<'static>,
        tls: &Arc<ClientConfig>,
        dial_max: Duration,
    ) -> Self {
        Self {
            address,
            server_name,
            tls: TlsConnector::from(Arc::clone(tls)),
            dial_max,
            sender: Mutex::new(None),
            dialling: tokio::sync::Mutex::new(()),
            in_flight: AtomicUsize::new(0),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Dials in the background, to see whether the address answers again.
    pub(super) fn probe(self: &Arc<Self>) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            // Whoever dials already finds out as well.
            let Ok(_dialling) = this.dialling.try_lock() else {
                return;
            };
            // What comes of it is kept with the connection and the address.
            let _probed = this.open().await;
        });
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes one of `streams_max` places.
    pub(super) fn place(&self, streams_max: usize) -> Option<Place<'_>> {
        let taken = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.in_flight);
        (taken < streams_max).then_some(place)
    }

    /// Sends a request. A connection that closed before the request went out is dialled anew, once.
    pub(super) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ProviderFault> {
        let mut sender = self.sender().await?;
        for _attempt in 0..2 {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => {
                        request = unsent;
                        self.forget();
                        sender = self.sender().await?;
                    }
                    None => return Err(ProviderFault::BrokenOff),
                },
            }
        }
        Err(ProviderFault::Unreachable)
    }

    fn kept(&self) -> Option<Sender> {
        let kept = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|sender| !sender.is_closed()).cloned()
    }

    fn keep(&self, sender: Option<Sender>) {
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }

    /// Drops the kept connection if it has closed.
    fn forget(&self) {
        if self.kept().is_none() {
            self.keep(None);
        }
    }

    async fn sender(&self) -> Result<Sender, ProviderFault> {
        if let Some(sender) = self.kept() {
            return Ok(sender);
        }
        let _dialling = self.dialling.lock().await;
        if let Some(sender) = self.kept() {
            return Ok(sender);
        }
        if self.address.is_resting() {
            return Err(ProviderFault::Unreachable);
        }
        self.open().await
    }

    /// Dials, and keeps what comes of it. Whoever calls this holds `dialling`.
    async fn open(&self) -> Result<Sender, ProviderFault> {
        let dialled = tokio::time::timeout(self.dial_max, self.dial()).await;
        let error = match dialled {
            Ok(Ok(sender)) => {
                self.address.answered();
                self.keep(Some(sender.clone()));
                return Ok(sender);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let address = self.address.as_str();
        tracing::warn!(address, error, "an owner's system could not be reached");
        self.address.failed();
        Err(ProviderFault::Unreachable)
    }

    async fn dial(&self) -> Result<Sender, Box<dyn std::error::Error + Send + Sync>> {
        let tcp = TcpStream::connect(self.address.as_str()).await?;
        tcp.set_nodelay(true)?;
        let tls = self.tls.connect(self.server_name.clone(), tcp).await?;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(tls))
            .await?;
        tokio::spawn(async move {
            // Those who wait on the connection hear of its end by themselves.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an owner's system ended");
            }
        });
        Ok(sender)
    }
}
