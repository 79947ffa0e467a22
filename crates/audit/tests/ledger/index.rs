//! The search index: it finds what a slow look at every record finds, keeps up, and is not believed
//! where it does not fit its log.

mod erasure;
mod refusal;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{
    Entry, Field, Index, Ledger, LogFolder, Page, Query, ReadEntry, Sealing, SearchError,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::common::Place;

const NOW_US: i64 = 1_790_787_600_000_000;

pub(crate) fn file(place: &Place) -> PathBuf {
    Index::beside(&place.folder())
}

/// A record of small words, so that many are alike.
pub(crate) fn entry(seed: u64) -> Entry {
    let pick = |words: &[&str], by: u64| {
        let at = (seed / by) as usize % words.len();
        words[at].to_owned()
    };
    let is_outcome = seed.is_multiple_of(3);
    let record = Record {
        kind: match is_outcome {
            true => RecordKind::Outcome.into(),
            false => RecordKind::Question.into(),
        },
        // Not in the order of the log.
        time_us: NOW_US + (seed % 97) as i64 * 1_000_000,
        caller: pick(&["H26/one-stop", "G01/portal", "H29/one-stop"], 1),
        dataset: pick(&["population", "land"], 2),
        method: pick(&["/a/Get", "/a/List", "/b/Get"], 5),
        procedure: pick(&["1.004222", "1.001193", ""], 7),
        grant: pick(&["g1/a", "g2/b", ""], 11),
        result: match is_outcome {
            true => pick_result(seed).into(),
            false => 0,
        },
        reason: if is_outcome {
            pick(&["", "NO_AGREEMENT"], 13)
        } else {
            String::new()
        },
        ..Record::default()
    };
    let sealed = Sealed {
        subject: pick(&["001099000001", "001099000002", "001099000003x", ""], 3),
        dossier: pick(&["H26-1", "H26-2", ""], 17),
        official: pick(&["o-1", "o-2"], 19),
        ..Sealed::default()
    };
    Entry { record, sealed }
}

fn pick_result(seed: u64) -> Ended {
    let results = [
        Ended::Released,
        Ended::Refused,
        Ended::Failed,
        Ended::NotFound,
    ];
    results[(seed / 3) as usize % results.len()]
}

pub(crate) async fn append(ledger: &Ledger, seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let _ = ledger.append(entry(seed)).await.unwrap();
    }
}

fn query() -> impl Strategy<Value = Query> {
    fn one(words: &'static [&'static str]) -> BoxedStrategy<Option<String>> {
        let word = prop::sample::select(words).prop_map(str::to_owned);
        prop::option::weighted(0.25, word).boxed()
    }
    let result = prop::sample::select(&[Ended::Released, Ended::Refused, Ended::NotFound][..]);
    let kind = prop::sample::select(&[RecordKind::Question, RecordKind::Outcome][..]);
    let time = || prop::option::weighted(0.3, (0..100_i64).prop_map(|s| NOW_US + s * 1_000_000));
    (
        (
            one(&["001099000001", " 001099000003X ", "nobody"]),
            one(&["H26-1", "H26-9"]),
            one(&["o-1", "o-2"]),
            one(&["H26/one-stop", "G01/portal", "H"]),
            one(&["population", "land"]),
            one(&["/a/Get", "/b/Get"]),
        ),
        one(&["1.004222", "1.001193"]),
        one(&["g1/a", "g2/b"]),
        one(&["NO_AGREEMENT"]),
        (
            prop::option::weighted(0.2, kind),
            prop::option::weighted(0.2, result),
        ),
        (time(), time()),
        1..12_usize,
    )
        .prop_map(
            |(who, procedure, grant, reason, ended, times, limit)| Query {
                subject: who.0,
                dossier: who.1,
                official: who.2,
                caller: who.3,
                dataset: who.4,
                method: who.5,
                procedure,
                grant,
                reason,
                kind: ended.0,
                result: ended.1,
                since_us: times.0.min(times.1),
                until_us: times
                    .0
                    .max(times.1)
                    .filter(|until| times.0.min(times.1) != Some(*until)),
                limit,
                page: None,
            },
        )
}

