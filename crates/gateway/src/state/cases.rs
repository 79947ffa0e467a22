//! Cases: uses of grants that somebody of the providing agency reviews.
//!
//! A case is closed only while none of its uses is under way, and no use joins one that is closed:
//! whatever is answered stands in a case that is open then.

use std::sync::Arc;

use motlan_audit::RecordId;
use motlan_exchange::{DutyFault, Emergency, Use};
use redb::{
    ReadOnlyTable, ReadableDatabase as _, ReadableTable, TableDefinition, WriteTransaction,
};

use super::{State, damaged, guarded, room};

/// When it is over, and the number of its case, by grant and digest.
const EMERGENCIES: TableDefinition<'_, (&str, &[u8]), (i64, u64)> =
    TableDefinition::new("emergencies");
const CASES: TableDefinition<'_, u64, Kept<'static>> = TableDefinition::new("cases");
const DUE: TableDefinition<'_, (&str, i64, u64), ()> = TableDefinition::new("due");
/// By number of the case, log and index: in the order in which the questions were asked.
pub(super) const USES: TableDefinition<'_, (u64, &str, u64), ()> = TableDefinition::new("uses");
/// How many uses a case has.
pub(super) const USED: TableDefinition<'_, u64, u64> = TableDefinition::new("used");
/// How many cases of a grant are open: of emergencies, and of single uses.
pub(super) const OPEN: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("open");
/// The last number that a case was given: none is given twice.
const NUMBERS: TableDefinition<'_, (), u64> = TableDefinition::new("numbers");

/// Grant, agency that reviews, when it was opened, by when it is due; of an emergency, when that is
/// over.
type Kept<'a> = (&'a str, &'a str, i64, i64, Option<i64>);

/// At most so many emergencies of one grant wait to be reviewed.
pub(super) const EMERGENCIES_OPEN_MAX: u64 = 100;
/// At most so many single uses of one grant wait to be reviewed.
pub(super) const REVIEWS_OPEN_MAX: u64 = 10_000;
/// At most so many uses are made in one emergency.
pub(super) const USES_MAX: u64 = 10_000;
/// At most so many cases of all grants are open.
const CASES_MAX: u64 = 1_000_000;
/// At most so many emergencies are remembered, so that their names are not used again.
const EMERGENCIES_MAX: u64 = 10_000_000;
/// At most so many records are named of one case when cases are listed.
const USES_SHOWN_MAX: usize = 100;

/// An open case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its number.
    pub number: u64,
    /// The grant that was used.
    pub grant: String,
    /// When it was opened, in microseconds since the Unix epoch.
    pub opened_us: i64,
    /// By when it must be reviewed, in microseconds since the Unix epoch.
    pub due_us: i64,
    /// The records of the questions, the first ones where there are many.
    pub records: Vec<String>,
    /// How many there are.
    pub uses: u64,
}

/// Why a case was not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// There is none of this number for this agency.
    #[error("there is no open case of this number for this agency")]
    Unknown,
    /// The emergency is not over, and more uses may come.
    #[error("the emergency is not over: what may still be used cannot have been reviewed")]
    NotOver,
    /// How a use ends is not on record yet.
    #[error("a use is still under way: what is not on record yet cannot have been reviewed")]
    TooEarly,
    /// The state cannot be read or written.
    #[error("the state cannot be used")]
    State(#[from] redb::Error),
}

/// Makes the tables.
pub(super) fn make(writing: &WriteTransaction) -> Result<(), redb::Error> {
    writing.open_table(EMERGENCIES)?;
    writing.open_table(CASES)?;
    writing.open_table(DUE)?;
    writing.open_table(USES)?;
    writing.open_table(USED)?;
    writing.open_table(OPEN)?;
    writing.open_table(NUMBERS)?;
    Ok(())
}

impl State {
    /// Whether a use may be made; begins its emergency where it is the first.
    pub(super) fn admit(&self, made: &Use) -> Result<Result<(), DutyFault>, redb::Error> {
        let Some(emergency) = &made.emergency else {
            return guarded(|| {
                let reading = self.0.database.begin_read()?;
                let (due, open) = (reading.open_table(DUE)?, reading.open_table(OPEN)?);
                stands_free(made, &due, &open)
            });
        };
        let grant = made.grant.as_str();
        let digest = self.digest(&["incident", grant, &emergency.incident]);
        self.write(|writing| {
            let (due, open) = (writing.open_table(DUE)?, writing.open_table(OPEN)?);
            if let Err(fault) = stands_free(made, &due, &open)? {
                return Ok(Err(fault));
            }
            drop((due, open));
            let mut emergencies = writing.open_table(EMERGENCIES)?;
            let key = (grant, digest.as_ref());
            let known = emergencies.get(key)?.map(|found| found.value());
            if let Some((over_us, number)) = known {
                // R94: a short life, and its name is used up.
                return match made.now_us < over_us {
                    true => joinable(writing, made, number),
                    false => Ok(Err(DutyFault::EmergencyOver)),
                };
            }
            let over_us = made.now_us.saturating_add(emergency.lasts_us);
            let due_us = over_us.saturating_add(emergency.review_us);
            room(&emergencies, EMERGENCIES_MAX)?;
            let number = match begin(writing, made, due_us, Some(over_us))? {
                Ok(number) => number,
                Err(fault) => return Ok(Err(fault)),
            };
            emergencies.insert(key, (over_us, number))?;
            Ok(Ok(()))
        })
    }

