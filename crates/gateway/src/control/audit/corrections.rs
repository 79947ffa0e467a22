//! `motlan.once.v1.OnceOnly`: what owners of datasets are asked to correct, on the way of a look.

use motlan_api::once::v1 as wire;
use prost::Message as _;
use tonic::{Code, Request, Response, Status};

use super::agreements::{Found, about, page, subject_of, text, unusable, wrong_page};
use super::failure::Failure;
use super::look::{self, Admitted, Call};
use super::{AuditTrail, Shared, hold};
use crate::lookup::WireError;
use crate::state::{CorrectError, Correction, Owned};

impl AuditTrail {
    /// The open corrections of datasets of the calling system's agency.
    pub(in crate::control) async fn corrections(
        &self,
        request: Request<wire::CorrectionsRequest>,
    ) -> Result<Response<wire::CorrectionsResponse>, Status> {
        let call = Call::Corrections;
        let named = look::Request {
            dataset: request.get_ref().dataset.clone(),
            encoded: request.get_ref().encode_to_vec(),
            ..look::Request::default()
        };
        let asked = self.asked(call, &request, named);
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let list = move |shared: &Shared| listed(shared, admitted, &request);
            let unshown = match this.blocking(list).await? {
                Ok(unshown) => unshown,
                Err(refused) => return Err(refused.record(&this.0.trails).await),
            };
            let (look, mut response) = unshown.record(&this.0.trails).await?.show();
            response.look = look.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }

    /// Closes a correction of a dataset of the calling system's agency.
    pub(in crate::control) async fn close_correction(
        &self,
        request: Request<wire::CloseCorrectionRequest>,
    ) -> Result<Response<wire::CloseCorrectionResponse>, Status> {
        let call = Call::CloseCorrection;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let request = request.into_inner();
        let work = async |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            let check = move |shared: &Shared| closable(shared, admitted, &request);
            let unshown = match this.blocking(check).await? {
                Ok(unshown) => unshown,
                Err(refused) => return Err(refused.record(&this.0.trails).await),
            };
            // R103: on record, with what was done, before it is gone.
            let (record, closed) = unshown.record(&this.0.trails).await?.show();
            match this
                .kept(move |state| state.close_correction(&closed))
                .await
            {
                Ok(()) => Ok(wire::CloseCorrectionResponse {
                    record: record.to_string(),
                }),
                Err(failure) => Err(failure.with_record(record)),
            }
        };
        self.answer(call, asked, work).await
    }
}

/// Why a desk gets no ground where its owner could not be asked for a correction.
impl From<&CorrectError> for WireError {
    fn from(error: &CorrectError) -> WireError {
        match error {
            CorrectError::Full(dataset) => {
                let message = format!(
                    "the owner of `{dataset}` has as many open corrections as are kept, so there \
                     is no ground; collect it again once its owner has closed some"
                );
                WireError::new(Code::ResourceExhausted, "CORRECTIONS_FULL", message)
            }
            CorrectError::Absent | CorrectError::State(_) | CorrectError::Lost => {
                let message = "the owner could not be asked for a correction, so there is no \
                               ground; tell the operator";
                WireError::new(Code::Unavailable, "STATE_UNAVAILABLE", message)
            }
        }
    }
}

/// The open corrections of an agency. Blocking.
fn listed(
    shared: &Shared,
    admitted: Admitted,
    request: &wire::CorrectionsRequest,
) -> Result<Found<wire::CorrectionsResponse>, Failure> {
    let most = page(request.page_size)?;
    let after = match request.page_token.as_str() {
        "" => 0,
        token => token.parse().map_err(|_| wrong_page())?,
    };
    let (set, agency) = (admitted.set(), admitted.agency());
    let dataset = (!request.dataset.is_empty()).then_some(request.dataset.as_str());
    let state = shared.state()?;
    if let Some(dataset) = dataset {
        let known = dataset.parse().ok();
        let known = known.and_then(|id| set.catalog.dataset(&id));
        if known.is_none_or(|known| known.owner != agency) {
            let message = format!("`{agency}` owns no dataset of that name");
            let error = WireError::new(Code::PermissionDenied, "DATASET_NOT_OWNED", message);
            return Ok(Err(
                admitted.refused(error.of_field("dataset"), String::new())
            ));
        }
    }
    let owned = Owned {
        agency: &agency,
        catalog: &set.catalog,
    };
    let open = state.corrections(&owned, dataset, after, most);
    let open = open.map_err(|error| unusable(&error))?;
    // R103: what is held is not shown to its owner either.
    let holds = hold::in_force(&shared.trails, admitted.now_us())?;
    let last = open.last().filter(|_| open.len() == most);
    let next_page_token = last.map(|last| last.number.to_string()).unwrap_or_default();
    let mut corrections = Vec::new();
    for correction in open {
        if let Some(subject) = subject_of(shared, &holds, &correction.record)? {
            corrections.push(told(correction, subject));
        }
    }
    let shown = corrections.len();
    let response = wire::CorrectionsResponse {
        corrections,
        next_page_token,
        look: String::new(),
    };
    let filters: &[&str] = if dataset.is_some() { &["dataset"] } else { &[] };
    shared.looked(admitted, response, filters, shown).map(Ok)
}

/// Whether a correction may be closed: what is held is not there. Blocking.
fn closable(
    shared: &Shared,
    admitted: Admitted,
    request: &wire::CloseCorrectionRequest,
) -> Result<Found<Correction>, Failure> {
    text("ground", &request.ground)?;
    let (set, agency) = (admitted.set(), admitted.agency());
    let owned = Owned {
        agency: &agency,
        catalog: &set.catalog,
    };
    let found = shared.state()?.correction(&owned, request.correction);
    if let Some(correction) = found.map_err(|error| unusable(&error))? {
        let holds = hold::in_force(&shared.trails, admitted.now_us())?;
        if let Some(subject) = subject_of(shared, &holds, &correction.record)? {
            // Whoever erases the subject erases what is said of it here.
            let admitted = admitted.about(&correction.dataset, subject);
            return shared
                .looked(admitted, correction, &["correction"], 0)
                .map(Ok);
        }
    }
    let message = "there is no open correction of this number for this agency";
    let error = WireError::new(Code::NotFound, "CORRECTION_NOT_FOUND", message);
    Ok(Err(
        admitted.refused(error.of_field("correction"), String::new())
    ))
}

fn told(correction: Correction, subject: String) -> wire::Correction {
    wire::Correction {
        correction: correction.number,
        dataset: correction.dataset,
        method: correction.method,
        subject,
        outcome: correction.outcome,
        fields: correction.fields,
        opened_us: correction.opened_us,
        times: correction.times,
        record: correction.record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R103.
    #[test]
    fn a_desk_hears_that_an_owner_has_no_room_and_not_that_the_gateway_is_ill() {
        let full = CorrectError::Full("population".parse().unwrap());
        let full = WireError::from(&full);
        assert_eq!(full.reason(), "CORRECTIONS_FULL");
        assert!(full.message().contains("`population`"));
        let absent = WireError::from(&CorrectError::Absent);
        assert_eq!(absent.reason(), "STATE_UNAVAILABLE");
    }
}