/// The slow, obvious twin: which records fit, newest first.
fn scan(ledger: &Ledger, query: &Query) -> Vec<u64> {
    let mut found = Vec::new();
    let fits = |asked: &Option<String>, value: &str| asked.as_ref().is_none_or(|due| due == value);
    ledger
        .entries(
            0,
            |ReadEntry {
                 id, record, sealed, ..
             }| {
                let none = Sealed::default();
                let sealed = sealed.sealed().unwrap_or(&none);
                let asked = query.subject.as_ref().map(|due| due.trim().to_uppercase());
                let all = [
                    asked.is_none_or(|due| due == sealed.subject.to_uppercase()),
                    fits(&query.dossier, &sealed.dossier),
                    fits(&query.official, &sealed.official),
                    fits(&query.caller, &record.caller),
                    fits(&query.dataset, &record.dataset),
                    fits(&query.method, &record.method),
                    fits(&query.procedure, &record.procedure),
                    fits(&query.grant, &record.grant),
                    fits(&query.reason, &record.reason),
                    query.kind.is_none_or(|kind| kind == record.kind()),
                    query.result.is_none_or(|result| result == record.result()),
                    query.since_us.is_none_or(|since| since <= record.time_us),
                    query.until_us.is_none_or(|until| record.time_us < until),
                ];
                if all.iter().all(|fits| *fits) {
                    found.push(id.index());
                }
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    found.reverse();
    found
}

pub(crate) fn indices(page: &Page) -> Vec<u64> {
    page.records.iter().map(|entry| entry.id.index()).collect()
}

/// What all pages of a query hold.
fn all_pages(index: &Index, query: &Query) -> Vec<u64> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = index.search(&query).unwrap();
        assert!(page.records.len() == query.limit || page.next.is_none());
        found.extend(indices(&page));
        match page.next {
            None => return found,
            next => query.page = next,
        }
    }
}

pub(crate) fn of_subject(subject: &str) -> Query {
    Query {
        subject: Some(subject.to_owned()),
        ..Query::default()
    }
}

pub(crate) fn log_folder(place: &Place) -> LogFolder {
    let sealing = Sealing::read(&place.sealing_file()).unwrap();
    LogFolder::open(&place.folder(), Some(sealing)).unwrap()
}

/// What is wrong with an index, one difference on each line.
pub(crate) fn differences(index: &Index) -> String {
    let differences = index.check(&mut |_, _| {}).unwrap();
    assert_eq!(differences.count, differences.first.len() as u64);
    differences.first.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_search_finds_what_a_scan_of_all_records_finds(
        seeds in prop::collection::vec(any::<u64>(), 1..120),
        queries in prop::collection::vec(query(), 1..40),
    ) {
        let runtime = Runtime::new().unwrap();
        let place = Place::new(1 << 16);
        let ledger = place.open();
        let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
        let (front, back) = seeds.split_at(seeds.len() / 2);
        for part in [front, back] {
            runtime.block_on(append(&ledger, part.iter().copied()));
            for query in &queries {
                prop_assert_eq!(all_pages(&index, query), scan(&ledger, query), "{:?}", query);
            }
        }
        index.stop();
        let index = Index::open(log_folder_of(&place, ledger), &file(&place)).unwrap();
        prop_assert_eq!(differences(&index), "");
        drop(index);
        let rebuilt = Index::rebuild(log_folder(&place), &file(&place), &mut |_, _| {}).unwrap();
        prop_assert_eq!(differences(&rebuilt), "");
        prop_assert_eq!(rebuilt.indexed_to(), seeds.len() as u64);
    }
}

