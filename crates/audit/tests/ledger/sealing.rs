//! Sealed parts: unreadable without the sealing file, and erased for good.

use std::fs;
use std::path::Path;

use motlan_audit::wire::RecordKind;
use motlan_audit::{
    AppendError, CreateError, EraseError, Erased, Erasure, Ledger, OpenError, Opened, Sealing,
    SealingError, Settings, SignerKey, Whose, read_entries, verify_receipt,
};

use crate::common::{ORIGIN, Place, change, outcome, question};
use crate::damage::forge_checksums;

const GROUND: &str = "order 17 of the authority";

pub(crate) fn of_subject(subject: &str) -> Erasure {
    Erasure {
        whose: Whose::Subject {
            subject: subject.to_owned(),
            dataset: None,
        },
        ground: GROUND.to_owned(),
        by: "officer-9".to_owned(),
        caller: String::new(),
        time_us: 1_790_787_700_000_000,
    }
}

/// The subject of `question(n)`.
pub(crate) fn subject(n: u64) -> String {
    format!("{n:012}")
}

/// Appends a question about each of `subjects`, of the population dataset.
pub(crate) async fn ask(ledger: &Ledger, subjects: &[u64]) {
    for n in subjects {
        let _ = ledger.append(question(*n)).await.unwrap();
    }
}

/// Which records can be opened, by the subject that they name; `-` for one that was erased, `e` for
/// the record of an erasure.
pub(crate) fn opened(ledger: &Ledger) -> String {
    let mut told = Vec::new();
    let one = |entry: motlan_audit::ReadEntry| match (entry.record.kind(), &entry.sealed) {
        (RecordKind::Erasure, Opened::Sealed(_)) => "e".to_owned(),
        (_, Opened::Sealed(sealed)) => sealed.subject.trim_start_matches('0').to_owned(),
        (_, Opened::Erased) => "-".to_owned(),
        (_, other) => panic!("{other:?}"),
    };
    ledger
        .entries(0, |entry| {
            told.push(one(entry));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    told.join(" ")
}

fn everything_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        match file.file_type().unwrap().is_dir() {
            true => bytes.extend(everything_below(&file.path())),
            false => bytes.extend(fs::read(file.path()).unwrap()),
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    bytes.windows(text.len()).any(|window| window == text)
}

// R37: encrypted, and nothing in the clear beside it.
#[tokio::test]
async fn nothing_personal_stands_in_the_ledgers_folder() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let mut entry = question(7);
    entry.sealed.dossier = "H26.1-261001-0077".into();
    entry.sealed.official = "official-of-the-desk".into();
    entry.sealed.token_id = "token-of-the-official".into();
    entry.sealed.variant = "variant-of-the-caller".into();
    let personal = entry.sealed.clone();
    let index = ledger.append(entry).await.unwrap().index();
    let erased = ledger.erase(&of_subject(&subject(7))).unwrap();
    assert_eq!(erased.indices, [index]);
    ask(&ledger, &[7]).await;
    let (subject_tag, dossier_tag) = {
        let sealing = ledger.sealing();
        let tag = sealing.subject_tag(&personal.subject);
        assert_eq!(tag, sealing.subject_tag(&format!(" {} ", personal.subject)));
        assert_ne!(tag, sealing.dossier_tag(&personal.subject));
        (tag, sealing.dossier_tag(&personal.dossier))
    };
    ledger.close().unwrap();
    let bytes = everything_below(&place.folder());
    // What is public is there, so the looking finds things.
    assert!(holds(&bytes, "H26/one-stop") && holds(&bytes, GROUND));
    let texts = [
        &personal.subject,
        &personal.dossier,
        &personal.official,
        &personal.token_id,
        &personal.variant,
        "officer-9",
    ];
    for text in texts {
        assert!(!holds(&bytes, text), "`{text}` stands in the clear");
    }
    // Nor the tags, which whoever has the sealing file could look for.
    for tag in [subject_tag, dossier_tag] {
        assert!(!bytes.windows(16).any(|window| window == tag.0));
    }
}

// R38: gone for the one, there for the other, and proven for both.
#[tokio::test]
async fn of_two_subjects_one_is_erased_and_every_proof_stays_valid() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &[1, 2, 1, 2, 1]).await;
    let _ = ledger.append(outcome(Some(0))).await.unwrap();
    let receipt = ledger.receipt(2).unwrap();

    let erased = ledger.erase(&of_subject(&subject(1))).unwrap();
    assert_eq!(erased.indices, [0, 2, 4]);
    assert_eq!(erased.datasets, [("population".to_owned(), 3)].into());
    assert_eq!(erased.records[0].to_string(), "hn1-2026q4-6");
    assert_eq!(opened(&ledger), "- 2 - 2 -  e");
    assert_eq!(ledger.opened(0).unwrap(), Opened::Erased);
    assert!(matches!(ledger.opened(1).unwrap(), Opened::Sealed(_)));
    assert_eq!(ledger.record(0).unwrap().kind(), RecordKind::Question);
    let recorded = ledger.record(6).unwrap();
    let told = recorded.erasure.unwrap();
    assert_eq!(
        (told.ground.as_str(), told.before, told.records),
        (GROUND, 6, 3)
    );

    // What comes later of the same subject is readable, and erased by itself.
    ask(&ledger, &[1, 2]).await;
    assert_eq!(opened(&ledger), "- 2 - 2 -  e 1 2");
    assert_eq!(ledger.erase(&of_subject(&subject(1))).unwrap().indices, [7]);
    assert_eq!(opened(&ledger), "- 2 - 2 -  e - 2 e");
    assert_eq!(
        ledger.erase(&of_subject(&subject(1))).unwrap(),
        Erased::default(),
        "there is nothing left, and so no record of it"
    );

    for index in 0..ledger.size() {
        let proven = verify_receipt(&ledger.receipt(index).unwrap(), &place.verifier()).unwrap();
        assert_eq!(proven.record, ledger.record(index).unwrap());
    }
    assert!(verify_receipt(&receipt, &place.verifier()).is_ok());
    ledger.close().unwrap();
    assert_eq!(place.findings(), "");
    let (findings, parts) = place.opened();
    assert_eq!((findings.as_str(), parts.opened, parts.erased), ("", 6, 4));
    // And so it is after it was opened again.
    assert_eq!(opened(&place.open()), "- 2 - 2 -  e - 2 e");
}

