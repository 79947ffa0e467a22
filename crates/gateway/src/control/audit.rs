//! `motlan.audit.v1.Audit`: the audit trail, for those who may see it and those whom it is about.
//!
//! Each call but `GetReceipt` needs a token with a legal basis and a role of the catalogue, and is
//! itself a record, durable before anything is shown or done (`look`). It runs in a task of its
//! own, so that a caller that hangs up does not stop the record.
//!
//! Limits: 8 calls at once, 4 of one system; a page has at most 1,000 records or 200 accesses and
//! about 3 MiB; no hold is placed in a log with 5,000 records of holds; a hold lasts at most 365
//! days and its texts have at most 200 bytes.

mod accesses;
mod erase;
mod failure;
mod hold;
mod look;
mod search;
mod trail;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1 as wire;
use motlan_api::audit::v1::audit_server::Audit;
use motlan_catalog::{Catalog, SystemId};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Request, Response, Status};

use super::receipts;
use crate::identity::{Peer, TokenError, Tokens};
use crate::lookup::{WireError, bearer};
use crate::telemetry::Metrics;
use failure::Failure;
use look::{Admitted, Asked, Call};
pub use trail::Trails;

/// Calls at once: each reads the disk.
const CALLS_MAX: usize = 8;
/// Those of one system, so that a portal leaves room for an inspection.
const CALLS_PER_SYSTEM_MAX: usize = 4;

/// The service. Cheap to clone.
#[derive(Clone)]
pub(super) struct AuditTrail(Arc<Shared>);

struct Shared {
    trails: Trails,
    catalog: Arc<Catalog>,
    tokens: Arc<Tokens>,
    places: Arc<Semaphore>,
    /// Each system's share of them.
    shares: HashMap<SystemId, Arc<Semaphore>>,
    /// Held while holds are placed and ended, and by an erasure: it looks whether any is in force.
    changing: Mutex<()>,
    metrics: Metrics,
    calls: Counter<u64>,
}

impl AuditTrail {
    pub(super) fn new(
        trails: Trails,
        catalog: Arc<Catalog>,
        tokens: Arc<Tokens>,
        metrics: &Metrics,
    ) -> Self {
        let calls = metrics
            .meter()
            .u64_counter("motlan.looks")
            .with_description("Calls of the audit trail by method and how they ended")
            .build();
        let share = || Arc::new(Semaphore::new(CALLS_PER_SYSTEM_MAX));
        let systems = catalog.systems();
        let shares = systems.map(|system| (system.id.clone(), share()));
        Self(Arc::new(Shared {
            shares: shares.collect(),
            trails,
            catalog,
            tokens,
            places: Arc::new(Semaphore::new(CALLS_MAX)),
            changing: Mutex::new(()),
            metrics: metrics.clone(),
            calls,
        }))
    }

    /// Checks the token of a call.
    fn asked<T>(
        &self,
        call: Call,
        request: &Request<T>,
        about: look::Request,
    ) -> Result<Asked, Failure> {
        let unknown = || WireError::token(&TokenError::Missing);
        let peer = request
            .extensions()
            .get::<Arc<Peer>>()
            .ok_or_else(unknown)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_s = i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
        // R3: strangers leave here, before the ledger.
        let inquirer = bearer(request.metadata().as_ref())
            .and_then(|token| self.0.tokens.inquirer(peer, token, now_s))
            .map_err(|error| WireError::token(&error))?;
        Ok(Asked::new(call, inquirer, about, &self.0.catalog))
    }

