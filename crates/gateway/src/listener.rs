//! The callers' side: accept, shake hands, find out who it is, serve HTTP/2. Every step has a
//! limit.

mod heard;
mod share;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::edge::Edge;
use crate::enforced::InForce;
use crate::identity::{Certificate, Peer};
use crate::telemetry::Metrics;
use crate::tls::{Cause, Presented, ServerCredentials};
use crate::workers::{Seat, Workers};
use heard::{Heard, Listening};
use share::Share;

/// After an accept that failed, as it does when there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const FRAME_BYTES_MAX: u32 = 16 * 1024;
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
const SEND_BUFFER_BYTES_MAX: usize = 256 * 1024;
const LOCAL_RESETS_MAX: usize = 1024;
const REMOTE_RESETS_MAX: usize = 20;
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// A connection that is drained has this long to take its last replies.
const GRACE_MAX: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// R4: how much callers may take before anything is known of them.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Connections at once; one more is closed.
    pub connections_max: usize,
    /// Handshakes at once; one more is closed.
    pub handshakes_max: usize,
    /// Those from one address, so that one cannot take all.
    pub handshakes_per_address_max: usize,
    /// A handshake; and again, from there to the preface of HTTP/2.
    pub handshake_max: Duration,
    /// Streams at once on one connection.
    pub streams_max: u32,
    /// A connection is drained at this age, less up to a tenth, so that certificates are seen anew.
    pub connection_age_max: Duration,
}

/// What the accept loop needs.
pub struct Listener {
    /// Who is registered.
    pub in_force: InForce,
    /// How hands are shaken, by the newest.
    pub tls: ServerCredentials,
    /// Where calls go.
    pub edge: Edge,
    /// What is counted.
    pub metrics: Metrics,
    /// Who serves them.
    pub(crate) workers: Workers,
    /// How much is taken.
    pub limits: ListenerLimits,
}

/// What a connection holds as long as it lasts, and what until hands are shaken.
type Places = ((OwnedSemaphorePermit, Seat), (OwnedSemaphorePermit, Share));

impl Listener {
    /// Accepts until `stop` is set, then lets every connection finish what is under way on it.
    /// Returns once the last is closed; dropped before, it closes those that are left.
    pub async fn run(self, tcp: TcpListener, mut stop: watch::Receiver<bool>) {
        let this = Arc::new(self);
        let mut open = JoinSet::new();
        let connections = Arc::new(Semaphore::new(this.limits.connections_max));
        let shares = Arc::default();
        let handshakes = Arc::new(Semaphore::new(this.limits.handshakes_max));
        loop {
            let (stream, address) = tokio::select! {
                accepted = tcp.accept() => match accepted {
                    Ok((stream, address)) => (stream, address.ip()),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        this.metrics.connection_refused("accept");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                Some(_closed) = open.join_next() => continue,
                () = stopped(&mut stop) => break,
            };
            let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
            let share = || Share::of(&shares, address, this.limits.handshakes_per_address_max);
            let places = take(&connections).zip(take(&handshakes)).zip(share());
            match places.zip(this.workers.seat()) {
                Some((((place, handshake), share), seat)) => {
                    let runtime = seat.runtime().clone();
                    let places = ((place, seat), (handshake, share));
                    let serving = Arc::clone(&this).connection(stream, places, stop.clone());
                    open.spawn_on(serving, &runtime);
                }
                None => this.metrics.connection_refused("too_many"),
            }
        }
        drop(tcp);
        while open.join_next().await.is_some() {}
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        (_place, handshake): Places,
        stop: watch::Receiver<bool>,
    ) {
        // It was accepted on another thread: from here on, this one hears of it.
        let Ok(stream) = stream.into_std().and_then(TcpStream::from_std) else {
            return self.metrics.connection_refused("accept");
        };
        let Some((tls, presented)) = self.shake_hands(stream).await else {
            return;
        };
        drop(handshake);
        // A stranger's calls are answered, each with what is wrong: a closed door would tell an
        // operator nothing. And who is registered may change while the connection is open.
        let certificate = Certificate::of(presented);
        let peer = certificate.as_ref().map_err(ToString::to_string);
        let peer = peer.and_then(|certificate| {
            Peer::of(certificate, &self.in_force.set().catalog).map_err(|error| error.to_string())
        });
        if let Err(error) = peer {
            tracing::debug!(error, "a connection of no registered system");
            self.metrics.connection_refused("unregistered");
        }
        let certificate = certificate.map(Arc::new);
        let certificate = certificate.map_err(|error| Arc::from(error.to_string()));
        self.serve(tls, certificate, stop).await;
    }

    async fn shake_hands(&self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Presented)> {
        let by = self.tls.taken();
        let accept = TlsAcceptor::from(Arc::clone(&by.side.config)).accept(stream);
        let (cause, error) = match tokio::time::timeout(self.limits.handshake_max, accept).await {
            Ok(Ok(tls)) => {
                // Delayed acknowledgements cost more than small packets.
                let _best_effort = tls.get_ref().0.set_nodelay(true);
                let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
                let chain = chain.iter().map(|it| it.clone().into_owned()).collect();
                let presented = Presented::assertion(chain, self.tls.clone(), &by);
                return Some((tls, presented));
            }
            Ok(Err(error)) => (Cause::of_handshake(&error).as_str(), error.to_string()),
            Err(_) => (
                "handshake_timeout",
                "the handshake took too long".to_owned(),
            ),
        };
        // Anyone on the network can cause this: the counter tells, the log must not fill.
        tracing::debug!(error, "a handshake failed");
        self.metrics.connection_refused(cause);
        None
    }

    async fn serve(
        &self,
        tls: TlsStream<TcpStream>,
        certificate: Result<Arc<Certificate>, Arc<str>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let (stream, heard) = Listening::on(tls);
        let edge = self.edge.clone();
        let service = service_fn(move |request| edge.clone().call(certificate.clone(), request));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // gRPC has no use for it.
            .auto_date_header(false)
            .max_concurrent_streams(self.limits.streams_max)
            .max_local_error_reset_streams(LOCAL_RESETS_MAX)
            .max_pending_accept_reset_streams(REMOTE_RESETS_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES_MAX)
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let age = tokio::time::sleep(jittered(self.limits.connection_age_max));
        tokio::select! {
            ended = connection.as_mut() => return log_end(ended),
            () = age => {}
            () = stopped(&mut stop) => {}
            () = silent(&heard, self.limits.handshake_max) => {}
        }
        // Who has not even begun HTTP/2 has nothing under way, and would never be asked to leave.
        if !heard.a_preface() {
            self.metrics.connection_refused("no_preface");
            return;
        }
        connection.as_mut().graceful_shutdown();
        match tokio::time::timeout(GRACE_MAX, connection).await {
            Ok(ended) => log_end(ended),
            Err(_) => tracing::debug!("a connection did not take its last replies in time"),
        }
    }
}

/// Resolves if, after `patience`, no preface was heard.
async fn silent(heard: &Heard, patience: Duration) {
    tokio::time::sleep(patience).await;
    if heard.a_preface() {
        std::future::pending().await
    }
}

/// Resolves once `stop` is set. A sender that is gone means the same.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _set_or_gone = stop.wait_for(|stop| *stop).await.map(|stop| *stop);
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// Up to a tenth less, so that connections that came together do not go together.
fn jittered(age: Duration) -> Duration {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .subsec_nanos();
    age.saturating_sub(age / 10 * (nanos % 1024) / 1024)
}
