//! Cases: uses of grants that somebody of the providing agency reviews.

use motlan_exchange::{DutyFault, Use};
use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};

use super::{State, guarded, room};

const EMERGENCIES: TableDefinition<'_, (&str, &[u8]), (i64, u64)> =
    TableDefinition::new("emergencies");
const CASES: TableDefinition<'_, u64, (&str, &str, i64, i64)> = TableDefinition::new("cases");
const DUE: TableDefinition<'_, (&str, i64, u64), ()> = TableDefinition::new("due");
const USES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("uses");
/// The last number that a case was given: none is given twice.
const NUMBERS: TableDefinition<'_, (), u64> = TableDefinition::new("numbers");

/// At most so many cases are open; what would open one more is not given.
const CASES_MAX: u64 = 1_000_000;
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
    writing.open_table(NUMBERS)?;
    Ok(())
}

impl State {
    /// Whether a use may be made; begins its emergency where it is the first.
    pub(super) fn admit(&self, made: &Use) -> Result<Result<(), DutyFault>, redb::Error> {
        let grant = made.grant.as_str();
        let Some(emergency) = &made.emergency else {
            return guarded(|| {
                let due = self.0.database.begin_read()?.open_table(DUE)?;
                Ok(match is_overdue(&due, grant, made.now_us)? {
                    true => Err(suspended(made)),
                    false => Ok(()),
                })
            });
        };
        let digest = self.digest(&["incident", grant, &emergency.incident]);
        self.write(|writing| {
            if is_overdue(&writing.open_table(DUE)?, grant, made.now_us)? {
                return Ok(Err(suspended(made)));
            }
            let mut emergencies = writing.open_table(EMERGENCIES)?;
            let key = (grant, digest.as_ref());
            let known = emergencies.get(key)?.map(|found| found.value());
            if let Some((over_us, _)) = known {
                // R94: a short life, and its name is used up.
                return Ok(match made.now_us < over_us {
                    true => Ok(()),
                    false => Err(DutyFault::EmergencyOver),
                });
            }
            let over_us = made.now_us.saturating_add(emergency.lasts_us);
            let due_us = over_us.saturating_add(emergency.review_us);
            let number = begin(writing, made, due_us)?;
            emergencies.insert(key, (over_us, number))?;
            Ok(Ok(()))
        })
    }

    /// Opens the case of a use, or adds the use to that of its emergency.
    pub(super) fn open_case(&self, made: &Use, record: &str) -> Result<(), redb::Error> {
        self.write(|writing| {
            if let Some(due_us) = made.review_by_us {
                let number = begin(writing, made, due_us)?;
                writing.open_table(USES)?.insert((number, record), ())?;
            }
            if let Some(emergency) = &made.emergency {
                let grant = made.grant.as_str();
                let digest = self.digest(&["incident", grant, &emergency.incident]);
                let emergencies = writing.open_table(EMERGENCIES)?;
                let number = emergencies.get((grant, digest.as_ref()))?;
                let (_, number) = number
                    .ok_or_else(|| super::damaged("no such case"))?
                    .value();
                writing.open_table(USES)?.insert((number, record), ())?;
            }
            Ok(())
        })
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
            let mut found = Vec::new();
            for entry in cases.range(after.saturating_add(1)..)? {
                if found.len() == most {
                    break;
                }
                let (number, case) = entry?;
                let (number, (grant, of, opened_us, due_us)) = (number.value(), case.value());
                if of != provider {
                    continue;
                }
                let records = uses.range((number, "")..(number.saturating_add(1), ""))?;
                let records = records.take(USES_SHOWN_MAX);
                let records = records.map(|entry| Ok(entry?.0.value().1.to_owned()));
                found.push(Case {
                    number,
                    grant: grant.to_owned(),
                    opened_us,
                    due_us,
                    records: records.collect::<Result<_, redb::Error>>()?,
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
            let reading = self.0.database.begin_read()?;
            let cases = reading.open_table(CASES)?;
            let Some(case) = cases.get(number)? else {
                return Ok(Err(CloseError::Unknown));
            };
            let (grant, of, _, _) = case.value();
            if of != provider {
                return Ok(Err(CloseError::Unknown));
            }
            let emergencies = reading.open_table(EMERGENCIES)?;
            let of_grant = emergencies.range((grant, [].as_slice())..)?;
            for entry in of_grant {
                let (key, value) = entry?;
                let ((other, _), (over_us, of)) = (key.value(), value.value());
                if other != grant {
                    break;
                }
                // R96: what may still be used cannot have been reviewed.
                if of == number && now_us < over_us {
                    return Ok(Err(CloseError::NotOver));
                }
            }
            Ok(Ok(()))
        });
        found?
    }

    /// Closes a case for good.
    pub(crate) fn close(&self, number: u64) -> Result<(), redb::Error> {
        self.write(|writing| {
            let mut cases = writing.open_table(CASES)?;
            let Some(case) = cases.remove(number)? else {
                return Ok(());
            };
            let (grant, _, _, due_us) = case.value();
            writing.open_table(DUE)?.remove((grant, due_us, number))?;
            let mut uses = writing.open_table(USES)?;
            let of_case = (number, "")..(number.saturating_add(1), "");
            uses.retain_in(of_case, |_, ()| false)?;
            Ok(())
        })
    }
}

/// Opens a case.
fn begin(writing: &WriteTransaction, made: &Use, due_us: i64) -> Result<u64, redb::Error> {
    let mut cases = writing.open_table(CASES)?;
    room(&cases, CASES_MAX)?;
    let mut numbers = writing.open_table(NUMBERS)?;
    let last = numbers.get(())?.map_or(0, |found| found.value());
    let number = last.saturating_add(1);
    numbers.insert((), number)?;
    let grant = made.grant.as_str();
    let case = (grant, made.provider.as_str(), made.now_us, due_us);
    cases.insert(number, case)?;
    writing
        .open_table(DUE)?
        .insert((grant, due_us, number), ())?;
    Ok(number)
}

/// Whether a case of the grant should have been reviewed by now.
fn is_overdue(
    due: &impl redb::ReadableTable<(&'static str, i64, u64), ()>,
    grant: &str,
    now_us: i64,
) -> Result<bool, redb::Error> {
    let mut overdue = due.range((grant, i64::MIN, 0)..=(grant, now_us, u64::MAX))?;
    Ok(overdue.next().transpose()?.is_some())
}

fn suspended(made: &Use) -> DutyFault {
    DutyFault::GrantSuspended {
        grant: made.grant.clone(),
    }
}
