//! Holds: what is kept out of its subject's view for a time. They are records; which are in force
//! is read from the log each time.

use std::collections::BTreeSet;

use motlan_api::audit::v1::{
    EndHoldRequest, EndHoldResponse, Held, Hold, PlaceHoldRequest, PlaceHoldResponse, Record,
    RecordKind, Sealed,
};
use motlan_audit::{Erasure, Field, Query, ReadEntry, RecordId};
use motlan_catalog::{Catalog, SystemId};
use prost::Message as _;
use tonic::Code;

use super::failure::Failure;
use super::look::{Admitted, Refused, Request, Unshown};
use super::trail::{Trail, Trails};
use crate::lookup::WireError;

/// A hold lasts at most this long.
const HOLD_US_MAX: i64 = 365 * 86_400_000_000;
/// No more are placed in a log that has so many records of holds. They can still be ended.
const HOLDS_MAX: usize = 5_000;
/// The longest ground.
const GROUND_BYTES_MAX: usize = 200;
/// The longest of the other texts: 128 characters of any kind, as a token may have.
const TEXT_BYTES_MAX: usize = 512;

/// What is recorded of a request to place a hold, where it is refused.
pub(super) fn place_request(request: &PlaceHoldRequest) -> Request {
    Request {
        subject: request.subject.trim().to_owned(),
        encoded: request.encode_to_vec(),
        ..Request::default()
    }
}

/// What is recorded of a request to end one, where it is refused.
pub(super) fn end_request(request: &EndHoldRequest) -> Request {
    Request {
        encoded: request.encode_to_vec(),
        ..Request::default()
    }
}

/// A hold that is in force.
pub(super) struct InForce {
    pub(super) id: RecordId,
    pub(super) subject: String,
    held: Held,
}

impl InForce {
    /// Whether it keeps a record out of its subject's view, which it [reaches](Self::reaches).
    pub(super) fn covers(&self, record: &Record, sealed: &Sealed) -> bool {
        let fits = |due: &str, value: &str| due.is_empty() || due == value.trim();
        fits(&self.held.caller, &record.caller)
            && fits(&self.held.dossier, &sealed.dossier)
            && fits(&self.held.official, &sealed.official)
    }

    /// Whether it may cover records about this subject: it names this one, or none.
    pub(super) fn reaches(&self, trail: &Trail, subject: &str) -> bool {
        self.subject.is_empty() || self.names(trail, subject)
    }

    /// Whether it names this subject.
    pub(super) fn names(&self, trail: &Trail, subject: &str) -> bool {
        !self.subject.is_empty() && trail.is_same_subject(&self.subject, subject)
    }
}

/// The holds that are in force at `now_us`. Blocking. One whose sealed part was erased, with its
/// subject, holds nothing.
pub(super) fn in_force(trails: &Trails, now_us: i64) -> Result<Vec<InForce>, Failure> {
    let mut ended = BTreeSet::new();
    let mut placed = Vec::new();
    for trail in trails.all()? {
        for entry in records(&trail)? {
            let Some(hold) = &entry.record.hold else {
                continue;
            };
            match hold.ends.as_str() {
                "" if hold.until_us > now_us => placed.push(entry),
                "" => {}
                ends => drop(ended.insert(ends.to_owned())),
            }
        }
    }
    let placed = placed.into_iter();
    let placed = placed.filter(|entry| !ended.contains(&entry.id.to_string()));
    Ok(placed.filter_map(opened).collect())
}

fn opened(entry: ReadEntry) -> Option<InForce> {
    let sealed = entry.sealed.sealed()?;
    Some(InForce {
        subject: sealed.subject.clone(),
        held: sealed.held.clone()?,
        id: entry.id,
    })
}

/// All records of holds in one log. Blocking. None may be missed: one would hold nothing then.
fn records(trail: &Trail) -> Result<Vec<ReadEntry>, Failure> {
    let mut query = Query {
        kind: Some(RecordKind::Hold),
        limit: Query::LIMIT_MAX,
        ..Query::default()
    };
    let mut records = Vec::new();
    // Bounded: so many can be placed, and each is ended once.
    loop {
        let page = trail.search(&query)?;
        records.extend(page.records);
        match page.next {
            None => return Ok(records),
            next => query.page = next,
        }
    }
}

