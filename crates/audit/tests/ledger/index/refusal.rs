//! An index that does not fit its log is refused, or its differences are named.

use std::fs;

use motlan_audit::{Index, IndexError, IndexState, LogFolder, Query, SearchError};
use redb::{Database, ReadableTable as _, TableDefinition};

use super::{append, differences, file, log_folder, of_subject};
use crate::common::{Place, change};

const MARKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("marks");
const TAGS: TableDefinition<'_, &[u8; 21], &[u8]> = TableDefinition::new("tags");

/// A closed ledger of 40 records with its index.
async fn indexed() -> Place {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    append(&ledger, 0..40).await;
    index.search(&Query::default()).unwrap();
    index.stop();
    ledger.close().unwrap();
    place
}

async fn grow(place: &Place, seeds: std::ops::Range<u64>) {
    let ledger = place.open();
    append(&ledger, seeds).await;
    ledger.close().unwrap();
}

fn opened(place: &Place) -> Result<Index, IndexError> {
    Index::open(log_folder(place), &file(place))
}

#[tokio::test]
async fn an_index_that_does_not_speak_for_the_log_is_refused() {
    let place = indexed().await;
    assert!(opened(&place).is_ok());
    let other = indexed().await;
    fs::copy(file(&other), file(&place)).unwrap();
    let error = opened(&place).unwrap_err();
    assert!(matches!(error, IndexError::OtherLog { .. }), "{error}");

    // Two histories of one log.
    let (ours, theirs) = (other.copy(), other.copy());
    grow(&ours, 100..110).await;
    grow(&theirs, 200..210).await;
    opened(&theirs).unwrap().update(&mut |_, _| {}).unwrap();
    assert!(opened(&theirs).is_ok());
    fs::copy(file(&theirs), file(&ours)).unwrap();
    let error = opened(&ours).unwrap_err();
    assert!(
        matches!(error, IndexError::OtherRecords { size: 50, .. }),
        "{error}"
    );
    fs::copy(file(&theirs), file(&other)).unwrap();
    let error = opened(&other).unwrap_err();
    assert!(
        matches!(error, IndexError::Ahead { size: 50, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("index rebuild"), "{error}");

    // A running ledger refuses it alike, and goes on.
    let ledger = other.open();
    let index = Index::follow(ledger.clone(), &file(&other)).unwrap();
    let refused = index.search(&Query::default()).unwrap_err();
    assert!(matches!(refused, SearchError::Index(_)), "{refused}");
    assert!(matches!(index.state(), IndexState::Failed(_)));
    append(&ledger, [1]).await;

    fs::remove_file(file(&place)).unwrap();
    let error = opened(&place).unwrap_err();
    assert!(matches!(error, IndexError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn an_index_in_use_is_neither_opened_nor_replaced() {
    let place = indexed().await;
    let index = opened(&place).unwrap();
    let error = opened(&place).unwrap_err();
    assert!(matches!(error, IndexError::InUse { .. }), "{error}");
    let error = Index::rebuild(log_folder(&place), &file(&place), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, IndexError::InUse { .. }), "{error}");
    drop(index);
    assert!(opened(&place).is_ok());
}

#[tokio::test]
async fn an_index_with_tags_goes_on_only_with_the_sealing_file() {
    let place = indexed().await;
    grow(&place, 100..110).await;
    let log = LogFolder::open(&place.folder(), None).unwrap();
    let index = Index::open(log, &file(&place)).unwrap();
    let error = index.update(&mut |_, _| {}).unwrap_err();
    assert!(matches!(error, IndexError::Sealing { .. }), "{error}");
    let error = index.check(&mut |_, _| {}).unwrap_err();
    assert!(matches!(error, IndexError::Sealing { .. }), "{error}");
    assert_eq!(index.search(&Query::default()).unwrap().indexed_to, 40);
}

/// Changes the index of a place by hand.
fn tamper(place: &Place, change: impl FnOnce(&redb::WriteTransaction)) {
    let book = Database::open(file(place)).unwrap();
    let writing = book.begin_write().unwrap();
    change(&writing);
    writing.commit().unwrap();
}

#[tokio::test]
async fn a_check_names_what_is_missing_and_what_is_too_much() {
    let place = indexed().await;
    assert_eq!(differences(&opened(&place).unwrap()), "");
    let without_mark = place.copy();
    tamper(&without_mark, |writing| {
        let key = [&[0, 0, 0, 0, 3][..], b"land"].concat();
        writing
            .open_table(MARKS)
            .unwrap()
            .remove(key.as_slice())
            .unwrap()
            .unwrap();
    });
    let told = differences(&opened(&without_mark).unwrap());
    assert!(
        told.contains("record hn1-2026q4-2 is not found by dataset `land`, and should be"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 20);

    let without_tag = place.copy();
    tamper(&without_tag, |writing| {
        let mut tags = writing.open_table(TAGS).unwrap();
        let key = *tags.first().unwrap().unwrap().0.value();
        tags.remove(&key).unwrap().unwrap();
    });
    let told = differences(&opened(&without_tag).unwrap());
    assert!(
        told.contains("is not found by its subject, and should be"),
        "{told}"
    );

    let too_much = place.copy();
    tamper(&too_much, |writing| {
        let mut marks = writing.open_table(MARKS).unwrap();
        // A list of one record, the fourth.
        marks
            .insert(
                [&[0, 0, 0, 0, 3][..], b"tax"].concat().as_slice(),
                &[0, 3, 0][..],
            )
            .unwrap();
        let mut tags = writing.open_table(TAGS).unwrap();
        let mut key = [7; 21];
        key[..5].copy_from_slice(&[0, 0, 0, 0, 9]);
        tags.insert(&key, &[5][..]).unwrap();
    });
    let index = opened(&too_much).unwrap();
    let told = differences(&index);
    assert!(
        told.contains("record hn1-2026q4-5 is found by a subject that is not"),
        "{told}"
    );
    assert!(
        told.contains("record hn1-2026q4-3 is found by dataset `tax`"),
        "{told}"
    );
    // And a search does not show it.
    let tax = Query {
        dataset: Some("tax".to_owned()),
        ..Query::default()
    };
    let error = index.search(&tax).unwrap_err();
    assert!(matches!(error, SearchError::Wrong { index: 3 }), "{error}");
}

#[tokio::test]
async fn a_changed_byte_never_shows_a_record_that_does_not_fit() {
    let place = indexed().await;
    let length = fs::metadata(file(&place)).unwrap().len() as usize;
    let (mut refused, mut found) = (0, 0);
    for at in (0..length).step_by(length / 150) {
        let copy = place.copy();
        change(&file(&copy), |bytes| bytes[at] ^= 0x5a);
        let Ok(index) = opened(&copy) else {
            refused += 1;
            continue;
        };
        match index.search(&of_subject("001099000002")) {
            Err(_) => refused += 1,
            Ok(page) => {
                found += 1;
                for entry in page.records {
                    assert_eq!(entry.sealed.sealed().unwrap().subject, "001099000002");
                }
            }
        }
    }
    assert!(refused > 0 && found > 0, "{refused} refused, {found} found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_instant_leaves_an_index_that_goes_on_or_is_made_anew() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    let mut kills = Vec::new();
    for first in (0..3000).step_by(250) {
        let to = ledger.clone();
        let appending = tokio::spawn(async move { append(&to, first..first + 250).await });
        loop {
            let is_last = appending.is_finished();
            let _ = index.search(&Query::default());
            // The file as it is at this instant, perhaps in the middle of a write.
            kills.push(fs::read(file(&place)).unwrap());
            if is_last {
                break;
            }
        }
        appending.await.unwrap();
    }
    index.stop();
    ledger.close().unwrap();
    let mut went_on = 0;
    let step = kills.len().div_ceil(20);
    for kill in kills.iter().step_by(step) {
        fs::write(file(&place), kill).unwrap();
        let index = match opened(&place) {
            Ok(index) => {
                went_on += 1;
                index.update(&mut |_, _| {}).unwrap();
                index
            }
            Err(IndexError::Damaged { .. }) => {
                Index::rebuild(log_folder(&place), &file(&place), &mut |_, _| {}).unwrap()
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(index.indexed_to(), 3000);
        assert_eq!(differences(&index), "");
    }
    assert!(went_on > 0);
}
