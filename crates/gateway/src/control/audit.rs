//! `motlan.audit.v1.Audit`: the audit trail, for those who may see it and those whom it is about.
//!
//! Each call but `GetReceipt` needs a token with a legal basis and a role of the catalogue, and is
//! itself a record, durable before anything is shown or done (`look`). It runs in a task of its
//! own, so that a caller that hangs up does not stop the record.
//!
//! `motlan.policy.v1.Agreements` goes the same way and shares its places (`agreements`): cases,
//! notices and revoked consents. So do those calls of `motlan.once.v1.OnceOnly` that look at what
//! was left behind: `corrections` and `report`.
//!
//! Limits: 8 calls at once, 4 of one system, and beside them 4 refusals, 2 of one system; a page
//! has at most 1,000 records or 200 accesses and about 3 MiB; no hold is placed in a log with 5,000
//! records of holds; a hold lasts at most 365 days, its ground has at most 200 bytes and its other
//! texts 512; a report counts at most 1,000,000 components of at most 366 days.

mod accesses;
mod agreements;
mod corrections;
mod erase;
mod failure;
mod hold;
mod look;
mod report;
mod search;
mod trail;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1 as wire;
use motlan_api::audit::v1::audit_server::Audit;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::sync::{Mutex, MutexGuard};
use tonic::{Code, Request, Response, Status};

use super::Long;
use super::receipts;
use crate::enforced::Enforced;
use crate::identity::{Peer, TokenError};
use crate::lookup::{WireError, bearer};
use crate::places::{Place, Places};
use crate::state::Upkeep;
use crate::telemetry::Metrics;
use accesses::PageKey;
use failure::Failure;
use look::{Admitted, Asked, Call};
pub use trail::Trails;

/// Calls at once: each reads the disk.
const CALLS_MAX: usize = 8;
/// Those of one system, so that a portal leaves room for an inspection.
const CALLS_PER_SYSTEM_MAX: usize = 4;
/// Calls without the role at once: each is one record, and takes no place from those with it.
const REFUSALS_MAX: usize = 4;
const REFUSALS_PER_SYSTEM_MAX: usize = 2;
/// How long a call waits for another one that changes what is held. Shorter than the time for a
/// call: who is told that it took too long is not to find it done later.
const CHANGING_MAX: Duration = Duration::from_secs(8);

/// The service. Cheap to clone.
#[derive(Clone)]
pub(super) struct AuditTrail(Arc<Shared>);

struct Shared {
    trails: Trails,
    places: Places,
    refusals: Places,
    pages: PageKey,
    /// Held while holds are placed and ended, and by an erasure: it looks whether any is in force.
    changing: Mutex<()>,
    /// What uses of grants left behind.
    upkeep: Upkeep,
    metrics: Metrics,
    calls: Counter<u64>,
}

impl AuditTrail {
    pub(super) fn new(
        trails: Trails,
        upkeep: Upkeep,
        metrics: &Metrics,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let calls = metrics
            .meter()
            .u64_counter("motlan.looks")
            .with_description("Calls of the audit trail by method and how they ended")
            .build();
        Ok(Self(Arc::new(Shared {
            places: Places::new(CALLS_MAX, CALLS_PER_SYSTEM_MAX),
            refusals: Places::new(REFUSALS_MAX, REFUSALS_PER_SYSTEM_MAX),
            pages: PageKey::new()?,
            trails,
            changing: Mutex::new(()),
            upkeep,
            metrics: metrics.clone(),
            calls,
        })))
    }

    /// Checks the token of a call.
    fn asked<T>(
        &self,
        call: Call,
        request: &Request<T>,
        about: look::Request,
    ) -> Result<Asked, Failure> {
        let unknown = || WireError::token(&TokenError::Missing);
        let arrived = request.extensions();
        let peer = arrived.get::<Peer>().ok_or_else(unknown)?;
        let set = arrived.get::<Arc<Enforced>>().ok_or_else(unknown)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_s = i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
        // R3: strangers leave here, before the ledger.
        let inquirer = bearer(request.metadata().as_ref())
            .and_then(|token| set.tokens.inquirer(peer, token, now_s))
            .map_err(|error| WireError::token(&error))?;
        Ok(Asked::new(call, inquirer, about, Arc::clone(set)))
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

    /// A place among the calls under way, or among the refusals.
    fn place(&self, asked: &Asked) -> Result<Place, Failure> {
        let places = match asked.has_role() {
            true => &self.0.places,
            false => &self.0.refusals,
        };
        places.take(asked.system()).ok_or_else(|| {
            busy("as many calls of the audit trail as may be are under way; try again later")
        })
    }

    /// Alone among those that place and end holds, and erase. Nothing is recorded yet.
    async fn alone(&self) -> Result<MutexGuard<'_, ()>, Failure> {
        let locked = tokio::time::timeout(CHANGING_MAX, self.0.changing.lock()).await;
        locked.map_err(|_late| {
            busy("an erasure or a hold is under way, and nothing was done; try again later")
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

fn busy(message: &str) -> Failure {
    WireError::new(Code::ResourceExhausted, "GATEWAY_BUSY", message).into()
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
            let set = admitted.set();
            let gather = move |shared: &Shared| {
                let Shared { trails, pages, .. } = shared;
                accesses::accesses(trails, &set.catalog, pages, admitted, &request)
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
            let _alone = this.alone().await?;
            let set = admitted.set();
            let place = move |shared: &Shared| {
                hold::place(&shared.trails, &set.catalog, admitted, &request)
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
            let _alone = this.alone().await?;
            let end = move |shared: &Shared| hold::end(&shared.trails, admitted, &request);
            let trails = &this.0.trails;
            let unshown = match this.blocking(end).await? {
                Ok(unshown) => unshown,
                Err(refused) => return Err(refused.record(trails).await),
            };
            let (record, mut response) = unshown.record(trails).await?.show();
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
        let long = request.extensions().get::<Long>().cloned();
        let request = request.into_inner();
        let work = async move |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let _alone = this.alone().await?;
            long.unwrap_or_default().begin();
            let erase = move |shared: &Shared| erase::erase(&shared.trails, admitted, &request);
            let trails = &this.0.trails;
            match this.blocking(erase).await? {
                erase::Ended::Done(response) => Ok(response),
                erase::Ended::Nothing(unshown) => Ok(unshown.record(trails).await?.show().1),
                erase::Ended::Held(refused) => Err(refused.record(trails).await),
            }
        };
        self.answer(call, asked, work).await
    }
}
