use std::thread;

use super::*;
use crate::note::{SignerKey, WitnessVerifierKey};
use crate::tree::{Hash, Kept, Tiles, Tree, consistency, leaf_hash};

const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";

/// A log of up to 255 records, with whatever history.
struct Log {
    key: SignerKey,
    origin: Origin,
}

impl Log {
    fn new() -> Log {
        Log::named(ORIGIN)
    }

    fn named(origin: &str) -> Log {
        Log {
            key: SignerKey::generate(origin).unwrap(),
            origin: origin.parse().unwrap(),
        }
    }

    /// The tree after `size` records; those from `fork` on are others than without a fork.
    fn tree(size: u64, fork: u64) -> Tree {
        let mut tree = Tree::default();
        for at in 0..size {
            tree.push(leaf_hash(
                &[&at.to_le_bytes()[..], &[u8::from(at >= fork)]].concat(),
            ));
        }
        tree
    }

    fn note(&self, size: u64, fork: u64) -> String {
        let root = Log::tree(size, fork).root();
        let origin = self.origin.clone();
        Checkpoint { origin, size, root }.sign(&self.key)
    }

    fn proof(old: u64, size: u64, fork: u64) -> Vec<Hash> {
        let tree = Log::tree(size, fork);
        let tiles = Tiles::new("nowhere".as_ref());
        consistency(&mut Kept::new(tree.edge(), &tiles), old, size).unwrap()
    }

    fn request(&self, old: u64, size: u64, fork: u64) -> String {
        let note = Some(self.note(size, fork));
        ConsistencyProof::new(old, Log::proof(old, size, fork), note).to_string()
    }
}

/// Where nothing forks.
const NEVER: u64 = u64::MAX;

struct Laid {
    folder: tempfile::TempDir,
    key: String,
}

impl Laid {
    fn new() -> Laid {
        let folder = tempfile::tempdir().unwrap();
        let key = WitnessSignerKey::generate("witness.example/w1").unwrap();
        let file = folder.path().join("witness.key");
        key.write(&file).unwrap();
        let laid = Laid {
            folder,
            key: file.to_str().unwrap().to_owned(),
        };
        Witness::create(&laid.settings(&[])).unwrap();
        laid
    }

    fn settings(&self, logs: &[&Log]) -> Settings {
        let key = WitnessSignerKey::read(self.key.as_ref()).unwrap();
        let mut settings = Settings::new(self.folder.path().join("state"), key);
        settings.logs = logs.iter().map(|log| log.key.verifier().clone()).collect();
        settings
    }

    fn open(&self, logs: &[&Log]) -> Witness {
        Witness::open(self.settings(logs)).unwrap()
    }

    fn verifier(&self) -> WitnessVerifierKey {
        let key = WitnessSignerKey::read(self.key.as_ref()).unwrap();
        key.verifier().clone()
    }
}

fn status(witness: &Witness, body: &str) -> (u16, Option<u64>) {
    match witness.add_checkpoint(body, 1) {
        Ok(_) => (200, None),
        Err(refusal) => (refusal.status(), refusal.size()),
    }
}

#[test]
fn a_growing_log_is_cosigned_step_by_step() {
    let (laid, log) = (Laid::new(), Log::new());
    let witness = laid.open(&[&log]);
    let policy = Policy::new(vec![laid.verifier()], 1).unwrap();
    for (old, size) in [(0, 0), (0, 1), (1, 1), (1, 5), (5, 200), (200, 200)] {
        let line = witness
            .add_checkpoint(&log.request(old, size, NEVER), 77)
            .unwrap();
        let note = log.note(size, NEVER) + &line;
        let cosigned = policy.check(&note, log.key.verifier()).unwrap();
        assert_eq!(cosigned.checkpoint().size(), size);
        assert_eq!(cosigned.by(), [("witness.example/w1".to_owned(), 77)]);
    }
}

