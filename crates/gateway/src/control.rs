//! The gateway's own services: health, reflection, the audit trail, what uses of agreements leave
//! behind, and what the law lets a desk ask of a citizen. Built with tonic and limited with tower;
//! the same mutual TLS as for lookups. Health and reflection need no token, nor does a plan of the
//! law.

mod admission;
mod audit;
mod once;
mod receipts;
mod reflection;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use motlan_api::audit::v1::audit_server::AuditServer;
use motlan_api::once::v1::once_only_server::OnceOnlyServer;
use motlan_api::policy::v1::agreements_server::AgreementsServer;
use motlan_audit::{Shards, State};
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Code;
use tonic::body::Body;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};
use tower_http::trace::TraceLayer;

use crate::enforced::InForce;
use crate::lookup::{Lookups, ReplyBody, WireError};
use crate::places::Places;
use crate::state::Upkeep;
use crate::telemetry::Metrics;
pub(crate) use admission::{Admission, Barred};
use audit::AuditTrail;
pub use audit::Trails;
use once::Once;
pub(crate) use reflection::Reflection;

/// What is part of the set in force lies below this path.
const REFLECTION: &str = "/grpc.reflection.";
/// Calls at once.
const CALLS_MAX: usize = 128;
/// Those of one system, so that none can take all places.
const CALLS_PER_SYSTEM_MAX: usize = 32;
/// A message to one of these services.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// What stands before a message.
const PREFIX_BYTES: usize = 5;
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
    service: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
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
        lookups: Arc<Lookups>,
        upkeep: Upkeep,
        metrics: &Metrics,
    ) -> Result<(Self, HealthReporter), ControlError> {
        let (reporter, health) = tonic_health::server::health_reporter();
        let trail = AuditTrail::new(trails, upkeep.clone(), metrics)?;
        let once = Once::new(trail.clone(), lookups, upkeep, metrics);
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
            )
            .add_service(
                OnceOnlyServer::new(once)
                    .max_decoding_message_size(once::COLLECT_BYTES_MAX)
                    .max_encoding_message_size(REPLY_BYTES_MAX),
            );
        let control = Self {
            service: traced(routes.routes()),
            places: Arc::new(Places::new(CALLS_MAX, CALLS_PER_SYSTEM_MAX)),
        };
        Ok((control, reporter))
    }

    /// Answers one call.
    ///
    /// # Errors
    /// Why it gets no answer.
    pub(crate) async fn call<B>(
        self,
        mut admission: Admission,
        request: Request<B>,
    ) -> Result<Response<ReplyBody>, WireError>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let (_, peer) = admission.peer()?;
        let place = self.places.take(&peer.system.id);
        let _place = place.ok_or_else(WireError::overloaded)?;
        let end = Instant::now() + CALL_MAX;
        let is_reflection = request.uri().path().starts_with(REFLECTION);
        let mut request = match is_reflection {
            // Callers send the next question after the answer to the last one.
            true => request.map(Body::new),
            false => whole(request, end).await?,
        };
        // R87: by the set that is in force once the question is whole, as for lookups.
        let (set, peer) = admission.peer()?;
        let long = Long::default();
        let service = match is_reflection {
            true => set.reflection.0.clone(),
            false => self.service,
        };
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(set);
        request.extensions_mut().insert(long.clone());
        let mut answering = pin!(service.oneshot(request));
        let mut answered = timeout_at(end, answering.as_mut()).await;
        if answered.is_err() && long.has_begun() {
            answered = timeout(LONG_MAX, answering).await;
        }
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_late) => {
                let message = "the gateway's own service did not answer in time";
                return Err(WireError::new(
                    Code::DeadlineExceeded,
                    "GATEWAY_BUSY",
                    message,
                ));
            }
        };
        // Work takes its time as well.
        admission.confirm()?;
        Ok(response.map(|body| ReplyBody::Control(admission.attend(body, is_reflection))))
    }
}

