//! R107: what a newer program wrote is refused by name, nothing is changed, and a damaged byte is
//! not taken for it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use motlan_api::audit::v1::{Link, LinkDirection, Record, RecordKind, Result as Ended, Sealed};
use prost::Message as _;
use tempfile::TempDir;

use super::*;
use crate::checkpoint::{self, Checkpoint};
use crate::frame::{self, Part, Parts, Place, encode_part};
use crate::identity::{self, Identity};
use crate::index::{Index, LogFolder, Query};
use crate::ledger::{Entry, Ledger, OpenError, ReadError, Settings};
use crate::note::SignerKey;
use crate::prove::Prover;
use crate::sealing::{Bound, NONCE_BYTES, Sealer, Sealing, label};
use crate::tree::{Tree, leaf_hash, sha256};
use crate::verify::{ReceiptError, Report, VerifyError, read_entries, verify_receipt, verify_with};

/// A log of two records, which may be gone on with by another version of the program.
struct Log {
    dir: TempDir,
    key: Arc<SignerKey>,
}

impl Log {
    async fn new() -> Log {
        let key = SignerKey::generate("motlan.example/audit/hn1").unwrap();
        let log = Log {
            dir: tempfile::tempdir().unwrap(),
            key: Arc::new(key),
        };
        let origin = "motlan.example/audit/hn1/2026q4".parse().unwrap();
        Ledger::create_with(&log.settings(), &origin).unwrap();
        let ledger = Ledger::open(log.settings()).unwrap();
        for record in [question(0), outcome(0)] {
            let sealed = Sealed::default();
            let _ = ledger.append(Entry { record, sealed }).await.unwrap();
        }
        ledger.close().unwrap();
        log
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn settings(&self) -> Settings {
        Settings {
            segment_bytes: 4096,
            ..Settings::new(self.folder(), Arc::clone(&self.key))
        }
    }

    fn segment(&self) -> PathBuf {
        segment::path(&self.folder(), 0)
    }

    /// Goes on with the log as a program that writes `format` would.
    fn go_on(&self, format: u32, records: &[Record]) {
        let identity = Identity::read(&self.folder()).unwrap();
        let (mut tree, end) = self.read();
        let sealing = Sealing::read(&self.settings().sealing).unwrap();
        let sealer = Sealer::new(Arc::new(sealing), 1000 + tree.size());
        let place = Place {
            log: identity.id,
            first: tree.size(),
            root: tree.root(),
        };
        let mut body = Vec::new();
        for record in records {
            let salt = vec![1; 16];
            let content = Sealed {
                salt,
                ..Sealed::default()
            };
            let content = content.encode_to_vec();
            let record = Record {
                format,
                sealed_sha256: sha256(&content).to_vec(),
                ..record.clone()
            };
            let leaf = record.encode_to_vec();
            tree.push(leaf_hash(&leaf));
            let (log, hash) = (identity.id, leaf_hash(&leaf));
            let bound = Bound { log, leaf: hash };
            let nonce = [7; NONCE_BYTES];
            let sealed = sealer.seal(label(&record), &bound, nonce, &content);
            let (leaf, sealed) = (leaf.as_slice(), &sealed.unwrap()[..]);
            encode_part(&mut body, Part { leaf, sealed });
        }
        let count = u32::try_from(records.len()).unwrap();
        let header = frame::Header::new(place, count, &body).encode();
        let frame = [&header[..], &body, &[frame::END_MARK]].concat();
        self.change(&self.segment(), |bytes| {
            bytes[end..end + frame.len()].copy_from_slice(&frame);
        });
        let (origin, size, root) = (identity.origin, tree.size(), tree.root());
        let note = Checkpoint { origin, size, root }.sign(&self.key);
        fs::write(self.folder().join(checkpoint::FILE), note).unwrap();
    }

    /// The tree, and where the last frame ends.
    fn read(&self) -> (Tree, usize) {
        let bytes = fs::read(self.segment()).unwrap();
        let (mut tree, mut at) = (Tree::default(), segment::HEADER_BYTES);
        while let Some(header) = bytes[at..].first_chunk().and_then(frame::Header::decode) {
            let from = at + frame::HEADER_BYTES;
            for part in Parts(&bytes[from..from + header.body_len()]) {
                tree.push(leaf_hash(part.unwrap().leaf));
            }
            at += usize::try_from(header.frame_len()).unwrap();
        }
        (tree, at)
    }

    fn change(&self, file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(file).unwrap();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
    }

    /// Each file and what it holds.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.dir.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => _ = files.insert(path.clone(), fs::read(path).unwrap()),
                }
            }
        }
        files
    }

    fn verified(&self) -> Result<Report, VerifyError> {
        let sealing = Sealing::read(&self.settings().sealing);
        let key = self.key.verifier();
        verify_with(&self.folder(), key, sealing.ok().as_ref(), |_, _| {})
    }

    /// What is newer, as each of those who read the log says; nothing is changed by that.
    fn refused(&self) -> Newer {
        let before = self.files();
        let folder = self.folder();
        let told = [
            Ledger::open(self.settings()).err().map(boxed),
            Prover::open(&folder).err().map(boxed),
            LogFolder::open(&folder, None).err().map(boxed),
            read_entries(&folder, None, |_| panic!("shown"))
                .err()
                .map(boxed),
        ];
        assert!(before == self.files(), "something was changed");
        let mut told = told
            .into_iter()
            .map(|error| newer_of(&*error.unwrap()).unwrap());
        let first = told.next().unwrap();
        assert!(told.all(|newer| newer == first));
        first
    }
}

