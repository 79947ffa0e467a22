//! `motlan-audit search` and `motlan-audit index` as an inspector runs them.

use std::fs;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Entry, Ledger, Settings, SignerKey};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use crate::program;

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
const SUBJECT: &str = "001099012345";
const OTHER: &str = "001099054321";
const NOW_US: i64 = 1_790_787_600_000_000;

/// A closed ledger of 20 lookups, in turn of two subjects, one a day.
async fn case() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let key = SignerKey::generate(ORIGIN).unwrap();
    Ledger::create(&folder, &ORIGIN.parse().unwrap(), &key).unwrap();
    let mut settings = Settings::new(&folder, key);
    settings.segment_bytes = 1 << 16;
    let ledger = Ledger::open(settings).unwrap();
    for n in 0..20 {
        let record = Record {
            kind: RecordKind::Outcome.into(),
            time_us: NOW_US + n * 86_400_000_000,
            caller: "H26/one-stop".into(),
            dataset: "population".into(),
            result: [Ended::Released, Ended::Refused][(n / 2 % 2) as usize].into(),
            ..Record::default()
        };
        let sealed = Sealed {
            subject: [SUBJECT, OTHER][(n % 2) as usize].into(),
            dossier: format!("H26-{n}"),
            official: "o-17".into(),
            ..Sealed::default()
        };
        let _ = ledger.append(Entry { record, sealed }).await.unwrap();
    }
    ledger.close().unwrap();
    dir
}

fn run(dir: &TempDir, arguments: &[&str], input: &str) -> (i32, String, String) {
    program::run_with(dir.path(), arguments, input)
}

const SEALED: [&str; 4] = ["--ledger", "ledger", "--sealing", "ledger.sealing"];

fn rebuild(dir: &TempDir) {
    let (code, out, err) = run(dir, &[&["index", "rebuild"], &SEALED[..]].concat(), "");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("ledger.index: 20 records"), "{out}");
}

fn search(dir: &TempDir, more: &[&str], input: &str) -> (i32, String, String) {
    run(dir, &[&["search"], &SEALED[..], more].concat(), input)
}

#[tokio::test]
async fn a_subject_is_found_by_standard_input_page_by_page() {
    let dir = case().await;
    rebuild(&dir);
    let (code, out, err) = search(&dir, &["--subject", "-"], "001099012345\n");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(
        (out.matches(SUBJECT).count(), out.matches(OTHER).count()),
        (10, 0),
        "{out}"
    );
    assert!(
        out.contains("hn1-2026q4-18  2026-10-19T00:00:00.000000+07:00  refused"),
        "{out}"
    );
    assert!(out.contains("speaks for the first 20 records"), "{out}");

    let (mut page, mut found) = (None, Vec::new());
    loop {
        let mut more = vec!["--subject", "-", "--json", "--limit", "4"];
        more.extend(page.iter().flat_map(|page: &String| ["--page", page]));
        let (code, out, err) = search(&dir, &more, SUBJECT);
        assert_eq!(code, 0, "{err}");
        let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<serde_json::Value> = lines.collect();
        let end = lines.pop().unwrap();
        assert_eq!(end["indexed_to"], 20);
        found.extend(lines.iter().map(|line| line["index"].as_u64().unwrap()));
        page = end["next"].as_str().map(str::to_owned);
        if page.is_none() {
            break;
        }
    }
    assert_eq!(
        found,
        (0..20).rev().filter(|n| n % 2 == 0).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn filters_are_all_to_fit() {
    let dir = case().await;
    rebuild(&dir);
    let more = [
        "--official",
        "o-17",
        "--caller",
        "H26/one-stop",
        "--result",
        "refused",
        "--since",
        "2026-10-04",
        "--until",
        "2026-10-12T00:00:00+07:00",
        "--kind",
        "outcome",
        "--json",
    ];
    let (code, out, err) = search(&dir, &more, "");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let found: Vec<_> = out
        .lines()
        .filter(|line| line.contains("\"REFUSED\""))
        .collect();
    // Those of days 3, 6, 7 and 10, counted from 0.
    assert_eq!(found.len(), 4, "{out}");
    let (code, out, _) = search(&dir, &["--dossier", "H26-7"], "");
    assert_eq!(
        (code, out.matches("hn1-2026q4-7 ").count()),
        (0, 1),
        "{out}"
    );
}

#[tokio::test]
async fn what_cannot_be_searched_says_what_to_do() {
    let dir = case().await;
    let refused = |arguments: &[&str], input: &str, what: &str| {
        let (code, out, err) = run(&dir, arguments, input);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(what), "{err}");
    };
    refused(
        &["search", "--ledger", "ledger"],
        "",
        "`motlan-audit index rebuild` makes it",
    );
    rebuild(&dir);
    let plain = ["search", "--ledger", "ledger"];
    let with = |more: &[&'static str]| [&plain[..], more].concat();
    refused(&with(&["--subject", SUBJECT]), "", "--subject -");
    refused(&with(&["--subject", "-"]), SUBJECT, "--sealing FILE");
    refused(&with(&["--since", "01/10/2026"]), "", "2026-10-01");
    refused(
        &with(&["--result", "granted"]),
        "",
        "released, refused, failed, not_found",
    );
    refused(&with(&["--limit", "5000"]), "", "1000 is the most");
    refused(&with(&["--page", "abc"]), "", "no token of a page");
    refused(
        &with(&["--since", "2026-10-02", "--until", "2026-10-01"]),
        "",
        "no record can fit",
    );
    refused(
        &[&["search"], &SEALED[..], &["--subject", "-"]].concat(),
        "1\n2\n",
        "one subject",
    );
    let (code, out, err) = run(&dir, &with(&["--dataset", "populaton"]), "");
    assert_eq!(code, 0);
    assert!(out.starts_with("0 shown"), "{out}");
    assert!(
        err.contains("no record has the dataset `populaton`; did you mean `population`?"),
        "{err}"
    );
    // Without the sealing file nobody is shown.
    let (_, out, _) = run(&dir, &with(&["--dataset", "population"]), "");
    assert!(
        out.contains("hn1-2026q4-19") && !out.contains(SUBJECT),
        "{out}"
    );
}

#[tokio::test]
async fn a_check_finds_an_index_that_was_changed() {
    let dir = case().await;
    rebuild(&dir);
    let check = || run(&dir, &[&["index", "check"], &SEALED[..]].concat(), "");
    let (code, out, _) = check();
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("is what the log says of its first 20 records"),
        "{out}"
    );
    let file = dir.path().join("ledger.index");
    let tags = TableDefinition::<&[u8; 21], &[u8]>::new("tags");
    let book = Database::open(&file).unwrap();
    let writing = book.begin_write().unwrap();
    // That of the first subject, of all its records.
    drop(
        writing
            .open_table(tags)
            .unwrap()
            .pop_first()
            .unwrap()
            .unwrap(),
    );
    writing.commit().unwrap();
    drop(book);
    let (code, out, _) = check();
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("is NOT what the log says: 10 differences"),
        "{out}"
    );
    assert!(
        out.contains("is not found by its subject, and should be"),
        "{out}"
    );
    rebuild(&dir);
    assert_eq!(check().0, 0);

    let other = case().await;
    rebuild(&other);
    fs::copy(other.path().join("ledger.index"), file).unwrap();
    let (code, _, err) = check();
    assert_eq!(code, 2);
    assert!(err.contains("is of another log"), "{err}");
}
