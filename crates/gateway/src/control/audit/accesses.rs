//! Who looked a subject up, for whom it is about: each lookup once, with a proof.
//!
//! A question and its outcome are one access, told by the outcome. What is held is left out.
//!
//! R76: in the words of the catalogue, with a proof, and without the official and the dossier.

mod sentence;

use std::collections::BTreeSet;

use motlan_api::audit::v1::{
    Access, Look, Record, RecordKind, Result as Ended, SubjectAccessesRequest,
    SubjectAccessesResponse,
};
use motlan_audit::{Quarter, Query, ReadEntry};
use motlan_catalog::{Catalog, SystemId};
use prost::Message as _;

use super::failure::Failure;
use super::hold::{self, InForce};
use super::look::{Admitted, Call, Request, Unshown};
use super::trail::{Trail, Trails};

/// So many accesses are shown where no number is given, and at most.
const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 200;
/// So many records are read at once, and at most for one page. A page of a subject with many
/// records that are not shown may be short, or empty, and lead on.
const RECORDS_AT_ONCE: usize = 20;
const RECORDS_MAX: usize = 2_000;
/// A page is full at this size: clients take 4 MiB.
const PAGE_BYTES_FULL: usize = 2 << 20;
/// An outcome is recorded within this time after its question; longer than any lookup may take.
const LOOKUP_US_MAX: i64 = 3_600_000_000;

/// What is recorded of a request.
pub(super) fn request(request: &SubjectAccessesRequest) -> Request {
    Request {
        subject: request.subject.trim().to_owned(),
        dataset: String::new(),
        encoded: request.encode_to_vec(),
    }
}

/// Gathers a page. Blocking.
pub(super) fn accesses(
    trails: &Trails,
    catalog: &Catalog,
    admitted: Admitted,
    request: &SubjectAccessesRequest,
) -> Result<Unshown<SubjectAccessesResponse>, Failure> {
    let size = match usize::try_from(request.page_size).unwrap_or(usize::MAX) {
        0 => PAGE_DEFAULT,
        size if size > PAGE_MAX => {
            let message = format!("{PAGE_MAX} accesses are the most at once, and pages lead on");
            return Err(Failure::request("page_size", message));
        }
        size => size,
    };
    if request.subject.trim().is_empty() {
        return Err(Failure::request("subject", "a subject is needed"));
    }
    let holds = hold::in_force(trails, admitted.now_us())?;
    let (quarter, mut token) = begin(trails, &request.page_token)?;
    let logs = trails.all()?;
    let mut logs = logs
        .iter()
        .skip_while(|log| log.quarter() > quarter)
        .peekable();
    let mut response = SubjectAccessesResponse::default();
    // Of the newest log that is looked into.
    let mut indexed_to = None;
    while let Some(trail) = logs.next() {
        let view = View {
            trail,
            catalog,
            holds: &holds,
            subject: &request.subject,
        };
        let page = view.page(request, std::mem::take(&mut token), size, &mut response)?;
        indexed_to.get_or_insert(page.indexed_to);
        let leads_on = match (page.next, logs.peek()) {
            (Some(next), _) => format!("{}.{next}", trail.quarter()),
            (None, Some(older)) if page.is_full => format!("{}.", older.quarter()),
            (None, _) => continue,
        };
        response.next_page_token = leads_on;
        break;
    }
    let given = [
        ("since_us", request.since_us.is_some()),
        ("subject", true),
        ("until_us", request.until_us.is_some()),
    ];
    let filters = given.into_iter().filter(|(_, is_given)| *is_given);
    let look = Look {
        filters: filters.map(|(name, _)| name.to_owned()).collect(),
        size: indexed_to.unwrap_or_default(),
        shown: u32::try_from(response.accesses.len()).unwrap_or(u32::MAX),
        quarter,
    };
    Ok(admitted.found(response, look))
}

/// Where a page begins: the quarter of a log, and the place in it.
fn begin(trails: &Trails, token: &str) -> Result<(String, String), Failure> {
    if token.is_empty() {
        return Ok((trails.current()?.quarter(), String::new()));
    }
    let parts = token.split_once('.');
    let parts = parts.filter(|(quarter, _)| quarter.parse::<Quarter>().is_ok());
    let (quarter, place) = parts.ok_or_else(|| {
        let message = "this is no token of a page: give what the page before said";
        Failure::request("page_token", message)
    })?;
    Ok((quarter.to_owned(), place.to_owned()))
}

/// One subject's view of a log.
struct View<'v> {
    trail: &'v Trail,
    catalog: &'v Catalog,
    holds: &'v [InForce],
    subject: &'v str,
}

/// How far one log was read for a page.
struct Read {
    /// Where it goes on in this log.
    next: Option<String>,
    /// Nothing more is to go onto the page.
    is_full: bool,
    indexed_to: u64,
}

