//! `motlan-audit ground verify`, as an inspector runs it on the logs of two quarters.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motlan_api::audit::v1::{Channel, GroundOutcome, Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{
    Entry, Ground, Issued, Layout, Ledger, Settings, ShardSettings, Shards, SignerKey,
};
use prost::Message as _;
use prost_types::Struct;
use prost_types::value::Kind;
use tempfile::TempDir;

use crate::play::{Played, play};
use crate::program;

const INSTANCE: &str = "motlan.example/audit/hn1";
const SUBJECT: &str = "001099000017";
const DOSSIER: &str = "000.A0.01.H26-260814-0007";
/// 2026-08-14T09:00:00+07:00.
const TIME_US: i64 = 1_786_672_800_000_000;

/// The closed logs of 2026q3 and 2026q4, `ground` and its `receipt` of the first, `other` and its
/// `other.receipt` of the second, and the key in `log.key`.
struct Case {
    dir: TempDir,
    key: Arc<SignerKey>,
}

fn ground(dossier: &str) -> Ground {
    Ground {
        caller: "H26/one-stop".into(),
        procedure: "1.004222".into(),
        variant: "3".into(),
        dossier: dossier.into(),
        subject: SUBJECT.into(),
        document: "birth_certificate".into(),
        dataset: "civil_status".into(),
        database: String::new(),
        outcome: GroundOutcome::Mismatch,
        fields: vec!["child.full_name".into()],
        clauses: vec!["Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 737".into()],
        channel: Channel::Online,
        received_us: TIME_US - 60_000_000,
        // 8 working hours later, over a weekend.
        due_us: Some(TIME_US - 60_000_000 + 3 * 86_400_000_000),
        lookup: Some("hn1-2026q3-1".parse().unwrap()),
    }
}

async fn issue(ledger: &Ledger, ground: &Ground) -> Issued {
    let record = Record {
        time_us: TIME_US,
        method: "/motlan.once.v1.OnceOnly/Collect".into(),
        ..Record::default()
    };
    let name = Kind::StringValue("Trần\u{202e} Thử".into());
    let name = prost_types::Value { kind: Some(name) };
    let declared = Struct {
        fields: [("child.full_name".to_owned(), name)].into(),
    };
    let sealed = Sealed {
        query: declared.encode_to_vec(),
        ..Sealed::default()
    };
    let entry = Entry { record, sealed };
    ledger.ground(entry, ground).await.unwrap()
}

async fn look_up(ledger: &Ledger) {
    let record = Record {
        kind: RecordKind::Question.into(),
        time_us: TIME_US,
        caller: "H26/one-stop".into(),
        dataset: "civil_status".into(),
        ..Record::default()
    };
    let outcome = Record {
        kind: RecordKind::Outcome.into(),
        question: Some(0),
        result: Ended::Released.into(),
        ..record.clone()
    };
    for record in [record, outcome] {
        let entry = Entry {
            record,
            ..Entry::default()
        };
        let _durable = ledger.append(entry).await.unwrap();
    }
}

