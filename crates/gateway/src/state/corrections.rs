//! Corrections: that something in a dataset is missing, or differs from what an applicant declared.
//!
//! A ticket stands until the dataset's owner closes it. What is met again is counted: of a subject
//! and method there is one ticket for what is missing and one for what differs, whatever its
//! fields. So nobody fills a dataset's room with one subject.

use std::collections::BTreeSet;

use motlan_api::audit::v1::GroundOutcome;
use motlan_audit::RecordId;
use motlan_catalog::{AgencyCode, Catalog, DatasetId};
use redb::{
    ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};

use super::{State, Upkeep, guarded};

/// By dataset and number.
const CORRECTIONS: TableDefinition<'_, (&str, u64), Kept<'static>> =
    TableDefinition::new("corrections");
/// The number of the ticket, by dataset and digest of method, outcome and subject.
const MET: TableDefinition<'_, (&str, &[u8]), u64> = TableDefinition::new("met");
/// How often what stands in a ticket was met, by its number.
const TIMES: TableDefinition<'_, u64, u64> = TableDefinition::new("times");
/// How many tickets of a dataset are open.
const BACKLOG: TableDefinition<'_, &str, u64> = TableDefinition::new("backlog");
/// The last number that a ticket was given: none is given twice.
const TICKETS: TableDefinition<'_, (), u64> = TableDefinition::new("tickets");

/// Agency that owned the dataset, method, outcome, fields, when it was opened, the record that met
/// it last, digest of method, outcome and subject.
type Kept<'a> = (&'a str, &'a str, i32, Vec<&'a str>, i64, &'a str, &'a [u8]);

/// At most so many tickets of one dataset are open, so that nobody's backlog takes another's room.
pub(super) const CORRECTIONS_MAX: u64 = 100_000;
/// At most so many fields stand in one ticket: as many as a view has paths.
pub(super) const FIELDS_MAX: usize = motlan_catalog::PATHS_MAX;

/// Something in a dataset that its owner is to look at.
#[derive(Clone)]
pub struct Ticket {
    /// The agency that owns the dataset.
    pub owner: AgencyCode,
    /// The dataset.
    pub dataset: DatasetId,
    /// The gRPC path that was asked.
    pub method: String,
    /// `INCOMPLETE` or `MISMATCH`.
    pub outcome: GroundOutcome,
    /// The fields, never their values.
    pub fields: Vec<String>,
    /// Whom or what it is about. Only a digest of it is kept.
    pub subject: String,
    /// The record of the lookup's outcome, whose sealed part names the subject.
    pub record: RecordId,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(..)")
    }
}

/// Why the owner could not be asked for a correction.
#[derive(Debug, thiserror::Error)]
pub enum CorrectError {
    /// There is nowhere to keep it.
    #[error("this gateway has no state")]
    Absent,
    /// As many of the dataset as may be are open.
    #[error("as many corrections of `{0}` as may be are open")]
    Full(DatasetId),
    /// The state cannot be read or written.
    #[error("the state cannot be used")]
    State(#[from] redb::Error),
    /// The work ended without a result.
    #[error("the work on the state ended without a result")]
    Lost,
}

/// An open ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Its number.
    pub number: u64,
    /// The dataset.
    pub dataset: String,
    /// The gRPC path that was asked.
    pub method: String,
    /// `INCOMPLETE` or `MISMATCH`, as on the wire.
    pub outcome: i32,
    /// The fields in which it was met so far, sorted.
    pub fields: Vec<String>,
    /// When it was met first, in microseconds since the Unix epoch.
    pub opened_us: i64,
    /// How often it was met.
    pub times: u64,
    /// The record that met it last: an earlier one can be erased, or its quarter dropped.
    pub record: String,
}

/// Whose corrections: those of datasets that an agency owns.
pub(crate) struct Owned<'o> {
    pub(crate) agency: &'o AgencyCode,
    /// Says who owns a dataset. Of one that stands in it no longer, that is who owned it when the
    /// ticket was opened.
    pub(crate) catalog: &'o Catalog,
}

