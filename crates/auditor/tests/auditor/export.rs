//! `motlan-audit export`: what leaves, and what does not. Whether it is OCSF is checked by
//! `tests/python/test_ocsf.py` with the published schema.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Entry, Erasure, Ledger, Settings, SignerKey, Whose};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program;

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
const SUBJECT: &str = "001099012345";
const OTHER_SUBJECT: &str = "001099054321";
const OFFICIAL: &str = "official-17";
const DOSSIER: &str = "H26.1-261001-0001";
/// Midnight of the first of October in Viet Nam.
const MIDNIGHT_US: i64 = 1_790_787_600_000_000;
const HOUR_US: i64 = 3_600_000_000;

struct Case {
    dir: TempDir,
}

/// A closed ledger: a question and its outcome about one person, a refusal about another an hour
/// later by another caller, and then, another hour later, the erasure of the other.
async fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let key = SignerKey::generate(ORIGIN).unwrap();
    Ledger::create(&folder, &ORIGIN.parse().unwrap(), &key).unwrap();
    let mut settings = Settings::new(&folder, key);
    settings.segment_bytes = 1 << 16;
    let ledger = Ledger::open(settings).unwrap();
    let question = question();
    let released = Record {
        kind: RecordKind::Outcome.into(),
        time_us: MIDNIGHT_US + 23_999,
        question: Some(0),
        result: Ended::Released.into(),
        fields_released: vec!["full_name".into()],
        elapsed_us: 23_500,
        ..question.clone()
    };
    let refused = Record {
        kind: RecordKind::Outcome.into(),
        time_us: MIDNIGHT_US + HOUR_US,
        caller: "H29/one-stop".into(),
        dataset: "land".into(),
        result: Ended::Refused.into(),
        reason: "NO_AGREEMENT".into(),
        grant: String::new(),
        ..question.clone()
    };
    let about = [SUBJECT, SUBJECT, OTHER_SUBJECT];
    for (record, subject) in [question, released, refused].into_iter().zip(about) {
        let sealed = Sealed {
            subject: subject.into(),
            dossier: DOSSIER.into(),
            official: OFFICIAL.into(),
            ..Sealed::default()
        };
        let _durable = ledger.append(Entry { record, sealed }).await.unwrap();
    }
    let erasure = Erasure {
        whose: Whose::Subject {
            subject: OTHER_SUBJECT.into(),
            dataset: None,
        },
        ground: "Decision 12".into(),
        by: "archivist".into(),
        caller: String::new(),
        time_us: MIDNIGHT_US + 2 * HOUR_US,
    };
    let ledger = tokio::task::spawn_blocking(move || {
        ledger.erase(&erasure).unwrap();
        ledger
    });
    ledger.await.unwrap().close().unwrap();
    Case { dir }
}

fn question() -> Record {
    Record {
        kind: RecordKind::Question.into(),
        time_us: MIDNIGHT_US,
        caller: "H26/one-stop".into(),
        dataset: "population".into(),
        method: "/vn.population.v1.PopulationRegistry/GetPerson".into(),
        procedure: "1.004222".into(),
        revision: "r7".into(),
        grant: "g01/residence".into(),
        view: "residence".into(),
        trace_id: vec![7; 16],
        ..Record::default()
    }
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, more: &[&str]) -> (i32, String, String) {
        let export = ["export", "--format", "ocsf", "--ledger", "ledger"];
        program::run(self.dir.path(), &[&export, more].concat())
    }

    fn events(&self, more: &[&str]) -> Vec<Value> {
        let (code, out, err) = self.run(more);
        assert_eq!((code, err.as_str()), (0, ""));
        read(&out)
    }
}

