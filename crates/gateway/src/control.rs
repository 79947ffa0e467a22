//! The gateway's own services: health, reflection, and the audit trail. Built with tonic and
//! limited with tower; the same mutual TLS as for lookups, without a token but for the audit trail.

mod audit;
mod receipts;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use motlan_api::audit::v1::audit_server::AuditServer;
use motlan_audit::{Shards, State};
use motlan_catalog::Catalog;
use tonic::Code;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::trace::TraceLayer;

use crate::identity::{Peer, Tokens};
use crate::lookup::{ReplyBody, WireError};
use crate::places::Places;
use crate::telemetry::Metrics;
use audit::AuditTrail;
pub use audit::Trails;

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
    /// The gateway's own contracts and the catalogue's do not go together.
    #[error("the catalogue's contracts clash with the gateway's own")]
    Contracts(#[from] prost_reflect::DescriptorError),
    /// Reflection does not accept the contracts.
    #[error("reflection does not accept the contracts")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The system gives no random key.
    #[error("the system gives no random key")]
    Key(#[from] aws_lc_rs::error::Unspecified),
}

impl Control {
    /// Sets the services up. The reporter is for [`report_health`].
    ///
    /// # Errors
    /// [`ControlError`] where the contracts do not go together.
    pub fn new(
        catalog: &Arc<Catalog>,
        tokens: Arc<Tokens>,
        trails: Trails,
        metrics: &Metrics,
    ) -> Result<(Self, HealthReporter), ControlError> {
        let (reporter, health) = tonic_health::server::health_reporter();
        let mut pool = catalog.pool().clone();
        pool.decode_file_descriptor_set(motlan_api::FILE_DESCRIPTOR_SET)?;
        // So that a command-line client can show the details of an error.
        pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
        let contracts = pool.encode_to_vec();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(&contracts)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let trail = AuditTrail::new(trails, Arc::clone(catalog), tokens, metrics)?;
        let mut routes = Routes::builder();
        routes
            .add_service(health.max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(
                reflection()
                    .build_v1()?
                    .max_decoding_message_size(MESSAGE_BYTES_MAX),
            )
            .add_service(
                reflection()
                    .build_v1alpha()?
                    .max_decoding_message_size(MESSAGE_BYTES_MAX),
            )
            .add_service(
                AuditServer::new(trail)
                    .max_decoding_message_size(MESSAGE_BYTES_MAX)
                    .max_encoding_message_size(REPLY_BYTES_MAX),
            );
        let traced = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(tonic::body::Body::new))
            // A caller's mistake is no failure of ours, and nobody may fill the log with it.
            .layer(TraceLayer::new_for_grpc().on_failure(()))
            .service(routes.routes());
        let control = Self {
            service: BoxCloneSyncService::new(traced),
            places: Arc::new(Places::new(catalog, CALLS_MAX, CALLS_PER_SYSTEM_MAX)),
        };
        Ok((control, reporter))
    }

    /// Answers one call of `peer`.
    pub async fn call(
        self,
        peer: Arc<Peer>,
        mut request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let Some(_place) = self.places.take(&peer.system.id) else {
            return WireError::overloaded().response(None);
        };
        let long = Long::default();
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(long.clone());
        let mut answering = pin!(self.service.oneshot(request));
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

/// Keeps the health service's word: serving while the ledger can write.
pub async fn report_health(reporter: HealthReporter, shards: Shards, datasets: Vec<String>) {
    loop {
        let status = match shards.newest().state() {
            State::Writing => ServingStatus::Serving,
            State::Failed(_) | State::Closed => ServingStatus::NotServing,
        };
        for service in datasets.iter().map(String::as_str).chain([""]) {
            reporter.set_service_status(service, status).await;
        }
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}
