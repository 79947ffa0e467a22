//! `motlan-audit witness serve`: C2SP tlog-witness over plain HTTP/1.1.
//!
//! Limits: 256 connections, one request at a time on each; 10 seconds for the head of a request
//! and, again, for its body of at most 96 KiB; of the evidence against logs the first 1,000 pieces
//! are told.

use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use motlan_audit::witness::{Refusal, Witness};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const CONNECTIONS_MAX: usize = 256;
const HEAD_MAX: Duration = Duration::from_secs(10);
const BODY_MAX: Duration = Duration::from_secs(10);
/// A note of 64 KiB, with a proof of 64 hashes before it.
const BODY_BYTES_MAX: usize = 96 * 1024;
const EVIDENCE_MAX: usize = 1000;
/// Until the next try where the system gives no connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

const PATH: &str = "/add-checkpoint";
const TEXT: &str = "text/plain; charset=utf-8";
/// The type that tlog-witness has for a size.
const SIZE: &str = "text/x.tlog.size";

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(
    witness: Witness,
    verifier: &str,
    listen: SocketAddr,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let office = Arc::new(Office {
        witness,
        evidence: AtomicUsize::new(0),
        failure_told: AtomicBool::new(false),
    });
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let tcp = TcpListener::bind(listen).await;
        let tcp = tcp.with_context(|| format!("`{listen}` cannot be listened on"))?;
        let listen = tcp.local_addr()?.to_string();
        let told = serde_json::json!({ "listen": listen, "key": verifier });
        writeln!(out, "{told}")?;
        out.flush()?;
        // What is cosigned is on disk, so there is nothing to finish.
        tokio::select! {
            () = accept(office, tcp) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

async fn accept(office: Arc<Office>, tcp: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match tcp.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("motlan-audit: no connection was accepted: {error}");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let office = Arc::clone(&office);
        tokio::spawn(async move {
            connection(office, stream).await;
            drop(place);
        });
    }
}

async fn connection(office: Arc<Office>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let office = Arc::clone(&office);
        async move { Ok::<_, Infallible>(office.answer(request).await) }
    });
    // A client that breaks off is its own affair.
    let _ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The witness, and what it has told.
struct Office {
    witness: Witness,
    evidence: AtomicUsize,
    failure_told: AtomicBool,
}

impl Office {
    async fn answer(self: Arc<Office>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != PATH {
            return text(
                StatusCode::NOT_FOUND,
                "this is a witness: POST /add-checkpoint",
            );
        }
        if request.method() != Method::POST {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "POST /add-checkpoint");
            let post = hyper::header::HeaderValue::from_static("POST");
            response.headers_mut().insert(ALLOW, post);
            return response;
        }
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = match timeout(BODY_MAX, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long");
            }
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the request broke off"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the request is too slow"),
        };
        let judged = tokio::task::spawn_blocking(move || self.judge(&body));
        let broken = |_| text(StatusCode::INTERNAL_SERVER_ERROR, "the witness is broken");
        judged.await.unwrap_or_else(broken)
    }

    /// Blocking.
    fn judge(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let Ok(body) = std::str::from_utf8(body) else {
            return text(StatusCode::BAD_REQUEST, "the request is not a text");
        };
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        match self.witness.add_checkpoint(body, now_s.as_secs()) {
            Ok(line) => answer(StatusCode::OK, TEXT, line),
            Err(refusal) => {
                self.tell(&refusal);
                let internal = StatusCode::INTERNAL_SERVER_ERROR;
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(internal);
                match refusal.size() {
                    Some(size) => answer(status, SIZE, format!("{size}\n")),
                    None => text(status, &refusal.to_string()),
                }
            }
        }
    }

    /// Tells on standard error what an inspector must hear of.
    fn tell(&self, refusal: &Refusal) {
        if let Some(found) = refusal.contradiction()
            && self.evidence.fetch_add(1, Ordering::Relaxed) < EVIDENCE_MAX
        {
            let evidence = serde_json::json!({
                "time": Timestamp::now().to_string(),
                "refused": refusal.to_string(),
                "origin": found.origin.as_str(),
                "cosigned": found.cosigned,
                "checkpoint": found.refused,
            });
            eprintln!("{evidence}");
        }
        if matches!(refusal, Refusal::Failed(_)) && !self.failure_told.swap(true, Ordering::Relaxed)
        {
            eprintln!("motlan-audit: {refusal}");
        }
    }
}

fn text(status: StatusCode, what: &str) -> Response<Full<Bytes>> {
    answer(status, TEXT, format!("{what}\n"))
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
