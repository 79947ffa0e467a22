//! `motlan.once.v1.OnceOnly`: what the law lets a desk ask of a citizen, and what it need not ask,
//! because it is fetched.
//!
//! `Plan` needs a certificate and no token. `Collect` makes a governed lookup of each component
//! that a published dataset holds, by the one way of all lookups, and answers with evidence, a
//! ground to ask, or what is to be mended first; each evidence and each ground is a record of its
//! own before the caller hears of it. The calls that look at what was left behind are the audit
//! trail's (`audit`).
//!
//! Limits: 256 collections at once, 64 of one system; one has at most 32 components and 256 KiB,
//! and lasts no longer than a lookup may; a provider is asked at most three times for a component;
//! a message has at most 3 MiB.

mod attempt;
mod collect;
mod declared;
mod dossier;
mod plan;
mod request;
mod sentence;
mod way;

use std::sync::Arc;
use std::time::Instant;

use motlan_api::once::v1 as wire;
use motlan_api::once::v1::once_only_server::OnceOnly;
use motlan_policy::Moment;
use tonic::{Request, Response, Status};

use super::audit::AuditTrail;
use crate::enforced::Enforced;
use crate::identity::{Peer, TokenError};
use crate::ledger::now_us;
use crate::lookup::{Lookups, WireError, bearer};
use crate::state::Upkeep;
use crate::telemetry::Metrics;
use collect::{Collector, Components};
use dossier::today;
use request::Arrived;

/// The gRPC path, as it stands in records.
pub(super) const COLLECT: &str = "/motlan.once.v1.OnceOnly/Collect";
/// A request of it has at most so many bytes.
pub(super) const COLLECT_BYTES_MAX: usize = 256 * 1024;

/// The service. Cheap to clone.
#[derive(Clone)]
pub(super) struct Once {
    trail: AuditTrail,
    collector: Arc<Collector>,
}

impl Once {
    pub(super) fn new(
        trail: AuditTrail,
        lookups: Arc<Lookups>,
        upkeep: Upkeep,
        metrics: &Metrics,
    ) -> Self {
        let components = metrics
            .meter()
            .u64_counter("motlan.components")
            .with_description("Components of dossiers by what holds them and what came of them")
            .build();
        let metrics = metrics.clone();
        Self {
            trail,
            collector: Arc::new(Collector {
                lookups,
                upkeep,
                metrics,
                components,
            }),
        }
    }

    fn begin(&self, request: Request<wire::CollectRequest>) -> Result<Components, WireError> {
        let begun = Instant::now();
        let now_us = now_us();
        let (metadata, extensions, request) = request.into_parts();
        let headers = metadata.into_headers();
        let (set, peer) = admitted(&extensions)?;
        let Collector {
            lookups, upkeep, ..
        } = &*self.collector;
        // R3: strangers leave here, long before the ledger.
        let token = bearer(&headers).map_err(|error| WireError::token(&error))?;
        let now_s = now_us.div_euclid(1_000_000);
        let statement = set.tokens.statement(&peer, token, now_s);
        let statement = statement.map_err(|error| WireError::token(&error))?;
        let arrived = Arrived {
            set,
            peer,
            token,
            statement,
            headers: &headers,
            now_us,
            begun,
        };
        let (dossier, parts) = arrived.checked(request, lookups, upkeep)?;
        let place = lookups.collection(&dossier.peer.system.id);
        let place = place.ok_or_else(WireError::overloaded)?;
        Ok(self.collector.collect(dossier, parts, place))
    }
}

/// The set that was in force when a call came, and who calls by it.
fn admitted(extensions: &tonic::Extensions) -> Result<(Arc<Enforced>, Peer), WireError> {
    let unknown = || WireError::token(&TokenError::Missing);
    let set = extensions.get::<Arc<Enforced>>().ok_or_else(unknown)?;
    let peer = extensions.get::<Peer>().ok_or_else(unknown)?;
    Ok((Arc::clone(set), peer.clone()))
}

#[tonic::async_trait]
impl OnceOnly for Once {
    type CollectStream = Components;

    async fn plan(
        &self,
        request: Request<wire::PlanRequest>,
    ) -> Result<Response<wire::PlanResponse>, Status> {
        let planned = admitted(request.extensions()).and_then(|(set, peer)| {
            let now_us = now_us();
            let now = Moment::from_unix_ms(now_us.div_euclid(1_000));
            let (request, today) = (request.get_ref(), today(now_us));
            plan::planned(&set, &peer.system, request, now, today)
        });
        planned.map(Response::new).map_err(|error| error.status())
    }

    async fn collect(
        &self,
        request: Request<wire::CollectRequest>,
    ) -> Result<Response<Components>, Status> {
        let begun = self.begin(request);
        begun.map(Response::new).map_err(|error| {
            self.collector.metrics.turned_away(error.reason());
            error.status()
        })
    }

    async fn corrections(
        &self,
        request: Request<wire::CorrectionsRequest>,
    ) -> Result<Response<wire::CorrectionsResponse>, Status> {
        self.trail.corrections(request).await
    }

    async fn close_correction(
        &self,
        request: Request<wire::CloseCorrectionRequest>,
    ) -> Result<Response<wire::CloseCorrectionResponse>, Status> {
        self.trail.close_correction(request).await
    }

    async fn report(
        &self,
        request: Request<wire::ReportRequest>,
    ) -> Result<Response<wire::ReportResponse>, Status> {
        self.trail.report(request).await
    }
}
