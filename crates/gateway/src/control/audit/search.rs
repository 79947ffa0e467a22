//! Searching the audit trail.

use motlan_api::audit::v1::{
    FoundRecord, Look, RecordKind, Result as Ended, SearchRequest, SearchResponse,
};
use motlan_audit::{Page, Query, ReadEntry};
use prost::Message as _;

use super::failure::Failure;
use super::look::{Admitted, Request, Unshown};
use super::trail::{Trail, Trails};

/// The records of a page have at most this many bytes: clients take 4 MiB.
const RECORDS_BYTES_MAX: usize = 3 << 20;

/// What is recorded of a request.
pub(super) fn request(request: &SearchRequest) -> Request {
    Request {
        subject: request.subject.trim().to_owned(),
        dataset: request.dataset.clone(),
        encoded: request.encode_to_vec(),
    }
}

/// Searches one log. Blocking.
pub(super) fn search(
    trails: &Trails,
    admitted: Admitted,
    request: &SearchRequest,
) -> Result<Unshown<SearchResponse>, Failure> {
    let trail = trails.of(&request.quarter)?;
    let query = query(request)?;
    let page = fitting(&trail, query)?;
    let shown = page.records.len();
    let look = Look {
        filters: filters(request),
        size: page.indexed_to,
        shown: u32::try_from(shown).unwrap_or(u32::MAX),
        quarter: trail.quarter(),
    };
    let response = SearchResponse {
        records: page.records.into_iter().map(found).collect(),
        indexed_to: page.indexed_to,
        next_page_token: page.next.unwrap_or_default(),
        look: String::new(),
        quarters: trails.quarters(),
    };
    Ok(admitted.found(response, look))
}

/// A page that clients can take: with fewer records than asked for, where these are large.
fn fitting(trail: &Trail, mut query: Query) -> Result<Page, Failure> {
    loop {
        let page = trail.search(&query)?;
        let mut left = RECORDS_BYTES_MAX;
        let fits = |entry: &&ReadEntry| {
            let sealed = entry
                .sealed
                .sealed()
                .map_or(0, |sealed| sealed.encoded_len());
            let bytes = entry.record.encoded_len() + sealed;
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        };
        let fitting = page.records.iter().take_while(fits).count().max(1);
        if fitting >= page.records.len() {
            return Ok(page);
        }
        query.limit = fitting;
    }
}

fn found(entry: ReadEntry) -> FoundRecord {
    FoundRecord {
        id: entry.id.to_string(),
        sealed: entry.sealed.sealed().cloned(),
        record: Some(entry.record),
    }
}

fn query(request: &SearchRequest) -> Result<Query, Failure> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let kind = RecordKind::try_from(request.kind)
        .map_err(|_| Failure::request("kind", "there is no such kind of record"))?;
    let result = Ended::try_from(request.result)
        .map_err(|_| Failure::request("result", "there is no such result"))?;
    Ok(Query {
        subject: given(&request.subject),
        dossier: given(&request.dossier),
        official: given(&request.official),
        caller: given(&request.caller),
        dataset: given(&request.dataset),
        method: given(&request.method),
        procedure: given(&request.procedure),
        grant: given(&request.grant),
        reason: given(&request.reason),
        kind: (kind != RecordKind::Unspecified).then_some(kind),
        result: (result != Ended::Unspecified).then_some(result),
        since_us: request.since_us,
        until_us: request.until_us,
        limit: usize::try_from(request.page_size).unwrap_or(usize::MAX),
        page: given(&request.page_token),
    })
}

/// The names of the filters that are given, sorted.
fn filters(request: &SearchRequest) -> Vec<String> {
    let given = [
        ("caller", !request.caller.is_empty()),
        ("dataset", !request.dataset.is_empty()),
        ("dossier", !request.dossier.is_empty()),
        ("grant", !request.grant.is_empty()),
        ("kind", request.kind != 0),
        ("method", !request.method.is_empty()),
        ("official", !request.official.is_empty()),
        ("procedure", !request.procedure.is_empty()),
        ("reason", !request.reason.is_empty()),
        ("result", request.result != 0),
        ("since_us", request.since_us.is_some()),
        ("subject", !request.subject.is_empty()),
        ("until_us", request.until_us.is_some()),
    ];
    let given = given.into_iter().filter(|(_, is_given)| *is_given);
    given.map(|(name, _)| name.to_owned()).collect()
}
