//! The counters of limits at a start: what was used today is on record, and is counted again.

use std::collections::HashMap;
use std::ops::ControlFlow;

use motlan_audit::wire::RecordKind;
use motlan_audit::{PastError, ReadEntry, ReadError, Shards};
use motlan_catalog::{AgencyCode, Budget, Catalog, GrantId};
use motlan_exchange::{Charge, Limits, NoRandomKey};
use motlan_policy::Moment;

/// So many records the first step back reads; each one after it reads twice as many.
const STEP_RECORDS: u64 = 1024;

/// So far before midnight a whole step must lie before no more are read: a clock may have been put
/// back by as much, and what stands before was asked today.
const BACK_US: i64 = 3_600_000_000;

const DAY_US: i64 = 24 * 3_600_000_000;

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

/// Counters that have counted the questions of the day that `now` is in, and what there is of the
/// next. Blocking: reads them from the logs, unless no agreement has a quota.
///
/// # Errors
/// [`LimitsError`], upon which nobody may be let through: a quota could be used twice.
pub(crate) fn recalled(
    shards: &Shards,
    catalog: &Catalog,
    now: Moment,
) -> Result<Limits, LimitsError> {
    let limits = Limits::new()?;
    let quotas = quotas(catalog);
    if quotas.is_empty() {
        return Ok(limits);
    }
    limits.begin(now);
    let midnight_us = now.local_midnight().unix_ms().saturating_mul(1000);
    each_since(shards, midnight_us, &mut |entry| {
        recall(&limits, &quotas, &entry);
    })?;
    Ok(limits)
}

/// A grant that has a quota, and the agency that uses it.
struct Limited<'a> {
    grant: &'a GrantId,
    consumer: &'a AgencyCode,
    quota: &'a Budget,
}

/// The grants that have a quota, by their names in records.
type Quotas<'a> = HashMap<&'a str, Limited<'a>>;

fn quotas(catalog: &Catalog) -> Quotas<'_> {
    let mut quotas = Quotas::new();
    for agreement in catalog.agreements() {
        let limited = agreement.grants.iter().map(|grant| Limited {
            grant: &grant.id,
            consumer: &agreement.consumer,
            quota: &grant.terms.quota,
        });
        let limited = limited.filter(|it| !it.quota.is_open());
        quotas.extend(limited.map(|it| (it.grant.as_str(), it)));
    }
    quotas
}

/// Gives every record of the day that begins at `midnight_us` to `visit`, and of the one after,
/// which is there where the clock was put back: its midnight is to come, and is used already. What
/// is later stands there by a clock that was far ahead, and is nobody's use of these days.
fn each_since(
    shards: &Shards,
    midnight_us: i64,
    visit: &mut dyn FnMut(ReadEntry),
) -> Result<(), LimitsError> {
    let until_us = midnight_us.saturating_add(2 * DAY_US);
    let before_us = midnight_us.saturating_sub(BACK_US);
    for quarter in shards.quarters() {
        // R93: today's questions stand in two logs on the day on which the quarter turned.
        let ledger = shards.past(quarter)?;
        let (mut end, mut step) = (ledger.size(), STEP_RECORDS);
        while end > 0 {
            let first = end.saturating_sub(step);
            let (mut left, mut over) = (end.saturating_sub(first), true);
            ledger.entries(first, |entry| {
                if left == 0 {
                    return ControlFlow::Break(());
                }
                left = left.saturating_sub(1);
                let time_us = entry.record.time_us;
                over = over && time_us < before_us;
                if (midnight_us..until_us).contains(&time_us) {
                    visit(entry);
                }
                ControlFlow::Continue(())
            })?;
            if over {
                return Ok(());
            }
            (end, step) = (first, step.saturating_mul(2));
        }
        if ledger.size() > 0 && ledger.record(0)?.time_us < before_us {
            return Ok(());
        }
    }
    Ok(())
}

fn recall(limits: &Limits, quotas: &Quotas<'_>, entry: &ReadEntry) {
    let record = &entry.record;
    let Some(limited) = quotas.get(record.grant.as_str()) else {
        return;
    };
    if record.kind() != RecordKind::Question {
        return;
    }
    let at = Moment::from_unix_ms(record.time_us.div_euclid(1000));
    // Of what was erased it is known that it was asked, and not about whom.
    let nobody = Budget {
        grant: limited.quota.grant,
        ..Budget::default()
    };
    let (quota, subject, official) = match entry.sealed.sealed() {
        Some(sealed) => (
            limited.quota,
            sealed.subject.as_str(),
            sealed.official.as_str(),
        ),
        None => (&nobody, "", ""),
    };
    let past = Charge {
        grant: limited.grant,
        consumer: limited.consumer,
        subject,
        official,
    };
    limits.recall(&past, quota, at);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use motlan_audit::wire::{Record, Sealed};
    use motlan_audit::{Entry, Layout, Origin, ShardSettings, SignerKey};
    use tokio::task::JoinSet;

    use super::*;

    const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
    const MIDNIGHT_US: i64 = 1_795_280_400_000_000;
    const HOUR_US: i64 = 3_600_000_000;
    /// So many wait for the committer without waiting for room.
    const AT_ONCE: usize = 1000;

    fn laid_out(dir: &Path) -> Shards {
        let (origin, key): (Origin, _) = (ORIGIN.parse().unwrap(), SignerKey::generate(ORIGIN));
        let settings = ShardSettings::new(Layout::beside(dir.join("ledger")), key.unwrap());
        Shards::create(&settings, &origin).unwrap();
        Shards::open_newest(settings).unwrap()
    }

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
        let shards = laid_out(dir.path());
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

    #[tokio::test]
    async fn what_was_asked_today_is_found_behind_a_clock_that_was_put_back_or_far_ahead() {
        // R93.
        let dir = tempfile::tempdir().unwrap();
        let shards = laid_out(dir.path());
        ask(&shards, MIDNIGHT_US + HOUR_US / 6, 900).await;
        // Ten minutes past midnight it was put back to five minutes before.
        ask(&shards, MIDNIGHT_US - HOUR_US / 12, 5000).await;
        ask(&shards, MIDNIGHT_US + HOUR_US / 2, 900).await;
        assert_eq!(found(&shards), 1800);
        // And then far behind: a part of a step is not a whole one.
        ask(&shards, MIDNIGHT_US - 40 * HOUR_US, 200).await;
        assert_eq!(found(&shards), 1800);
        // The next day has been used already; what lies a year ahead was not used in these days.
        ask(&shards, MIDNIGHT_US + 24 * HOUR_US, 10).await;
        ask(&shards, MIDNIGHT_US + 365 * 24 * HOUR_US, 3000).await;
        assert_eq!(found(&shards), 1810);
        shards.close().unwrap();
    }
}
