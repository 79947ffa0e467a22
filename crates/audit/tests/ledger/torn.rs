//! What a kill or a power cut leaves of the last write is cut; nothing else is.

use std::fs;
use std::path::Path;

use motlan_audit::{Entry, Ledger, OpenError};

use crate::common::{Place, ask, change, frames_end, question};

const SEGMENT_BYTES: u64 = 1 << 13;
const SECTOR_BYTES: usize = 512;

/// A ledger with six frames that is still open, as a kill finds it, and where each frame ends.
async fn killed() -> (Place, Vec<usize>) {
    let place = Place::new(SEGMENT_BYTES);
    let ledger = place.open();
    let ends = ask(&ledger, &place, 6).await;
    let copy = place.copy();
    (copy, ends)
}

/// Opens `place`, whose log holds `whole` records before a torn frame at `from`.
fn assert_cut(place: &Place, whole: usize, from: usize, before: &[u8], what: &str) {
    let ledger = Ledger::open(place.settings()).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(ledger.size(), whole as u64, "{what}");
    for index in 0..whole as u64 {
        assert!(
            ledger.record(index).is_ok() && ledger.receipt(index).is_ok(),
            "{what}: {index}"
        );
    }
    ledger.close().unwrap();
    let after = fs::read(place.segment(0)).unwrap();
    assert_eq!(after.len() as u64, SEGMENT_BYTES, "{what}");
    assert_eq!(after[..from], before[..from], "{what}");
    assert!(after[from..].iter().all(|byte| *byte == 0), "{what}");
}

#[tokio::test]
async fn a_log_cut_at_any_byte_keeps_every_frame_before_and_loses_nothing_else() {
    let (killed, ends) = killed().await;
    let bytes = fs::read(killed.segment(0)).unwrap();
    let place = killed.copy();
    for cut in ends[2]..=ends[5] {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let from = ends[whole - 1];
        place.restore(&killed);
        change(&place.segment(0), |bytes| bytes.truncate(cut));
        assert_cut(&place, whole, from, &bytes, &format!("file ends at {cut}"));
        place.restore(&killed);
        change(&place.segment(0), |bytes| bytes[cut..].fill(0));
        assert_cut(&place, whole, from, &bytes, &format!("zeroes from {cut}"));
    }
    // What was cut is written anew, and the log is whole.
    let ledger = place.open();
    let _ = ledger.append(question(9)).await.unwrap();
    ledger.close().unwrap();
    assert_eq!(place.findings(), "");
}

/// An entry that takes several sectors.
fn large() -> Entry {
    let mut large = question(3);
    large.record.fields_asked = (0..200).map(|n| format!("field_{n}")).collect();
    large
}

#[tokio::test]
async fn a_last_frame_that_lacks_any_of_its_sectors_is_cut() {
    let place = Place::new(SEGMENT_BYTES);
    let ledger = place.open();
    let start = ask(&ledger, &place, 2).await[1];
    let _ = ledger.append(large()).await.unwrap();
    let killed = place.copy();
    let end = frames_end(&killed.segment(0));
    let bytes = fs::read(killed.segment(0)).unwrap();
    let sectors: Vec<usize> = (start / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES).collect();
    assert!(sectors.len() > 4);
    for lost in 1_u32..1 << sectors.len() {
        let place = killed.copy();
        change(&place.segment(0), |bytes| {
            for (n, sector) in sectors
                .iter()
                .enumerate()
                .filter(|(n, _)| lost >> n & 1 == 1)
            {
                let from = (sector * SECTOR_BYTES).max(start);
                bytes[from..((sectors[n] + 1) * SECTOR_BYTES).min(end)].fill(0);
            }
        });
        assert_cut(&place, 2, start, &bytes, &format!("lost {lost:b}"));
    }
}

#[tokio::test]
async fn any_flipped_bit_of_the_last_frame_is_refused_and_not_cut() {
    let (place, ends) = killed().await;
    let whole = fs::read(place.segment(0)).unwrap();
    for bit in ends[4] * 8..ends[5] * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(place.segment(0), &bytes).unwrap();
        let refused = Ledger::open(place.settings()).expect_err("opened");
        assert!(
            matches!(refused, OpenError::Damaged { .. }),
            "bit {bit}: {refused}"
        );
        assert_eq!(
            fs::read(place.segment(0)).unwrap(),
            bytes,
            "bit {bit}: changed"
        );
    }
}