fn read(lines: &str) -> Vec<Value> {
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One value of each event.
fn all(events: &[Value], pointer: &str) -> Vec<Value> {
    let at = |event: &Value| event.pointer(pointer).cloned().unwrap_or_default();
    events.iter().map(at).collect()
}

#[tokio::test]
async fn every_record_becomes_an_event_of_api_activity() {
    let events = case().await.events(&[]);
    for (pointer, due) in [
        ("/class_uid", json!([6003, 6003, 6003, 6003])),
        ("/type_uid", json!([600_302, 600_302, 600_302, 600_304])),
        (
            "/status",
            json!(["Announced", "Success", "Failure", "Success"]),
        ),
        (
            "/status_code",
            json!([null, "RELEASED", "NO_AGREEMENT", null]),
        ),
        (
            "/action",
            json!(["Allowed", "Allowed", "Denied", "Allowed"]),
        ),
        ("/severity_id", json!([1, 1, 2, 3])),
        ("/metadata/sequence", json!([0, 1, 2, 3])),
        (
            "/metadata/event_code",
            json!(["QUESTION", "OUTCOME", "OUTCOME", "ERASURE"]),
        ),
        (
            "/metadata/correlation_uid",
            json!([
                "hn1-2026q4-0",
                "hn1-2026q4-0",
                "hn1-2026q4-2",
                "hn1-2026q4-3"
            ]),
        ),
        (
            "/actor/app_uid",
            json!(["H26/one-stop", "H26/one-stop", "H29/one-stop", "motlan"]),
        ),
        (
            "/policy/uid",
            json!(["g01/residence", "g01/residence", null, null]),
        ),
        ("/unmapped/erasure_records", json!([null, null, null, 1])),
    ] {
        assert_eq!(Value::Array(all(&events, pointer)), due, "{pointer}");
    }
    let released = &events[1];
    assert_eq!(released["metadata"]["log_name"], ORIGIN);
    assert_eq!(released["metadata"]["uid"], "hn1-2026q4-1");
    assert_eq!(
        released["api"]["service"]["name"],
        "vn.population.v1.PopulationRegistry"
    );
    assert_eq!(released["api"]["operation"], "GetPerson");
    assert_eq!(
        released["unmapped"]["fields_released"],
        json!(["full_name"])
    );
    // Milliseconds: the whole time is in `original_time`.
    assert_eq!(released["time"], MIDNIGHT_US / 1000 + 23);
    assert_eq!(
        released["metadata"]["original_time"],
        "2026-09-30T17:00:00.023999Z"
    );
    assert_eq!(released["start_time"], MIDNIGHT_US / 1000);
    assert_eq!(released["duration"], 23);
}

#[tokio::test]
async fn nothing_personal_leaves_unless_it_is_asked_for() {
    let case = case().await;
    let (_, out, _) = case.run(&[]);
    let personal = [SUBJECT, OTHER_SUBJECT, OFFICIAL, DOSSIER, "archivist"];
    for personal in personal {
        assert!(!out.contains(personal), "{personal}: {out}");
    }
    let sealing = ["--sealing", "ledger.sealing"];
    for half in [&sealing[..], &["--with-subjects"]] {
        let (code, out, err) = case.run(half);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
    }
    let events = case.events(&[&sealing[..], &["--with-subjects"]].concat());
    let due = json!([OFFICIAL, OFFICIAL, null, "archivist"]);
    assert_eq!(Value::Array(all(&events, "/actor/user/uid")), due);
    let due = json!([
        { "type": "dataset", "uid": "population" },
        { "type": "subject", "uid": SUBJECT },
        { "type": "dossier", "uid": DOSSIER },
    ]);
    assert_eq!(events[1]["resources"], due);
}

#[tokio::test]
async fn what_was_erased_is_gone_and_the_erasure_names_what_copies_must_delete() {
    let case = case().await;
    let whole = ["--sealing", "ledger.sealing", "--with-subjects"];
    let events = case.events(&whole);
    let (_, out, _) = case.run(&whole);
    assert!(!out.contains(OTHER_SUBJECT), "{out}");
    assert_eq!(events[2]["unmapped"]["sealed"], "erased");
    assert_eq!(events[3]["unmapped"]["erased"], json!(["hn1-2026q4-2"]));
}

#[tokio::test]
async fn only_what_was_asked_for_is_exported() {
    let case = case().await;
    for (more, due) in [
        (
            &["--since", "2026-10-01T00:00:00.023999+07:00"][..],
            &[1, 2, 3][..],
        ),
        (&["--until", "2026-10-01T00:00:00.023999+07:00"], &[0]),
        (
            &["--since", "2026-10-01", "--until", "2026-10-02"],
            &[0, 1, 2, 3],
        ),
        (&["--since", "2026-10-02"], &[]),
        (&["--dataset", "land"], &[2]),
        (&["--caller", "H26/one-stop"], &[0, 1]),
        (&["--caller", "H26/one-stop", "--dataset", "land"], &[]),
    ] {
        let events = case.events(more);
        assert_eq!(all(&events, "/metadata/sequence"), due, "{more:?}");
    }
    let (code, out, err) = case.run(&["--since", "2026-10-02", "--until", "2026-10-01"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("the first must be the earlier"), "{err}");
}

#[tokio::test]
async fn a_file_is_new_private_and_whole_or_not_there() {
    let case = case().await;
    let (code, out, _) = case.run(&["--output", "events"]);
    assert_eq!((code, out.as_str()), (0, "4 events in events\n"));
    let file = case.path("events");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let (_, out, _) = case.run(&[]);
    assert_eq!(fs::read_to_string(&file).unwrap(), out);
    let (code, _, err) = case.run(&["--output", "events"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("`events`, which must not be there yet"),
        "{err}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), out);
    let not_its_own = ["--sealing", "events", "--with-subjects", "--output", "more"];
    assert_eq!(case.run(&not_its_own).0, 2);
    assert!(!case.path("more").exists());
}

#[tokio::test]
async fn a_damaged_ledger_is_exported_as_far_as_it_goes_and_said_to_be_damaged() {
    let case = case().await;
    let segment = case.path("ledger/segments/00000000");
    let mut bytes = fs::read(&segment).unwrap();
    let frames: Vec<usize> = (0..bytes.len() - 4)
        .filter(|&at| bytes[at..].starts_with(b"MLfr"))
        .collect();
    bytes[frames[1] + 100] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let (code, out, err) = case.run(&[]);
    assert_eq!(code, 1);
    assert!(err.contains("the ledger is damaged"), "{err}");
    assert_eq!(read(&out)[0]["metadata"]["uid"], "hn1-2026q4-0");
    assert!(read(&out).len() < 4);
}
