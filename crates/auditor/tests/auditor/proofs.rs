//! The proofs of `motlan-audit`, as an inspector makes and checks them.

use std::fs;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended};
use motlan_audit::{Entry, Ledger, Settings, SignerKey, read_tlog_proof, write_tlog_proof};
use tempfile::TempDir;

use crate::program;

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";

/// A ledger whose older checkpoint is in the file `old`.
struct Case {
    dir: TempDir,
    key: String,
}

impl Case {
    async fn new() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let key = SignerKey::generate(ORIGIN).unwrap();
        let verifier = key.verifier().to_string();
        key.write(&dir.path().join("secret")).unwrap();
        let folder = dir.path().join("ledger");
        Ledger::create(&folder, &ORIGIN.parse().unwrap(), &key).unwrap();
        let case = Case { dir, key: verifier };
        case.grow("ledger", 300).await;
        fs::copy(case.path("ledger/checkpoint"), case.path("old")).unwrap();
        case.grow("ledger", 400).await;
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends refusals, which answer no question.
    async fn grow(&self, ledger: &str, count: u64) {
        let key = SignerKey::read(&self.path("secret")).unwrap();
        let mut settings = Settings::new(self.path(ledger), key);
        settings.segment_bytes = 1 << 16;
        let ledger = Ledger::open(settings).unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..count {
            let ledger = ledger.clone();
            let record = Record {
                kind: RecordKind::Outcome.into(),
                result: Ended::Refused.into(),
                reason: "NO_AGREEMENT".into(),
                ..Record::default()
            };
            let entry = Entry {
                record,
                ..Entry::default()
            };
            waiting.spawn(async move { ledger.append(entry).await.map(|_| ()) });
        }
        for done in waiting.join_all().await {
            done.unwrap();
        }
        ledger.close().unwrap();
    }

    /// Runs a command; the exit code and all that it says.
    fn run(&self, line: &str) -> (i32, String) {
        let words = line.split(' ').map(|word| match word {
            "KEY" => self.key.as_str(),
            word => word,
        });
        let words: Vec<_> = words.collect();
        let (code, out, err) = program::run(self.dir.path(), &words);
        (code, out + &err)
    }