#[tokio::test]
async fn a_sealing_file_copied_before_the_erasure_reads_on_and_one_copied_after_does_not() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &[1, 2]).await;
    let before = place.copy();
    ledger.erase(&of_subject(&subject(1))).unwrap();
    ledger.close().unwrap();
    let read = |sealing: &Place| {
        let sealing = Sealing::read(&sealing.sealing_file()).unwrap();
        let mut first = None;
        let findings = read_entries(&place.folder(), Some(&sealing), |entry| {
            first = Some(entry.sealed);
            std::ops::ControlFlow::Break(())
        });
        assert_eq!(findings.unwrap().count, 0);
        first.unwrap()
    };
    // This is why copies of the sealing file must follow an erasure.
    assert_eq!(read(&before).sealed().unwrap().subject, subject(1));
    assert_eq!(read(&place), Opened::Erased);
    let mut sealed = Vec::new();
    let kept = |entry: motlan_audit::ReadEntry| {
        sealed.push(entry.sealed);
        std::ops::ControlFlow::Continue(())
    };
    read_entries(&place.folder(), None, kept).unwrap();
    assert_eq!(sealed, [Opened::NoKey, Opened::NoKey, Opened::NoKey]);
}

#[tokio::test]
async fn an_older_sealing_file_is_found_and_follows_the_erasures_when_the_ledger_is_opened() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &[1, 2, 1]).await;
    let older = fs::read(place.sealing_file()).unwrap();
    ledger.erase(&of_subject(&subject(1))).unwrap();
    ledger.close().unwrap();
    let newer = fs::read(place.sealing_file()).unwrap();
    fs::write(place.sealing_file(), &older).unwrap();
    let (findings, _) = place.opened();
    assert_eq!(
        findings
            .matches("its key is in the sealing file still")
            .count(),
        2
    );
    assert_eq!(opened(&place.open()), "- 2 - e");
    assert_eq!(place.opened().0, "");
    assert!(newer.len() > older.len());
}

#[tokio::test]
async fn an_erasure_can_be_limited_to_one_dataset() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    for dataset in ["population", "land", "population"] {
        let mut entry = question(1);
        entry.record.dataset = dataset.into();
        let _ = ledger.append(entry).await.unwrap();
    }
    let mut erasure = of_subject(&subject(1));
    erasure.whose = Whose::Subject {
        subject: subject(1),
        dataset: Some("land".into()),
    };
    assert_eq!(ledger.erase(&erasure).unwrap().indices, [1]);
    assert_eq!(opened(&ledger), "1 - 1 e");
    assert_eq!(
        ledger.erase(&of_subject(&subject(1))).unwrap().indices,
        [0, 2]
    );
    assert_eq!(opened(&ledger), "- - - e e");
}

