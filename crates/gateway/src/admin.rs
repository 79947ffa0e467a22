//! The operator's listener: metrics, liveness, readiness, and the log's checkpoint. In the clear.

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use motlan_audit::{Ledger, State};
use motlan_catalog::Revision;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::limit::ConcurrencyLimitLayer;

use crate::telemetry::Metrics;

/// Requests at once.
const REQUESTS_MAX: usize = 32;

/// What the operator's listener tells.
#[derive(Clone)]
pub struct Admin {
    /// `/metrics`.
    pub metrics: Metrics,
    /// `/readyz` and `/log/checkpoint`.
    pub ledger: Ledger,
    /// `/readyz`.
    pub revision: Revision,
    /// Not ready once this is set.
    pub stop: watch::Receiver<bool>,
}

impl Admin {
    /// Serves until the task is dropped: an operator wants to see a gateway that is stopping, too.
    pub async fn run(self, tcp: TcpListener) {
        let app = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/log/checkpoint", get(checkpoint))
            .layer(ConcurrencyLimitLayer::new(REQUESTS_MAX))
            .with_state(self);
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

/// Ready while the ledger can write and nobody has asked to stop.
async fn ready(Shared(admin): Shared<Admin>) -> impl IntoResponse {
    if *admin.stop.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    match admin.ledger.state() {
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

async fn checkpoint(Shared(admin): Shared<Admin>) -> impl IntoResponse {
    admin.ledger.checkpoint()
}
