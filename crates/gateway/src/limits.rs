//! The counters of limits at a start: what was used today is on record, and is counted again.

use std::collections::HashMap;
use std::ops::ControlFlow;

use motlan_audit::wire::RecordKind;
use motlan_audit::{Ledger, PastError, ReadEntry, ReadError, Shards};
use motlan_catalog::{Budget, Catalog, GrantId};
use motlan_exchange::{Charge, Limits, NoRandomKey};
use motlan_policy::Moment;

/// So far back the first step goes that looks for the beginning of the day; each one after it goes
/// twice as far.
const STEP_RECORDS: u64 = 1024;

/// Lookups that come at once may stand in another order in the log than by their times.
const DISORDER_US: i64 = 60_000_000;

/// Why what was used today is not known.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// There is nothing to count with.
    #[error(transparent)]
    Random(#[from] NoRandomKey),
    /// The log before the newest cannot be had, and it holds lookups of today.
    #[error("the quotas that were used today cannot be counted")]
    Past(#[from] PastError),
    /// A log cannot be read.
    #[error("the quotas that were used today cannot be counted")]
    Read(#[from] ReadError),
}

/// Counters that have counted the questions of the day that `now` is in. Blocking: reads them from
/// the logs, unless no agreement has a quota.
///
/// # Errors
/// [`LimitsError`], upon which nobody may be let through: a quota could be used twice.
pub(crate) fn recalled(
    shards: &Shards,
    catalog: &Catalog,
    now: Moment,
) -> Result<Limits, LimitsError> {
    let limits = Limits::new()?;
    let grants = catalog.agreements().iter().flat_map(|it| &it.grants);
    let quotas = grants.filter(|grant| !grant.terms.quota.is_open());
    let quotas: Quotas<'_> = quotas
        .map(|grant| (grant.id.as_str(), (&grant.id, &grant.terms.quota)))
        .collect();
    if quotas.is_empty() {
        return Ok(limits);
    }
    let midnight_us = now.local_midnight().unix_ms().saturating_mul(1000);
    each_since(shards, midnight_us, &mut |entry| {
        recall(&limits, &quotas, &entry);
    })?;
    Ok(limits)
}

/// Gives every record since `midnight_us` to `visit`.
fn each_since(
    shards: &Shards,
    midnight_us: i64,
    visit: &mut dyn FnMut(ReadEntry),
) -> Result<(), LimitsError> {
    for quarter in shards.quarters() {
        // R93: today's questions stand in two logs on the day on which the quarter turned.
        let ledger = shards.past(quarter)?;
        let (first, is_all_today) = begin_of_day(&ledger, midnight_us)?;
        ledger.entries(first, |entry| {
            if entry.record.time_us >= midnight_us {
                visit(entry);
            }
            ControlFlow::Continue(())
        })?;
        if !is_all_today {
            break;
        }
    }
    Ok(())
}

/// The grants that have a quota, by their names in records.
type Quotas<'a> = HashMap<&'a str, (&'a GrantId, &'a Budget)>;

/// A record before which there is none of today, and whether there is none at all before it.
fn begin_of_day(ledger: &Ledger, midnight_us: i64) -> Result<(u64, bool), ReadError> {
    let mut first = ledger.size();
    let mut step = STEP_RECORDS;
    while first > 0 {
        first = first.saturating_sub(step);
        step = step.saturating_mul(2);
        let time_us = ledger.record(first)?.time_us;
        if time_us < midnight_us.saturating_sub(DISORDER_US) {
            return Ok((first, false));
        }
    }
    Ok((first, true))
}

fn recall(limits: &Limits, quotas: &Quotas<'_>, entry: &ReadEntry) {
    let record = &entry.record;
    let Some((grant, quota)) = quotas.get(record.grant.as_str()) else {
        return;
    };
    if record.kind() != RecordKind::Question {
        return;
    }
    let at = Moment::from_unix_ms(record.time_us.div_euclid(1000));
    // Of what was erased it is known that it was asked, and not about whom.
    let nobody = Budget {
        grant: quota.grant,
        ..Budget::default()
    };
    let (quota, subject, official) = match entry.sealed.sealed() {
        Some(sealed) => (*quota, sealed.subject.as_str(), sealed.official.as_str()),
        None => (&nobody, "", ""),
    };
    let past = Charge {
        grant,
        subject,
        official,
    };
    limits.recall(&past, quota, at);
}

#[cfg(test)]
mod tests {
    use motlan_audit::wire::{Record, Sealed};
    use motlan_audit::{Entry, Layout, Origin, ShardSettings, SignerKey};
    use tokio::task::JoinSet;

    use super::*;

    const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
    const MIDNIGHT_US: i64 = 1_795_280_400_000_000;
    const HOUR_US: i64 = 3_600_000_000;
    /// So many wait for the committer without waiting for room.
    const AT_ONCE: usize = 1000;

    /// Adds questions, each asked a microsecond after the one before.
    async fn ask(shards: &Shards, begin_us: i64, count: usize) {
        let ledger = shards.newest();
        let times: Vec<i64> = (begin_us..).take(count).collect();
        for times in times.chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for time_us in times {
                let record = Record {
                    kind: RecordKind::Question.into(),
                    time_us: *time_us,
                    ..Record::default()
                };
                let (ledger, sealed) = (ledger.clone(), Sealed::default());
                asked.spawn(async move { ledger.append(Entry { record, sealed }).await });
            }
            assert!(asked.join_all().await.iter().all(Result::is_ok));
        }
    }

    /// How many records of the day are found, each once.
    fn found(shards: &Shards) -> usize {
        let mut found = Vec::new();
        each_since(shards, MIDNIGHT_US, &mut |entry| {
            found.push(entry.record.time_us)
        })
        .unwrap();
        found.sort_unstable();
        found.dedup();
        assert!(found.iter().all(|time_us| *time_us >= MIDNIGHT_US));
        found.len()
    }

    #[tokio::test]
    async fn every_record_of_the_day_is_found_however_many_there_are_and_none_of_the_day_before() {
        // R93.
        let dir = tempfile::tempdir().unwrap();
        let (origin, key): (Origin, _) = (ORIGIN.parse().unwrap(), SignerKey::generate(ORIGIN));
        let settings = ShardSettings::new(Layout::beside(dir.path().join("ledger")), key.unwrap());
        Shards::create(&settings, &origin).unwrap();
        let shards = Shards::open_newest(settings).unwrap();
        assert_eq!(found(&shards), 0);
        ask(&shards, MIDNIGHT_US - HOUR_US, 3000).await;
        assert_eq!(found(&shards), 0);
        let mut asked = 0;
        for total in [1, 1023, 1024, 1025, 3071, 3072, 3073, 7200] {
            let begin_us = MIDNIGHT_US + i64::try_from(asked).unwrap();
            ask(&shards, begin_us, total - asked).await;
            asked = total;
            assert_eq!(found(&shards), total);
        }
        // Lookups that came at once, some just before midnight, stand in any order.
        ask(&shards, MIDNIGHT_US - HOUR_US / 120, 3000).await;
        assert_eq!(found(&shards), 7200);
        shards.close().unwrap();
    }
}
