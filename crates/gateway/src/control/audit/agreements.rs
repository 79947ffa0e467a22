//! `motlan.policy.v1.Agreements`: what uses of agreements leave behind, on the way of a look.

use motlan_api::audit::v1::Look;
use motlan_api::policy::v1 as wire;
use motlan_api::policy::v1::agreements_server::Agreements;
use motlan_audit::RecordId;
use prost::Message;
use tonic::{Code, Request, Response, Status};

use super::failure::Failure;
use super::look::{self, Admitted, Call, Refused, Unshown};
use super::{AuditTrail, Shared, hold};
use crate::lookup::WireError;
use crate::state::{CloseError, State, is_full};

/// How many cases or notices stand on a page where none are asked for, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 200;
/// The longest `jti`, and the longest ground.
const TEXT_BYTES_MAX: usize = 512;

/// What was found, or why it is refused on record.
pub(super) type Found<T> = Result<Unshown<T>, Refused>;

#[tonic::async_trait]
impl Agreements for AuditTrail {
    async fn revoke_consent(
        &self,
        request: Request<wire::RevokeConsentRequest>,
    ) -> Result<Response<wire::RevokeConsentResponse>, Status> {
        let call = Call::RevokeConsent;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let consent = request.into_inner().consent;
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            text("consent", &consent)?;
            this.state()?;
            let (issuer, now_us) = (admitted.caller(), admitted.now_us());
            let unshown = this
                .blocking(move |shared| shared.looked(admitted, (), &["consent"], 0))
                .await?;
            let (record, ()) = unshown.record(&this.0.trails).await?.show();
            let revoke = move |state: &State| state.revoke(&issuer, &consent, now_us);
            let revoked = this.kept(revoke).await?;
            Ok(wire::RevokeConsentResponse {
                revoked,
                record: record.to_string(),
            })
        };
        self.answer(call, asked, work).await
    }

    async fn list_reviews(
        &self,
        request: Request<wire::ListReviewsRequest>,
    ) -> Result<Response<wire::ListReviewsResponse>, Status> {
        let call = Call::ListReviews;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let list = move |shared: &Shared| reviews(shared, admitted, &request);
            let unshown = this.blocking(list).await?;
            let (look, mut response) = unshown.record(&this.0.trails).await?.show();
            response.look = look.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    async fn close_review(
        &self,
        request: Request<wire::CloseReviewRequest>,
    ) -> Result<Response<wire::CloseReviewResponse>, Status> {
        let call = Call::CloseReview;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let number = request.review;
            let check = move |shared: &Shared| closable(shared, admitted, &request);
            let unshown = match this.blocking(check).await? {
                Ok(unshown) => unshown,
                Err(refused) => return Err(refused.record(&this.0.trails).await),
            };
            // R96: on record with its ground before the grant can be used again.
            let (record, ()) = unshown.record(&this.0.trails).await?.show();
            let close = move |shared: &Shared| Ok(shared.state()?.close(number));
            match this.blocking(close).await? {
                Ok(()) => Ok(wire::CloseReviewResponse {
                    record: record.to_string(),
                }),
                Err(error) => Err(Failure::on_record(open_still(error)?, record)),
            }
        };
        self.answer(call, asked, work).await
    }

    async fn list_notices(
        &self,
        request: Request<wire::ListNoticesRequest>,
    ) -> Result<Response<wire::ListNoticesResponse>, Status> {
        let call = Call::ListNotices;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let list = move |shared: &Shared| notices(shared, admitted, &request);
            let unshown = this.blocking(list).await?;
            let (look, mut response) = unshown.record(&this.0.trails).await?.show();
            response.look = look.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    async fn take_notice(
        &self,
        request: Request<wire::TakeNoticeRequest>,
    ) -> Result<Response<wire::TakeNoticeResponse>, Status> {
        let call = Call::TakeNotice;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let record = request.into_inner().record;
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            text("record", &record)?;
            // R97: no hold begins in between, and nobody else takes it.
            let _alone = this.alone().await?;
            let sought = record.clone();
            let check = move |shared: &Shared| takeable(shared, admitted, sought);
            let unshown = match this.blocking(check).await? {
                Ok(unshown) => unshown,
                Err(refused) => return Err(refused.record(&this.0.trails).await),
            };
            let (look, ()) = unshown.record(&this.0.trails).await?.show();
            this.kept(move |state| state.take_notice(&record)).await?;
            Ok(wire::TakeNoticeResponse {
                look: look.to_string(),
            })
        };
        self.answer(call, asked, work).await
    }
}

