//! Who looked a subject up, for whom it is about: each lookup once, with a proof.
//!
//! A question and its outcome are one access, told by the outcome. What is held is left out.
//!
//! R76: in the words of the catalogue, with a proof, and without the official and the dossier.

mod page;
mod sentence;
mod token;

use std::collections::BTreeSet;

use motlan_api::audit::v1::{
    Access, Look, Record, RecordKind, Result as Ended, SubjectAccessesRequest,
    SubjectAccessesResponse,
};
use motlan_audit::{Query, ReadEntry};
use motlan_catalog::{Catalog, SystemId};
use prost::Message as _;

use super::failure::Failure;
use super::hold::{self, InForce};
use super::look::{Admitted, Call, Request, Unshown};
use super::trail::{Trail, Trails};
use page::Page;
pub(super) use token::PageKey;

/// So many accesses are shown where no number is given, and at most.
const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 200;
/// So many records are read at once, and at most for one page. A page of a subject with so many
/// records that are not told may be short, or empty, and lead on.
const RECORDS_AT_ONCE: usize = 20;
const RECORDS_MAX: usize = 10_000;
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
    pages: &PageKey,
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
    let begin = begin(trails, pages, &request.page_token)?;
    let (quarter, mut place) = begin.unzip();
    let logs = trails.all()?;
    let is_newer = |log: &&Trail| quarter.as_ref().is_some_and(|it| log.quarter() != *it);
    let mut page = Page::of(size);
    // Of the newest log that is looked into.
    let mut answered = None;
    for trail in logs.iter().skip_while(is_newer) {
        let view = View {
            trails,
            trail,
            catalog,
            subject: &request.subject,
            now_us: admitted.now_us(),
        };
        let indexed_to = view.fill(request, place.take(), &mut page)?;
        answered.get_or_insert_with(|| (trail.quarter(), indexed_to));
        if page.is_done {
            break;
        }
    }
    let (quarter, indexed_to) = answered.unwrap_or_default();
    let given = [
        ("since_us", request.since_us.is_some()),
        ("subject", true),
        ("until_us", request.until_us.is_some()),
    ];
    let filters = given.into_iter().filter(|(_, is_given)| *is_given);
    let look = Look {
        filters: filters.map(|(name, _)| name.to_owned()).collect(),
        size: indexed_to,
        shown: u32::try_from(page.accesses.len()).unwrap_or(u32::MAX),
        quarter,
    };
    Ok(admitted.found(page.response(pages)?, look))
}

/// Where a page begins, if not at the end of the newest log: the quarter of a log, and the place
/// in it.
fn begin(
    trails: &Trails,
    pages: &PageKey,
    token: &str,
) -> Result<Option<(String, String)>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let opened = pages.open(token);
    let parts = opened.as_deref().and_then(|place| place.split_once('.'));
    let kept = trails.quarters();
    let parts = parts.filter(|(quarter, _)| kept.iter().any(|it| it == quarter));
    let (quarter, place) = parts.ok_or_else(|| {
        let message = "this is no token of a page, or one from before the gateway was started: \
                       give what the page before said, or begin anew";
        Failure::request("page_token", message)
    })?;
    Ok(Some((quarter.to_owned(), place.to_owned())))
}

/// One subject's view of a log.
struct View<'v> {
    trails: &'v Trails,
    trail: &'v Trail,
    catalog: &'v Catalog,
    subject: &'v str,
    now_us: i64,
}

impl View<'_> {
    /// Puts accesses of this log on a page, from `place` on. Gives for how many records of the log
    /// that speaks.
    fn fill(
        &self,
        request: &SubjectAccessesRequest,
        place: Option<String>,
        page: &mut Page,
    ) -> Result<u64, Failure> {
        let mut query = Query {
            subject: Some(self.subject.to_owned()),
            since_us: request.since_us,
            until_us: request.until_us,
            page: place.filter(|place| !place.is_empty()),
            ..Query::default()
        };
        let quarter = self.trail.quarter();
        page.leads_on = format!("{quarter}.");
        let mut answered = BTreeSet::new();
        let mut holds = None;
        loop {
            let was_full = page.is_full();
            query.limit = match page.size.saturating_sub(page.accesses.len()) {
                _ if was_full => RECORDS_AT_ONCE,
                // Each record makes one access at most: no page gets too many.
                left => RECORDS_AT_ONCE.min(left),
            };
            let found = self.trail.search(&query)?;
            // Read after the search has settled what it speaks for: what it finds that was recorded
            // under a hold, it finds with the hold.
            let holds = match &mut holds {
                Some(holds) => holds,
                unread => unread.insert(self.holds()?),
            };
            for entry in &found.records {
                if !self.is_told(entry, holds, &mut answered, found.indexed_to)? {
                    continue;
                }
                if was_full {
                    page.is_done = true;
                    return Ok(found.indexed_to);
                }
                page.add(self.told(entry)?);
            }
            page.read += found.records.len();
            if let Some(next) = found.next.as_ref().filter(|_| !was_full) {
                page.leads_on = format!("{quarter}.{next}");
            }
            page.is_done = page.read >= RECORDS_MAX && found.next.is_some();
            if page.is_done || found.next.is_none() {
                return Ok(found.indexed_to);
            }
            query.page = found.next;
        }
    }

    /// The holds that may cover records about the subject.
    fn holds(&self) -> Result<Vec<InForce>, Failure> {
        let mut holds = hold::in_force(self.trails, self.now_us)?;
        holds.retain(|hold| hold.reaches(self.trail, self.subject));
        Ok(holds)
    }

    /// Whether a record tells its subject of an access: not where another one does, or it is held.
    fn is_told(
        &self,
        entry: &ReadEntry,
        holds: &[InForce],
        answered: &mut BTreeSet<u64>,
        size: u64,
    ) -> Result<bool, Failure> {
        let (index, record) = (entry.id.index(), &entry.record);
        let Some(sealed) = entry.sealed.sealed() else {
            return Ok(false);
        };
        answered.extend(record.question);
        // R75: what is held stays out of the view.
        if holds.iter().any(|hold| hold.covers(record, sealed)) {
            return Ok(false);
        }
        Ok(match record.kind() {
            RecordKind::Outcome => true,
            RecordKind::Question => {
                !answered.contains(&index) && !self.ended(index, record, size)?
            }
            RecordKind::Look => {
                let shows = [Call::Search, Call::SubjectAccesses].map(Call::path);
                shows.contains(&record.method.as_str())
            }
            // What was looked up for a component is told by the lookup's own record.
            RecordKind::Component
            | RecordKind::Change
            | RecordKind::Hold
            | RecordKind::Erasure
            | RecordKind::Link
            | RecordKind::Unspecified => false,
        })
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