impl Owned<'_> {
    /// Whether the agency owns a dataset; `None` where the catalogue has it not.
    fn has(&self, dataset: &str) -> Option<bool> {
        let known = dataset.parse().ok();
        let known = known.and_then(|id: DatasetId| self.catalog.dataset(&id));
        known.map(|known| known.owner == *self.agency)
    }
}

/// Makes the tables.
pub(super) fn make(writing: &WriteTransaction) -> Result<(), redb::Error> {
    writing.open_table(CORRECTIONS)?;
    writing.open_table(MET)?;
    writing.open_table(TIMES)?;
    writing.open_table(BACKLOG)?;
    writing.open_table(TICKETS)?;
    Ok(())
}

impl Upkeep {
    /// Asks the owner of a dataset for a correction, and gives the number of the ticket. Returns
    /// once that would survive a power cut.
    ///
    /// # Errors
    /// [`CorrectError`]: then no ground may be given.
    pub async fn correct(&self, ticket: Ticket) -> Result<u64, CorrectError> {
        let state = self.state().cloned().ok_or(CorrectError::Absent)?;
        let now_us = crate::ledger::now_us();
        let worked = tokio::task::spawn_blocking(move || state.correct(&ticket, now_us)).await;
        worked.unwrap_or(Err(CorrectError::Lost))
    }
}

impl State {
    /// R103: opens a ticket, or counts the one that is open for the same thing.
    pub(super) fn correct(&self, ticket: &Ticket, now_us: i64) -> Result<u64, CorrectError> {
        let dataset = ticket.dataset.as_str();
        let subject = ticket.subject.trim().to_lowercase();
        let outcome = ticket.outcome.as_str_name();
        let digest = self.digest(&["correction", dataset, &ticket.method, outcome, &subject]);
        let digest = digest.as_ref();
        let number = self.write(|writing| {
            let met = writing.open_table(MET)?;
            let known = met.get((dataset, digest))?.map(|it| it.value());
            drop(met);
            match known {
                Some(number) => {
                    again(writing, ticket, number)?;
                    Ok(Some(number))
                }
                None => first(writing, ticket, digest, now_us),
            }
        })?;
        number.ok_or_else(|| CorrectError::Full(ticket.dataset.clone()))
    }

    /// The open tickets of an agency, or of one of its datasets, behind the number `after`: the
    /// oldest first.
    pub(crate) fn corrections(
        &self,
        owned: &Owned<'_>,
        dataset: Option<&str>,
        after: u64,
        most: usize,
    ) -> Result<Vec<Correction>, redb::Error> {
        guarded(|| {
            let reading = self.0.database.begin_read()?;
            let mut found = Vec::new();
            for entry in reading.open_table(BACKLOG)?.iter()? {
                let (known, _) = entry?;
                if dataset.is_none_or(|it| it == known.value()) {
                    let from = after.saturating_add(1);
                    found.extend(open(&reading, owned, known.value(), from, most)?);
                }
            }
            // Each dataset gave its first ones: the first of all are among them.
            found.sort_by_key(|correction| correction.number);
            found.truncate(most);
            Ok(found)
        })
    }