impl View<'_> {
    /// Puts accesses of this log on a page of `size`.
    fn page(
        &self,
        request: &SubjectAccessesRequest,
        token: String,
        size: usize,
        response: &mut SubjectAccessesResponse,
    ) -> Result<Read, Failure> {
        let mut query = Query {
            subject: Some(self.subject.to_owned()),
            since_us: request.since_us,
            until_us: request.until_us,
            page: (!token.is_empty()).then_some(token),
            ..Query::default()
        };
        let mut answered = BTreeSet::new();
        let mut bytes = response.encoded_len();
        let mut read = 0;
        loop {
            // Each record makes one access at most: no page gets too many.
            let left = size.saturating_sub(response.accesses.len()).max(1);
            query.limit = RECORDS_AT_ONCE.min(left);
            let found = self.trail.search(&query)?;
            let indexed_to = found.indexed_to;
            read += found.records.len();
            for entry in &found.records {
                let shown = self.access(entry, &mut answered, indexed_to)?;
                bytes += shown.as_ref().map_or(0, Access::encoded_len);
                response.accesses.extend(shown);
            }
            let is_full = response.accesses.len() >= size || bytes >= PAGE_BYTES_FULL;
            if found.next.is_none() || is_full || read >= RECORDS_MAX {
                return Ok(Read {
                    next: found.next,
                    is_full,
                    indexed_to,
                });
            }
            query.page = found.next;
        }
    }

    /// What a record tells its subject; `None` where it is another one's to tell, or is held.
    fn access(
        &self,
        entry: &ReadEntry,
        answered: &mut BTreeSet<u64>,
        size: u64,
    ) -> Result<Option<Access>, Failure> {
        let (index, record) = (entry.id.index(), &entry.record);
        let Some(sealed) = entry.sealed.sealed() else {
            return Ok(None);
        };
        answered.extend(record.question);
        // R75: what is held stays out of the view.
        let mut holds = self.holds.iter();
        if holds.any(|hold| hold.covers(self.trail, record, sealed)) {
            return Ok(None);
        }
        let is_told = match record.kind() {
            RecordKind::Outcome => true,
            RecordKind::Question => {
                !answered.contains(&index) && !self.ended(index, record, size)?
            }
            RecordKind::Look => {
                let shows = [Call::Search, Call::SubjectAccesses].map(Call::path);
                shows.contains(&record.method.as_str())
            }
            RecordKind::Hold | RecordKind::Erasure | RecordKind::Link | RecordKind::Unspecified => {
                false
            }
        };
        match is_told {
            true => self.told(entry).map(Some),
            false => Ok(None),
        }
    }

    /// Whether a question has an outcome among the first `size` records. It may stand on a page
    /// before.
    fn ended(&self, question: u64, record: &Record, size: u64) -> Result<bool, Failure> {
        let mut query = Query {
            subject: Some(self.subject.to_owned()),
            kind: Some(RecordKind::Outcome),
            caller: Some(record.caller.clone()),
            method: Some(record.method.clone()),
            since_us: Some(record.time_us),
            until_us: Some(record.time_us.saturating_add(LOOKUP_US_MAX)),
            limit: Query::LIMIT_MAX,
            ..Query::default()
        };
        // Ends with the hour.
        loop {
            let page = self.trail.search(&query)?;
            let ends = |entry: &ReadEntry| {
                entry.record.question == Some(question) && entry.id.index() < size
            };
            if page.records.iter().any(ends) {
                return Ok(true);
            }
            match page.next {
                None => return Ok(false),
                next => query.page = next,
            }
        }
    }

    fn told(&self, entry: &ReadEntry) -> Result<Access, Failure> {
        let record = &entry.record;
        let system: Option<SystemId> = record.caller.parse().ok();
        let agency = system.as_ref().map(SystemId::agency);
        let known = agency.as_ref().and_then(|code| self.catalog.agency(code));
        let agency = agency.map(|code| code.to_string()).unwrap_or_default();
        let name = known.map_or_else(|| agency.clone(), |known| known.name_vi.clone());
        let elapsed_us = i64::try_from(record.elapsed_us).unwrap_or(i64::MAX);
        let time_us = record.time_us.saturating_sub(elapsed_us);
        let words = sentence::Words::of(record, time_us, &name, self.catalog);
        let (sentence_vi, sentence_en) = (words.vietnamese(), words.english());
        // A look names a dataset where that was a filter; it did not ask it.
        let is_look = record.kind() == RecordKind::Look;
        let dataset = if is_look { "" } else { &record.dataset };
        let result = match record.kind() {
            RecordKind::Question => Ended::Unspecified,
            _ => record.result(),
        };
        Ok(Access {
            record: entry.id.to_string(),
            time_us,
            agency,
            agency_name_vi: name,
            caller: record.caller.clone(),
            dataset: dataset.to_owned(),
            procedure: record.procedure.clone(),
            result: result.into(),
            fields_released: record.fields_released.clone(),
            sentence_vi,
            sentence_en,
            receipt: Some(self.trail.receipt(entry.id.index())?),
        })
    }
}
