//! Every byte of every file of a small log is flipped, deleted, changed with its neighbour and made
//! the last: each is found, with its place, and no opening loses a record for it.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;

use motlan_api::audit::v1::Record;
use motlan_audit::{Ledger, Report, VerifierKey, VerifyError, verify};

use crate::common::{Place, ask, outcome, question};

const SEGMENT_BYTES: u64 = 1024;
const RECORDS: u64 = 4;
/// Where a segment's header ends.
const HEADER_BYTES: usize = 64;

/// What is done to a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// This bit is flipped.
    Flip(u32),
    /// It is gone, and those behind it move up.
    Delete,
    /// It changes places with the next one.
    Swap,
    /// The file ends before it.
    Truncate,
}

impl Damage {
    fn all() -> impl Iterator<Item = Damage> {
        let flips = (0..8).map(Damage::Flip);
        flips.chain([Damage::Delete, Damage::Swap, Damage::Truncate])
    }

    /// The damaged bytes; none where they would be the same.
    fn done(self, whole: &[u8], at: usize) -> Option<Vec<u8>> {
        let mut bytes = whole.to_vec();
        match self {
            Damage::Flip(bit) => bytes[at] ^= 1 << bit,
            Damage::Delete => _ = bytes.remove(at),
            Damage::Swap if at + 1 == bytes.len() => return None,
            Damage::Swap => bytes.swap(at, at + 1),
            Damage::Truncate => bytes.truncate(at),
        }
        (bytes != whole).then_some(bytes)
    }