impl AuditTrail {
    fn state(&self) -> Result<&State, Failure> {
        self.0.state()
    }

    /// Works on the state.
    pub(super) async fn kept<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.blocking(|shared| work(shared.state()?).map_err(|error| unusable(&error)))
            .await
    }
}

impl Shared {
    pub(super) fn state(&self) -> Result<&State, Failure> {
        self.upkeep.state().ok_or_else(|| {
            let message = "this gateway has no state: none of its agreements needs one";
            WireError::new(Code::FailedPrecondition, "STATE_ABSENT", message).into()
        })
    }

    /// What was found, with the look that is to be recorded.
    pub(super) fn looked<T>(
        &self,
        admitted: Admitted,
        found: T,
        filters: &[&str],
        shown: usize,
    ) -> Result<Unshown<T>, Failure> {
        let trail = self.trails.current()?;
        let look = Look {
            filters: filters.iter().map(|&filter| filter.to_owned()).collect(),
            size: trail.ledger().size(),
            shown: u32::try_from(shown).unwrap_or(u32::MAX),
            quarter: trail.quarter(),
        };
        Ok(admitted.found(found, look))
    }
}

/// The open cases of an agency. Blocking.
fn reviews(
    shared: &Shared,
    admitted: Admitted,
    request: &wire::ListReviewsRequest,
) -> Result<Unshown<wire::ListReviewsResponse>, Failure> {
    let most = page(request.page_size)?;
    let after = match request.page_token.as_str() {
        "" => 0,
        token => token.parse().map_err(|_| wrong_page())?,
    };
    let agency = admitted.agency();
    let cases = shared.state()?.cases(agency.as_str(), after, most);
    let cases = cases.map_err(|error| unusable(&error))?;
    let last = cases.last().filter(|_| cases.len() == most);
    let next_page_token = last.map(|case| case.number.to_string()).unwrap_or_default();
    let reviews: Vec<wire::Review> = cases
        .into_iter()
        .map(|case| wire::Review {
            review: case.number,
            grant: case.grant,
            opened_us: case.opened_us,
            due_us: case.due_us,
            records: case.records,
            uses: case.uses,
        })
        .collect();
    let shown = reviews.len();
    let response = wire::ListReviewsResponse {
        reviews,
        next_page_token,
        look: String::new(),
    };
    shared.looked(admitted, response, &[], shown)
}

/// Whether a case may be closed. Blocking.
fn closable(
    shared: &Shared,
    admitted: Admitted,
    request: &wire::CloseReviewRequest,
) -> Result<Found<()>, Failure> {
    text("ground", &request.ground)?;
    let agency = admitted.agency();
    let now_us = admitted.now_us();
    let found = shared
        .state()?
        .closable(agency.as_str(), request.review, now_us);
    match found {
        Ok(()) => shared.looked(admitted, (), &["review"], 0).map(Ok),
        Err(error) => Ok(Err(admitted.refused(open_still(error)?, String::new()))),
    }
}

/// What is told where a case stays open.
fn open_still(error: CloseError) -> Result<WireError, Failure> {
    let (code, reason) = match error {
        CloseError::State(error) => return Err(unusable(&error)),
        CloseError::Unknown => (Code::NotFound, "REVIEW_NOT_FOUND"),
        CloseError::NotOver => (Code::FailedPrecondition, "EMERGENCY_NOT_OVER"),
        CloseError::TooEarly => (Code::FailedPrecondition, "REVIEW_TOO_EARLY"),
    };
    Ok(WireError::new(code, reason, error.to_string()).of_field("review"))
}

