//! Looks and holds: records like others, but with keys of their own, which no dataset's erasure
//! ends.

use motlan_api::audit::v1::{Held, Hold, Look, Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{AppendError, Entry, Erasure, Index, Query, Whose};

use crate::common::{Place, question};
use crate::sealing::{of_subject, opened, subject};

const NOW_US: i64 = 1_790_787_600_000_000;

/// A look by an official for records of the population dataset about a subject.
fn look(n: u64) -> Entry {
    let record = Record {
        kind: RecordKind::Look.into(),
        time_us: NOW_US,
        caller: "G20/inspection".into(),
        dataset: "population".into(),
        result: Ended::Released.into(),
        look: Some(Look {
            filters: vec!["dataset".into(), "subject".into()],
            ..Look::default()
        }),
        ..Record::default()
    };
    let sealed = Sealed {
        subject: subject(n),
        official: "inspector-1".into(),
        ..Sealed::default()
    };
    Entry { record, sealed }
}

fn hold(n: u64) -> Entry {
    let record = Record {
        kind: RecordKind::Hold.into(),
        time_us: NOW_US,
        caller: "G01/data-protection".into(),
        hold: Some(Hold {
            ground: "order 9".into(),
            until_us: NOW_US + 1,
            ends: String::new(),
        }),
        ..Record::default()
    };
    let sealed = Sealed {
        subject: subject(n),
        held: Some(Held {
            caller: "H26/one-stop".into(),
            ..Held::default()
        }),
        ..Sealed::default()
    };
    Entry { record, sealed }
}

#[tokio::test]
async fn an_erased_dataset_leaves_the_looks_for_it_readable() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &Index::beside(&place.folder())).unwrap();
    for entry in [question(1), look(1), question(2), hold(2)] {
        let _ = ledger.append(entry).await.unwrap();
    }
    let erasure = Erasure {
        whose: Whose::Dataset("population".to_owned()),
        ..of_subject("-")
    };
    let holding = ledger.holdings().unwrap();
    assert_eq!(holding.len(), 1);
    assert_eq!(holding["population"].records, 2);
    let erased = ledger.erase(&erasure).unwrap();
    assert_eq!(erased.indices, [0, 2]);
    assert_eq!(opened(&ledger), "- 1 - 2 e");
    // A look for it can be recorded still, and a question cannot.
    let _ = ledger.append(look(3)).await.unwrap();
    let refused = ledger.append(question(3)).await.map(|_| ());
    assert!(matches!(refused, Err(AppendError::NoKey)), "{refused:?}");
    let by_inspector = Query {
        official: Some("inspector-1".to_owned()),
        ..Query::default()
    };
    let found = index.search(&by_inspector).unwrap().records;
    let found: Vec<u64> = found.iter().map(|entry| entry.id.index()).collect();
    assert_eq!(found, [5, 1]);
    index.stop();
    ledger.close().unwrap();
    let (findings, parts) = place.opened();
    assert_eq!((findings.as_str(), parts.erased), ("", 2));
}

#[tokio::test]
async fn an_erased_subject_is_gone_from_looks_and_holds_too() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    for entry in [question(1), look(1), hold(1), look(2), hold(2)] {
        let _ = ledger.append(entry).await.unwrap();
    }
    // Limited to a dataset, it takes the look for that dataset, and no hold.
    let mut erasure = of_subject(&subject(1));
    erasure.whose = Whose::Subject {
        subject: subject(1),
        dataset: Some("population".to_owned()),
    };
    assert_eq!(ledger.erase(&erasure).unwrap().indices, [0, 1]);
    let rest = ledger.erase(&of_subject(&subject(1))).unwrap();
    assert_eq!(rest.indices, [2]);
    assert_eq!(opened(&ledger), "- - - 2 2 e e");
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
}

#[tokio::test]
async fn a_look_or_a_hold_that_verification_would_find_wrong_is_not_recorded() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let mut untold = look(1);
    untold.record.look = None;
    let mut endless = hold(1);
    endless.record.hold.as_mut().unwrap().until_us = 0;
    for entry in [untold, endless] {
        let refused = ledger.append(entry).await.map(|_| ());
        assert!(matches!(refused, Err(AppendError::Malformed(_))));
    }
    assert_eq!(ledger.size(), 0);
}