#[tokio::test]
async fn a_dataset_is_erased_whole_and_takes_nothing_more() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let of_land = |n| {
        let mut entry = question(n);
        entry.record.dataset = "land".into();
        entry.record.time_us += i64::try_from(n).unwrap();
        entry
    };
    ask(&ledger, &[1, 2]).await;
    for n in [3, 4] {
        let _ = ledger.append(of_land(n)).await.unwrap();
    }
    ledger.erase(&of_subject(&subject(4))).unwrap();
    let holdings = ledger.holdings().unwrap();
    assert_eq!(
        (holdings["land"].records, holdings["population"].records),
        (1, 2)
    );
    assert_eq!(holdings["land"].newest_us, 1_790_787_600_000_003);
    let mut erasure = of_subject("");
    erasure.whose = Whose::Dataset("land".into());
    let older = fs::read(place.sealing_file()).unwrap();
    let erased = ledger.erase(&erasure).unwrap();
    assert_eq!((erased.indices, erased.records.len()), (vec![2], 1));
    assert_eq!(opened(&ledger), "1 2 - - e e");
    let refused = ledger.append(of_land(5)).await.err().unwrap();
    assert!(matches!(refused, AppendError::NoKey), "{refused}");
    ask(&ledger, &[6]).await;
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
    fs::write(place.sealing_file(), older).unwrap();
    let found = place.opened().0;
    assert!(found.contains("record 5: an erasure whose keys are in the sealing file still"));
    assert_eq!(opened(&place.open()), "1 2 - - e e 6");
}

#[tokio::test]
async fn an_erasure_of_more_than_one_record_can_list_takes_several() {
    let place = Place::new(1024);
    let ledger = place.open();
    ask(&ledger, &[1; 9]).await;
    let erased = ledger.erase(&of_subject(&subject(1))).unwrap();
    assert_eq!((erased.indices.len(), erased.records.len()), (9, 2));
    assert_eq!(opened(&ledger), "- - - - - - - - - e e");
    ledger.close().unwrap();
    assert_eq!(place.opened().0, "");
}

#[tokio::test]
async fn an_erasure_without_a_ground_or_with_a_personal_one_is_refused() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &[1]).await;
    let refused = |change: &dyn Fn(&mut Erasure)| {
        let mut erasure = of_subject(&subject(1));
        change(&mut erasure);
        ledger.erase(&erasure).unwrap_err()
    };
    for ground in ["", "  ", "two\nlines", &"x".repeat(201)] {
        let error = refused(&|erasure| erasure.ground = ground.to_owned());
        assert!(matches!(error, EraseError::Ground), "{ground}");
    }
    let error = refused(&|erasure| erasure.by = String::new());
    assert!(matches!(error, EraseError::Ground));
    let error = refused(&|erasure| erasure.ground = format!("asked for by {}", subject(1)));
    assert!(matches!(error, EraseError::Personal));
    let error = refused(&|erasure| {
        erasure.whose = Whose::Subject {
            subject: " ".into(),
            dataset: None,
        };
    });
    assert!(matches!(error, EraseError::Nobody));
    assert_eq!(opened(&ledger), "1");
    let printed = format!("{:?}", of_subject(&subject(1)));
    assert!(!printed.contains(&subject(1)), "{printed}");
}

#[tokio::test]
async fn only_an_erasure_is_recorded_as_one() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let mut forged = question(1);
    forged.record.kind = RecordKind::Erasure.into();
    assert!(matches!(
        ledger.append(forged).await,
        Err(AppendError::Malformed(_))
    ));
    let mut forged = question(1);
    forged.sealed.erased = vec![0];
    assert!(matches!(
        ledger.append(forged).await,
        Err(AppendError::Malformed(_))
    ));
    assert_eq!(ledger.size(), 0);
}

/// Where the first sealed part begins in a segment, and how long it is.
fn first_sealed(segment: &[u8]) -> (usize, usize) {
    const BODY: usize = 64 + 80;
    let length = |at: usize| usize::from(u16::from_le_bytes([segment[at], segment[at + 1]]));
    (BODY + 4 + length(BODY), length(BODY + 2))
}

