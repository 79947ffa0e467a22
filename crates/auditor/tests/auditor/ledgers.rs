//! `motlan-audit` as an inspector runs it.

use std::fs;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Entry, Erasure, Ledger, Settings, SignerKey, Whose};
use prost::Message as _;
use tempfile::TempDir;

use crate::program;

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";
const SUBJECT: &str = "001099012345";

struct Case {
    dir: TempDir,
    key: String,
}

/// A closed ledger with a question and its outcome, and the receipt of the outcome in a file.
async fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let key = SignerKey::generate(ORIGIN).unwrap();
    let verifier = key.verifier().to_string();
    key.write(&dir.path().join("ledger.key")).unwrap();
    Ledger::create(&folder, &ORIGIN.parse().unwrap(), &key).unwrap();
    let mut settings = Settings::new(&folder, key);
    settings.segment_bytes = 1 << 16;
    let ledger = Ledger::open(settings).unwrap();
    let record = Record {
        kind: RecordKind::Question.into(),
        time_us: 1_790_787_600_000_000,
        caller: "H26/one-stop".into(),
        method: "/vn.population.v1.PopulationRegistry/GetPerson".into(),
        ..Record::default()
    };
    let sealed = Sealed {
        subject: SUBJECT.into(),
        ..Sealed::default()
    };
    let question = Entry {
        record: record.clone(),
        sealed: sealed.clone(),
    };
    let asked = ledger.append(question).await.unwrap();
    let outcome = Record {
        kind: RecordKind::Outcome.into(),
        question: Some(asked.index()),
        result: Ended::Failed.into(),
        reason: "PROVIDER_SILENT".into(),
        ..record
    };
    let answered = ledger
        .append(Entry {
            record: outcome,
            sealed,
        })
        .await
        .unwrap();
    let receipt = ledger.receipt(answered.index()).unwrap();
    fs::write(dir.path().join("receipt"), receipt.encode_to_vec()).unwrap();
    ledger.close().unwrap();
    Case { dir, key: verifier }
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        program::run(self.dir.path(), arguments)
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_sound_ledger_verifies_and_a_flipped_byte_is_named() {
    let case = case().await;
    fs::write(case.path("key"), format!("{}\n", case.key)).unwrap();
    for key in [case.key.as_str(), "@key"] {
        let (code, out, err) = case.run(&["verify", "--ledger", "ledger", "--key", key]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert!(
            out.contains(&format!("The ledger {ORIGIN} is sound")),
            "{out}"
        );
    }
    flip(&case.path("ledger/segments/00000000"), 200);
    let (code, out, _) = case.run(&["verify", "--ledger", "ledger", "--key", "@key"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("NOT sound") && out.contains("segments/00000000, offset 64"),
        "{out}"
    );
}

#[tokio::test]
async fn a_receipt_verifies_in_both_forms_and_not_under_another_key() {
    use base64::Engine as _;
    let case = case().await;
    let bytes = fs::read(case.path("receipt")).unwrap();
    let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes);
    fs::write(case.path("text"), text).unwrap();
    for file in ["receipt", "text"] {
        let (code, out, _) = case.run(&["receipt", "verify", file, "--key", &case.key]);
        assert_eq!(code, 0, "{out}");
        assert!(
            out.contains("a log of 2 records holds this one at index 1")
                && out.contains("failed (PROVIDER_SILENT)"),
            "{out}"
        );
    }
    let other = SignerKey::generate(ORIGIN).unwrap().verifier().to_string();
    let (code, out, _) = case.run(&["receipt", "verify", "receipt", "--key", &other]);
    assert_eq!(code, 1);
    assert!(out.contains("proves NOTHING"), "{out}");
    let (code, _, err) = case.run(&["receipt", "verify", "ledger/log", "--key", &case.key]);
    assert_eq!(code, 2);
    assert!(err.contains("is no receipt"), "{err}");
}

#[tokio::test]
async fn show_keeps_the_personal_part_to_itself_unless_asked() {
    let case = case().await;
    let (code, out, _) = case.run(&["show", "--ledger", "ledger"]);
    assert_eq!((code, out.lines().count()), (0, 2));
    assert!(
        out.starts_with("hn1-2026q4-0  2026-10-01T00:00:00.000000+07:00  question"),
        "{out}"
    );
    let (_, json, _) = case.run(&["show", "--ledger", "ledger", "--json", "1"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&value["result"], &value["question"]),
        (&"FAILED".into(), &0.into())
    );
    assert!(!out.contains(SUBJECT) && !json.contains(SUBJECT));
    for more in [&[][..], &["--json"]] {
        let show = ["show", "--ledger", "ledger", "--sealing", "ledger.sealing"];
        let (_, out, _) = case.run(&[&show, more].concat());
        assert_eq!(out.matches(SUBJECT).count(), 2, "{out}");
    }
}

#[tokio::test]
async fn sealed_parts_are_checked_with_the_sealing_file_and_without_it_that_is_said() {
    let case = case().await;
    let verify = ["verify", "--ledger", "ledger", "--key", &case.key];
    let (code, out, _) = case.run(&verify);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("sealed parts: NOT checked"), "{out}");
    let opening = [&verify[..], &["--sealing", "ledger.sealing"]].concat();
    let (code, out, _) = case.run(&opening);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("2  sealed parts are what their records commit to; 0 were"),
        "{out}"
    );

    let key = SignerKey::read(&case.path("ledger.key")).unwrap();
    let ledger = Ledger::open(Settings::new(case.path("ledger"), key)).unwrap();
    let erasure = Erasure {
        whose: Whose::Subject {
            subject: SUBJECT.into(),
            dataset: None,
        },
        ground: "order 17".into(),
        by: "officer-9".into(),
        caller: String::new(),
        time_us: 1_790_787_700_000_000,
    };
    ledger.erase(&erasure).unwrap();
    ledger.close().unwrap();
    let (code, out, _) = case.run(&opening);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("1  sealed parts are what their records commit to; 2 were"),
        "{out}"
    );
    let show = ["show", "--ledger", "ledger", "--sealing", "ledger.sealing"];
    let (code, out, _) = case.run(&show);
    assert_eq!((code, out.matches("  erased\n").count()), (0, 2), "{out}");
    assert!(out.contains("erasure  ground order 17  records 2"), "{out}");
    let (_, json, _) = case.run(&[&show[..], &["--json", "1", "2"]].concat());
    assert!(json.contains("\"sealed\":\"erased\"") && json.contains("\"scope\":\"SUBJECT\""));
    assert!(!out.contains(SUBJECT) && !json.contains(SUBJECT));

    flip(&case.path("ledger.sealing"), 40);
    let (code, _, err) = case.run(&opening);
    assert_eq!(code, 2);
    assert!(err.contains("is no sealing file"), "{err}");
}

#[tokio::test]
async fn what_cannot_be_done_says_what_to_do() {
    let case = case().await;
    let (code, _, err) = case.run(&["show", "--ledger", "ledger", "7"]);
    assert_eq!(code, 2);
    assert!(err.contains("no record 7: the ledger holds 2"), "{err}");
    let (code, _, err) = case.run(&["verify", "--ledger", "nowhere", "--key", &case.key]);
    assert_eq!(code, 2);
    assert!(err.contains("`nowhere` holds no ledger"), "{err}");
    let (code, _, err) = case.run(&["verify", "--ledger", "ledger", "--key", "x"]);
    assert_eq!(code, 2);
    assert!(err.contains("<name>+<hash>+<base64>"), "{err}");
    let (code, _, _) = case.run(&["verify"]);
    assert_eq!(code, 2);
}