/// Which subjects are to be told. Blocking.
fn notices(
    shared: &Shared,
    admitted: Admitted,
    request: &wire::ListNoticesRequest,
) -> Result<Unshown<wire::ListNoticesResponse>, Failure> {
    let most = page(request.page_size)?;
    let kept = shared.state()?.notices(&request.page_token, most);
    let kept = kept.map_err(|error| unusable(&error))?;
    let holds = hold::in_force(&shared.trails, admitted.now_us())?;
    let last = kept.last().filter(|_| kept.len() == most);
    let next_page_token = last.cloned().unwrap_or_default();
    let mut notices = Vec::new();
    for record in kept {
        notices.extend(notice(shared, &holds, record)?);
    }
    let shown = notices.len();
    let response = wire::ListNoticesResponse {
        notices,
        next_page_token,
        look: String::new(),
    };
    shared.looked(admitted, response, &[], shown)
}

/// Whether there is a notice to be taken: what is held is not there. Blocking.
fn takeable(shared: &Shared, admitted: Admitted, record: String) -> Result<Found<()>, Failure> {
    let is_kept = shared.state()?.has_notice(&record);
    let holds = hold::in_force(&shared.trails, admitted.now_us())?;
    if is_kept.map_err(|error| unusable(&error))? && notice(shared, &holds, record)?.is_some() {
        return shared.looked(admitted, (), &["record"], 0).map(Ok);
    }
    let message = "there is no notice of this record";
    let error = WireError::new(Code::NotFound, "NOTICE_NOT_FOUND", message);
    Ok(Err(
        admitted.refused(error.of_field("record"), String::new())
    ))
}

/// The notice of a record; nothing while it is held.
fn notice(
    shared: &Shared,
    holds: &[hold::InForce],
    record: String,
) -> Result<Option<wire::Notice>, Failure> {
    let subject = subject_of(shared, holds, &record)?;
    Ok(subject.map(|subject| wire::Notice { record, subject }))
}

/// Whom a record is about, empty where that is not there any more; nothing while it is held.
pub(super) fn subject_of(
    shared: &Shared,
    holds: &[hold::InForce],
    record: &str,
) -> Result<Option<String>, Failure> {
    let nobody = || Ok(Some(String::new()));
    let Ok(id) = record.parse::<RecordId>() else {
        return nobody();
    };
    // Its log may have been dropped since.
    let Some(ledger) = shared.trails.ledger_of(&id)? else {
        return nobody();
    };
    let opened = ledger.opened(id.index());
    let opened = opened.map_err(|error| Failure::unreadable(&error))?;
    let Some(sealed) = opened.sealed() else {
        return nobody();
    };
    let leaf = ledger.record(id.index());
    let leaf = leaf.map_err(|error| Failure::unreadable(&error))?;
    let trail = shared
        .trails
        .of(ledger.origin().quarter().to_string().as_str())?;
    let mut holds = holds.iter();
    if holds.any(|hold| hold.reaches(&trail, &sealed.subject) && hold.covers(&leaf, sealed)) {
        return Ok(None);
    }
    Ok(Some(sealed.subject.clone()))
}

/// What a record says of a request.
pub(super) fn about(request: &impl Message) -> look::Request {
    look::Request {
        encoded: request.encode_to_vec(),
        ..look::Request::default()
    }
}

pub(super) fn page(size: u32) -> Result<usize, Failure> {
    match usize::try_from(size) {
        Ok(0) => Ok(PAGE),
        Ok(size) if size <= PAGE_MAX => Ok(size),
        _ => {
            let message = format!("`page_size` is at most {PAGE_MAX}");
            Err(Failure::request("page_size", message))
        }
    }
}

pub(super) fn wrong_page() -> Failure {
    Failure::request("page_token", "`page_token` is none that this service gave")
}

pub(super) fn text(field: &'static str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
        let message = format!("`{field}` has from 1 to {TEXT_BYTES_MAX} bytes");
        return Err(Failure::request(field, message));
    }
    Ok(())
}

pub(super) fn unusable(error: &redb::Error) -> Failure {
    tracing::error!(%error, "the state cannot be used");
    let message = match is_full(error) {
        true => "the state is full; tell the operator",
        false => "the state cannot be used; tell the operator",
    };
    WireError::new(Code::Unavailable, "STATE_UNAVAILABLE", message).into()
}