    /// Opens the case of a use, or adds the use to that of its emergency. Refuses where that is
    /// closed already, or there are as many as may be.
    pub(super) fn open_case(
        &self,
        made: &Use,
        record: &RecordId,
    ) -> Result<Result<(), DutyFault>, redb::Error> {
        self.write(|writing| {
            let mut numbers = Vec::new();
            // What can only refuse comes first: nothing is written of what is refused.
            if let Some(emergency) = &made.emergency {
                match self.joined(writing, made, emergency)? {
                    Ok(number) => numbers.push(number),
                    Err(fault) => return Ok(Err(fault)),
                }
            }
            if let Some(due_us) = made.review_by_us {
                match begin(writing, made, due_us, None)? {
                    Ok(number) => numbers.push(number),
                    Err(fault) => return Ok(Err(fault)),
                }
            }
            let (mut uses, mut used) = (writing.open_table(USES)?, writing.open_table(USED)?);
            for number in numbers {
                let key = (number, record.shard(), record.index());
                if uses.insert(key, ())?.is_none() {
                    let before = used.get(number)?.map_or(0, |found| found.value());
                    used.insert(number, before.saturating_add(1))?;
                }
                self.watch(number, made);
            }
            Ok(Ok(()))
        })
    }

    /// The open case of the emergency that a use is part of.
    fn joined(
        &self,
        writing: &WriteTransaction,
        made: &Use,
        emergency: &Emergency,
    ) -> Result<Result<u64, DutyFault>, redb::Error> {
        let grant = made.grant.as_str();
        let digest = self.digest(&["incident", grant, &emergency.incident]);
        let emergencies = writing.open_table(EMERGENCIES)?;
        let found = emergencies.get((grant, digest.as_ref()))?;
        let found = found.ok_or_else(|| damaged("an emergency was never begun"))?;
        let (_, number) = found.value();
        let joinable = joinable(writing, made, number)?;
        Ok(joinable.map(|()| number))
    }

    /// Keeps in mind that a use of a case is under way.
    fn watch(&self, number: u64, made: &Use) {
        let mut under_way = self.under_way();
        under_way.retain(|(_, seen)| seen.strong_count() > 0);
        under_way.push((number, Arc::downgrade(&made.under_way)));
    }

    fn is_under_way(&self, number: u64) -> bool {
        let under_way = self.under_way();
        let mut of_case = under_way.iter().filter(|(of, _)| *of == number);
        of_case.any(|(_, seen)| seen.strong_count() > 0)
    }

    /// The open cases that an agency reviews, behind the number `after`.
    pub(crate) fn cases(
        &self,
        provider: &str,
        after: u64,
        most: usize,
    ) -> Result<Vec<Case>, redb::Error> {
        guarded(|| {
            let reading = self.0.database.begin_read()?;
            let (cases, uses) = (reading.open_table(CASES)?, reading.open_table(USES)?);
            let used = reading.open_table(USED)?;
            let mut found = Vec::new();
            for entry in cases.range(after.saturating_add(1)..)? {
                if found.len() == most {
                    break;
                }
                let (number, case) = entry?;
                let (number, (grant, of, opened_us, due_us, _)) = (number.value(), case.value());
                if of != provider {
                    continue;
                }
                found.push(Case {
                    number,
                    grant: grant.to_owned(),
                    opened_us,
                    due_us,
                    records: first(&uses, number)?,
                    uses: used.get(number)?.map_or(0, |found| found.value()),
                });
            }
            Ok(found)
        })
    }

    /// Looks whether an agency may close a case now.
    pub(crate) fn closable(
        &self,
        provider: &str,
        number: u64,
        now_us: i64,
    ) -> Result<(), CloseError> {
        let found = guarded(|| {
            let cases = self.0.database.begin_read()?.open_table(CASES)?;
            let found = cases.get(number)?;
            let found = found.filter(|case| case.value().1 == provider);
            Ok(found.map(|case| case.value().4))
        })?;
        match found {
            None => Err(CloseError::Unknown),
            // R96: what may still be used cannot have been reviewed.
            Some(Some(over_us)) if now_us < over_us => Err(CloseError::NotOver),
            Some(_) if self.is_under_way(number) => Err(CloseError::TooEarly),
            Some(_) => Ok(()),
        }
    }

