//! The search index that follows the ledger: off the way of lookups, which neither wait for it nor
//! fail with it.

use std::io;
use std::path::Path;

use motlan_audit::{Index, Ledger};

use crate::telemetry::Metrics;

/// Starts following. The index is made where there is none: it is derived, and empty.
///
/// # Errors
/// Where no thread can be started. What is wrong with the index itself is logged, and found by
/// whoever searches.
pub fn follow(ledger: &Ledger, file: &Path, metrics: &Metrics) -> io::Result<Index> {
    let index = Index::follow(ledger.clone(), file)?;
    let lag = index.lag_later();
    metrics
        .meter()
        .u64_observable_gauge("motlan.index.lag")
        .with_description("Records that the search index has not reached yet")
        .with_callback(move |gauge| {
            if let Some(records) = lag() {
                gauge.observe(records, &[]);
            }
        })
        .build();
    Ok(index)
}

/// Takes an index on to the end of the ledger, so that it forgets what was just erased. Blocking.
/// Nothing where there is no index.
///
/// # Errors
/// Where it could not be done, and the file may still tell.
pub fn forget_erased(ledger: &Ledger, file: &Path) -> Result<(), motlan_audit::SearchError> {
    if !file.exists() {
        return Ok(());
    }
    let failed = |source| motlan_audit::IndexError::Io {
        file: file.to_owned(),
        source,
    };
    let index = Index::follow(ledger.clone(), file)
        .map_err(|source| motlan_audit::SearchError::Index(failed(source).into()))?;
    index.catch_up()?;
    index.stop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use motlan_api::audit::v1::{Record, RecordKind, Sealed};
    use motlan_audit::{Entry, Erasure, Query, Settings, SignerKey, Whose};

    use super::*;

    const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
    const SUBJECT: &str = "001099012345";

    async fn ledger(folder: &Path) -> Ledger {
        let key = SignerKey::generate(ORIGIN).unwrap();
        Ledger::create(folder, &ORIGIN.parse().unwrap(), &key).unwrap();
        let mut settings = Settings::new(folder, key);
        settings.segment_bytes = 1 << 16;
        let ledger = Ledger::open(settings).unwrap();
        for _ in 0..5 {
            let record = Record {
                kind: RecordKind::Question.into(),
                ..Record::default()
            };
            let sealed = Sealed {
                subject: SUBJECT.into(),
                ..Sealed::default()
            };
            let _ = ledger.append(Entry { record, sealed }).await.unwrap();
        }
        ledger
    }

    #[tokio::test]
    async fn an_index_is_made_kept_up_and_measured() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, metrics) = (dir.path().join("ledger"), Metrics::new().unwrap());
        let ledger = ledger(&folder).await;
        let index = follow(&ledger, &Index::beside(&folder), &metrics).unwrap();
        index.catch_up().unwrap();
        assert_eq!(index.indexed_to(), 5);
        let text = metrics.text().unwrap();
        let lag = text
            .lines()
            .find(|line| line.starts_with("motlan_index_lag"));
        assert!(lag.is_some_and(|line| line.ends_with(" 0")), "{text}");
    }

    #[tokio::test]
    async fn an_index_that_nobody_follows_forgets_what_was_erased() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("ledger");
        let (ledger, file) = (ledger(&folder).await, Index::beside(&folder));
        let tag = ledger.sealing().subject_tag(SUBJECT).0;
        let tells = || {
            fs::read(&file)
                .unwrap()
                .windows(tag.len())
                .any(|bytes| bytes == tag)
        };
        let index = Index::follow(ledger.clone(), &file).unwrap();
        index.search(&Query::default()).unwrap();
        index.stop();
        assert!(tells());
        let erasure = Erasure {
            whose: Whose::Subject {
                subject: SUBJECT.to_owned(),
                dataset: None,
            },
            ground: "decision 7".to_owned(),
            by: "operator".to_owned(),
            caller: String::new(),
            time_us: 0,
        };
        ledger.erase(&erasure).unwrap();
        forget_erased(&ledger, &file).unwrap();
        assert!(!tells());
    }
}
