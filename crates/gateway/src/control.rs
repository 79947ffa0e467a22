//! The gateway's own services: health, reflection, the audit trail, and what uses of agreements
//! leave behind. Built with tonic and limited with tower; the same mutual TLS as for lookups.
//! Health and reflection need no token.

mod audit;
mod receipts;
mod reflection;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use motlan_api::audit::v1::audit_server::AuditServer;
use motlan_api::policy::v1::agreements_server::AgreementsServer;
use motlan_audit::{Shards, State};
use tonic::Code;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::trace::TraceLayer;

use crate::enforced::{Enforced, InForce};
use crate::identity::Peer;
use crate::lookup::{ReplyBody, WireError};
use crate::places::Places;
use crate::state::Upkeep;
use crate::telemetry::Metrics;
use audit::AuditTrail;
pub use audit::Trails;
pub(crate) use reflection::Reflection;

/// What is part of the set in force lies below this path.
const REFLECTION: &str = "/grpc.reflection.";
/// Calls at once.
const CALLS_MAX: usize = 128;
/// Those of one system, so that none can take all places.
const CALLS_PER_SYSTEM_MAX: usize = 32;
/// A message to one of these services.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// A message of the audit trail; clients take 4 MiB.
const REPLY_BYTES_MAX: usize = 4 << 20;
/// Until the head of a response.
const CALL_MAX: Duration = Duration::from_secs(10);
/// How much longer work may take that has begun and is [`Long`].
const LONG_MAX: Duration = Duration::from_secs(600);
/// How often the health service looks at the ledger.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// The gateway's own services.
#[derive(Clone)]
pub struct Control {
    service: BoxCloneSyncService<Request<Incoming>, Response<tonic::body::Body>, Infallible>,
    places: Arc<Places>,
}

/// Comes with each request. Set by a call whose request is all here and which is let in, where its
/// work reads whole logs.
#[derive(Clone, Default)]
struct Long(Arc<AtomicBool>);

impl Long {
    fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why the services could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The system gives no random key.
    #[error("the system gives no random key")]
    Key(#[from] aws_lc_rs::error::Unspecified),
}

impl Control {
    /// Sets the services up. The reporter is for [`report_health`].
    ///
    /// # Errors
    /// [`ControlError`] where there is no randomness.
    pub fn new(
        trails: Trails,
        upkeep: Upkeep,
        metrics: &Metrics,
    ) -> Result<(Self, HealthReporter), ControlError> {
        let (reporter, health) = tonic_health::server::health_reporter();
        let trail = AuditTrail::new(trails, upkeep, metrics)?;
        let mut routes = Routes::builder();
        routes
            .add_service(health.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(
                AuditServer::new(trail.clone())
                    .max_decoding_message_size(MESSAGE_BYTES_MAX)
                    .max_encoding_message_size(REPLY_BYTES_MAX),
            )
            .add_service(
                AgreementsServer::new(trail)
                    .max_decoding_message_size(MESSAGE_BYTES_MAX)
                    .max_encoding_message_size(REPLY_BYTES_MAX),
            );
        let control = Self {
            service: traced(routes.routes()),
            places: Arc::new(Places::new(CALLS_MAX, CALLS_PER_SYSTEM_MAX)),
        };
        Ok((control, reporter))
    }

    /// Answers one call of `peer`, by the set that knows it.
    pub async fn call(
        self,
        set: Arc<Enforced>,
        peer: Peer,
        mut request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let Some(_place) = self.places.take(&peer.system.id) else {
            return WireError::overloaded().response(None);
        };
        let long = Long::default();
        let service = match request.uri().path().starts_with(REFLECTION) {
            true => set.reflection.0.clone(),
            false => self.service,
        };
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(set);
        request.extensions_mut().insert(long.clone());
        let mut answering = pin!(service.oneshot(request));
        let mut answered = tokio::time::timeout(CALL_MAX, answering.as_mut()).await;
        if answered.is_err() && long.has_begun() {
            answered = tokio::time::timeout(LONG_MAX, answering).await;
        }
        match answered {
            Ok(Ok(response)) => response.map(ReplyBody::Control),
            Ok(Err(never)) => match never {},
            Err(_late) => {
                let message = "the gateway's own service did not answer in time";
                WireError::new(Code::DeadlineExceeded, "GATEWAY_BUSY", message).response(None)
            }
        }
    }
}

fn traced(
    routes: Routes,
) -> BoxCloneSyncService<Request<Incoming>, Response<tonic::body::Body>, Infallible> {
    let traced = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(tonic::body::Body::new))
        // A caller's mistake is no failure of ours, and nobody may fill the log with it.
        .layer(TraceLayer::new_for_grpc().on_failure(()))
        .service(routes);
    BoxCloneSyncService::new(traced)
}

/// Keeps the health service's word: serving while the ledger can write, for each dataset of the set
/// in force.
pub async fn report_health(mut reporter: HealthReporter, shards: Shards, in_force: InForce) {
    let mut told = BTreeSet::new();
    loop {
        let status = match shards.newest().state() {
            State::Writing => ServingStatus::Serving,
            State::Failed(_) | State::Closed => ServingStatus::NotServing,
        };
        let set = in_force.set();
        let datasets = set.catalog.datasets();
        let mut services: BTreeSet<_> = datasets.map(|it| it.service.clone()).collect();
        services.insert(String::new());
        drop(set);
        for service in &services {
            reporter.set_service_status(service, status).await;
        }
        for gone in told.difference(&services) {
            reporter.clear_service_status(gone).await;
        }
        told = services;
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}