    fn changes_length(self) -> bool {
        matches!(self, Damage::Delete | Damage::Truncate)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Two segments with four records.
async fn small() -> Place {
    let place = Place::new(SEGMENT_BYTES);
    let ledger = place.open();
    let _ = ledger.append(question(0)).await.unwrap();
    let _ = ledger.append(outcome(Some(0))).await.unwrap();
    let _ = ledger.append(question(1)).await.unwrap();
    let _ = ledger.append(outcome(Some(2))).await.unwrap();
    ledger.close().unwrap();
    assert!(place.segment(1).exists() && !place.segment(2).exists());
    assert_eq!(place.findings(), "");
    place
}

/// Does everything to every byte of `file` and has each told to `check`; gives how many there were.
fn damage(file: &Path, mut check: impl FnMut(Damage, usize, &str)) -> usize {
    let whole = fs::read(file).unwrap();
    let mut cases = 0;
    for at in 0..whole.len() {
        for damage in Damage::all() {
            let Some(bytes) = damage.done(&whole, at) else {
                continue;
            };
            fs::write(file, bytes).unwrap();
            check(damage, at, &format!("{}, {damage} at {at}", file.display()));
            fs::write(file, &whole).unwrap();
            cases += 1;
        }
    }
    cases
}

fn told(found: Result<Report, VerifyError>) -> String {
    match found {
        Ok(report) => {
            // R107: a damaged byte is no version.
            assert_eq!(report.newer, None);
            let lines = report.findings.first.iter().map(ToString::to_string);
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.to_string(),
    }
}

/// The frames of a segment, and the index of the first record of each.
fn frames(segment: &[u8]) -> Vec<(Range<usize>, u64)> {
    let mut frames = Vec::new();
    let mut at = HEADER_BYTES;
    while segment.get(at..at + 4) == Some(b"MLfr") {
        let body = u32::from_le_bytes(segment[at + 68..at + 72].try_into().unwrap());
        let first = u64::from_le_bytes(segment[at + 8..at + 16].try_into().unwrap());
        let end = at + 80 + body as usize + 1;
        frames.push((at..end, first));
        at = end;
    }
    frames
}

/// Where the damage of a segment must be said to be: an offset, and a record where it hit one.
fn due(segment: &[u8], at: usize, damage: Damage) -> String {
    let frames = frames(segment);
    let hit = |frame: &&(Range<usize>, u64)| frame.0.contains(&at);
    match frames.iter().find(hit) {
        _ if at < HEADER_BYTES => "offset 0: ".to_owned(),
        // Nothing of the frame is left: only the length tells.
        Some((frame, _)) if damage == Damage::Truncate && at == frame.start => {
            "offset 0: the file has ".to_owned()
        }
        Some((frame, record)) => format!("offset {}, record {record}: ", frame.start),
        // In the zeroes behind the frames: only the length tells, or something that is not zero.
        None if damage.changes_length() => "offset 0: the file has ".to_owned(),
        None => format!("offset {}, ", frames.last().unwrap().0.end),
    }
}

// R35: nothing that changed on disk goes unseen.
#[tokio::test]
async fn every_damaged_byte_of_a_segment_is_found_with_its_offset_and_record() {
    let place = small().await;
    let (folder, key) = (place.folder(), place.verifier());
    let mut cases = 0;
    for number in 0..2 {
        let file = place.segment(number);
        let whole = fs::read(&file).unwrap();
        cases += damage(&file, |damage, at, what| {
            let found = told(verify(&folder, &key));
            let due = format!("segments/{number:08}, {}", due(&whole, at, damage));
            assert!(
                found.contains(&due),
                "{what}: `{due}` is not told by\n{found}"
            );
        });
    }
    println!("{cases} damaged segments");
}

#[tokio::test]
async fn every_damaged_byte_beside_the_segments_is_found_and_its_file_named() {
    let place = small().await;
    let (folder, key) = (place.folder(), place.verifier());
    let mut cases = 0;
    for name in ["log", "checkpoint"] {
        cases += damage(&folder.join(name), |_, _, what| {
            let found = told(verify(&folder, &key));
            // Another file `log` makes another log, to which no segment belongs.
            let named = found.contains(&format!("/{name}")) || found.contains("of another log");
            assert!(named, "{what}: {found}");
        });
    }
    println!("{cases} damaged files");
}

/// Opens a damaged copy: it is refused and stays as it is, or all records are there.
fn open(place: &Place, whole: &Place, file: &Path, key: &VerifierKey, what: &str) {
    let damaged = fs::read(file).unwrap();
    let ledger = match Ledger::open(place.settings()) {
        Ok(ledger) => ledger,
        Err(error) => {
            let now = fs::read(file).unwrap();
            assert_eq!(now, damaged, "{what}: changed and refused");
            let is_newer = format!("{error:?}").contains("Newer");
            assert!(!is_newer, "{what}: taken for a version: {error}");
            return;
        }
    };
    let size = ledger.size();
    ledger.close().unwrap();
    let found = told(verify(&place.folder(), key));
    assert!(
        size == RECORDS && found.is_empty(),
        "{what}: {size} records, {found}"
    );
    place.restore(whole);
}

#[tokio::test]
async fn no_damaged_byte_makes_an_opening_lose_a_record() {
    let whole = small().await;
    fs::write(whole.folder().join("segments/spare"), [0; HEADER_BYTES]).unwrap();
    let (place, key) = (whole.copy(), whole.verifier());
    let mut cases = 0;
    for name in [
        "log",
        "checkpoint",
        "segments/00000000",
        "segments/00000001",
        "segments/spare",
    ] {
        let file = place.folder().join(name);
        damage(&file, |damage, at, what| {
            // One bit of each byte: which one makes no difference to a checksum.
            if !matches!(damage, Damage::Flip(bit) if bit != at as u32 % 8) {
                open(&place, &whole, &file, &key, what);
                cases += 1;
            }
        });
    }
    println!("{cases} damaged files opened");
}

// The one file whose bytes may be anything: what is left of it is made anew by the next opening.
#[tokio::test]
async fn a_spare_segment_holds_nothing_and_its_damage_does_no_harm() {
    let place = small().await;
    let spare = place.folder().join("segments/spare");
    fs::write(&spare, vec![0xff; SEGMENT_BYTES as usize]).unwrap();
    assert_eq!(place.findings(), "");
    let ledger = place.open();
    ask(&ledger, &place, 9).await;
    ledger.close().unwrap();
    assert_eq!(place.findings(), "");
}

// A tile is derived: one that is not whole counts as missing, and opening the ledger writes it.
#[tokio::test]
async fn a_changed_hash_of_a_tile_is_found_and_a_tile_that_is_not_whole_is_counted() {
    const TILE_RECORDS: u64 = 256;
    let place = Place::new(1 << 16);
    let ledger = place.open();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..TILE_RECORDS {
        let ledger = ledger.clone();
        let mut entry = question(0);
        entry.record = Record {
            kind: entry.record.kind,
            ..Record::default()
        };
        asked.spawn(async move { ledger.append(entry).await.map(|durable| durable.index()) });
    }
    assert!(
        asked
            .join_all()
            .await
            .into_iter()
            .all(|index| index.is_ok())
    );
    ledger.close().unwrap();
    let (folder, key) = (place.folder(), place.verifier());
    let tile = folder.join("tile/0/000");
    let whole = fs::read(&tile).unwrap();
    // Each of the hashes, and each place in a hash.
    for at in (0..whole.len()).step_by(7) {
        let bytes = Damage::Flip(at as u32 % 8).done(&whole, at).unwrap();
        fs::write(&tile, bytes).unwrap();
        let found = told(verify(&folder, &key));
        assert!(
            found.contains("tile/0/000: the hashes are not those"),
            "byte {at}: {found}"
        );
    }
    for at in (0..whole.len()).step_by(97) {
        for damage in [Damage::Delete, Damage::Truncate] {
            fs::write(&tile, damage.done(&whole, at).unwrap()).unwrap();
            let report = verify(&folder, &key).unwrap();
            assert_eq!(
                (report.tiles, report.tiles_missing),
                (0, 1),
                "{damage} at {at}"
            );
        }
    }
    place.open().close().unwrap();
    assert_eq!(fs::read(&tile).unwrap(), whole);
}