/// Writes `bytes` behind the last frame and gives why the ledger is refused.
fn refused_with(place: &Place, end: usize, bytes: &[u8]) -> String {
    let place = place.copy();
    change(&place.segment(0), |segment| {
        segment[end..end + bytes.len()].copy_from_slice(bytes)
    });
    let before = fs::read(place.segment(0)).unwrap();
    let refused = Ledger::open(place.settings()).expect_err("opened");
    assert_eq!(
        fs::read(place.segment(0)).unwrap(),
        before,
        "nothing may be changed"
    );
    let text = refused.to_string();
    assert!(
        text.contains(&format!("segments/00000000` at offset {end}")),
        "{text}"
    );
    text
}

#[tokio::test]
async fn what_is_no_torn_frame_is_told_apart_and_refused() {
    let (place, ends) = killed().await;
    let end = ends[5];
    let bytes = fs::read(place.segment(0)).unwrap();
    let own = &bytes[ends[4]..end];
    assert!(refused_with(&place, end, b"garbage").contains("no frame of a ledger"));
    assert!(refused_with(&place, end, own).contains("begins with record 5 where record 6 is due"));

    let (other, other_ends) = killed().await;
    let other_bytes = fs::read(other.segment(0)).unwrap();
    let foreign = &other_bytes[other_ends[4]..other_ends[5]];
    assert!(refused_with(&place, end, foreign).contains("another log"));

    // Another frame with the same number, from a copy of this log that went its own way.
    let twin = place.copy();
    let forked = place.copy();
    for (place, n) in [(&twin, 70), (&forked, 71)] {
        let ledger = place.open();
        let _ = ledger.append(question(n)).await.unwrap();
        let _ = ledger.append(question(0)).await.unwrap();
    }
    let twin_bytes = fs::read(twin.segment(0)).unwrap();
    let twin_end = frames_end(&twin.segment(0));
    change(&forked.segment(0), |bytes| {
        let middle = end + (twin_end - end) / 2;
        bytes[middle..twin_end].copy_from_slice(&twin_bytes[middle..twin_end]);
    });
    let text = Ledger::open(forked.settings())
        .expect_err("opened")
        .to_string();
    assert!(text.contains("after other records"), "{text}");
}

#[tokio::test]
async fn a_torn_frame_with_a_frame_after_it_is_no_tail() {
    let (place, ends) = killed().await;
    change(&place.segment(0), |bytes| {
        bytes[ends[3] + 20..ends[4]].fill(0)
    });
    let refused = Ledger::open(place.settings()).expect_err("opened");
    assert!(
        matches!(refused, OpenError::Damaged { offset, .. } if offset == ends[3] as u64),
        "{refused}"
    );
    // Nor is one that lacks sectors, its header among them.
    let place = Place::new(SEGMENT_BYTES);
    let ledger = place.open();
    let start = ask(&ledger, &place, 1).await[0];
    let _ = ledger.append(large()).await.unwrap();
    let _ = ledger.append(question(1)).await.unwrap();
    let killed = place.copy();
    change(&killed.segment(0), |bytes| {
        bytes[start..start + 1200].fill(0)
    });
    let refused = Ledger::open(killed.settings()).expect_err("opened");
    assert!(
        matches!(refused, OpenError::Damaged { offset, .. } if offset == start as u64),
        "{refused}"
    );
    // Nor is one that lies before another segment.
    let place = Place::new(2048);
    let ledger = place.open();
    for n in 0..20 {
        let _ = ledger.append(question(n)).await.unwrap();
    }
    drop(ledger);
    let end = frames_end(&place.segment(0));
    change(&place.segment(0), |bytes| bytes[end - 30..].fill(0));
    let refused = Ledger::open(place.settings()).expect_err("opened");
    let first = |file: &Path| file.ends_with("segments/00000000");
    assert!(
        matches!(&refused, OpenError::Damaged { file, .. } if first(file)),
        "{refused}"
    );
}

#[tokio::test]
async fn a_spare_segment_that_a_crash_left_is_no_obstacle() {
    let (place, _) = killed().await;
    fs::write(place.folder().join("segments/spare"), b"half").unwrap();
    assert_eq!(place.open().size(), 6);
    fs::write(place.folder().join("segments/stranger"), b"?").unwrap();
    assert!(matches!(
        Ledger::open(place.settings()),
        Err(OpenError::Damaged { .. })
    ));
}