    /// Takes one call through: a place, its own task, and a count of how it ended.
    async fn answer<T, W>(
        &self,
        call: Call,
        asked: Result<Asked, Failure>,
        work: impl FnOnce(Self, Asked) -> W,
    ) -> Result<Response<T>, Status>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let answered = match asked.and_then(|asked| Ok((self.place(&asked)?, asked))) {
            Ok((place, asked)) => {
                let work = work(self.clone(), asked);
                // R34: a task of its own. A caller that hangs up does not stop the record.
                let task = tokio::spawn(async move {
                    let _place = place;
                    work.await
                });
                task.await.unwrap_or_else(|_panicked| Err(Failure::lost()))
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &answered {
            failure.tell(&self.0.metrics);
        }
        let reason = answered.as_ref().err().map_or("OK", Failure::reason);
        let labels = [
            KeyValue::new("rpc.method", call.path().trim_start_matches('/')),
            KeyValue::new("reason", reason.to_owned()),
        ];
        self.0.calls.add(1, &labels);
        answered
            .map(Response::new)
            .map_err(|failure| failure.status())
    }

    /// A place among the calls under way, within the calling system's own share.
    fn place(&self, asked: &Asked) -> Result<[OwnedSemaphorePermit; 2], Failure> {
        let share = self.0.shares.get(asked.system());
        let share = share.and_then(|share| Arc::clone(share).try_acquire_owned().ok());
        let place = share.and_then(|share| {
            let place = Arc::clone(&self.0.places).try_acquire_owned().ok()?;
            Some([share, place])
        });
        place.ok_or_else(|| {
            let message =
                "as many calls of the audit trail as may be are under way; try again later";
            WireError::new(Code::ResourceExhausted, "GATEWAY_BUSY", message).into()
        })
    }

    /// Runs what blocks.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let shared = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || work(&shared)).await;
        worked.unwrap_or_else(|_panicked| Err(Failure::lost()))
    }

    async fn admitted(&self, asked: Asked) -> Result<Admitted, Failure> {
        asked.admit(&self.0.trails).await
    }
}

#[tonic::async_trait]
impl Audit for AuditTrail {
    async fn get_receipt(
        &self,
        request: Request<wire::GetReceiptRequest>,
    ) -> Result<Response<wire::GetReceiptResponse>, Status> {
        receipts::get(&self.0.trails, request).await
    }

    async fn search(
        &self,
        request: Request<wire::SearchRequest>,
    ) -> Result<Response<wire::SearchResponse>, Status> {
        let call = Call::Search;
        let asked = self.asked(call, &request, search::request(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let unshown = this
                .blocking(move |shared| search::search(&shared.trails, admitted, &request))
                .await?;
            let (look, mut response) = unshown.record(&this.0.trails).await?.show();
            response.look = look.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    async fn subject_accesses(
        &self,
        request: Request<wire::SubjectAccessesRequest>,
    ) -> Result<Response<wire::SubjectAccessesResponse>, Status> {
        let call = Call::SubjectAccesses;
        let asked = self.asked(call, &request, accesses::request(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let gather = move |shared: &Shared| {
                accesses::accesses(&shared.trails, &shared.catalog, admitted, &request)
            };
            let unshown = this.blocking(gather).await?;
            let (look, mut response) = unshown.record(&this.0.trails).await?.show();
            response.look = look.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    async fn place_hold(
        &self,
        request: Request<wire::PlaceHoldRequest>,
    ) -> Result<Response<wire::PlaceHoldResponse>, Status> {
        let call = Call::PlaceHold;
        let asked = self.asked(call, &request, hold::place_request(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let _alone = this.0.changing.lock().await;
            let place = move |shared: &Shared| {
                hold::place(&shared.trails, &shared.catalog, admitted, &request)
            };
            let unshown = this.blocking(place).await?;
            let (hold, mut response) = unshown.record(&this.0.trails).await?.show();
            response.hold = hold.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    async fn end_hold(
        &self,
        request: Request<wire::EndHoldRequest>,
    ) -> Result<Response<wire::EndHoldResponse>, Status> {
        let call = Call::EndHold;
        let asked = self.asked(call, &request, hold::end_request(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let _alone = this.0.changing.lock().await;
            let end = move |shared: &Shared| hold::end(&shared.trails, admitted, &request);
            let unshown = this.blocking(end).await?;
            let (record, mut response) = unshown.record(&this.0.trails).await?.show();
            response.record = record.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    async fn erase(
        &self,
        request: Request<wire::EraseRequest>,
    ) -> Result<Response<wire::EraseResponse>, Status> {
        let call = Call::Erase;
        let asked = self.asked(call, &request, erase::request(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let _alone = this.0.changing.lock().await;
            let erase = move |shared: &Shared| erase::erase(&shared.trails, admitted, &request);
            let trails = &this.0.trails;
            match this.blocking(erase).await? {
                erase::Ended::Done(response) => Ok(response),
                erase::Ended::Nothing(unshown) => Ok(unshown.record(trails).await?.show().1),
                erase::Ended::Held(refused) => {
                    let (admitted, error) = *refused;
                    Err(admitted.refuse(error, trails).await)
                }
            }
        };
        self.answer(call, asked, work).await
    }
}
