//! Verification finds every change, and says where.

use std::fs;

use motlan_api::audit::v1::Receipt;
use motlan_audit::{ReceiptError, SignerKey, verify, verify_receipt};

use crate::common::{ORIGIN, Place, ask, change, findings, outcome, question};

/// A closed ledger of three short segments.
async fn small() -> Place {
    let place = Place::new(1024);
    let ledger = place.open();
    for n in 0..4 {
        let _ = ledger.append(question(n)).await.unwrap();
        let _ = ledger.append(outcome(Some(2 * n))).await.unwrap();
    }
    ledger.close().unwrap();
    assert!(place.segment(2).exists() && !place.segment(5).exists());
    assert_eq!(place.findings(), "");
    place
}

/// Puts right checksums into the first frame of a segment: what a forger would do.
pub(crate) fn forge_checksums(segment: &mut [u8]) {
    const FRAME: usize = 64;
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) as usize;
    let body = FRAME + 80..FRAME + 80 + number(&segment[FRAME + 68..FRAME + 72]);
    let crc = crc32c::crc32c(&segment[body]).to_le_bytes();
    segment[FRAME + 72..FRAME + 76].copy_from_slice(&crc);
    let crc = crc32c::crc32c(&segment[FRAME..FRAME + 76]).to_le_bytes();
    segment[FRAME + 76..FRAME + 80].copy_from_slice(&crc);
}

fn find(bytes: &[u8], text: &str) -> usize {
    bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap()
}

#[tokio::test]
async fn a_changed_record_is_found_even_if_its_checksums_were_made_to_fit() {
    let place = small().await;
    change(&place.segment(0), |bytes| {
        let at = find(bytes, "H26/one-stop");
        bytes[at + 2] = b'7';
        forge_checksums(bytes);
    });
    let found = place.findings();
    assert!(
        found.contains("record 1: a frame written after other records"),
        "{found}"
    );
    assert!(
        found.contains("its root is not that of the first 8 records"),
        "{found}"
    );
    assert!(motlan_audit::Ledger::open(place.settings()).is_err());
}

#[tokio::test]
async fn a_record_in_another_form_than_the_canonical_is_found() {
    let place = small().await;
    change(&place.segment(0), |bytes| {
        // The key of field 7, `method`, becomes that of field 15, which is a text as well: out of
        // order.
        let at = find(bytes, "/vn.population") - 2;
        assert_eq!(bytes[at], 7 << 3 | 2);
        bytes[at] = 15 << 3 | 2;
        forge_checksums(bytes);
    });
    let found = place.findings();
    assert!(
        found.contains("record 0: is not in the canonical form"),
        "{found}"
    );
}

#[tokio::test]
async fn deleted_swapped_and_cut_segments_are_found() {
    let whole = small().await;
    let last = (0..)
        .take_while(|number| whole.segment(*number).exists())
        .last()
        .unwrap();
    for number in 0..=last {
        let place = whole.copy();
        fs::remove_file(place.segment(number)).unwrap();
        let found = place.findings();
        assert!(
            found.contains("missing") || found.contains("the log holds"),
            "{number}: {found}"
        );
    }
    for number in 0..last {
        let place = whole.copy();
        let (a, b) = (place.segment(number), place.segment(number + 1));
        let bytes = fs::read(&a).unwrap();
        fs::copy(&b, &a).unwrap();
        fs::write(&b, bytes).unwrap();
        assert!(place.findings().contains("under another name"), "{number}");
    }
    for length in [0, 10, 64, 100, 1000, 1023] {
        let place = whole.copy();
        change(&place.segment(last), |bytes| bytes.truncate(length));
        assert!(!place.findings().is_empty(), "{length}");
    }
    let place = whole.copy();
    fs::remove_file(place.folder().join("checkpoint")).unwrap();
    assert!(place.findings().contains("checkpoint: is missing"));
    fs::write(whole.folder().join("segments/notes.txt"), "x").unwrap();
    assert!(whole.findings().contains("is no segment"));
}

#[tokio::test]
async fn records_that_break_the_rules_between_them_are_found() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let _ = ledger.append(question(0)).await.unwrap();
    let mut other = outcome(Some(0));
    other.record.caller = "H27/one-stop".into();
    let _ = ledger.append(other).await.unwrap();
    let _ = ledger.append(outcome(Some(0))).await.unwrap();
    let _ = ledger.append(outcome(Some(1))).await.unwrap();
    ledger.close().unwrap();
    let found = place.findings();
    assert!(
        found.contains("record 1: question 0 was of another caller"),
        "{found}"
    );
    assert!(
        found.contains("record 2: question 0 has an outcome already"),
        "{found}"
    );
    assert!(
        found.contains("record 3: record 1, which it answers, is no earlier"),
        "{found}"
    );
}

#[tokio::test]
async fn records_after_the_checkpoint_are_counted_and_are_no_finding() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    ask(&ledger, &place, 3).await;
    let report = verify(&place.folder(), &place.verifier()).unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(
        (
            report.records,
            report.checkpoint_size,
            report.after_checkpoint
        ),
        (3, Some(0), 3)
    );
    ledger.close().unwrap();
    let report = verify(&place.folder(), &place.verifier()).unwrap();
    assert_eq!(
        (report.checkpoint_size, report.after_checkpoint),
        (Some(3), 0)
    );
}

#[tokio::test]
async fn a_log_signed_with_another_key_is_not_believed() {
    let place = small().await;
    let other = SignerKey::generate(ORIGIN).unwrap();
    let found = findings(&place.folder(), other.verifier());
    assert!(found.contains("names another key"), "{found}");
    assert!(found.contains("not signed by the key"), "{found}");
}

// R36: a receipt needs the key and nothing else.
#[tokio::test]
async fn a_receipt_holds_for_its_record_place_and_log_only() {
    let place = small().await;
    let ledger = place.open();
    let (good, key) = (ledger.receipt(3).unwrap(), place.verifier());
    assert_eq!(
        verify_receipt(&good, &key).unwrap().id.to_string(),
        "hn1-2026q4-3"
    );
    let bad = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = good.clone();
        change(&mut receipt);
        verify_receipt(&receipt, &key).unwrap_err()
    };
    assert!(matches!(bad(&|r| r.index = 2), ReceiptError::NotIncluded));
    assert!(matches!(
        bad(&|r| r.leaf[9] ^= 1),
        ReceiptError::NotIncluded
    ));
    assert!(matches!(
        bad(&|r| r.proof[0][0] ^= 1),
        ReceiptError::NotIncluded
    ));
    assert!(matches!(
        bad(&|r| r.proof.truncate(1)),
        ReceiptError::NotIncluded
    ));
    assert!(matches!(
        bad(&|r| r.proof[0].truncate(31)),
        ReceiptError::Proof
    ));
    assert!(matches!(
        bad(&|r| r.proof = vec![vec![0; 32]; 65]),
        ReceiptError::Proof
    ));
    let grown = |r: &mut Receipt| r.checkpoint = r.checkpoint.replacen("\n8\n", "\n9\n", 1);
    assert!(matches!(bad(&grown), ReceiptError::Checkpoint(_)));
    let other = SignerKey::generate(ORIGIN).unwrap();
    assert!(verify_receipt(&good, other.verifier()).is_err());
}
