//! The server of a stand-in: its accept loop, and the way of one question.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::Status;

use super::reply::{self, Reset, Script};
use super::{Holdings, Misbehaviour, REQUEST_BYTES_MAX, Seen};
use crate::frame;

/// How long a client may take over the handshake.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// How long to wait before accepting again where accepting failed, as with too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Streams at a time on one connection.
const STREAMS_MAX: u32 = 1024;
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 22;

/// What all connections share.
pub(super) struct State {
    holdings: Holdings,
    calls: AtomicU64,
    recording: AtomicBool,
    seen: Mutex<Vec<Seen>>,
    /// How many entries `misbehaviours` has: while there are none, no question takes its lock.
    misbehaving: AtomicUsize,
    misbehaviours: Mutex<HashMap<(String, Option<String>), Misbehaviour>>,
}

impl State {
    pub(super) fn new(holdings: Holdings) -> Self {
        Self {
            holdings,
            calls: AtomicU64::new(0),
            recording: AtomicBool::new(true),
            seen: Mutex::default(),
            misbehaving: AtomicUsize::new(0),
            misbehaviours: Mutex::default(),
        }
    }

    pub(super) fn record(&self, on: bool) {
        self.recording.store(on, Ordering::Release);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub(super) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.seen))
    }

    pub(super) fn misbehave(&self, path: &str, subject: Option<&str>, how: Misbehaviour) {
        let mut all = lock(&self.misbehaviours);
        all.insert((path.to_owned(), subject.map(str::to_owned)), how);
        self.misbehaving.store(all.len(), Ordering::Release);
    }

    pub(super) fn behave(&self) {
        let mut all = lock(&self.misbehaviours);
        all.clear();
        self.misbehaving.store(0, Ordering::Release);
    }

    fn misbehaviour(&self, path: &str, subject: &str) -> Option<Misbehaviour> {
        if self.misbehaving.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut all = lock(&self.misbehaviours);
        let about_this = (path.to_owned(), Some(subject.to_owned()));
        let about_anyone = (path.to_owned(), None);
        let mut about = [about_this, about_anyone].into_iter();
        let about = about.find(|about| all.contains_key(about))?;
        let how = all.get(&about).cloned();
        if let Some(Misbehaviour::Once(_)) = how {
            all.remove(&about);
            self.misbehaving.store(all.len(), Ordering::Release);
        }
        how
    }

    /// Writes the question down before anything is answered.
    fn note(&self, head: request::Parts, subject: &str, peer: &Arc<CertificateDer<'static>>) {
        self.calls.fetch_add(1, Ordering::AcqRel);
        if self.recording.load(Ordering::Acquire) {
            let seen = Seen {
                path: head.uri.path().to_owned(),
                subject: subject.to_owned(),
                headers: head.headers,
                certificate: Arc::clone(peer),
            };
            lock(&self.seen).push(seen);
        }
    }
}

/// A thread that panicked while it held the lock left nothing half-done: each use is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections until it is aborted, which breaks them all.
pub(super) async fn accept(listener: TcpListener, tls: TlsAcceptor, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, tls.clone(), Arc::clone(&state)));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. A failed handshake or a broken connection is the client's to notice.
async fn connection(stream: TcpStream, tls: TlsAcceptor, state: Arc<State>) {
    let _best_effort = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_WAIT, tls.accept(stream)).await else {
        return;
    };
    let shown = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first());
    // The verifier demands one: a connection without is none of ours.
    let Some(certificate) = shown else { return };
    let peer = Arc::new(certificate.clone().into_owned());
    let service =
        service_fn(move |request| question(Arc::clone(&state), Arc::clone(&peer), request));
    let _ended = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The way of one question: read, written down, answered.
async fn question(
    state: Arc<State>,
    peer: Arc<CertificateDer<'static>>,
    request: Request<Incoming>,
) -> Result<Response<Script>, Reset> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let method = state.holdings.method(&path);
    let message = message(body).await;
    let subject = match (method, &message) {
        (Some(method), Ok(message)) => method.subject(message),
        _ => "",
    };
    state.note(head, subject, &peer);
    if let Err(status) = &message {
        return Ok(reply::refusal(status));
    }
    let Some(method) = method else {
        return Ok(reply::refusal(&Status::unimplemented("no such method")));
    };
    let held = method.answer(subject);
    match state.misbehaviour(&path, subject) {
        Some(how) => reply::spoiled(&how, held).await,
        None => Ok(held.map_or_else(reply::not_found, reply::answer)),
    }
}

/// The one message of a request.
async fn message(body: Incoming) -> Result<Bytes, Status> {
    let body = Limited::new(body, REQUEST_BYTES_MAX)
        .collect()
        .await
        .map_err(|_| Status::resource_exhausted("the request broke off or is too long"))?
        .to_bytes();
    let messages = frame::split(&body).map_err(|_| Status::internal("the request is cut off"))?;
    match messages.as_slice() {
        [message] if !message.compressed => Ok(message.bytes.clone()),
        [_] => Err(Status::unimplemented(
            "compressed requests are not understood",
        )),
        _ => Err(Status::internal("a request has one message")),
    }
}
