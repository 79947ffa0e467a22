//! Agreements, each held against everything it names.

mod cases;
mod grant;
mod schema;
mod terms;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use super::datasets::Draft;
use super::folder::Folder;
use super::{known_agency, twice};
use crate::agreement::{Agreement, Grant, Validity};
use crate::document::{Document, Located, Table};
use crate::fault::Faults;
use crate::name::{AgencyCode, AgreementId, DatasetId, ProcedureCode, SystemId};
use crate::party::{Agency, System};
use crate::procedure::Procedure;
use grant::Parties;
pub use schema::agreement_schema;

/// The most citations of one agreement.
const CITATIONS_MAX: usize = 32;

/// Việt Nam keeps UTC+7 all year.
const VIETNAM: Offset = Offset::constant(7);

/// What agreements may name.
pub(super) struct Known<'a> {
    pub(super) agencies: &'a BTreeMap<AgencyCode, Agency>,
    pub(super) systems: &'a BTreeMap<SystemId, System>,
    pub(super) datasets: &'a BTreeMap<DatasetId, Draft>,
    pub(super) procedures: &'a BTreeMap<ProcedureCode, Procedure>,
}

/// The agreements of `agreements/*.toml`, by id.
pub(super) fn agreements(
    folder: &mut Folder,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Vec<Agreement> {
    let mut agreements: BTreeMap<AgreementId, Agreement> = BTreeMap::new();
    let mut places: BTreeMap<AgreementId, (PathBuf, usize)> = BTreeMap::new();
    for name in folder.list("agreements", "toml", faults) {
        let Some(document) = folder.document(&name, faults) else {
            continue;
        };
        let mut root = document.root();
        let id = root.parsed::<AgreementId>("id", faults);
        let agreement = agreement(&document, &mut root, id.as_ref(), known, faults);
        root.finish(faults);
        let Some(id) = id else { continue };
        let place = (document.file().to_owned(), id.line);
        if let Some(first) = places.get(&id.value) {
            twice("agreement", id.as_str(), first, &place, faults);
            continue;
        }
        places.insert(id.value.clone(), place);
        if let Some(agreement) = agreement {
            agreements.insert(id.value, agreement);
        }
    }
    agreements.into_values().collect()
}

fn agreement(
    document: &Document,
    table: &mut Table<'_>,
    id: Option<&Located<AgreementId>>,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Option<Agreement> {
    let version = table.integer("version", 1..=i64::from(u32::MAX), faults);
    let title = table.string("title", faults);
    let provider = party(table, "provider", known, faults);
    let consumer = party(table, "consumer", known, faults);
    let legal_basis = citations(table, faults);
    let valid = validity(table, faults);
    if let (Some(one), Some(other)) = (&provider, &consumer)
        && one.value == other.value
    {
        let what = format!("`{}` is provider and consumer", one.value);
        table.fault(
            other.line,
            what,
            "name the agency that asks as consumer",
            faults,
        );
    }
    let parties = Parties {
        id,
        provider: provider.as_ref(),
        consumer: consumer.as_ref(),
        known,
    };
    let mut grants: Vec<Arc<Grant>> = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut inner = table.tables("grant", faults);
    if inner.is_empty() {
        table.fault(None, "grants nothing", "add a `[[grant]]`", faults);
    }
    for grant in &mut inner {
        grants.extend(parties.grant(grant, &mut names, faults).map(Arc::new));
    }
    inner.into_iter().for_each(|grant| grant.finish(faults));
    // There may be many agreements, each of which is kept for long.
    grants.shrink_to_fit();
    let cases = cases::cases(table, known, faults);
    Some(Agreement {
        id: id?.value.clone(),
        version: u32::try_from(version?.value).ok()?,
        title: title?.value,
        provider: provider?.value,
        consumer: consumer?.value,
        legal_basis,
        valid: valid?,
        grants,
        cases,
        file: document.file().to_owned(),
    })
}

fn citations(table: &mut Table<'_>, faults: &mut Faults) -> Vec<String> {
    let named = table.strings("legal_basis", faults);
    if named.is_empty() || named.len() > CITATIONS_MAX {
        let what = format!("`legal_basis` cites {} instruments", named.len());
        let remedy = format!("cite from 1 to {CITATIONS_MAX}, as in [\"Luật …, Điều …\"]");
        table.fault(None, what, remedy, faults);
    }
    named.into_iter().map(|citation| citation.value).collect()
}

fn party(
    table: &mut Table<'_>,
    key: &str,
    known: &Known<'_>,
    faults: &mut Faults,
) -> Option<Located<AgencyCode>> {
    let party = table.parsed::<AgencyCode>(key, faults)?;
    if let Err((what, remedy)) = known_agency(&party, known.agencies) {
        table.fault(party.line, format!("`{key}`: {what}"), remedy, faults);
    }
    Some(party)
}

fn validity(table: &mut Table<'_>, faults: &mut Faults) -> Option<Validity> {
    let from = table.date("valid_from", faults);
    let until = table.date("valid_until", faults);
    let (from, until) = (from?, until?);
    if from.value > until.value {
        let what = format!(
            "ends on {}, before it begins on {}",
            until.value, from.value
        );
        table.fault(
            until.line,
            what,
            "correct `valid_from` or `valid_until`",
            faults,
        );
        return None;
    }
    let valid = start_of(from.value).zip(until.tomorrow().ok().and_then(start_of));
    if valid.is_none() {
        table.fault(
            until.line,
            "is beyond the calendar",
            "choose an earlier day",
            faults,
        );
    }
    valid.map(|(from_ms, until_ms)| Validity { from_ms, until_ms })
}

/// The first instant of a day in Việt Nam, in milliseconds since the Unix epoch.
fn start_of(day: Date) -> Option<i64> {
    let start = day.to_zoned(TimeZone::fixed(VIETNAM)).ok()?;
    Some(start.timestamp().as_millisecond())
}