#[tokio::test]
async fn every_changed_byte_of_a_sealed_part_is_found_even_if_the_checksums_were_made_to_fit() {
    let whole = Place::new(1 << 16);
    let ledger = whole.open();
    ask(&ledger, &[1]).await;
    ledger.close().unwrap();
    let segment = fs::read(whole.segment(0)).unwrap();
    let (begin, length) = first_sealed(&segment);
    for at in 0..length {
        let place = whole.copy();
        change(&place.segment(0), |bytes| {
            bytes[begin + at] ^= 1 << (at % 8);
            forge_checksums(bytes);
        });
        let (found, _) = place.opened();
        assert!(
            found.contains("record 0: the sealed part is not"),
            "byte {at}: {found}"
        );
        // Nobody takes it for erased.
        assert!(place.open().opened(0).is_err(), "byte {at}");
    }
    // Without the sealing file nothing but the form of a sealed part can be seen.
    let place = whole.copy();
    change(&place.segment(0), |bytes| {
        bytes[begin + 30] ^= 1;
        forge_checksums(bytes);
    });
    assert_eq!(place.findings(), "");
    change(&place.segment(0), |bytes| {
        bytes[begin] = 7;
        forge_checksums(bytes);
    });
    assert!(place.findings().contains("no form that this program knows"));
}

#[tokio::test]
async fn a_sealed_part_opens_only_in_its_own_record() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    for n in [1, 2] {
        let _ = ledger.append(question(n)).await.unwrap();
    }
    ledger.close().unwrap();
    let bytes = fs::read(place.segment(0)).unwrap();
    let (first, length) = first_sealed(&bytes);
    // The second frame begins behind the end mark of the first.
    let second = first_sealed(&bytes[first + length + 1 - 64..]).0 + first + length + 1 - 64;
    change(&place.segment(0), |bytes| {
        bytes.copy_within(second..second + length, first);
        forge_checksums(bytes);
    });
    let (found, parts) = place.opened();
    assert!(
        found.contains("record 0: the sealed part is not"),
        "{found}"
    );
    assert_eq!(parts.opened, 1);
}

#[tokio::test]
async fn a_key_that_was_destroyed_without_a_record_is_found() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &[1, 2]).await;
    ledger.close().unwrap();
    // The same log, with an erasure that this one does not have.
    let copy = place.copy();
    copy.open().erase(&of_subject(&subject(1))).unwrap();
    fs::copy(copy.sealing_file(), place.sealing_file()).unwrap();
    let (found, parts) = place.opened();
    assert!(
        found.ends_with("record 0: its key was destroyed, and no erasure on record says so"),
        "{found}"
    );
    assert_eq!((parts.opened, parts.erased), (1, 1));
}

#[tokio::test]
async fn a_ledger_opens_with_its_own_sealing_file_only() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &[1]).await;
    ledger.close().unwrap();
    let file = place.sealing_file();
    let whole = fs::read(&file).unwrap();
    for at in [0, 5, 10, 40, 90, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        let refused = Ledger::open(place.settings()).unwrap_err();
        let is_malformed = matches!(refused, OpenError::Sealing(SealingError::Malformed { .. }));
        assert!(is_malformed, "byte {at}: {refused}");
    }
    fs::copy(Place::new(1 << 16).sealing_file(), &file).unwrap();
    let refused = Ledger::open(place.settings()).unwrap_err();
    assert!(matches!(
        refused,
        OpenError::Sealing(SealingError::Other { .. })
    ));
    let other = Sealing::read(&file).unwrap();
    assert!(read_entries(&place.folder(), Some(&other), |_| unreachable!()).is_err());
    fs::remove_file(&file).unwrap();
    let refused = Ledger::open(place.settings()).unwrap_err();
    assert!(matches!(
        refused,
        OpenError::Sealing(SealingError::Missing { .. })
    ));
    fs::write(&file, whole).unwrap();
    assert_eq!(opened(&place.open()), "1");
}

#[test]
fn a_sealing_file_lies_outside_the_folder_and_is_never_replaced_by_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let settings = |sealing: &Path| {
        let mut settings = Settings::new(&folder, SignerKey::generate(ORIGIN).unwrap());
        settings.sealing = sealing.to_owned();
        settings
    };
    let create = |sealing: &Path| Ledger::create_with(&settings(sealing), &ORIGIN.parse().unwrap());
    fs::create_dir(&folder).unwrap();
    let inside = create(&folder.join("sealing"));
    assert!(matches!(inside, Err(CreateError::SealingInside { .. })));
    let other = dir.path().join("other");
    fs::write(&other, "all that opens another ledger").unwrap();
    let taken = create(&other);
    assert!(matches!(taken, Err(CreateError::SealingTaken { .. })));
    assert_eq!(fs::read(&other).unwrap(), b"all that opens another ledger");
    create(&dir.path().join("new/sealing")).unwrap();
    assert!(Ledger::check_sealing(&folder, &dir.path().join("new/sealing")).is_ok());
    assert!(Ledger::check_sealing(&folder, &other).is_err());
}
