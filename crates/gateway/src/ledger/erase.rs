//! What the operator makes unreadable, while the gateway is stopped.

use motlan_audit::{Erased, Erasure, Ledger, Quarter, Shards, Whose};

use super::{LedgerError, open};
use crate::index;
use crate::settings::{LedgerSettings, Retention};

/// Who erased, in the sealed part of the record, where it was retention.
const RETENTION: &str = "retention";

/// What retention says of one dataset.
#[derive(Debug)]
pub enum Retained {
    /// Nothing readable is recorded of it.
    Nothing,
    /// It may be kept up to the end of this quarter.
    Kept(Quarter),
    /// It was made unreadable.
    Erased(Erased),
}

/// Makes sealed parts unreadable in the logs of all quarters; what each of them gave. Blocking: it
/// opens the logs, reads them and closes them.
///
/// # Errors
/// [`LedgerError`]: where it is in use, or nothing was erased, or not for good.
pub fn erase(
    instance: &str,
    settings: &LedgerSettings,
    erasure: &Erasure,
) -> Result<Vec<(Quarter, Erased)>, LedgerError> {
    let shards = open(instance, settings)?;
    let erased = shards.erase(erasure);
    let forgotten = forget(&shards);
    shards.close()?;
    let erased = erased?;
    forgotten?;
    Ok(erased)
}

/// Has the search indexes of the logs that are open forget what was erased.
fn forget(shards: &Shards) -> Result<(), LedgerError> {
    for quarter in shards.quarters() {
        let file = shards.layout().index(quarter);
        if let Some(ledger) = shards.opened(quarter) {
            index::forget_erased(&ledger, &file)
                .map_err(|source| LedgerError::Index { file, source })?;
        }
    }
    Ok(())
}

/// What retention says of each dataset in each log, the oldest log first.
pub type AllRetained<'s> = Vec<(Quarter, &'s Retention, Retained)>;

/// Makes unreadable what is past its retention at `now_us`, microseconds since the Unix epoch, in
/// the log of each quarter. Blocking, as [`erase`].
///
/// # Errors
/// As [`erase`].
pub fn retain<'s>(
    instance: &str,
    settings: &'s LedgerSettings,
    now_us: i64,
) -> Result<AllRetained<'s>, LedgerError> {
    let shards = open(instance, settings)?;
    let mut told = Vec::new();
    let quarters = shards.quarters().into_iter().rev();
    let retained = quarters
        .map(|quarter| shards.past(quarter))
        .try_for_each(|log| retain_one(&log?, settings, now_us, &mut told));
    let forgotten = forget(&shards);
    shards.close()?;
    retained?;
    forgotten?;
    Ok(told)
}

fn retain_one<'s>(
    ledger: &Ledger,
    settings: &'s LedgerSettings,
    now_us: i64,
    told: &mut AllRetained<'s>,
) -> Result<(), LedgerError> {
    let quarter = ledger.origin().quarter();
    let holdings = ledger.holdings()?;
    for retention in &settings.retain {
        let Some(holding) = holdings.get(&retention.dataset) else {
            told.push((quarter, retention, Retained::Nothing));
            continue;
        };
        let last = Quarter::containing(holding.newest_us).after(retention.quarters);
        if Quarter::containing(now_us) <= last {
            told.push((quarter, retention, Retained::Kept(last)));
            continue;
        }
        let erased = ledger.erase(&Erasure {
            whose: Whose::Dataset(retention.dataset.clone()),
            ground: retention.ground.clone(),
            by: RETENTION.to_owned(),
            caller: String::new(),
            time_us: now_us,
        })?;
        told.push((quarter, retention, Retained::Erased(erased)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use motlan_audit::Entry;
    use motlan_audit::wire::{Record, RecordKind};
    use motlan_testkit::World;

    use super::super::init;
    use super::*;
    use crate::settings::Settings;

    /// 2026-11-15 in Viet Nam.
    const ASKED_US: i64 = 1_794_675_600_000_000;
    const DAY_US: i64 = 86_400_000_000;

    fn asked(dataset: &str, time_us: i64) -> Entry {
        let record = Record {
            kind: RecordKind::Question.into(),
            dataset: dataset.to_owned(),
            time_us,
            ..Record::default()
        };
        Entry {
            record,
            ..Entry::default()
        }
    }

    #[tokio::test]
    async fn a_dataset_is_erased_once_its_newest_record_is_older_than_its_retention() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let mut settings = Settings::read(&world.config()).unwrap().ledger;
        for (dataset, quarters) in [("population", 1), ("land", 2)] {
            settings.retain.push(Retention {
                dataset: dataset.to_owned(),
                quarters,
                ground: "by law".to_owned(),
            });
        }
        init("hn1", &settings).unwrap();
        let ledger = open("hn1", &settings).unwrap();
        let ledger = ledger.newest();
        // The ledger was written on into the next quarter.
        for time_us in [ASKED_US, ASKED_US + 60 * DAY_US] {
            let _ = ledger.append(asked("population", time_us)).await.unwrap();
        }
        let _ = ledger.append(asked("land", ASKED_US)).await.unwrap();
        ledger.close().unwrap();
        let retain = |days: i64| {
            let retained = retain("hn1", &settings, ASKED_US + days * DAY_US).unwrap();
            let told = retained.into_iter().map(|(_, _, retained)| match retained {
                Retained::Nothing => "nothing".to_owned(),
                Retained::Kept(quarter) => quarter.to_string(),
                Retained::Erased(erased) => format!("erased {:?}", erased.indices),
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(retain(0), ["2027q2", "2027q2"]);
        assert_eq!(retain(227), ["2027q2", "2027q2"], "the last of June");
        assert_eq!(retain(228), ["erased [0, 1]", "erased [2]"]);
        assert_eq!(retain(228), ["nothing", "nothing"]);
    }
}