    /// An open ticket of an agency.
    pub(crate) fn correction(
        &self,
        owned: &Owned<'_>,
        number: u64,
    ) -> Result<Option<Correction>, redb::Error> {
        guarded(|| {
            let reading = self.0.database.begin_read()?;
            for entry in reading.open_table(BACKLOG)?.iter()? {
                let (dataset, _) = entry?;
                let found = open(&reading, owned, dataset.value(), number, 1)?.pop();
                if let Some(found) = found.filter(|found| found.number == number) {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
    }

    /// Closes a ticket for good.
    pub(crate) fn close_correction(&self, closed: &Correction) -> Result<(), redb::Error> {
        let dataset = closed.dataset.as_str();
        self.write(|writing| {
            let mut corrections = writing.open_table(CORRECTIONS)?;
            let Some(kept) = corrections.remove((dataset, closed.number))? else {
                return Ok(());
            };
            let (.., digest) = kept.value();
            writing.open_table(MET)?.remove((dataset, digest))?;
            writing.open_table(TIMES)?.remove(closed.number)?;
            let mut backlog = writing.open_table(BACKLOG)?;
            let before = backlog.get(dataset)?.map_or(0, |found| found.value());
            match before {
                0 | 1 => backlog.remove(dataset)?,
                before => backlog.insert(dataset, before - 1)?,
            };
            Ok(())
        })
    }
}

/// Opens a ticket and gives its number; nothing where the dataset has no room for it.
fn first(
    writing: &WriteTransaction,
    ticket: &Ticket,
    digest: &[u8],
    now_us: i64,
) -> Result<Option<u64>, redb::Error> {
    let dataset = ticket.dataset.as_str();
    let mut backlog = writing.open_table(BACKLOG)?;
    let before = backlog.get(dataset)?.map_or(0, |found| found.value());
    if before >= CORRECTIONS_MAX {
        return Ok(None);
    }
    backlog.insert(dataset, before.saturating_add(1))?;
    let mut tickets = writing.open_table(TICKETS)?;
    let last = tickets.get(())?.map_or(0, |found| found.value());
    let number = last.saturating_add(1);
    tickets.insert((), number)?;
    writing.open_table(MET)?.insert((dataset, digest), number)?;
    writing.open_table(TIMES)?.insert(number, 1)?;
    let (owner, method) = (ticket.owner.as_str(), ticket.method.as_str());
    let (outcome, record) = (i32::from(ticket.outcome), ticket.record.to_string());
    let fields = united(&[], &ticket.fields);
    let kept = (owner, method, outcome, fields, now_us, &*record, digest);
    let mut corrections = writing.open_table(CORRECTIONS)?;
    corrections.insert((dataset, number), kept)?;
    Ok(Some(number))
}

/// Counts an open ticket that is met again: with the fields of both times, and the newer record.
fn again(writing: &WriteTransaction, ticket: &Ticket, number: u64) -> Result<(), redb::Error> {
    let mut times = writing.open_table(TIMES)?;
    let before = times.get(number)?.map_or(0, |found| found.value());
    times.insert(number, before.saturating_add(1))?;
    let mut corrections = writing.open_table(CORRECTIONS)?;
    let key = (ticket.dataset.as_str(), number);
    let Some(kept) = corrections.remove(key)? else {
        return Ok(());
    };
    let (owner, method, outcome, known, opened_us, _, digest) = kept.value();
    let (owner, method, digest) = (owner.to_owned(), method.to_owned(), digest.to_vec());
    let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
    drop(kept);
    let (fields, record) = (united(&known, &ticket.fields), ticket.record.to_string());
    let kept = (
        &*owner, &*method, outcome, fields, opened_us, &*record, &*digest,
    );
    corrections.insert(key, kept)?;
    Ok(())
}

/// The fields of both, sorted; of the new ones as many as there is room for.
fn united<'f>(known: &'f [String], met: &'f [String]) -> Vec<&'f str> {
    let mut fields: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    for field in met {
        if fields.len() >= FIELDS_MAX {
            break;
        }
        fields.insert(field);
    }
    fields.into_iter().collect()
}

/// The first open tickets of a dataset, from the number `from` on, that are an agency's.
fn open(
    reading: &ReadTransaction,
    owned: &Owned<'_>,
    dataset: &str,
    from: u64,
    most: usize,
) -> Result<Vec<Correction>, redb::Error> {
    let has = owned.has(dataset);
    if has == Some(false) {
        return Ok(Vec::new());
    }
    let times = reading.open_table(TIMES)?;
    let mut found = Vec::new();
    let corrections = reading.open_table(CORRECTIONS)?;
    for entry in corrections.range((dataset, from)..=(dataset, u64::MAX))? {
        if found.len() == most {
            break;
        }
        let (key, kept) = entry?;
        let (_, number) = key.value();
        let (owner, method, outcome, fields, opened_us, record, _) = kept.value();
        if has.is_none() && owner != owned.agency.as_str() {
            continue;
        }
        found.push(Correction {
            number,
            dataset: dataset.to_owned(),
            method: method.to_owned(),
            outcome,
            fields: fields.into_iter().map(str::to_owned).collect(),
            opened_us,
            times: times.get(number)?.map_or(0, |found| found.value()),
            record: record.to_owned(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
