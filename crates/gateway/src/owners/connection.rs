//! One kept connection to an owner's system.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong, RecvStream};
use http::{Request, Response};
use motlan_exchange::ProviderFault;
use rustls::pki_types::{ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::address::Address;
use crate::tls::{ClientTls, due_s};

const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A place for one connection, dialled when it is needed.
pub(super) struct Connection {
    number: usize,
    address: Arc<Address>,
    server_name: ServerName<'static>,
    tls: Arc<ClientTls>,
    dial_max: Duration,
    kept: Mutex<Option<Open>>,
    /// Held while dialling, so that one dials and the others wait for it.
    dialling: tokio::sync::Mutex<()>,
    in_flight: AtomicUsize,
    /// Whether anything was asked since the last look of [`silence`].
    asked: Arc<AtomicBool>,
}

/// A connection that stood when it was last looked at.
#[derive(Clone)]
struct Open {
    sender: SendRequest<Bytes>,
    is_over: Arc<AtomicBool>,
    /// From this second on, since the Unix epoch, the owner's certificate or the list that says
    /// whether it is revoked is out of date: another handshake decides.
    due_s: u64,
}

impl Open {
    fn stands(&self) -> bool {
        !self.is_over.load(Ordering::Acquire) && UnixTime::now().as_secs() < self.due_s
    }
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
        number: usize,
        address: Arc<Address>,
        server_name: ServerName<'static>,
        tls: &Arc<ClientTls>,
        dial_max: Duration,
    ) -> Self {
        Self {
            number,
            address,
            server_name,
            tls: Arc::clone(tls),
            dial_max,
            kept: Mutex::new(None),
            dialling: tokio::sync::Mutex::new(()),
            in_flight: AtomicUsize::new(0),
            asked: Arc::default(),
        }
    }

    /// A place for a connection to the same address, of which nothing is known yet, with other
    /// credentials.
    pub(super) fn renewed(&self, address: &Arc<Address>, tls: &Arc<ClientTls>) -> Self {
        let (address, name) = (Arc::clone(address), self.server_name.clone());
        Self::new(self.number, address, name, tls, self.dial_max)
    }

    /// Which of those to its address it is, from 0 on.
    pub(super) fn number(&self) -> usize {
        self.number
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
        self.asked.store(true, Ordering::Relaxed);
        let taken = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.in_flight);
        (taken < streams_max).then_some(place)
    }

    /// Sends a request with one message. A connection that ended before the request went out is
    /// dialled anew, once.
    pub(super) async fn send(
        &self,
        head: impl Fn() -> Result<Request<()>, ProviderFault>,
        message: Bytes,
    ) -> Result<Response<RecvStream>, ProviderFault> {
        for _attempt in 0..2 {
            let open = self.standing().await?;
            // Whatever fails in these two has left nothing on the connection.
            let Ok(mut sender) = open.sender.clone().ready().await else {
                self.forget(&open);
                continue;
            };
            let Ok((response, mut body)) = sender.send_request(head()?, false) else {
                self.forget(&open);
                continue;
            };
            let sent = body.send_data(message, true);
            sent.map_err(|_| ProviderFault::BrokenOff)?;
            return response.await.map_err(|_| ProviderFault::BrokenOff);
        }
        Err(ProviderFault::Unreachable)
    }

    fn kept(&self) -> Option<Open> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|open| open.stands()).cloned()
    }

    fn keep(&self, open: Open) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
    }

    /// Takes nothing more from a connection that takes nothing more.
    fn forget(&self, open: &Open) {
        open.is_over.store(true, Ordering::Release);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|kept| kept.is_over.load(Ordering::Acquire));
    }

    async fn standing(&self) -> Result<Open, ProviderFault> {
        if let Some(open) = self.kept() {
            return Ok(open);
        }
        // Boxed: it is needed once, and would have every lookup carry a handshake's room along.
        Box::pin(self.dial_once()).await
    }

    async fn dial_once(&self) -> Result<Open, ProviderFault> {
        let _dialling = self.dialling.lock().await;
        if let Some(open) = self.kept() {
            return Ok(open);
        }
        if self.address.is_resting() {
            return Err(ProviderFault::Unreachable);
        }
        self.open().await
    }

    /// Dials, and keeps what comes of it. Whoever calls this holds `dialling`.
    async fn open(&self) -> Result<Open, ProviderFault> {
        let dialled = tokio::time::timeout(self.dial_max, self.dial()).await;
        let error = match dialled {
            Ok(Ok(open)) => {
                self.address.answered();
                self.keep(open.clone());
                return Ok(open);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let address = self.address.as_str();
        tracing::warn!(address, error, "an owner's system could not be reached");
        self.address.failed();
        Err(ProviderFault::Unreachable)
    }

    async fn dial(&self) -> Result<Open, Box<dyn std::error::Error + Send + Sync>> {
        let tcp = TcpStream::connect(self.address.as_str()).await?;
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls.config));
        // Before the handshake looks at the chain, so that no end is missed.
        let since_s = UnixTime::now().as_secs();
        let tls = connector.connect(self.server_name.clone(), tcp).await?;
        let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
        let due_s = due_s(chain, self.tls.lists_s(), since_s);
        let (sender, mut connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .handshake(tls)
            .await?;
        let pings = connection.ping_pong().ok_or("it takes no pings")?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, asked) = (Over(Arc::clone(&is_over)), Arc::clone(&self.asked));
        tokio::spawn(async move {
            // Those who wait on the connection hear of its end by themselves.
            let error = tokio::select! {
                ended = connection => ended.err().map(|error| reason(&error)),
                () = silence(pings, &asked) => Some("a ping was not answered".to_owned()),
            };
            drop(over);
            if let Some(error) = error {
                tracing::debug!(error, "a connection to an owner's system ended");
            }
        });
        Ok(Open {
            sender,
            is_over,
            due_s,
        })
    }
}

/// Says that a connection takes nothing more, however its task ends.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Why a connection ended, without what the owner may have written to it.
fn reason(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) => reason.description().to_owned(),
        None => "the connection broke".to_owned(),
    }
}

/// Resolves once a ping is not answered. Asks only where somebody has asked something since it
/// looked last: a connection that died unnoticed is found by the first that is sent on it.
async fn silence(mut pings: PingPong, asked: &AtomicBool) {
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        if !asked.swap(false, Ordering::Relaxed) {
            continue;
        }
        let answered = tokio::time::timeout(PING_TIMEOUT, pings.ping(Ping::opaque())).await;
        if !matches!(answered, Ok(Ok(_pong))) {
            return;
        }
    }
}
