//! The operator's listener: metrics, liveness, readiness, and the log's public half. In the clear.

mod log;
mod standing;

use std::sync::Weak;

use axum::Router;
use axum::extract::{RawQuery, State as Shared};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use motlan_audit::{Ledger, Room, Shards, State};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::lookup::Lookups;
use crate::reload::Reloadable;
use crate::shadow::Shadow;
use crate::telemetry::{Exposition, Metrics};
use crate::witnesses::CosignedNote;

/// Requests at once, of all kinds together but the probes; the next one waits.
const REQUESTS_MAX: usize = 32;

/// What the operator's listener tells.
#[derive(Clone)]
pub struct Admin {
    /// `/metrics`.
    pub metrics: Metrics,
    /// `/metrics`, as long as there are any.
    pub lookups: Weak<Lookups>,
    /// `/readyz` and `/log/`.
    pub shards: Shards,
    /// `/log/checkpoint`, once there is one.
    pub cosigned: CosignedNote,
    /// `/readyz`.
    pub reloadable: Reloadable,
    /// `/shadow`, where a candidate decides beside it.
    pub shadow: Option<Shadow>,
    /// Not ready once this is set.
    pub stop: watch::Receiver<bool>,
}

impl Admin {
    /// Serves until the task is dropped: an operator wants to see a gateway that is stopping, too.
    pub async fn run(self, tcp: TcpListener) {
        let log = log::routes(self.shards.clone(), self.cosigned.clone());
        let probes = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .with_state(self.clone());
        let metrics = Router::new()
            .route("/metrics", get(metrics))
            .route("/shadow", get(shadow))
            .with_state(self);
        let app = bounded(probes, metrics.merge(log));
        if let Err(error) = axum::serve(tcp, app).await {
            tracing::error!(%error, "the admin listener ended");
        }
    }
}

/// All of `routes` together within [`REQUESTS_MAX`]. The probes wait for nobody: whoever gets no
/// answer to one stops the gateway, or sends it no callers, and may not do so because somebody
/// reads the log.
fn bounded(probes: Router, routes: Router) -> Router {
    probes.merge(routes.layer(GlobalConcurrencyLimitLayer::new(REQUESTS_MAX)))
}

/// In OpenMetrics, with exemplars, for a scraper that asks for it; else in Prometheus' own format.
async fn metrics(Shared(admin): Shared<Admin>, headers: HeaderMap) -> impl IntoResponse {
    let ledger = admin.shards.newest();
    // A disk that cannot be asked is told of by the ledger, once it cannot write.
    if let Ok(room) = ledger.room() {
        admin.metrics.room(room);
    }
    admin.metrics.ledger(&ledger);
    if let Some(lookups) = admin.lookups.upgrade() {
        let (taken, places) = lookups.in_flight();
        admin.metrics.in_flight(taken, places);
    }
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let (status, exposition) = match admin.metrics.exposition(accept.unwrap_or_default()) {
        Ok(exposition) => (StatusCode::OK, exposition),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Exposition::of(&error)),
    };
    let content_type = [(CONTENT_TYPE, exposition.content_type)];
    (status, content_type, exposition.text)
}

/// Ready while the ledger can write and has room, and nobody has asked to stop. A set that was
/// refused makes no gateway unready: the one in force is good. `?verbose` tells of both, and of the
/// credentials of both sides.
async fn ready(Shared(admin): Shared<Admin>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let (status, mut text) = admin.ready();
    if query.is_some_and(|query| query == "verbose") {
        text.push_str(&admin.reloadable.told());
    }
    (status, text)
}

/// What the candidate would decide otherwise: for people, or with `?json` for programs.
async fn shadow(Shared(admin): Shared<Admin>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let Some(shadow) = &admin.shadow else {
        let why = "no candidate: name one in the configuration, under `[shadow]`\n";
        return (StatusCode::NOT_FOUND, why.to_owned());
    };
    let report = shadow.report();
    let text = match query.is_some_and(|query| query == "json") {
        true => format!("{}\n", report.json()),
        false => report.to_string(),
    };
    (StatusCode::OK, text)
}

impl Admin {
    fn ready(&self) -> (StatusCode, String) {
        let unready = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
        if *self.stop.borrow() {
            return unready("stopping");
        }
        let ledger = self.shards.newest();
        match ledger.state() {
            State::Writing if room_is_low(&ledger) => unready(
                "the ledger's disk is nearly full: less than `ledger.free_bytes_min` is free",
            ),
            State::Writing => {
                let text = format!(
                    "ready\nrevision {}\nrecords {}\nquarter {}\n",
                    self.reloadable.in_force.set().revision(),
                    ledger.size(),
                    ledger.origin().quarter()
                );
                (StatusCode::OK, text)
            }
            State::Failed(why) => unready(&format!("the ledger cannot write: {why}")),
            State::Closed => unready("the ledger is closed"),
        }
    }
}

/// Whether it is time to make room. A disk that cannot be asked is no reason to turn callers away:
/// if it cannot be written either, the ledger says so.
fn room_is_low(ledger: &Ledger) -> bool {
    ledger.room().is_ok_and(Room::is_low)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use axum::body::Body;
    use axum::http::Request;
    use axum::response::Response;
    use tokio::sync::Semaphore;
    use tower::ServiceExt as _;

    use super::*;

    type Answer = Pin<Box<dyn Future<Output = Response>>>;

    /// Two routes whose answers wait to be let go, and how many of them have begun.
    fn routes(begun: &Arc<Semaphore>, let_go: &Arc<Semaphore>) -> Router {
        let slow = |begun: Arc<Semaphore>, let_go: Arc<Semaphore>| {
            get(move || async move {
                begun.add_permits(1);
                let_go.acquire().await.unwrap().forget();
            })
        };
        let both = || (Arc::clone(begun), Arc::clone(let_go));
        let ((one, held), (other, also_held)) = (both(), both());
        Router::new()
            .route("/one", slow(one, held))
            .route("/other", slow(other, also_held))
    }

    fn ask(app: &Router, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let asked = app.clone().oneshot(request);
        Box::pin(async { asked.await.unwrap() })
    }

    fn poll(answer: &mut Answer) -> Poll<Response> {
        answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn requests_of_all_kinds_share_one_limit_and_the_next_one_waits() {
        let (begun, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let probe = Router::new().route("/healthz", get(|| async { "ok" }));
        let app = bounded(probe, routes(&begun, &let_go));
        let paths = ["/one", "/other"].into_iter().cycle();
        let mut asked: Vec<_> = paths
            .take(REQUESTS_MAX)
            .map(|path| ask(&app, path))
            .collect();
        assert!(asked.iter_mut().all(|answer| poll(answer).is_pending()));
        let mut next = ask(&app, "/one");
        assert!(poll(&mut next).is_pending());
        assert_eq!(begun.available_permits(), REQUESTS_MAX);
        // Alive all the same.
        assert!(poll(&mut ask(&app, "/healthz")).is_ready());
        let_go.add_permits(1);
        assert!(asked.iter_mut().any(|answer| poll(answer).is_ready()));
        assert!(poll(&mut next).is_pending());
        assert_eq!(begun.available_permits(), REQUESTS_MAX + 1);
        let_go.add_permits(REQUESTS_MAX);
        assert!(poll(&mut next).is_ready());
    }
}