fn boxed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}

fn newer_of(error: &(dyn std::error::Error + 'static)) -> Option<Newer> {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources
        .into_iter()
        .find_map(|it| it.downcast_ref().cloned())
}

fn question(nth: i64) -> Record {
    Record {
        kind: RecordKind::Question.into(),
        time_us: 1_790_787_600_000_000 + nth,
        caller: "H26/one-stop".into(),
        dataset: "population".into(),
        method: "/x/Y".into(),
        ..Record::default()
    }
}

fn outcome(of: u64) -> Record {
    Record {
        kind: RecordKind::Outcome.into(),
        result: Ended::Released.into(),
        question: Some(of),
        ..question(1)
    }
}

fn leaf(format: u32, kind: RecordKind) -> Vec<u8> {
    let kind = kind.into();
    let record = Record {
        format,
        kind,
        time_us: 8,
        ..Record::default()
    };
    record.encode_to_vec()
}

/// A header with another version, whose checksum holds.
fn with_version(header: &mut [u8], version: u16) {
    header[4..6].copy_from_slice(&version.to_le_bytes());
    frame::seal(header);
}

#[test]
fn a_leaf_tells_its_format_and_its_kind_before_it_is_decoded() {
    for format in [1, 2, 127, 128, 70_000, u32::MAX] {
        let leaf = leaf(format, RecordKind::Erasure);
        assert_eq!(leaf_format(&leaf), Some(format));
        assert!(is_leaf_of(&leaf, RecordKind::Erasure));
        assert!(!is_leaf_of(&leaf, RecordKind::Link));
    }
    for no_leaf in [&[][..], &[8], &[8, 0x80], &[0x10, 3], b"record"] {
        assert_eq!(leaf_format(no_leaf), None);
        assert!(!is_leaf_of(no_leaf, RecordKind::Erasure));
    }
}

#[test]
fn only_what_is_behind_what_this_program_reads_is_newer() {
    let newer = |format| Newer::leaf(Path::new("x"), &leaf(format, RecordKind::Question));
    assert_eq!(newer(1), None);
    assert_eq!(newer(FORMAT), None);
    let told = newer(FORMAT + 1).unwrap().to_string();
    let due = format!(
        "`x` holds records of format {}, written by a newer motlan (this one reads up to \
         {FORMAT}): use that version or a later one; nothing was changed",
        FORMAT + 1
    );
    assert_eq!(told, due);
}

#[tokio::test]
async fn a_log_of_an_earlier_format_is_read_gone_on_with_and_verified() {
    let log = Log::new().await;
    // As it was before there were changes: all records of format 1, a link among them.
    let link = Record {
        kind: RecordKind::Link.into(),
        time_us: 1,
        link: Some(Link {
            direction: LinkDirection::Predecessor.into(),
            origin: "motlan.example/audit/hn1/2026q3".into(),
            key: log.key.verifier().to_string(),
            size: 5,
            root: vec![7; 32],
        }),
        ..Record::default()
    };
    log.change(&log.segment(), |bytes| {
        bytes[segment::HEADER_BYTES..].fill(0)
    });
    log.go_on(1, &[link, question(0), outcome(1)]);
    let ledger = Ledger::open(log.settings()).unwrap();
    assert_eq!(
        (ledger.size(), ledger.links().predecessor.unwrap().size),
        (3, 5)
    );
    let (record, sealed) = (question(3), Sealed::default());
    let _ = ledger.append(Entry { record, sealed }).await.unwrap();
    ledger.close().unwrap();
    let report = log.verified().unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!((report.records, report.links, report.newer), (4, 1, None));
    let mut formats = Vec::new();
    let read = read_entries(&log.folder(), None, |entry| {
        formats.push(entry.record.format);
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!((read.unwrap().count, formats), (0, vec![1, 1, 1, FORMAT]));
    let file = log.dir.path().join("index");
    let folder = LogFolder::open(&log.folder(), None).unwrap();
    let index = Index::rebuild(folder, &file, &mut |_, _| {}).unwrap();
    let kind = Some(RecordKind::Question);
    let found = index
        .search(&Query {
            kind,
            ..Query::default()
        })
        .unwrap();
    assert_eq!(found.records.len(), 2);
}

#[tokio::test]
async fn records_of_a_newer_format_are_refused_by_all_and_verified_as_far_as_can_be() {
    let log = Log::new().await;
    log.go_on(FORMAT + 1, &[question(2), outcome(2)]);
    let tile = log.folder().join("segments/spare");
    fs::write(tile, "what an opening removes").unwrap();
    let newer = log.refused();
    assert_eq!(
        (newer.what, newer.format, newer.known),
        ("records", FORMAT + 1, FORMAT)
    );
    assert_eq!(newer.file, log.segment());
    let report = log.verified().unwrap();
    assert_eq!(
        (report.findings.count, report.newer.as_ref()),
        (0, Some(&newer))
    );
    assert_eq!((report.records, report.newer_records), (4, 2));
    assert!(!report.is_sound());
    // What its hash tells is still found.
    let (_, end) = log.read();
    log.change(&log.segment(), |bytes| bytes[end - 40] ^= 1);
    assert!(log.verified().unwrap().findings.count > 0);
}

#[tokio::test]
async fn what_a_crash_left_behind_newer_records_is_not_cut() {
    let log = Log::new().await;
    log.go_on(FORMAT + 1, &[question(2)]);
    let (_, end) = log.read();
    log.change(&log.segment(), |bytes| {
        bytes[end..end + 4].copy_from_slice(b"MLfr")
    });
    log.refused();
}

#[tokio::test]
async fn frames_and_segments_of_a_newer_version_are_refused_and_no_damage() {
    let log = Log::new().await;
    log.go_on(FORMAT, &[question(2)]);
    let whole = fs::read(log.segment()).unwrap();
    // The last frame, after which nothing can be read.
    let (_, end) = log.read();
    let last = (0..end)
        .rev()
        .find(|at| whole[*at..].starts_with(b"MLfr"))
        .unwrap();
    log.change(&log.segment(), |bytes| {
        with_version(&mut bytes[last..last + frame::HEADER_BYTES], 2);
    });
    let newer = log.refused();
    assert_eq!((newer.what, newer.format, newer.known), ("a frame", 2, 1));
    let report = log.verified().unwrap();
    assert_eq!((report.findings.count, report.newer), (0, Some(newer)));
    assert_eq!((report.records, report.newer_records), (2, 0));

    fs::write(log.segment(), &whole).unwrap();
    log.change(&log.segment(), |bytes| {
        with_version(&mut bytes[..segment::HEADER_BYTES], 9)
    });
    let newer = log.refused();
    assert_eq!((newer.what, newer.format, newer.known), ("a segment", 9, 1));
    let report = log.verified().unwrap();
    assert_eq!((report.findings.count, report.newer), (0, Some(newer)));
}

#[tokio::test]
async fn a_newer_description_or_sealing_file_is_refused_where_something_vouches_for_it() {
    let log = Log::new().await;
    let file = log.folder().join(identity::FILE);
    let described = fs::read_to_string(&file).unwrap();
    let later = described.replace("motlan ledger 2\n", "motlan ledger 3\n");
    assert_ne!(later, described);
    fs::write(&file, &later).unwrap();
    // The number alone: a bit may have changed it.
    let open = || Ledger::open(log.settings()).unwrap_err();
    assert!(newer_of(&open()).is_none(), "{}", open());
    assert_eq!(log.verified().unwrap().findings.count, 1);
    // A newer program has named the log in its first segment.
    let id = sha256(later.as_bytes());
    log.change(&log.segment(), |bytes| {
        bytes[8..24].copy_from_slice(&id[..16]);
        with_version(&mut bytes[..segment::HEADER_BYTES], 2);
    });
    let newer = log.refused();
    assert_eq!((newer.what, newer.format, newer.known), ("a ledger", 3, 2));
    assert_eq!(newer_of(&log.verified().unwrap_err()), Some(newer));

    let log = Log::new().await;
    let before = log.files();
    let file = log.settings().sealing;
    log.change(&file, |bytes| {
        bytes[4] = 2;
        let end = bytes.len() - 32;
        let sum = sha256(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum);
    });
    let newer = newer_of(&Ledger::open(log.settings()).unwrap_err()).unwrap();
    assert_eq!(
        (newer.what, newer.format, &newer.file),
        ("sealing keys", 2, &file)
    );
    let mut after = log.files();
    after.insert(file.clone(), before[&file].clone());
    assert!(before == after, "something else was changed");
}

#[tokio::test]
async fn a_damaged_byte_is_damage_whatever_number_it_makes() {
    let log = Log::new().await;
    let whole = fs::read(log.segment()).unwrap();
    let body = segment::HEADER_BYTES + frame::HEADER_BYTES;
    // The versions of segment and frame, and the format in the first leaf, behind two lengths.
    let versions = [4, segment::HEADER_BYTES + 4, body + 5];
    for at in versions {
        for bit in 0..8 {
            log.change(&log.segment(), |bytes| bytes[at] ^= 1 << bit);
            let error = Ledger::open(log.settings()).unwrap_err();
            assert!(
                matches!(error, OpenError::Damaged { .. }),
                "{at}, {bit}: {error}"
            );
            let report = log.verified().unwrap();
            assert!(
                report.findings.count > 0 && report.newer.is_none(),
                "{at}, {bit}"
            );
            let shown = read_entries(&log.folder(), None, |_| std::ops::ControlFlow::Continue(()));
            assert!(shown.unwrap().count > 0 || at == 4, "{at}, {bit}");
            fs::write(log.segment(), &whole).unwrap();
        }
    }
}

#[tokio::test]
async fn a_record_in_the_middle_and_a_receipt_of_a_newer_format_are_refused() {
    let log = Log::new().await;
    let mut prover = Prover::open(&log.folder()).unwrap();
    log.go_on(FORMAT + 1, &[question(2)]);
    // Opened before, as an auditor's program may have been.
    let read = prover.parts(2, 3, &mut |_| {});
    assert!(matches!(read, Err(ReadError::Newer(_))));

    let leaf = leaf(FORMAT + 1, RecordKind::Question);
    let mut tree = Tree::default();
    tree.push(leaf_hash(&leaf));
    let origin = "motlan.example/audit/hn1/2026q4".parse().unwrap();
    let (size, root) = (1, tree.root());
    let mut receipt = motlan_api::audit::v1::Receipt {
        leaf,
        index: 0,
        proof: Vec::new(),
        checkpoint: Checkpoint { origin, size, root }.sign(&log.key),
    };
    let refused = |receipt: &_| verify_receipt(receipt, log.key.verifier()).unwrap_err();
    assert!(matches!(refused(&receipt), ReceiptError::Newer(format) if format == FORMAT + 1));
    receipt.leaf[1] += 1;
    assert!(
        matches!(refused(&receipt), ReceiptError::NotIncluded),
        "damage is no version"
    );
}
