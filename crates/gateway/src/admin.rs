//! The operator's listener: metrics, liveness, readiness, and the log's public half. In the clear.

mod log;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use motlan_audit::{Ledger, Room, State};
use motlan_catalog::Revision;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::limit::ConcurrencyLimitLayer;

use crate::telemetry::Metrics;
use crate::witnesses::CosignedNote;

/// Requests of a kind at once.
const REQUESTS_MAX: usize = 32;

/// What the operator's listener tells.
#[derive(Clone)]
pub struct Admin {
    /// `/metrics`.
    pub metrics: Metrics,
    /// `/readyz` and `/log/`.
    pub ledger: Ledger,
    /// `/log/checkpoint`, once there is one.
    pub cosigned: CosignedNote,
    /// `/readyz`.
    pub revision: Revision,
    /// Not ready once this is set.
    pub stop: watch::Receiver<bool>,
}

impl Admin {
    /// Serves until the task is dropped: an operator wants to see a gateway that is stopping, too.
    pub async fn run(self, tcp: TcpListener) {
        let log = log::routes(self.ledger.clone(), self.cosigned.clone());
        let app = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .with_state(self)
            .merge(log)
            .layer(ConcurrencyLimitLayer::new(REQUESTS_MAX));
        if let Err(error) = axum::serve(tcp, app).await {
            tracing::error!(%error, "the admin listener ended");
        }
    }
}

async fn metrics(Shared(admin): Shared<Admin>) -> impl IntoResponse {
    match admin.metrics.text() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// Ready while the ledger can write and has room, and nobody has asked to stop.
async fn ready(Shared(admin): Shared<Admin>) -> impl IntoResponse {
    if *admin.stop.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    match admin.ledger.state() {
        State::Writing if room_is_low(&admin.ledger) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the ledger's disk is nearly full: less than `ledger.free_bytes_min` is free\n"
                .to_owned(),
        ),
        State::Writing => (
            StatusCode::OK,
            format!(
                "ready\nrevision {}\nrecords {}\n",
                admin.revision,
                admin.ledger.size()
            ),
        ),
        State::Failed(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the ledger cannot write: {why}\n"),
        ),
        State::Closed => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the ledger is closed\n".to_owned(),
        ),
    }
}

/// Whether it is time to make room. A disk that cannot be asked is no reason to turn callers away:
/// if it cannot be written either, the ledger says so.
fn room_is_low(ledger: &Ledger) -> bool {
    ledger.room().is_ok_and(Room::is_low)
}
