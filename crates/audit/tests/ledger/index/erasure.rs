//! What was erased is not found by whom it was about, and nothing in the file tells.

use std::fs::{self, File};
use std::io::Read as _;

use motlan_api::audit::v1::{Record, RecordKind};
use motlan_audit::{Entry, Erasure, Index, Query, Tag, Whose};
use redb::{Database, TableDefinition};

use super::{append, differences, entry, file, indices, log_folder, of_subject};
use crate::common::Place;

fn erasure(whose: Whose) -> Erasure {
    Erasure {
        whose,
        ground: "decision 7".to_owned(),
        by: "operator".to_owned(),
        caller: String::new(),
        time_us: 1_790_787_600_000_000,
    }
}

fn subject(name: &str) -> Whose {
    Whose::Subject {
        subject: name.to_owned(),
        dataset: None,
    }
}

/// How often a tag stands anywhere in the file of the index.
fn count(place: &Place, tag: Tag) -> usize {
    let bytes = fs::read(file(place)).unwrap();
    bytes
        .windows(tag.0.len())
        .filter(|window| **window == tag.0)
        .count()
}

#[tokio::test]
async fn no_byte_of_the_file_tells_whom_an_erased_record_was_about() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    // In many transactions, so that there are free pages.
    for n in 0..20 {
        append(&ledger, n * 10..n * 10 + 10).await;
        index.search(&Query::default()).unwrap();
    }
    // What is not made to last yet stands in no file.
    index.stop();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    let (gone, kept) = ("001099000001", "001099000002");
    let tag = |name| ledger.sealing().subject_tag(name);
    let found = |name| indices(&index.search(&of_subject(name)).unwrap());
    let before = found(kept);
    assert!(!found(gone).is_empty() && count(&place, tag(gone)) > 0);

    // Whoever has the old file open still, or its blocks.
    let mut old = File::open(file(&place)).unwrap();
    let erased = ledger.erase(&erasure(subject(gone))).unwrap();
    assert!(!erased.indices.is_empty());
    assert_eq!(found(gone), [0; 0]);
    assert_eq!(count(&place, tag(gone)), 0);
    let mut bytes = Vec::new();
    old.read_to_end(&mut bytes).unwrap();
    assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0));
    assert_eq!(found(kept), before);
    assert!(
        count(&place, tag(kept)) > 0,
        "the tags are looked for where they are"
    );

    append(&ledger, [0]).await;
    assert_eq!(
        found(gone),
        [ledger.size() - 1],
        "what comes later is found"
    );
    index.stop();
    ledger.close().unwrap();
    let index = Index::open(log_folder(&place), &file(&place)).unwrap();
    assert_eq!(differences(&index), "");
}

#[tokio::test]
async fn an_erased_dataset_is_found_by_nobody_and_by_all_else() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    append(&ledger, 0..60).await;
    let mut of_official = Query {
        official: Some("o-1".to_owned()),
        limit: 1000,
        ..Query::default()
    };
    let all = index.search(&of_official).unwrap().records.len();
    ledger
        .erase(&erasure(Whose::Dataset("land".to_owned())))
        .unwrap();
    let left = index.search(&of_official).unwrap();
    assert!(left.records.len() < all);
    assert!(
        left.records
            .iter()
            .all(|entry| entry.record.dataset == "population")
    );
    of_official.official = None;
    of_official.dataset = Some("land".to_owned());
    // And the erasure itself.
    assert_eq!(index.search(&of_official).unwrap().records.len(), 31);
    index.stop();
    ledger.close().unwrap();
    let index = Index::open(log_folder(&place), &file(&place)).unwrap();
    assert_eq!(differences(&index), "");
    drop(index);
    let rebuilt = Index::rebuild(log_folder(&place), &file(&place), &mut |_, _| {}).unwrap();
    assert_eq!(differences(&rebuilt), "");
}

#[tokio::test]
async fn what_a_crash_left_to_be_forgotten_is_forgotten_when_it_is_opened() {
    const DOOMED: TableDefinition<'_, u64, ()> = TableDefinition::new("doomed");
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let alone = Entry {
        record: Record {
            kind: RecordKind::Question.into(),
            ..entry(1).record
        },
        ..entry(1)
    };
    let name = alone.sealed.subject.clone();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    let recorded = ledger.append(alone).await.unwrap();
    index.search(&Query::default()).unwrap();
    index.stop();
    let tag = ledger.sealing().subject_tag(&name);
    assert!(count(&place, tag) > 0);
    let book = Database::open(file(&place)).unwrap();
    let writing = book.begin_write().unwrap();
    writing
        .open_table(DOOMED)
        .unwrap()
        .insert(recorded.index(), ())
        .unwrap();
    writing.commit().unwrap();
    drop(book);
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    assert_eq!(index.search(&of_subject(&name)).unwrap().records.len(), 0);
    assert_eq!(count(&place, tag), 0);
}