/// The request once all of it is here.
async fn whole<B>(request: Request<B>, end: Instant) -> Result<Request<Body>, WireError>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (head, body) = request.into_parts();
    let bytes_max = match head.uri.path() {
        once::COLLECT => once::COLLECT_BYTES_MAX,
        _ => MESSAGE_BYTES_MAX,
    };
    let collecting = Limited::new(body, bytes_max + PREFIX_BYTES).collect();
    let collected = timeout_at(end, collecting).await.map_err(|_late| {
        let message = "the message did not come in time";
        WireError::new(Code::DeadlineExceeded, "MESSAGE_LATE", message)
    })?;
    let body = collected.map_err(|error| {
        let (code, message) = match error.is::<LengthLimitError>() {
            true => (Code::OutOfRange, "the message is too large"),
            false => (Code::InvalidArgument, "the message broke off"),
        };
        WireError::new(code, "MESSAGE_MALFORMED", message)
    })?;
    Ok(Request::from_parts(head, Body::new(body)))
}

fn traced(routes: Routes) -> BoxCloneSyncService<Request<Body>, Response<Body>, Infallible> {
    let traced = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
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

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use motlan_testkit::World;
    use tokio::sync::Notify;

    use super::*;
    use crate::enforced::{Reloaded, Sources};
    use crate::identity::Certificate;
    use crate::reload::Changes;
    use crate::settings::Settings;
    use crate::tls::{ClientCredentials, Presented, ServerCredentials};

    #[tokio::test]
    async fn what_a_suspended_system_asked_before_is_not_answered_when_it_is_done() {
        // R87, R24.
        const PROVINCES: &str = "catalog/systems/provinces.toml";
        let dir = tempfile::TempDir::with_prefix("motlan-control-").unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let settings = Settings::read(&world.config()).unwrap();
        let client = ClientCredentials::load(&settings.provider_tls).unwrap();
        let metrics = Metrics::new().unwrap();
        let in_force = InForce::load(Sources::of(&settings, client), &metrics).unwrap();
        let desk = world.system("H26/one-stop").unwrap();
        let certificate = desk.identity.certificate().unwrap();
        let server = ServerCredentials::load(&settings.tls).unwrap();
        let presented = Presented::assertion(vec![certificate], server.clone(), &server.taken());
        let certificate = Arc::new(Certificate::of(presented).unwrap());

        let (begun, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (has_begun, is_done) = (Arc::clone(&begun), Arc::clone(&done));
        let work = tower::service_fn(move |_request: Request<Body>| {
            let (begun, done) = (Arc::clone(&begun), Arc::clone(&done));
            async move {
                begun.notify_one();
                done.notified().await;
                Ok(Response::new(Body::empty()))
            }
        });
        let control = Control {
            service: BoxCloneSyncService::new(work),
            places: Arc::new(Places::new(CALLS_MAX, CALLS_PER_SYSTEM_MAX)),
        };
        let call = || {
            let admission = Admission::new(Arc::clone(&certificate), in_force.follow());
            let request = Request::new(Full::<Bytes>::default());
            tokio::spawn(control.clone().call(admission, request))
        };
        let answered = call();
        has_begun.notified().await;
        is_done.notify_one();
        assert!(answered.await.unwrap().is_ok());

        let answered = call();
        has_begun.notified().await;
        let text = std::fs::read_to_string(dir.path().join(PROVINCES)).unwrap();
        let id = "id = \"H26/one-stop\"";
        let text = text.replace(id, &format!("{id}\nsuspended = true"));
        world.write(PROVINCES, &text).unwrap();
        let changes = Changes::off_record(&metrics);
        let reloaded = in_force.reload(&changes).await;
        assert!(matches!(reloaded, Ok(Reloaded::Taken(_))));
        is_done.notify_one();
        let error = answered.await.unwrap().map(drop).unwrap_err();
        assert_eq!(error.reason(), "SYSTEM_SUSPENDED");
    }
}
