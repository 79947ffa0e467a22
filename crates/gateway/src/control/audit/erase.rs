//! Erasing a subject through the running gateway.

use motlan_api::audit::v1::{EraseRequest, EraseResponse, Look, RecordKind};
use motlan_audit::{EraseError, Erased, Erasure, Query, RecordId, Whose};
use prost::Message as _;
use tonic::Code;

use super::failure::Failure;
use super::hold::{self, InForce};
use super::look::{Admitted, Refused, Request, Unshown};
use super::trail::{Trail, Trails};
use crate::lookup::WireError;

/// How often it is waited, for some seconds each time, that the index has met the erasure.
const WAITS_MAX: usize = 12;

/// What is recorded of a request that is refused.
pub(super) fn request(request: &EraseRequest) -> Request {
    Request {
        subject: request.subject.trim().to_owned(),
        dataset: request.dataset.clone(),
        encoded: request.encode_to_vec(),
    }
}

/// What came of an erasure.
pub(super) enum Ended {
    /// It is on record, as the response names, and done.
    Done(EraseResponse),
    /// There was nothing to erase, which is to be recorded before it is told.
    Nothing(Box<Unshown<EraseResponse>>),
    /// The subject's records are held, which is to be recorded before it is told.
    Held(Refused),
}

/// Erases in all logs. Blocking; one at a time, and none while a hold is placed.
pub(super) fn erase(
    trails: &Trails,
    admitted: Admitted,
    request: &EraseRequest,
) -> Result<Ended, Failure> {
    let dataset = (!request.dataset.is_empty()).then(|| request.dataset.clone());
    let erasure = Erasure {
        whose: Whose::Subject {
            subject: request.subject.clone(),
            dataset,
        },
        ground: request.ground.clone(),
        by: admitted.official().to_owned(),
        caller: admitted.caller(),
        time_us: admitted.now_us(),
    };
    if request.subject.trim().is_empty() {
        return Err(failure(&EraseError::Nobody));
    }
    let all = trails.all()?;
    // Sizes first: what is recorded later, and may be held, is not erased.
    let all = all.into_iter().map(|trail| (trail.ledger().size(), trail));
    let all: Vec<_> = all.collect();
    let holds = hold::in_force(trails, admitted.now_us())?;
    for (_, trail) in &all {
        if let Some(hold) = holding(trail, &holds, request)? {
            let message = format!(
                "the hold `{}` keeps records of the subject; end it first, on a ground",
                hold.id
            );
            let error = WireError::new(Code::FailedPrecondition, "RECORDS_HELD", message);
            let subject = request.subject.trim().to_owned();
            return Ok(Ended::Held(admitted.refused(error, subject)));
        }
    }
    let mut response = EraseResponse::default();
    let mut done = Vec::new();
    // The oldest first: it is repeated as a whole where a later one fails.
    for (size, trail) in all.iter().rev() {
        let erased = trail.ledger().erase_before(&erasure, *size);
        let erased = erased.map_err(|error| partly(failure(&error), &done))?;
        done.extend(erased.records.iter().cloned());
        add(&mut response, erased);
        forget(trail);
    }
    if response.records.is_empty() {
        let mut filters = vec!["subject".to_owned()];
        if !request.dataset.is_empty() {
            filters.insert(0, "dataset".to_owned());
        }
        let look = Look {
            filters,
            size: all.first().map_or(0, |(size, _)| *size),
            quarter: all.first().map(|(_, it)| it.quarter()).unwrap_or_default(),
            ..Look::default()
        };
        let nothing = admitted.found_nobody(response, look);
        return Ok(Ended::Nothing(Box::new(nothing)));
    }
    Ok(Ended::Done(response))
}

/// The hold that keeps a record which the request would make unreadable.
fn holding<'h>(
    trail: &Trail,
    holds: &'h [InForce],
    request: &EraseRequest,
) -> Result<Option<&'h InForce>, Failure> {
    if let Some(hold) = holds
        .iter()
        .find(|hold| hold.names(trail, &request.subject))
    {
        return Ok(Some(hold));
    }
    if holds.is_empty() {
        return Ok(None);
    }
    let mut query = Query {
        subject: Some(request.subject.clone()),
        dataset: (!request.dataset.is_empty()).then(|| request.dataset.clone()),
        limit: Query::LIMIT_MAX,
        ..Query::default()
    };
    // Ends with the log.
    loop {
        let page = trail.search(&query)?;
        for entry in &page.records {
            let Some(sealed) = entry.sealed.sealed() else {
                continue;
            };
            let covers =
                |hold: &&InForce| hold.subject.is_empty() && hold.covers(&entry.record, sealed);
            let held = match entry.record.kind() {
                RecordKind::Hold => None,
                _ => holds.iter().find(covers),
            };
            if held.is_some() {
                return Ok(held);
            }
        }
        match page.next {
            None => return Ok(None),
            next => query.page = next,
        }
    }
}

fn add(response: &mut EraseResponse, erased: Erased) {
    for (dataset, count) in erased.datasets {
        *response.sealed_parts.entry(dataset).or_default() += count;
    }
    let records = erased.records.iter().map(ToString::to_string);
    response.records.extend(records);
}

/// Waits until the index has met the erasure, and so forgotten whom its records were about. What is
/// shown is compared with the log anyway.
fn forget(trail: &Trail) {
    for _ in 0..WAITS_MAX {
        match trail.is_met() {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "the search index has not met an erasure yet");
                return;
            }
        }
    }
    tracing::error!("the search index has not met an erasure yet");
}

/// A failure in one log, where others were done before.
fn partly(failure: Failure, done: &[RecordId]) -> Failure {
    let Some(last) = done.last() else {
        return failure;
    };
    let done: Vec<_> = done.iter().map(ToString::to_string).collect();
    let message = format!(
        "some logs are done, as `{}` record; repeat the call for the others, where it ended with \
         {}",
        done.join("`, `"),
        failure.reason()
    );
    let error = WireError::new(Code::Unavailable, "ERASURE_INCOMPLETE", message);
    failure.told_as(error, last.clone())
}

fn failure(error: &EraseError) -> Failure {
    match error {
        EraseError::Nobody => Failure::request("subject", error.to_string()),
        EraseError::Ground => Failure::request("ground", error.to_string()),
        EraseError::Personal => hold::personal_ground().into(),
        EraseError::Read(read) => Failure::unreadable(read),
        EraseError::Append(append) => Failure::unrecorded(append),
        _ => {
            tracing::error!(%error, "an erasure was not completed");
            let message = "the erasure is on record, and is completed when the gateway is next \
                           started; tell the operator";
            WireError::new(Code::Unavailable, "ERASURE_INCOMPLETE", message).into()
        }
    }
}