    /// Closes a case for good.
    ///
    /// # Errors
    /// [`CloseError`] where a use of it is under way since it was looked at.
    pub(crate) fn close(&self, number: u64) -> Result<(), CloseError> {
        let is_closed = self.write(|writing| {
            // While this is written, no use begins.
            if self.is_under_way(number) {
                return Ok(false);
            }
            let mut cases = writing.open_table(CASES)?;
            let Some(case) = cases.remove(number)? else {
                return Ok(true);
            };
            let (grant, _, _, due_us, over_us) = case.value();
            writing.open_table(DUE)?.remove((grant, due_us, number))?;
            let mut open = writing.open_table(OPEN)?;
            let (emergencies, reviews) = open.get(grant)?.map_or((0, 0), |found| found.value());
            let left = match over_us {
                Some(_) => (emergencies.saturating_sub(1), reviews),
                None => (emergencies, reviews.saturating_sub(1)),
            };
            open.insert(grant, left)?;
            writing.open_table(USED)?.remove(number)?;
            let mut uses = writing.open_table(USES)?;
            let of_case = (number, "", 0)..(number.saturating_add(1), "", 0);
            uses.retain_in(of_case, |_, ()| false)?;
            Ok(true)
        })?;
        match is_closed {
            true => Ok(()),
            false => Err(CloseError::TooEarly),
        }
    }
}

/// Opens a case: of an emergency that is over at `over_us`, or of a single use.
fn begin(
    writing: &WriteTransaction,
    made: &Use,
    due_us: i64,
    over_us: Option<i64>,
) -> Result<Result<u64, DutyFault>, redb::Error> {
    let grant = made.grant.as_str();
    let mut open = writing.open_table(OPEN)?;
    let (emergencies, reviews) = open.get(grant)?.map_or((0, 0), |found| found.value());
    let (before, most, opened) = match over_us {
        Some(_) => (
            emergencies,
            EMERGENCIES_OPEN_MAX,
            (emergencies.saturating_add(1), reviews),
        ),
        None => (
            reviews,
            REVIEWS_OPEN_MAX,
            (emergencies, reviews.saturating_add(1)),
        ),
    };
    if before >= most {
        return Ok(Err(pending(made)));
    }
    open.insert(grant, opened)?;
    let mut cases = writing.open_table(CASES)?;
    room(&cases, CASES_MAX)?;
    let mut numbers = writing.open_table(NUMBERS)?;
    let last = numbers.get(())?.map_or(0, |found| found.value());
    let number = last.saturating_add(1);
    numbers.insert((), number)?;
    let case = (grant, made.provider.as_str(), made.now_us, due_us, over_us);
    cases.insert(number, case)?;
    writing
        .open_table(DUE)?
        .insert((grant, due_us, number), ())?;
    Ok(Ok(number))
}

/// Whether one more use can be added to the case of an emergency.
fn joinable(
    writing: &WriteTransaction,
    made: &Use,
    number: u64,
) -> Result<Result<(), DutyFault>, redb::Error> {
    if writing.open_table(CASES)?.get(number)?.is_none() {
        return Ok(Err(DutyFault::EmergencyOver));
    }
    let used = writing.open_table(USED)?;
    let before = used.get(number)?.map_or(0, |found| found.value());
    Ok(match before < USES_MAX {
        true => Ok(()),
        false => Err(pending(made)),
    })
}

/// Whether no earlier use of the grant stands in the way of this one.
fn stands_free(
    made: &Use,
    due: &impl ReadableTable<(&'static str, i64, u64), ()>,
    open: &impl ReadableTable<&'static str, (u64, u64)>,
) -> Result<Result<(), DutyFault>, redb::Error> {
    let grant = made.grant.as_str();
    let mut overdue = due.range((grant, i64::MIN, 0)..=(grant, made.now_us, u64::MAX))?;
    if overdue.next().transpose()?.is_some() {
        return Ok(Err(DutyFault::GrantSuspended {
            grant: made.grant.clone(),
        }));
    }
    let (_, reviews) = open.get(grant)?.map_or((0, 0), |found| found.value());
    Ok(match made.review_by_us {
        Some(_) if reviews >= REVIEWS_OPEN_MAX => Err(pending(made)),
        _ => Ok(()),
    })
}

/// The first records of a case.
fn first(
    uses: &ReadOnlyTable<(u64, &'static str, u64), ()>,
    number: u64,
) -> Result<Vec<String>, redb::Error> {
    let of_case = uses.range((number, "", 0)..(number.saturating_add(1), "", 0))?;
    let named = of_case.take(USES_SHOWN_MAX).map(|entry| {
        let (key, _) = entry?;
        let (_, log, index) = key.value();
        Ok(format!("{log}-{index}"))
    });
    named.collect()
}

fn pending(made: &Use) -> DutyFault {
    DutyFault::ReviewsPending {
        grant: made.grant.clone(),
    }
}