#[test]
fn each_refusal_has_the_status_of_the_specification() {
    let (laid, log, other) = (Laid::new(), Log::new(), Log::named("other/audit/a/2026q4"));
    let witness = laid.open(&[&log]);
    let impostor = Log::new();
    let good = log.request(0, 7, NEVER);
    for malformed in [
        "",
        "old 0\n",
        "old 0\n\n",
        "old 00\n\norigin\n",
        &good.replace("old 0", "old 8"),
        &good.replace("\n\n—", "\n—"),
    ] {
        assert_eq!(status(&witness, malformed), (400, None), "{malformed}");
    }
    let unknown = other.request(0, 7, NEVER);
    assert_eq!(status(&witness, &unknown), (404, None));
    assert_eq!(
        status(&witness, &impostor.request(0, 7, NEVER)),
        (403, None)
    );
    assert_eq!(status(&witness, &log.request(5, 7, NEVER)), (409, Some(0)));
    assert_eq!(status(&witness, &good), (200, None));
    assert_eq!(status(&witness, &log.request(0, 9, NEVER)), (409, Some(7)));
    assert_eq!(status(&witness, &log.request(5, 6, NEVER)), (409, Some(7)));
    let wrong = log.request(7, 9, NEVER).replace(
        "old 7\n",
        "old 7\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
    );
    assert_eq!(status(&witness, &wrong), (422, None));
    assert_eq!(status(&witness, &log.request(7, 9, NEVER)), (200, None));
}

// R70: only what is consistent with what was signed before.
#[test]
fn a_second_history_is_never_signed_and_the_evidence_is_kept() {
    let (laid, log) = (Laid::new(), Log::new());
    let witness = laid.open(&[&log]);
    assert_eq!(status(&witness, &log.request(0, 8, NEVER)).0, 200);
    for fork in 0..8 {
        assert_eq!(
            status(&witness, &log.request(8, 8, fork)),
            (409, Some(8)),
            "{fork}"
        );
        for size in 9..20 {
            let refused = witness
                .add_checkpoint(&log.request(8, size, fork), 1)
                .unwrap_err();
            assert_eq!(refused.status(), 422, "{fork} {size}");
            let evidence = refused.contradiction().unwrap();
            for note in [&evidence.cosigned, &evidence.refused] {
                assert!(Checkpoint::open(note, log.key.verifier()).is_ok());
            }
        }
    }
    assert_eq!(status(&witness, &log.request(8, 9, NEVER)).0, 200);
}

#[test]
fn what_was_cosigned_is_remembered_by_the_next_process() {
    let (laid, log, other) = (Laid::new(), Log::new(), Log::named("other/audit/a/2026q4"));
    let witness = laid.open(&[&log, &other]);
    assert_eq!(status(&witness, &log.request(0, 8, NEVER)).0, 200);
    assert_eq!(status(&witness, &other.request(0, 3, NEVER)).0, 200);
    let second = Witness::open(laid.settings(&[&log]));
    assert!(matches!(second, Err(WitnessError::Locked { .. })));
    drop(witness);
    // A log that is left out for a while is not forgotten.
    let witness = laid.open(&[&log]);
    assert_eq!(status(&witness, &other.request(3, 4, NEVER)), (404, None));
    assert_eq!(status(&witness, &log.request(0, 9, 2)), (409, Some(8)));
    drop(witness);
    let witness = laid.open(&[&log, &other]);
    assert_eq!(
        status(&witness, &other.request(0, 4, NEVER)),
        (409, Some(3))
    );
}

#[test]
fn any_changed_byte_of_what_is_kept_is_found() {
    let (laid, log) = (Laid::new(), Log::new());
    let witness = laid.open(&[&log]);
    assert_eq!(status(&witness, &log.request(0, 8, NEVER)).0, 200);
    drop(witness);
    let logs = laid.folder.path().join("state/logs");
    let kept = std::fs::read_dir(logs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(&kept).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&kept, &changed).unwrap();
        assert!(Witness::open(laid.settings(&[&log])).is_err(), "byte {at}");
        std::fs::write(&kept, &bytes[..at]).unwrap();
        assert!(
            Witness::open(laid.settings(&[&log])).is_err(),
            "cut at {at}"
        );
    }
    std::fs::write(&kept, &bytes).unwrap();
    laid.open(&[&log]);
}

#[test]
fn a_witness_has_one_folder_and_one_key() {
    let laid = Laid::new();
    let again = Witness::create(&laid.settings(&[]));
    assert!(matches!(again, Err(WitnessError::Taken { .. })));
    let mut settings = laid.settings(&[]);
    settings.key = WitnessSignerKey::generate("witness.example/w1").unwrap();
    assert!(matches!(
        Witness::open(settings),
        Err(WitnessError::Key { .. })
    ));
    let mut settings = laid.settings(&[]);
    settings.folder = laid.folder.path().to_owned();
    assert!(matches!(
        Witness::open(settings),
        Err(WitnessError::Missing { .. })
    ));
}

