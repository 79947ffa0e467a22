//! Opening: what is there again, and what is refused.

use std::fs;

use motlan_audit::{
    CreateError, IdentityError, Ledger, OpenError, SignerKey, verify, verify_receipt,
};

use crate::common::{ORIGIN, Place, ask, change, outcome, question};

#[tokio::test]
async fn a_record_survives_drop_and_reopening_with_a_receipt_that_holds() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let asked = ledger.append(question(7)).await.unwrap();
    let answered = ledger.append(outcome(Some(asked.index()))).await.unwrap();
    assert_eq!(answered.id().to_string(), "hn1-2026q4-1");
    let written = ledger.record(1).unwrap();
    drop(ledger);

    let ledger = place.open();
    assert_eq!(ledger.size(), 2);
    assert_eq!(ledger.record(1).unwrap(), written);
    assert_eq!(written.question, Some(0));
    assert_eq!((written.format, written.sealed_sha256.len()), (2, 32));
    let proven = verify_receipt(&ledger.receipt(0).unwrap(), &place.verifier()).unwrap();
    assert_eq!(proven.id, ledger.record_id(0));
    assert_eq!(proven.record, ledger.record(0).unwrap());
    assert!(ledger.record(2).is_err());
    ledger.close().unwrap();
    assert_eq!(place.findings(), "");
}

#[tokio::test]
async fn a_log_of_many_segments_and_tiles_opens_and_goes_on() {
    let place = Place::new(2048);
    for round in 0..3 {
        let ledger = place.open();
        for n in 0..200 {
            assert_eq!(
                ledger.append(question(n)).await.unwrap().index(),
                round * 200 + n
            );
        }
        let first = ledger.receipt(0).unwrap();
        assert_eq!(
            verify_receipt(&first, &place.verifier()).unwrap().size,
            (round + 1) * 200
        );
        ledger.close().unwrap();
    }
    let report = verify(&place.folder(), &place.verifier()).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert!(report.segments > 10);
    let counts = (
        report.records,
        report.open_questions,
        report.after_checkpoint,
        report.tiles,
    );
    assert_eq!(counts, (600, 600, 0, 2));
}

#[tokio::test]
async fn a_ledger_is_open_only_once() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    assert!(matches!(
        Ledger::open(place.settings()),
        Err(OpenError::Locked { .. })
    ));
    let clone = ledger.clone();
    // Whatever is deleted in the folder meanwhile.
    for file in fs::read_dir(place.folder()).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() && !file.ends_with("log") && !file.ends_with("checkpoint") {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(matches!(
        Ledger::open(place.settings()),
        Err(OpenError::Locked { .. })
    ));
    ledger.close().unwrap();
    place.open().close().unwrap();
    assert!(clone.append(question(0)).await.is_err());
}

#[tokio::test]
async fn records_that_were_signed_for_and_are_gone_are_missed() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let ends = ask(&ledger, &place, 5).await;
    let earlier = place.copy();
    ledger.close().unwrap();

    // The log is that of the earlier day, the checkpoint is not.
    change(&place.segment(0), |bytes| bytes[ends[3]..].fill(0));
    let refused = Ledger::open(place.settings()).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Behind {
                signed: 5,
                found: 4
            }
        ),
        "{refused}"
    );
    fs::remove_file(place.segment(0)).unwrap();
    let refused = Ledger::open(place.settings()).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Behind {
                signed: 5,
                found: 0
            }
        ),
        "{refused}"
    );
    // A checkpoint that is behind is what a crash leaves.
    assert_eq!(earlier.open().size(), 5);
}

#[tokio::test]
async fn records_other_than_those_signed_for_are_refused() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &place, 3).await;
    ledger.close().unwrap();
    let twin = place.copy();
    for (place, n) in [(&place, 1), (&twin, 2)] {
        let ledger = place.open();
        let _ = ledger.append(question(n)).await.unwrap();
        ledger.close().unwrap();
    }
    fs::copy(
        twin.folder().join("checkpoint"),
        place.folder().join("checkpoint"),
    )
    .unwrap();
    let refused = Ledger::open(place.settings()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Forked { signed: 4 }),
        "{refused}"
    );
    assert!(
        place
            .findings()
            .contains("its root is not that of the first 4 records")
    );
}