/// Checks a hold that is to be placed. Blocking.
pub(super) fn place(
    trails: &Trails,
    catalog: &Catalog,
    admitted: Admitted,
    request: &PlaceHoldRequest,
) -> Result<Unshown<PlaceHoldResponse>, Failure> {
    check_blank(request)?;
    let subject = request.subject.trim();
    let (caller, dossier) = (request.caller.trim(), request.dossier.trim());
    let official = request.official.trim();
    if [caller, dossier, official]
        .iter()
        .all(|text| text.is_empty())
    {
        let message = "a hold needs at least one of `caller`, `dossier` and `official`";
        return Err(Failure::request("caller", message));
    }
    let named = [
        ("subject", subject),
        ("dossier", dossier),
        ("official", official),
    ];
    for (field, text) in named {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("`{field}` has at most {TEXT_BYTES_MAX} bytes");
            return Err(Failure::request(field, message));
        }
    }
    // A misspelt system would hold nothing, in silence.
    let known = |id: SystemId| catalog.system(&id).is_some();
    if !caller.is_empty()
        && !caller.parse().is_ok_and(known)
        && !trails.current()?.knows(Field::Caller, caller)?
    {
        let message = "no system of that name is registered or on record";
        return Err(Failure::request("caller", message));
    }
    let ground = ground(&request.ground)?;
    if is_personal(ground, named.map(|(_, text)| text)) {
        return Err(personal_ground().into());
    }
    let now_us = admitted.now_us();
    if !(now_us..=now_us.saturating_add(HOLD_US_MAX)).contains(&request.until_us) {
        let message = "a hold ends in the future, at most 365 days from now";
        return Err(Failure::request("until_us", message));
    }
    if records(&trails.current()?)?.len() >= HOLDS_MAX {
        let message = "as many holds as may be stand in this log";
        return Err(WireError::new(Code::ResourceExhausted, "TOO_MANY_HOLDS", message).into());
    }
    let hold = Hold {
        ground: ground.to_owned(),
        until_us: request.until_us,
        ends: String::new(),
    };
    let held = Held {
        caller: caller.to_owned(),
        dossier: dossier.to_owned(),
        official: official.to_owned(),
    };
    let response = PlaceHoldResponse::default();
    Ok(admitted.hold(response, hold, Some(held)))
}

/// Checks that no text is given and blank.
fn check_blank(request: &PlaceHoldRequest) -> Result<(), Failure> {
    // Taken for none, it would widen the hold.
    for (field, text) in [
        ("subject", &request.subject),
        ("caller", &request.caller),
        ("dossier", &request.dossier),
        ("official", &request.official),
    ] {
        if !text.is_empty() && text.trim().is_empty() {
            let message = format!("`{field}` is blank: leave it out where none is meant");
            return Err(Failure::request(field, message));
        }
    }
    Ok(())
}

/// Checks that a hold can be ended. Blocking. Who guesses whom it names, by way of the ground, is
/// refused on record.
pub(super) fn end(
    trails: &Trails,
    admitted: Admitted,
    request: &EndHoldRequest,
) -> Result<Result<Unshown<EndHoldResponse>, Refused>, Failure> {
    let ground = ground(&request.ground)?;
    let mut placed = None;
    let mut is_over = false;
    for trail in trails.all()? {
        for entry in records(&trail)? {
            let Some(hold) = &entry.record.hold else {
                continue;
            };
            is_over |= hold.ends == request.hold;
            if hold.ends.is_empty() && entry.id.to_string() == request.hold {
                is_over |= hold.until_us <= admitted.now_us();
                placed = Some(entry);
            }
        }
    }
    let placed = placed.ok_or_else(|| {
        let message = "there is no hold of that name; give what `PlaceHold` answered";
        WireError::new(Code::NotFound, "HOLD_NOT_FOUND", message).of_field("hold")
    })?;
    if is_over {
        let message = "the hold has ended already";
        let error = WireError::new(Code::FailedPrecondition, "HOLD_ENDED", message);
        return Err(error.of_field("hold").into());
    }
    if let Some(InForce { subject, held, .. }) = opened(placed)
        && is_personal(ground, [&subject, &held.dossier, &held.official])
    {
        return Ok(Err(admitted.refused(personal_ground(), subject)));
    }
    let hold = Hold {
        ground: ground.to_owned(),
        until_us: 0,
        ends: request.hold.clone(),
    };
    Ok(Ok(admitted.hold(EndHoldResponse::default(), hold, None)))
}

/// A ground that can be recorded.
fn ground(ground: &str) -> Result<&str, Failure> {
    let ground = ground.trim();
    let fits = (1..=GROUND_BYTES_MAX).contains(&ground.len());
    if !fits || ground.chars().any(char::is_control) {
        let message = format!("a ground has 1 to {GROUND_BYTES_MAX} bytes, on one line");
        return Err(Failure::request("ground", message));
    }
    Ok(ground)
}

/// Whether a ground cannot stand in public for ever: it names one of these.
fn is_personal(ground: &str, named: [&str; 3]) -> bool {
    named.iter().any(|name| Erasure::names(ground, name))
}

/// The ground is personal, and would be public.
pub(super) fn personal_ground() -> WireError {
    let message = "the ground names the subject, dossier or official, and would be public for \
                   ever; name the order";
    WireError::new(Code::InvalidArgument, "GROUND_PERSONAL", message).of_field("ground")
}