/// The folder of a ledger that is closed first, so that its checkpoint speaks for all.
fn log_folder_of(place: &Place, ledger: Ledger) -> LogFolder {
    ledger.close().unwrap();
    log_folder(place)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_speaks_for_all_that_was_recorded_when_it_was_asked() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    for n in 1..=30 {
        append(&ledger, [n]).await;
        let page = index.search(&Query::default()).unwrap();
        assert_eq!((page.indexed_to, page.records.len() as u64), (n, n));
    }
    assert_eq!(index.lag(), 0);
    let mode = file(&place).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn pages_speak_for_the_log_as_it_was_when_the_first_was_asked_for() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    append(&ledger, 0..30).await;
    let mut query = Query {
        limit: 12,
        ..Query::default()
    };
    let mut found = Vec::new();
    loop {
        let page = index.search(&query).unwrap();
        assert_eq!(page.indexed_to, 30);
        found.extend(indices(&page));
        append(&ledger, 100..105).await;
        query.page = page.next;
        if query.page.is_none() {
            break;
        }
    }
    assert_eq!(found, (0..30).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_that_cannot_be_meant_is_the_callers_fault() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    append(&ledger, 0..10).await;
    let limited = |limit| Query {
        limit,
        ..Query::default()
    };
    let next = index.search(&limited(3)).unwrap().next;
    let mut other = of_subject("001099000001");
    other.page = next.clone();
    let mut cut = limited(3);
    cut.page = next.map(|page| page[1..].to_owned());
    let wrong = [
        limited(Query::LIMIT_MAX + 1),
        of_subject("  "),
        of_subject(&"9".repeat(5000)),
        Query {
            since_us: Some(5),
            until_us: Some(5),
            ..Query::default()
        },
        other,
        cut,
    ];
    for query in wrong {
        let error = index.search(&query).unwrap_err();
        assert!(error.is_callers(), "{error}");
    }
    assert!(!format!("{:?}", of_subject("001099000001")).contains("001099"));
}

#[tokio::test]
async fn known_values_are_those_on_record() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let index = Index::follow(ledger.clone(), &file(&place)).unwrap();
    append(&ledger, 0..50).await;
    index.search(&Query::default()).unwrap();
    let values = |field| index.values(field).unwrap();
    let due = ["land", "population"].map(str::to_owned);
    assert_eq!(values(Field::Dataset), BTreeSet::from(due));
    assert_eq!(values(Field::Subject), BTreeSet::new());
}

#[tokio::test]
async fn an_index_without_the_sealing_file_finds_nobody_and_all_else() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    append(&ledger, 0..50).await;
    ledger.close().unwrap();
    let log = || LogFolder::open(&place.folder(), None).unwrap();
    let index = Index::rebuild(log(), &file(&place), &mut |_, _| {}).unwrap();
    assert_eq!(differences(&index), "");
    let land = Query {
        dataset: Some("land".to_owned()),
        ..Query::default()
    };
    assert_eq!(index.search(&land).unwrap().records.len(), 24);
    let refused = |index: &Index| {
        let error = index.search(&of_subject("001099000001")).unwrap_err();
        assert!(matches!(error, SearchError::Unkeyed), "{error}");
    };
    refused(&index);
    drop(index);
    let index = Index::open(log_folder(&place), &file(&place)).unwrap();
    refused(&index);
}

/// Slow: more than a chunk of 65,536 records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_several_chunks_is_found() {
    let place = Place::new(1 << 22);
    let ledger = place.open();
    let mut asking = Vec::new();
    for part in 0..256_u64 {
        let ledger = ledger.clone();
        asking.push(tokio::spawn(async move {
            append(&ledger, part * 1000..part * 1000 + 270).await;
        }));
    }
    for asked in asking {
        asked.await.unwrap();
    }
    ledger.close().unwrap();
    let index = Index::rebuild(log_folder(&place), &file(&place), &mut |_, _| {}).unwrap();
    let ledger = place.open();
    let mut query = of_subject("001099000003X");
    query.dataset = Some("land".to_owned());
    query.caller = Some("G01/portal".to_owned());
    query.since_us = Some(NOW_US + 50_000_000);
    query.limit = 1000;
    let found = all_pages(&index, &query);
    assert!(found.len() > 500, "{}", found.len());
    assert_eq!(found, scan(&ledger, &query));
    assert_eq!(differences(&index), "");
}