impl Case {
    async fn new() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let key = Arc::new(SignerKey::generate(INSTANCE).unwrap());
        let case = Case { dir, key };
        fs::write(case.path("log.key"), format!("{}\n", case.key.verifier())).unwrap();
        let layout = Layout::beside(case.path("ledger"));
        let mut settings = ShardSettings::new(layout, Arc::clone(&case.key));
        settings.segment_bytes = Some(1 << 14);
        let origin = format!("{INSTANCE}/2026q3").parse().unwrap();
        Shards::create(&settings, &origin).unwrap();
        let shards = Shards::open(settings, TIME_US).unwrap();
        look_up(&shards.newest()).await;
        case.keep(&shards.newest(), DOSSIER, ["ground", "receipt"])
            .await;
        let turning = shards.clone();
        let turn = move || turning.turn(origin_us("2026q4")).unwrap();
        assert!(tokio::task::spawn_blocking(turn).await.unwrap());
        let files = ["other", "other.receipt"];
        case.keep(&shards.newest(), "000.A0.01.H26-260814-0008", files)
            .await;
        shards.close().unwrap();
        case
    }

    async fn keep(&self, ledger: &Ledger, dossier: &str, [file, receipt]: [&str; 2]) {
        let issued = issue(ledger, &ground(dossier)).await;
        fs::write(self.path(file), format!("{}\n", issued.token())).unwrap();
        let proof = ledger.receipt(issued.proof().index()).unwrap();
        fs::write(self.path(receipt), proof.encode_to_vec()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `ground verify`, which must end with `code` and say `said`; all that it says.
    fn must(&self, code: i32, said: &str, line: &str) -> String {
        self.must_with(code, said, line, "")
    }

    fn must_with(&self, code: i32, said: &str, line: &str, input: &str) -> String {
        let words = format!("ground verify {line} --key @log.key");
        let words: Vec<_> = words.split(' ').collect();
        let (ended, out, err) = program::run_with(self.dir.path(), &words, input);
        let told = out + &err;
        assert!(
            ended == code && told.contains(said),
            "{line}: {ended}, {told}"
        );
        told
    }
}

fn origin_us(quarter: &str) -> i64 {
    quarter
        .parse::<motlan_audit::Quarter>()
        .unwrap()
        .begins_us()
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

// R98: it verifies offline.
#[tokio::test]
async fn a_ground_verifies_alone_with_its_receipt_and_in_the_ledger_of_whichever_quarter() {
    let case = Case::new().await;
    let told = case.must(0, "The ground is good", "ground");
    for due in [
        "dossier       000.A0.01.H26-260814-0007",
        "procedure     1.004222, variant 3",
        "a field differs from what the applicant declared (MISMATCH)",
        "to be told by 2026-08-17T08:59:00+07:00",
        "replaced by   Nghị quyết 66.7/2025/NQ-CP, Phụ lục I, số 737",
        "record hn1-2026q3-2 was NOT looked for",
    ] {
        assert!(told.contains(due), "{due}: {told}");
    }
    let same = "hn1-2026q3-2 stands in a log of 3 records, and says the same";
    case.must(0, same, "ground --receipt receipt");
    let same = "hn1-2026q3-2 stands in a log of 4 records, and says the same";
    case.must(0, same, "ground --ledger ledger");
    case.must(0, same, "ground --ledger ledger/2026q3");
    case.must(0, "says the same", "other --ledger ledger");
    case.must(0, "says the same", "other --receipt other.receipt");
    let this = "ground --dossier 000.A0.01.H26-260814-0007 --procedure 1.004222 \
                --document birth_certificate --caller H26/one-stop --subject -";
    case.must_with(0, "The ground is good", this, &format!("{SUBJECT}\n"));
}

#[tokio::test]
async fn a_ground_for_another_dossier_document_system_or_subject_is_not_taken_for_this_one() {
    let case = Case::new().await;
    let dossier = "other --ledger ledger --dossier 000.A0.01.H26-260814-0007";
    case.must(
        1,
        "it is for the dossier `000.A0.01.H26-260814-0008`",
        dossier,
    );
    case.must(
        1,
        "it is for the procedure `1.004222`",
        "ground --procedure 1.004223",
    );
    let document = "NOT for this: it is for the document `birth_certificate`, and `identity_paper`";
    case.must(1, document, "ground --document identity_paper");
    let system = "NOT for this: it is for the system `H26/one-stop`, and `H29/one-stop`";
    case.must(1, system, "ground --caller H29/one-stop");
    let told = case.must_with(1, "somebody or something else", "ground --subject -", "1\n");
    assert!(!told.contains(SUBJECT), "{told}");
    // Nobody's number stands in the list of processes.
    case.must(2, "standard input", "ground --subject 001099000017");
    case.must(2, "one subject", "ground --subject -");
}

#[tokio::test]
async fn a_forged_or_altered_ground_or_a_record_of_another_is_told_and_exits_with_1() {
    let case = Case::new().await;
    let receipt_of_another = "it stands for the record `hn1-2026q3-2`, and this one is";
    case.must(1, receipt_of_another, "ground --receipt other.receipt");
    // A receipt that proves nothing does not hide behind a good signature.
    let mut receipt = fs::read(case.path("receipt")).unwrap();
    let at = receipt.len() / 2;
    receipt[at] ^= 1;
    fs::write(case.path("spoilt"), receipt).unwrap();
    let (code, told) = {
        let line = [
            "ground",
            "verify",
            "ground",
            "--key",
            "@log.key",
            "--receipt",
            "spoilt",
        ];
        let (code, out, err) = program::run(case.dir.path(), &line);
        (code, out + &err)
    };
    assert!(code != 0 && !told.contains("is good"), "{told}");
    let token = fs::read_to_string(case.path("ground")).unwrap();
    let (front, _) = token.split_once('.').unwrap();
    fs::write(case.path("unsigned"), format!("{front}..")).unwrap();
    case.must(1, "proves NOTHING: the signature does not fit", "unsigned");
    fs::write(case.path("text"), "a ground").unwrap();
    case.must(1, "no compact JWS", "text");
    edit(&case.path("ground"), ".", ".e");
    case.must(1, "The ground proves NOTHING", "ground --ledger ledger");
    case.must(2, "cannot read `nowhere`", "nowhere");
    case.must(2, "is no receipt", "other --receipt log.key");
    case.must(
        2,
        "cannot be used with",
        "other --receipt receipt --ledger ledger",
    );
}

#[tokio::test]
async fn a_ledger_without_the_record_or_of_another_log_does_not_vouch_for_a_ground() {
    let case = Case::new().await;
    let like = |name: &str| format!("is one of another log: this one's are called like `{name}`");
    case.must(2, &like("hn1-2026q4-2"), "ground --ledger ledger/2026q4");
    case.must(2, &like("hn1-2026q3-1"), "other --ledger ledger/2026q3");
    // A second history under the same key, at first without the record, then with another.
    let mut settings = Settings::new(case.path("second"), Arc::clone(&case.key));
    settings.segment_bytes = 1 << 14;
    let origin = format!("{INSTANCE}/2026q3").parse().unwrap();
    Ledger::create_with(&settings, &origin).unwrap();
    let ledger = Ledger::open(settings).unwrap();
    look_up(&ledger).await;
    let not = "its record is NOT proven: there is no record 2: the checkpoint speaks for 0";
    case.must(1, not, "ground --ledger second");
    let _issued = issue(&ledger, &ground("000.A0.01.H26-260814-0008")).await;
    ledger.close().unwrap();
    let other = "NOT what was recorded: its record says otherwise: the dossier or the subject";
    case.must(1, other, "ground --ledger second");
    // Under another key it is nobody's.
    let key = SignerKey::generate(INSTANCE).unwrap();
    fs::write(case.path("log.key"), key.verifier().to_string()).unwrap();
    case.must(
        1,
        "proves NOTHING: it says that the key",
        "ground --ledger ledger",
    );
}

#[tokio::test]
async fn a_component_is_shown_searched_and_exported_by_what_became_of_it() {
    let case = Case::new().await;
    let run = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let (code, out, err) = program::run(case.dir.path(), &words);
        assert_eq!(code, 0, "{line}: {out}{err}");
        out
    };
    let told = run("show --ledger ledger hn1-2026q3-2");
    let line = "ground (MISMATCH)  by H26/one-stop  /motlan.once.v1.OnceOnly/Collect  \
                procedure 1.004222  of birth_certificate  from civil_status  variant 3  \
                fields child.full_name";
    assert!(told.contains(line) && !told.contains(SUBJECT), "{told}");
    let json = run("show --ledger ledger --json hn1-2026q3-2");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["component"]["outcome"], "MISMATCH");
    assert_eq!(json["component"]["commitment"].as_str().unwrap().len(), 64);
    let opened = "show --ledger ledger --sealing ledger.sealing hn1-2026q3-2";
    let told = run(opened);
    let declared = r#"declared {"child.full_name":"Trần\u202e Thử"}"#;
    assert!(told.contains(declared) && told.contains(SUBJECT), "{told}");
    let json = run(&format!("{opened} --json"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let declared = &json["sealed"]["declared"]["child.full_name"];
    assert_eq!(declared, "Trần\u{202e} Thử");
    assert!(json["sealed"]["query"].is_null());
    fs::create_dir(case.path("ledger.index")).unwrap();
    run("index rebuild --ledger ledger --quarter 2026q3");
    let found = run("search --ledger ledger --quarter 2026q3 --kind component");
    assert!(
        found.contains("hn1-2026q3-2") && found.contains("1 shown"),
        "{found}"
    );
    let events = run("export --format ocsf --ledger ledger --quarter 2026q3");
    let event = events.lines().nth(2).unwrap();
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(
        (&event["activity_name"], &event["status_code"]),
        (&"Create".into(), &"MISMATCH".into())
    );
    assert_eq!(
        event["unmapped"]["component"]["document"],
        "birth_certificate"
    );
    assert!(!events.contains(SUBJECT) && !events.contains(DOSSIER));
    let verified = run("verify --ledger ledger --key @log.key --sealing ledger.sealing");
    assert!(verified.contains("components            1"), "{verified}");
}

#[test]
fn the_guides_commands_say_what_stands_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let binaries = Path::new(env!("CARGO_BIN_EXE_motlan-audit"))
        .parent()
        .unwrap();
    let shown = ["", "python"];
    let Played { ran, compared } =
        play(&root, "docs/security/ground.md", binaries, &shown).unwrap();
    assert_eq!((ran, compared), (4, 4));
}