    /// Runs a command that must end with `code` and say `said`.
    fn must(&self, code: i32, said: &str, line: &str) {
        let (ended, text) = self.run(line);
        assert!(
            ended == code && text.contains(said),
            "{line}: {ended}, {text}"
        );
    }
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[tokio::test]
async fn an_inclusion_proof_verifies_without_the_ledger_and_not_once_changed() {
    let case = Case::new().await;
    for record in ["hn1-2026q4-299", "299"] {
        case.must(
            0,
            "",
            &format!("prove inclusion {record} --ledger ledger --out p.tlog-proof"),
        );
    }
    let good = "a log of 700 records holds this one at index 299";
    case.must(0, good, "proof verify p.tlog-proof --key KEY");
    case.must(
        0,
        "",
        "prove inclusion 299 --ledger ledger --checkpoint old --out q.tlog-proof",
    );
    let good = "a log of 300 records holds this one at index 299";
    case.must(0, good, "proof verify q.tlog-proof --key KEY");
    let (_, text) = case.run("prove inclusion 299 --ledger ledger");
    assert_eq!(text, fs::read_to_string(case.path("p.tlog-proof")).unwrap());
    // A proof of others holds no record.
    let mut bare = read_tlog_proof(&text).unwrap();
    fs::write(case.path("record"), std::mem::take(&mut bare.leaf)).unwrap();
    fs::write(case.path("bare"), write_tlog_proof(&bare)).unwrap();
    case.must(
        2,
        "give it by `--record FILE`",
        "proof verify bare --key KEY",
    );
    case.must(
        0,
        "at index 299",
        "proof verify bare --key KEY --record record",
    );
    case.must(
        2,
        "leave out `--record`",
        "proof verify p.tlog-proof --key KEY --record record",
    );
    case.must(
        1,
        "proves NOTHING",
        "proof verify bare --key KEY --record old",
    );
    edit(&case.path("p.tlog-proof"), "index 299", "index 298");
    case.must(1, "proves NOTHING", "proof verify p.tlog-proof --key KEY");
    edit(&case.path("q.tlog-proof"), "\n300\n", "\n301\n");
    case.must(
        1,
        "the signature does not fit",
        "proof verify q.tlog-proof --key KEY",
    );
}

#[tokio::test]
async fn a_consistency_proof_verifies_and_a_second_history_is_found() {
    let case = Case::new().await;
    case.must(0, "", "prove consistency old --ledger ledger --out grown");
    let grown = "has only grown: all 300 records still stand, and 400 came after";
    case.must(0, grown, "consistency verify grown --old old --key KEY");
    case.must(
        0,
        "",
        "prove consistency 300 700 --ledger ledger --out sizes",
    );
    let [grown, sizes] = ["grown", "sizes"].map(|file| fs::read(case.path(file)).unwrap());
    assert_eq!(grown, sizes);
    case.must(
        0,
        "",
        "prove consistency 100 300 --ledger ledger --out early",
    );
    case.must(
        2,
        "by `--new FILE`",
        "consistency verify early --old old --key KEY",
    );
    case.must(
        2,
        "from 100 records",
        "consistency verify early --old old --new ledger/checkpoint --key KEY",
    );
    case.must(
        2,
        "leave out `--new`",
        "consistency verify grown --old old --new old --key KEY",
    );
    edit(
        &case.path("grown"),
        "old 300\n",
        "old 300\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
    );
    case.must(
        1,
        "NOT shown",
        "consistency verify grown --old old --key KEY",
    );
    // An operator who writes a second history: the key is his, the older checkpoint is out.
    let key = SignerKey::read(&case.path("secret")).unwrap();
    Ledger::create(&case.path("second"), &ORIGIN.parse().unwrap(), &key).unwrap();
    case.grow("second", 700).await;
    case.must(0, "is sound", "verify --ledger second --key KEY");
    let forked = "the first 300 records in the folder are not those";
    case.must(1, forked, "prove consistency old --ledger second");
    case.must(
        1,
        forked,
        "prove inclusion 5 --ledger second --checkpoint old",
    );
    case.must(0, "", "prove consistency 300 --ledger second --out lie");
    case.must(1, "NOT shown", "consistency verify lie --old old --key KEY");
    case.must(0, "", "prove consistency 700 --ledger second --out same");
    let evidence = "the log has two histories, and this is the evidence";
    case.must(
        1,
        evidence,
        "consistency verify same --old ledger/checkpoint --key KEY",
    );
}

#[tokio::test]
async fn what_cannot_be_proven_says_why() {
    let case = Case::new().await;
    for (said, line) in [
        (
            "no record 700: the checkpoint speaks for 700",
            "prove inclusion 700 --ledger ledger",
        ),
        (
            "no record 300",
            "prove inclusion 300 --ledger ledger --checkpoint old",
        ),
        (
            "called like `hn1-2026q4-0`",
            "prove inclusion hn2-2026q4-5 --ledger ledger",
        ),
        ("is not a record id", "prove inclusion five --ledger ledger"),
        (
            "`nowhere` holds no ledger",
            "prove inclusion 5 --ledger nowhere",
        ),
        (
            "cannot read `gone`",
            "prove inclusion 5 --ledger ledger --checkpoint gone",
        ),
        (
            "nothing is written there",
            "prove inclusion 5 --ledger ledger --out ledger/tile/p",
        ),
        (
            "cannot write `no/p`",
            "prove inclusion 5 --ledger ledger --out no/p",
        ),
        (
            "give them in order",
            "prove consistency 400 300 --ledger ledger",
        ),
        (
            "has 700 records",
            "prove consistency 400 701 --ledger ledger",
        ),
        ("is no inclusion proof", "proof verify old --key KEY"),
        (
            "is no consistency proof",
            "consistency verify old --old old --key KEY",
        ),
        ("cannot read `gone`", "proof verify gone --key KEY"),
        (
            "is not a text",
            "proof verify ledger/segments/00000000 --key KEY",
        ),
    ] {
        case.must(2, said, line);
    }
    // A folder that somebody put back from an earlier day.
    fs::copy(case.path("ledger/checkpoint"), case.path("new")).unwrap();
    let key = SignerKey::read(&case.path("secret")).unwrap();
    Ledger::create(&case.path("early"), &ORIGIN.parse().unwrap(), &key).unwrap();
    case.must(
        1,
        "an older copy, or records were dropped",
        "prove inclusion 5 --ledger early --checkpoint new",
    );
    edit(&case.path("new"), "\n700\n", "\n699\n");
    case.must(
        1,
        "the checkpoint is not believed",
        "prove consistency 5 new --ledger ledger",
    );
}