#[test]
fn of_two_histories_at_once_one_is_signed() {
    let log = Log::new();
    for _ in 0..20 {
        let laid = Laid::new();
        let witness = laid.open(&[&log]);
        assert_eq!(status(&witness, &log.request(0, 8, NEVER)).0, 200);
        let requests = [(9, NEVER), (9, 8), (10, 8), (12, NEVER)]
            .map(|(size, fork)| log.request(8, size, fork));
        let signed = thread::scope(|scope| {
            let judged = requests.each_ref().map(|request| {
                let witness = &witness;
                scope.spawn(move || witness.add_checkpoint(request, 1).is_ok())
            });
            judged.map(|judged| judged.join().unwrap())
        });
        assert_eq!(signed.iter().filter(|signed| **signed).count(), 1);
    }
}

#[test]
fn a_key_speaks_for_the_logs_below_its_name() {
    let laid = Laid::new();
    let mut log = Log::named("motlan.example/audit/hn1/2026q4");
    log.key = SignerKey::generate("motlan.example/audit/hn1").unwrap();
    let witness = laid.open(&[&log]);
    assert_eq!(status(&witness, &log.request(0, 8, NEVER)).0, 200);
    log.origin = "motlan.example/audit/hn1/2027q1".parse().unwrap();
    assert_eq!(status(&witness, &log.request(0, 2, NEVER)).0, 200);
    log.origin = "motlan.example/audit/hn2/2027q1".parse().unwrap();
    assert_eq!(status(&witness, &log.request(0, 2, NEVER)).0, 404);
}

/// Has a submission answered by a witness until it ends.
fn submit(
    log: &Log,
    (size, fork, known): (u64, u64, u64),
    witness: &Witness,
    key: &WitnessVerifierKey,
) -> Result<Cosignature, Rejection> {
    let mut submission = Submission::new(log.note(size, fork), log.key.verifier(), known).unwrap();
    loop {
        let old = submission.old_size();
        let judged = witness.add_checkpoint(&submission.body(Log::proof(old, size, fork)), 5);
        let (status, content_type, body) = match judged {
            Ok(line) => (200, "text/plain", line),
            Err(refusal) => {
                let body = refusal.size().map(|size| format!("{size}\n"));
                (
                    refusal.status(),
                    "text/x.tlog.size; x=y",
                    body.unwrap_or_default(),
                )
            }
        };
        let answer = Answer {
            status,
            content_type,
            body: &body,
        };
        if let Next::Done(cosignature) = submission.answered(answer, key)? {
            return Ok(cosignature);
        }
    }
}

#[test]
fn a_log_finds_its_way_to_a_witness_whose_size_it_does_not_know() {
    let (laid, log) = (Laid::new(), Log::new());
    let witness = laid.open(&[&log]);
    let key = laid.verifier();
    for turn in [
        (5, NEVER, 0),
        (9, NEVER, 0),
        (9, NEVER, 3),
        (12, NEVER, 9),
        (12, NEVER, 99),
    ] {
        let cosignature = submit(&log, turn, &witness, &key).unwrap();
        assert_eq!(cosignature.time_s, 5);
        let note = log.note(turn.0, NEVER) + &cosignature.line;
        assert!(Note::parse(&note).unwrap().verify_cosignature(&key).is_ok());
    }
    // R71: what a witness says of a log that was put back or forked is known as such.
    let ahead = submit(&log, (7, NEVER, 0), &witness, &key).unwrap_err();
    assert!(
        matches!(
            ahead,
            Rejection::Ahead {
                witness: 12,
                own: 7
            }
        ),
        "{ahead}"
    );
    for turn in [(12, 6, 0), (20, 6, 0), (20, 11, 12)] {
        let forked = submit(&log, turn, &witness, &key).unwrap_err();
        assert!(matches!(forked, Rejection::Forked { size: 12 }), "{forked}");
        assert!(forked.is_contradiction());
    }
}

