//! Changes of what is in force: on record with what was and what is, or why not, and nothing else.

use motlan_api::audit::v1::{Change, ChangeSubject, Record, RecordKind, Sealed};
use motlan_audit::{AppendError, Entry, Index, LogFolder, Query, Sealing, verify_with};

use crate::common::{Place, outcome, question};

const NOW_US: i64 = 1_790_787_600_000_000;

fn change(after: &str, faults: u32) -> Entry {
    let record = Record {
        kind: RecordKind::Change.into(),
        time_us: NOW_US,
        change: Some(Change {
            subject: ChangeSubject::Catalog.into(),
            before: "0a".repeat(16),
            after: after.into(),
            faults,
        }),
        ..Record::default()
    };
    let sealed = Sealed::default();
    Entry { record, sealed }
}

// R106: as it is written, it verifies, is found, and is gone with no dataset.
#[tokio::test]
async fn a_change_is_written_verified_and_found_by_its_kind() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let _ = ledger.append(question(0)).await.unwrap();
    let taken = ledger.append(change(&"0b".repeat(16), 0)).await.unwrap();
    let refused = ledger.append(change("", 3)).await.unwrap();
    let _ = ledger.append(outcome(Some(0))).await.unwrap();
    let due = vec![refused.index(), taken.index()];
    ledger.close().unwrap();
    let sealing = Sealing::read(&place.sealing_file()).unwrap();
    let report = verify_with(
        &place.folder(),
        &place.verifier(),
        Some(&sealing),
        |_, _| {},
    );
    let report = report.unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!((report.changes, report.records), (2, 4));
    let folder = LogFolder::open(&place.folder(), Some(sealing)).unwrap();
    let index = Index::rebuild(folder, &place.path().join("index"), &mut |_, _| {}).unwrap();
    let query = Query {
        kind: Some(RecordKind::Change),
        since_us: Some(NOW_US),
        until_us: Some(NOW_US + 1),
        ..Query::default()
    };
    let found = index.search(&query).unwrap().records;
    let found: Vec<_> = found.iter().map(|entry| entry.id.index()).collect();
    assert_eq!(found, due);
}

#[tokio::test]
async fn a_change_that_says_too_little_or_too_much_is_not_recorded() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let right = || change(&"0b".repeat(16), 0);
    let changed = |change_it: fn(&mut Entry)| {
        let mut entry = right();
        change_it(&mut entry);
        entry
    };
    for wrong in [
        change("", 0),
        change(&"0b".repeat(16), 1),
        change("a revision", 0),
        changed(|it| it.record.change = None),
        changed(|it| it.record.caller = "H26/one-stop".into()),
        changed(|it| it.record.question = Some(0)),
        changed(|it| it.sealed.official = "an official".into()),
        changed(|it| it.record.kind = RecordKind::Question.into()),
    ] {
        let refused = ledger.append(wrong).await.map(|durable| durable.index());
        match refused {
            Err(AppendError::Malformed(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let _ = ledger.append(right()).await.unwrap();
    assert_eq!(ledger.size(), 1);
    ledger.close().unwrap();
}
