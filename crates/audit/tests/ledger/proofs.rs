//! Proofs, from the open ledger and from its files, and what becomes of them when something was
//! changed.

use std::fs;

use motlan_audit::{
    Checkpoint, ConsistencyError, Ledger, ProveError, Prover, ReadError, ReceiptError, SignerKey,
    TreeAt, read_tlog_proof, verify_consistency, verify_receipt, write_tlog_proof,
};

use crate::common::{Place, ask, change, question};

/// Appends until the log has `size` records, many in a commit.
async fn grow(ledger: &Ledger, size: u64) {
    let mut waiting = tokio::task::JoinSet::new();
    for n in ledger.size()..size {
        let ledger = ledger.clone();
        waiting.spawn(async move { ledger.append(question(n)).await.map(|_| ()) });
    }
    for done in waiting.join_all().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn the_files_prove_what_the_open_ledger_proves() {
    // Short segments, so that a bundle lies in several.
    let place = Place::new(1 << 14);
    let ledger = place.open();
    grow(&ledger, 300).await;
    let old_note = ledger.checkpoint();
    grow(&ledger, 700).await;
    let mut prover = Prover::open(&place.folder()).unwrap();
    let note = ledger.checkpoint();
    // The folder's own checkpoint is still that of the empty log, and a newer one is believed.
    for index in [0, 299, 511, 512, 699] {
        let ours = prover.inclusion(index, &note).unwrap();
        assert_eq!(ours, ledger.receipt(index).unwrap());
        let text = write_tlog_proof(&ours);
        let proven = verify_receipt(&read_tlog_proof(&text).unwrap(), ledger.verifier()).unwrap();
        assert_eq!(proven.id, ledger.record_id(index));
    }
    let (old, new) = (TreeAt::Checkpoint(&old_note), TreeAt::Checkpoint(&note));
    let proof = prover.consistency(old, new).unwrap();
    assert_eq!(proof.hashes, ledger.consistency(300, 700).unwrap());
    let open = |note: &str| Checkpoint::open(note, ledger.verifier()).unwrap();
    let shown = verify_consistency(&open(&old_note), &open(&note), &proof.hashes).unwrap();
    assert_eq!((shown.old_size(), shown.new_size()), (300, 700));
    ledger.close().unwrap();
    // Without tiles they are made again, from the records.
    fs::remove_dir_all(place.folder().join("tile")).unwrap();
    let mut prover = Prover::open(&place.folder()).unwrap();
    assert_eq!(prover.consistency(old, new).unwrap(), proof);
    let sizes = (TreeAt::Size(300), TreeAt::Size(700));
    assert_eq!(
        prover.consistency(sizes.0, sizes.1).unwrap().hashes,
        proof.hashes
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_and_by_whose_fault() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let _ = ask(&ledger, &place, 5).await;
    for (index, width) in [(0, 6), (0, 0), (0, 257), (1, 1), (u64::MAX, 1)] {
        let unknown = ledger.tile(0, index, width);
        assert!(matches!(unknown, Err(ReadError::Unknown { .. })), "{index}");
        let unknown = ledger.bundle(index, width, |_| {});
        assert!(matches!(unknown, Err(ReadError::Unknown { .. })), "{index}");
    }
    for level in [1, 8, 63, 255] {
        let unknown = ledger.tile(level, 0, 1);
        assert!(matches!(unknown, Err(ReadError::Unknown { .. })), "{level}");
    }
    for (old, new) in [(0, 6), (4, 3), (6, 6), (u64::MAX, u64::MAX)] {
        let unknown = ledger.consistency(old, new);
        assert!(matches!(unknown, Err(ReadError::Unknown { .. })), "{old}");
    }
    assert!(ledger.consistency(0, 0).unwrap().is_empty());
    ledger.close().unwrap();
    let mut prover = Prover::open(&place.folder()).unwrap();
    let note = prover.checkpoint().to_owned();
    let unasked = prover.inclusion(5, &note).unwrap_err();
    assert!(matches!(
        unasked,
        ProveError::NoRecord { index: 5, size: 5 }
    ));
    let order = prover.consistency(TreeAt::Size(4), TreeAt::Size(3));
    assert!(matches!(order, Err(ProveError::Order { .. })));
    let large = prover.consistency(TreeAt::Size(4), TreeAt::Size(6));
    assert!(matches!(large, Err(ProveError::Size { .. })));
    assert!(!unasked.is_finding());
}

#[tokio::test]
async fn a_log_that_was_rewritten_proves_nothing_under_the_checkpoint_that_left() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let _ = ask(&ledger, &place, 3).await;
    ledger.close().unwrap();
    let short = place.copy();
    let ledger = place.open();
    let _ = ask(&ledger, &place, 5).await;
    let held = ledger.checkpoint();
    ledger.close().unwrap();
    // An older copy, whose own checkpoint is sound.
    let mut prover = Prover::open(&short.folder()).unwrap();
    let dropped = prover.inclusion(1, &held).unwrap_err();
    assert!(matches!(dropped, ProveError::Ahead { size: 8, signed: 3 }));
    assert!(dropped.is_finding());
    // The same length, and other records: the operator signed twice.
    let ledger = short.open();
    let _ = ask(&ledger, &short, 5).await;
    ledger.close().unwrap();
    let mut prover = Prover::open(&short.folder()).unwrap();
    for (index, at) in [(1, TreeAt::Size(8)), (7, TreeAt::Checkpoint(&held))] {
        let forked = prover.inclusion(index, &held).unwrap_err();
        assert!(matches!(forked, ProveError::OtherRecords { size: 8 }));
        let forked = prover
            .consistency(TreeAt::Checkpoint(&held), at)
            .unwrap_err();
        assert!(matches!(forked, ProveError::OtherRecords { size: 8 }));
    }
    let key = place.verifier();
    let open = |note: &str| Checkpoint::open(note, &key).unwrap();
    let fork = verify_consistency(&open(&held), &open(prover.checkpoint()), &[]);
    assert!(matches!(fork, Err(ConsistencyError::Forked { size: 8 })));
    let stranger = SignerKey::generate(crate::common::ORIGIN).unwrap();
    let believed = Checkpoint::open(&held, stranger.verifier());
    assert!(believed.is_err());
}

#[tokio::test]
async fn a_changed_tile_leaves_neither_the_ledger_nor_its_files() {
    let place = Place::new(1 << 20);
    let ledger = place.open();
    grow(&ledger, 600).await;
    let tile = place.folder().join("tile/0/001");
    change(&tile, |bytes| bytes[100] ^= 1);
    assert!(matches!(ledger.tile(0, 1, 256), Err(ReadError::Tiles)));
    assert!(matches!(
        ledger.consistency(259, 600),
        Err(ReadError::Tiles)
    ));
    assert!(matches!(ledger.consistency(3, 259), Err(ReadError::Tiles)));
    assert!(ledger.consistency(512, 600).is_ok());
    let damaged = ledger.bundle(1, 256, |_| {});
    assert!(matches!(damaged, Err(ReadError::Damaged { index: 259 })));
    assert!(matches!(
        ledger.receipt(260),
        Err(ReadError::Damaged { .. })
    ));
    assert!(ledger.receipt(10).is_ok());
    let note = ledger.checkpoint();
    ledger.close().unwrap();
    // The records themselves are right, and a proof is made from them.
    let mut prover = Prover::open(&place.folder()).unwrap();
    let proven = prover.inclusion(260, &note).unwrap();
    let _ = verify_receipt(&proven, &place.verifier()).unwrap();
    let proof = prover.consistency(TreeAt::Size(259), TreeAt::Checkpoint(&note));
    assert_eq!(proof.unwrap().old_size, 259);
    // A record that was changed, with its checksum left.
    change(&place.segment(0), |bytes| bytes[64 + 80 + 60] ^= 1);
    let wrong = prover.inclusion(0, &note).unwrap_err();
    assert!(wrong.is_finding(), "{wrong}");
}

#[tokio::test]
async fn a_tlog_proof_with_anything_changed_proves_nothing() {
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let _ = ask(&ledger, &place, 5).await;
    let text = write_tlog_proof(&ledger.receipt(2).unwrap());
    let key = ledger.verifier();
    assert!(verify_receipt(&read_tlog_proof(&text).unwrap(), key).is_ok());
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let proven = read_tlog_proof(&changed).map(|receipt| verify_receipt(&receipt, key).is_ok());
        assert_ne!(proven, Ok(true), "byte {at} of\n{changed}");
    }
    let none = read_tlog_proof(&text.replace("extra ", "index ")).is_err();
    assert!(none);
    let mut bare = read_tlog_proof(&text).unwrap();
    bare.leaf.clear();
    let nothing = verify_receipt(&bare, key);
    assert!(matches!(nothing, Err(ReceiptError::NotIncluded)));
}