#[test]
fn a_nonsensical_answer_is_no_contradiction() {
    let (laid, log) = (Laid::new(), Log::new());
    let key = laid.verifier();
    let other = WitnessSignerKey::generate("witness.example/w1").unwrap();
    let note = log.note(7, NEVER);
    let text = Note::parse(&note).unwrap().text();
    let by_other = other.cosign(text, 1);
    let size = "text/x.tlog.size";
    for (status, content_type, body) in [
        (200, "", ""),
        (200, "", "ok\n"),
        (200, "", by_other.as_str()),
        (200, "", by_other.trim_end()),
        (409, "", "9\n"),
        (409, "text/html", "9\n"),
        (409, size, "9"),
        (409, size, "09\n"),
        (409, size, "-1\n"),
        (409, size, "3\n"),
        (400, size, "9\n"),
        (404, "", ""),
        (422, "", ""),
        (500, "", ""),
        (999, "", ""),
    ] {
        let known = if status == 422 { 0 } else { 3 };
        let mut submission = Submission::new(note.clone(), log.key.verifier(), known).unwrap();
        let answer = Answer {
            status,
            content_type,
            body,
        };
        let error = submission.answered(answer, &key).unwrap_err();
        assert!(!error.is_contradiction(), "{status} {body:?}: {error}");
    }
    // Led about for ever.
    let mut submission = Submission::new(note, log.key.verifier(), 0).unwrap();
    let mut turns = [1, 2, 3, 4, 5].into_iter().map(|size| {
        let body = format!("{size}\n");
        let answer = Answer {
            status: 409,
            content_type: "text/x.tlog.size",
            body: &body,
        };
        submission.answered(answer, &key)
    });
    assert!(turns.any(|turn| matches!(turn, Err(Rejection::Nonsense(_)))));
}

#[test]
fn a_conflict_without_a_size_is_believed_once_the_witness_names_it() {
    let (laid, log) = (Laid::new(), Log::new());
    let key = laid.verifier();
    let answer = |content_type, body| Answer {
        status: 409,
        content_type,
        body,
    };
    let (bare, level) = (answer("", ""), answer("text/x.tlog.size", "7\n"));
    let refused = || {
        let mut submission = Submission::new(log.note(7, NEVER), log.key.verifier(), 7).unwrap();
        let next = submission.answered(bare, &key);
        assert!(matches!(next, Ok(Next::Again)));
        assert_eq!(submission.old_size(), 0);
        submission
    };
    let forked = refused().answered(level, &key).unwrap_err();
    assert!(matches!(forked, Rejection::Forked { size: 7 }), "{forked}");
    let nonsense = refused().answered(bare, &key).unwrap_err();
    assert!(!nonsense.is_contradiction(), "{nonsense}");
    // An empty log has no other history.
    let mut empty = Submission::new(log.note(0, NEVER), log.key.verifier(), 0).unwrap();
    for status in [409, 422] {
        let told = Answer { status, ..bare };
        let error = empty.answered(told, &key).unwrap_err();
        assert!(!error.is_contradiction(), "{error}");
    }
}

#[test]
fn so_many_of_so_many_witnesses_make_a_checkpoint_cosigned() {
    let log = Log::new();
    let keys = ["w1", "w2", "w3"].map(|name| WitnessSignerKey::generate(name).unwrap());
    let named: Vec<_> = keys.iter().map(|key| key.verifier().clone()).collect();
    let policy = Policy::new(named.clone(), 2).unwrap();
    let mut note = log.note(7, NEVER);
    let text = Note::parse(&note).unwrap().text().to_owned();
    let found = |note: &str| match policy.check(note, log.key.verifier()) {
        Err(NotCosigned::TooFew { found, due: 2 }) => found,
        Err(error) => panic!("{error}"),
        Ok(cosigned) => cosigned.by().len(),
    };
    assert_eq!(found(&note), 0);
    note += &keys[0].cosign(&text, 1);
    // The same witness twice, and one that nobody named.
    note += &keys[0].cosign(&text, 2);
    note += &WitnessSignerKey::generate("w2").unwrap().cosign(&text, 3);
    assert_eq!(found(&note), 1);
    note += &keys[2].cosign(&text, 4);
    assert_eq!(found(&note), 2);
    let other = log.note(8, NEVER);
    let other = Note::parse(&other).unwrap().text().to_owned();
    note += &keys[1].cosign(&other, 4);
    let bad = policy.check(&note, log.key.verifier());
    assert!(matches!(bad, Err(NotCosigned::Bad { witness, .. }) if witness == "w2"));

    let twice = vec![named[0].clone(), named[0].clone()];
    assert!(matches!(Policy::new(twice, 1), Err(PolicyError::Twice(_))));
    for min in [0, 4] {
        let none = Policy::new(named.clone(), min);
        assert!(matches!(none, Err(PolicyError::Count { .. })));
    }
}
