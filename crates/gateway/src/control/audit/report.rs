//! `motlan.once.v1.OnceOnly/Report`: what became of the components of a period, in figures.
//!
//! Counted from the ledger's records of components, of all logs that this gateway keeps. Sealed
//! parts are opened to tell one document from another; nothing of them leaves.

use std::collections::{BTreeMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use motlan_api::audit::v1::{GroundOutcome, Look, Record, RecordKind, Sealed};
use motlan_api::once::v1 as wire;
use motlan_audit::{Field, Query, ReadError, RecordId};
use motlan_catalog::{AgencyCode, SystemId};
use tonic::{Code, Request, Response, Status};

use super::agreements::about;
use super::failure::Failure;
use super::look::{Admitted, Call, Unshown};
use super::trail::{Trail, Trails};
use super::{AuditTrail, Long, Shared};
use crate::lookup::WireError;

/// The longest period.
const PERIOD_US_MAX: i64 = 366 * 86_400_000_000;
/// At most so many components are counted in one report.
const COMPONENTS_MAX: u64 = 1_000_000;
/// So many records are in memory at once.
const RECORDS_AT_ONCE: usize = 250;

impl AuditTrail {
    /// What became of the components of a period.
    pub(in crate::control) async fn report(
        &self,
        request: Request<wire::ReportRequest>,
    ) -> Result<Response<wire::ReportResponse>, Status> {
        let call = Call::Report;
        let asked = self.asked(call, &request, about(request.get_ref()));
        let long = request.extensions().get::<Long>().cloned();
        let request = request.into_inner();
        let work = async move |this: Self, asked| {
            let admitted = this.admitted(asked).await?;
            long.unwrap_or_default().begin();
            let count = move |shared: &Shared| reported(&shared.trails, admitted, &request);
            let unshown = this.blocking(count).await?;
            let (look, mut response) = unshown.record(&this.0.trails).await?.show();
            response.look = look.to_string();
            Ok(response)
        };
        self.answer(call, asked, work).await
    }
}

/// Counts what became of components. Blocking.
fn reported(
    trails: &Trails,
    admitted: Admitted,
    request: &wire::ReportRequest,
) -> Result<Unshown<wire::ReportResponse>, Failure> {
    let period = request.until_us.checked_sub(request.from_us);
    if !period.is_some_and(|period| (1..=PERIOD_US_MAX).contains(&period)) {
        let message = "a period ends after it begins, at most 366 days later";
        return Err(Failure::request("until_us", message));
    }
    let agency = match request.agency.as_str() {
        "" => None,
        named => Some(known(&admitted, named)?),
    };
    let mut figures = Figures::default();
    // Of the newest log.
    let mut answered = None;
    for trail in trails.all()? {
        let size = figures.add_all(&trail, request, agency.as_ref())?;
        answered.get_or_insert_with(|| (trail.quarter(), size));
    }
    let (quarter, size) = answered.unwrap_or_default();
    let given = [
        ("agency", agency.is_some()),
        ("from_us", true),
        ("until_us", true),
    ];
    let filters = given.into_iter().filter(|(_, is_given)| *is_given);
    let look = Look {
        filters: filters.map(|(name, _)| name.to_owned()).collect(),
        size,
        // No record is shown.
        shown: 0,
        quarter,
    };
    Ok(admitted.found(figures.response(), look))
}

/// An agency of the catalogue: a misspelt one would have figures too, all of them 0.
fn known(admitted: &Admitted, agency: &str) -> Result<AgencyCode, Failure> {
    let known = agency.parse().ok();
    let known = known.filter(|code| admitted.set().catalog.agency(code).is_some());
    known.ok_or_else(|| Failure::request("agency", "there is no agency of that code"))
}

/// What was counted.
#[derive(Default)]
struct Figures {
    components: u64,
    served: u64,
    /// What tells one document that was served from another.
    documents: HashSet<Box<[u8]>>,
    /// Served, and nobody can tell any more of what.
    erased: u64,
    grounds: Grounds,
    /// By dataset and database.
    sources: BTreeMap<(String, String), Source>,
}

/// How many grounds of each outcome.
#[derive(Default)]
struct Grounds(BTreeMap<i32, u64>);

#[derive(Default)]
struct Source {
    served: u64,
    grounds: Grounds,
}

impl Figures {
    /// Adds what one log has of the period. Gives for how many of its records that speaks.
    fn add_all(
        &mut self,
        trail: &Trail,
        request: &wire::ReportRequest,
        agency: Option<&AgencyCode>,
    ) -> Result<u64, Failure> {
        let mut size = trail.ledger().size();
        let callers = match agency {
            None => vec![None],
            Some(agency) => {
                let all = trail.values(Field::Caller)?.into_iter();
                all.filter(|caller| of(caller).as_ref() == Some(agency))
                    .map(Some)
                    .collect()
            }
        };
        for caller in callers {
            let mut query = Query {
                kind: Some(RecordKind::Component),
                caller,
                since_us: Some(request.from_us),
                until_us: Some(request.until_us),
                limit: RECORDS_AT_ONCE,
                ..Query::default()
            };
            loop {
                let page = trail.search(&query)?;
                size = size.min(page.indexed_to);
                for entry in &page.records {
                    self.add(&entry.id, &entry.record, entry.sealed.sealed())?;
                }
                match page.next {
                    None => break,
                    next => query.page = next,
                }
            }
        }
        Ok(size)
    }

    /// Adds one component; the sealed part, where it is not erased.
    fn add(
        &mut self,
        id: &RecordId,
        record: &Record,
        sealed: Option<&Sealed>,
    ) -> Result<(), Failure> {
        self.components += 1;
        // R104: all of the period, or nothing.
        if self.components > COMPONENTS_MAX {
            let message = format!(
                "the period has more than {COMPONENTS_MAX} components; choose a shorter one, or \
                 one agency"
            );
            let error = WireError::new(Code::ResourceExhausted, "REPORT_TOO_LARGE", message);
            return Err(error.of_field("until_us").into());
        }
        let index = id.index();
        let damaged = || Failure::unreadable(&ReadError::Damaged { index });
        let component = record.component.as_ref().ok_or_else(damaged)?;
        let source = (record.dataset.clone(), component.database.clone());
        let source = self.sources.entry(source).or_default();
        // An outcome that this gateway does not know is a ground all the same.
        if component.outcome != i32::from(GroundOutcome::Unspecified) {
            source.grounds.add(component.outcome);
            self.grounds.add(component.outcome);
            return Ok(());
        }
        source.served += 1;
        self.served += 1;
        let Some(sealed) = sealed else {
            self.erased += 1;
            return Ok(());
        };
        let agency = of(&record.caller);
        let agency = agency
            .as_ref()
            .map_or(record.caller.as_str(), AgencyCode::as_str);
        let subject = sealed.subject.trim().to_lowercase();
        let document = [
            agency,
            &record.procedure,
            &sealed.dossier,
            &component.document,
            &subject,
        ];
        let mut text = Vec::new();
        for part in document {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        // A digest takes less room than the names. It is gone with the report.
        self.documents
            .insert(digest(&SHA256, &text).as_ref().into());
        Ok(())
    }

    fn response(self) -> wire::ReportResponse {
        let mut sources: Vec<_> = self.sources.into_iter().collect();
        // Stable: by name where they have as many.
        sources.sort_by_key(|(_, source)| std::cmp::Reverse(source.grounds.all()));
        let sources = sources.into_iter();
        let sources = sources.map(|((dataset, database), source)| wire::SourceCount {
            dataset,
            database,
            served: source.served,
            grounds: source.grounds.counts(),
        });
        wire::ReportResponse {
            served: self.served,
            documents_not_brought: self.erased + self.documents.len() as u64,
            grounds: self.grounds.counts(),
            sources: sources.collect(),
            look: String::new(),
        }
    }
}

impl Grounds {
    fn add(&mut self, outcome: i32) {
        *self.0.entry(outcome).or_default() += 1;
    }

    fn all(&self) -> u64 {
        self.0.values().sum()
    }

    fn counts(self) -> Vec<wire::OutcomeCount> {
        let counts = self.0.into_iter();
        counts
            .map(|(outcome, grounds)| wire::OutcomeCount { outcome, grounds })
            .collect()
    }
}

/// The agency of a calling system.
fn of(caller: &str) -> Option<AgencyCode> {
    let system: SystemId = caller.parse().ok()?;
    Some(system.agency())
}

#[cfg(test)]
mod tests {
    use motlan_api::audit::v1::Component;

    use super::*;

    fn add(figures: &mut Figures, component: Option<Component>) -> Result<(), Failure> {
        let record = Record {
            component,
            ..Record::default()
        };
        figures.add(&"hn1-2026q4-7".parse().unwrap(), &record, None)
    }

    /// R104: no figures of a part that pass for those of the whole.
    #[test]
    fn a_period_with_more_components_than_are_counted_has_no_figures() {
        let mut figures = Figures {
            components: COMPONENTS_MAX - 1,
            ..Figures::default()
        };
        assert!(add(&mut figures, Some(Component::default())).is_ok());
        let failure = add(&mut figures, Some(Component::default())).unwrap_err();
        assert_eq!(failure.reason(), "REPORT_TOO_LARGE");
    }

    #[test]
    fn a_record_of_nothing_is_no_component_that_was_served() {
        let mut figures = Figures::default();
        let failure = add(&mut figures, None).unwrap_err();
        assert_eq!(failure.reason(), "LEDGER_UNAVAILABLE");
        assert_eq!(figures.served, 0);
    }
}
