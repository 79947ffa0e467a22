//! Looks and holds, as an inspector meets them.

use motlan_api::audit::v1::{
    Held, Hold, Look, Record, RecordKind, Result as Ended, Sealed, SearchRequest,
};
use motlan_audit::{Entry, Ledger, Settings, SignerKey};
use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program;

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
const SUBJECT: &str = "001099012345";
const CASE: &str = "KT-2026-0042";
const NOW_US: i64 = 1_790_787_600_000_000;
const SEARCH: &str = "/motlan.audit.v1.Audit/Search";

fn record(kind: RecordKind, caller: &str, method: &str) -> Record {
    Record {
        kind: kind.into(),
        time_us: NOW_US,
        caller: caller.into(),
        method: method.into(),
        ..Record::default()
    }
}

/// A look, a refused one, a hold, and its end.
fn entries() -> [Entry; 4] {
    let query = SearchRequest {
        subject: SUBJECT.into(),
        kind: RecordKind::Outcome.into(),
        since_us: Some(NOW_US),
        ..SearchRequest::default()
    };
    let looked = Sealed {
        subject: SUBJECT.into(),
        dossier: CASE.into(),
        official: "inspector-1".into(),
        basis: "article 9".into(),
        query: query.encode_to_vec(),
        ..Sealed::default()
    };
    let shown = Look {
        filters: vec!["kind".into(), "since_us".into(), "subject".into()],
        size: 0,
        shown: 0,
        quarter: String::new(),
    };
    let look = Record {
        result: Ended::Released.into(),
        look: Some(shown),
        ..record(RecordKind::Look, "G20/inspection", SEARCH)
    };
    let refused = Record {
        result: Ended::Refused.into(),
        reason: "ROLE_NOT_HELD".into(),
        ..record(RecordKind::Look, "H26/one-stop", SEARCH)
    };
    let hold = |until_us, ends: &str| Record {
        hold: Some(Hold {
            ground: "decision 12".into(),
            until_us,
            ends: ends.into(),
        }),
        ..record(RecordKind::Hold, "G01/data-protection", "")
    };
    let held = Sealed {
        held: Some(Held {
            caller: "H26/one-stop".into(),
            official: "o-17".into(),
            ..Held::default()
        }),
        ..Sealed::default()
    };
    [
        (look, looked.clone()),
        (refused, looked),
        (hold(NOW_US + 1_000_000, ""), held),
        (hold(0, "hn1-2026q4-2"), Sealed::default()),
    ]
    .map(|(record, sealed)| Entry { record, sealed })
}

/// A closed ledger of them, and the key that checks it.
async fn case() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let key = SignerKey::generate(ORIGIN).unwrap();
    let verifier = key.verifier().to_string();
    Ledger::create(&folder, &ORIGIN.parse().unwrap(), &key).unwrap();
    let mut settings = Settings::new(&folder, key);
    settings.segment_bytes = 1 << 16;
    let ledger = Ledger::open(settings).unwrap();
    for entry in entries() {
        let _ = ledger.append(entry).await.unwrap();
    }
    ledger.close().unwrap();
    (dir, verifier)
}

/// What a command prints, which must end well.
fn printed(dir: &TempDir, arguments: &[&str]) -> String {
    let (code, out, err) = program::run(dir.path(), arguments);
    assert_eq!(code, 0, "{out}{err}");
    out
}

const SEALED: [&str; 4] = ["--ledger", "ledger", "--sealing", "ledger.sealing"];

#[tokio::test]
async fn show_tells_of_looks_and_holds_and_with_the_sealing_file_for_whom() {
    let (dir, _) = case().await;
    let public = printed(&dir, &["show", "--ledger", "ledger"]);
    let lines: Vec<&str> = public.lines().collect();
    for (line, due) in lines.iter().zip([
        "  look  by G20/inspection  /motlan.audit.v1.Audit/Search  for kind,since_us,subject  \
         shown 0 of 0 records",
        "  look refused (ROLE_NOT_HELD)  by H26/one-stop",
        "  hold  by G01/data-protection  until 2026-10-01T00:00:01.000000+07:00  ground decision \
         12",
        "  hold ended  by G01/data-protection  ends hn1-2026q4-2  ground decision 12",
    ]) {
        assert!(line.contains(due), "{line}");
    }
    for personal in [SUBJECT, CASE, "inspector-1", "article 9", "o-17"] {
        assert!(!public.contains(personal), "{personal}");
    }
    let opened = printed(&dir, &[&["show"], &SEALED[..]].concat());
    for due in [
        "dossier KT-2026-0042  official inspector-1  basis article 9  looked for: subject \
         001099012345  kind OUTCOME  since 2026-10-01T00:00:00.000000+07:00\n",
        "held: caller H26/one-stop  official o-17\n",
    ] {
        assert!(opened.contains(due), "{opened}");
    }
    let lines = printed(&dir, &[&["show", "--json"], &SEALED[..]].concat());
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0]["look"]["filters"],
        json!(["kind", "since_us", "subject"])
    );
    assert_eq!(lines[0]["sealed"]["query"]["subject"], SUBJECT);
    assert_eq!(lines[1]["look"], Value::Null);
    assert_eq!(lines[2]["hold"]["ground"], "decision 12");
    let held = json!({ "caller": "H26/one-stop", "official": "o-17" });
    assert_eq!(lines[2]["sealed"]["held"], held);
    assert_eq!(lines[3]["hold"]["ends"], "hn1-2026q4-2");
}

#[tokio::test]
async fn verify_counts_looks_and_holds_and_search_finds_them() {
    let (dir, key) = case().await;
    let out = printed(&dir, &[&["verify", "--key", &key], &SEALED[..]].concat());
    let counted = |what: &str| {
        let line = out.lines().find(|line| line.trim_start().starts_with(what));
        line.unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!([counted("looks"), counted("holds")], ["2", "2"]);
    printed(&dir, &[&["index", "rebuild"], &SEALED[..]].concat());
    let search = [&["search"], &SEALED[..], &["--kind"]].concat();
    let looks = printed(&dir, &[&search[..], &["look"]].concat());
    assert!(looks.contains("2 shown") && looks.contains("look refused (ROLE_NOT_HELD)"));
    let holds = printed(&dir, &[&search[..], &["hold"]].concat());
    assert!(
        holds.contains("2 shown") && holds.contains("hold ended"),
        "{holds}"
    );
}

#[tokio::test]
async fn an_export_tells_of_looks_and_holds() {
    let (dir, _) = case().await;
    let events = printed(&dir, &["export", "--format", "ocsf", "--ledger", "ledger"]);
    let events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all = |pointer: &str| {
        let at = |event: &Value| event.pointer(pointer).cloned().unwrap_or_default();
        Value::Array(events.iter().map(at).collect())
    };
    assert_eq!(
        all("/activity_name"),
        json!(["Read", "Read", "Create", "Create"])
    );
    assert_eq!(all("/severity_id"), json!([2, 3, 3, 3]));
    assert_eq!(
        all("/action"),
        json!(["Allowed", "Denied", "Allowed", "Allowed"])
    );
    assert_eq!(
        all("/status_code"),
        json!([null, "ROLE_NOT_HELD", null, null])
    );
    let filters = json!(["kind", "since_us", "subject"]);
    assert_eq!(events[0]["unmapped"]["look_filters"], filters);
    let grounds = json!([null, null, "decision 12", "decision 12"]);
    assert_eq!(all("/unmapped/hold_ground"), grounds);
    assert_eq!(events[3]["unmapped"]["hold_ends"], "hn1-2026q4-2");
}