#[tokio::test]
async fn a_missing_exchanged_or_shortened_segment_is_refused() {
    let whole = Place::new(1024);
    let ledger = whole.open();
    for n in 0..12 {
        let _ = ledger.append(question(n)).await.unwrap();
    }
    ledger.close().unwrap();
    let refused = |damage: &dyn Fn(&Place)| {
        let place = whole.copy();
        damage(&place);
        Ledger::open(place.settings())
            .expect_err("opened")
            .to_string()
    };
    let text = refused(&|place| fs::remove_file(place.segment(1)).unwrap());
    assert!(text.contains("the segment is missing"), "{text}");
    let copy = |place: &Place| fs::copy(place.segment(2), place.segment(1));
    let text = refused(&|place| assert!(copy(place).is_ok()));
    assert!(
        text.contains("segments/00000001` at offset 0: segment 2"),
        "{text}"
    );
    let text = refused(&|place| change(&place.segment(1), |bytes| bytes.truncate(1023)));
    assert!(text.contains("1024 bytes are due"), "{text}");
    let text = refused(&|place| change(&place.segment(1), |bytes| bytes[9] ^= 1));
    assert!(text.contains("no segment header"), "{text}");
}

#[tokio::test]
async fn tiles_are_rebuilt_from_the_log() {
    let place = Place::new(1 << 20);
    let ledger = place.open();
    ask(&ledger, &place, 257).await;
    ledger.close().unwrap();
    let tile = place.folder().join("tile/0/000");
    let whole = fs::read(&tile).unwrap();
    change(&tile, |bytes| bytes[77] ^= 1);
    assert!(
        place
            .findings()
            .contains("tile/0/000: the hashes are not those of the log")
    );
    let ledger = place.open();
    assert_eq!(fs::read(&tile).unwrap(), whole);
    // Behind an open ledger's back: the receipt is withheld, not wrong.
    change(&tile, |bytes| bytes[77] ^= 1);
    assert!(ledger.receipt(0).is_err());
    fs::remove_file(&tile).unwrap();
    assert!(ledger.receipt(0).is_err());
    assert!(
        ledger.receipt(256).is_ok(),
        "its proof needs only what is in memory"
    );
}

#[test]
fn what_is_no_ledger_or_not_with_this_key_is_refused() {
    let place = Place::new(1 << 16);
    let other = SignerKey::generate(ORIGIN).unwrap();
    let mut settings = place.settings();
    settings.key = other.into();
    assert!(matches!(Ledger::open(settings), Err(OpenError::Key { .. })));
    let mut settings = place.settings();
    settings.folder = place.folder().join("segments");
    let refused = Ledger::open(settings).unwrap_err();
    assert!(matches!(
        refused,
        OpenError::Identity(IdentityError::Missing { .. })
    ));
    assert!(
        refused.to_string().contains("motlan ledger init"),
        "{refused}"
    );
    let mut settings = place.settings();
    settings.segment_bytes = 100;
    assert!(matches!(
        Ledger::open(settings),
        Err(OpenError::SegmentBytes { .. })
    ));
}

#[test]
fn a_ledger_is_made_only_in_a_folder_of_its_own_and_with_its_own_key() {
    let place = Place::new(1 << 16);
    let origin = ORIGIN.parse().unwrap();
    let key = SignerKey::read(&place.key_file()).unwrap();
    let again = Ledger::create(&place.folder(), &origin, &key);
    assert!(matches!(again, Err(CreateError::NotEmpty { .. })));
    let other = SignerKey::generate("motlan.example/audit/hn2").unwrap();
    let refused = Ledger::create(&place.folder().join("new"), &origin, &other);
    assert!(matches!(refused, Err(CreateError::Key { .. })));
    assert!(!place.folder().join("new").exists());
}

#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new(1 << 16);
    drop(place.open());
    for (file, mode) in [
        ("", 0o700),
        ("segments", 0o700),
        ("log", 0o600),
        ("checkpoint", 0o600),
    ] {
        let found = fs::metadata(place.folder().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
    assert_eq!(
        fs::metadata(place.key_file()).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
