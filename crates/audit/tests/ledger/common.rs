//! A small ledger in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{
    Entry, Ledger, Report, SealedParts, Sealing, Settings, SignerKey, VerifierKey, verify_with,
};
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "motlan.example/audit/hn1/2026q4";

/// A ledger's folder with its key beside it.
pub(crate) struct Place {
    dir: TempDir,
    segment_bytes: u64,
}

impl Place {
    /// A new, empty ledger with short segments, in memory if the system has such a folder.
    pub(crate) fn new(segment_bytes: u64) -> Place {
        let place = Place {
            dir: temporary(),
            segment_bytes,
        };
        let key = SignerKey::generate(ORIGIN).unwrap();
        key.write(&place.key_file()).unwrap();
        Ledger::create(&place.folder(), &ORIGIN.parse().unwrap(), &key).unwrap();
        place
    }

    /// A copy of all files as they are now: what a kill would leave.
    pub(crate) fn copy(&self) -> Place {
        let copy = Place {
            dir: temporary(),
            segment_bytes: self.segment_bytes,
        };
        copy_folder(self.dir.path(), copy.dir.path());
        copy
    }

    /// Where everything lies.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts the files of `other` in the place of those here.
    pub(crate) fn restore(&self, other: &Place) {
        fs::remove_dir_all(self.folder()).unwrap();
        copy_folder(other.dir.path(), self.dir.path());
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.dir.path().join("ledger.key")
    }

    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.folder().join(format!("segments/{number:08}"))
    }

    pub(crate) fn verifier(&self) -> VerifierKey {
        SignerKey::read(&self.key_file())
            .unwrap()
            .verifier()
            .clone()
    }

    /// Replaces the file `checkpoint` only when the ledger is closed.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.folder(), SignerKey::read(&self.key_file()).unwrap());
        settings.segment_bytes = self.segment_bytes;
        settings.checkpoint_every = Duration::from_secs(3600);
        settings
    }

    pub(crate) fn open(&self) -> Ledger {
        Ledger::open(self.settings()).unwrap()
    }

    /// What is wrong with the log, one finding on each line.
    pub(crate) fn findings(&self) -> String {
        findings(&self.folder(), &self.verifier())
    }

    pub(crate) fn sealing_file(&self) -> PathBuf {
        self.dir.path().join("ledger.sealing")
    }

    /// As [`Place::findings`], with all sealed parts opened, and how many of them were.
    pub(crate) fn opened(&self) -> (String, SealedParts) {
        let sealing = Sealing::read(&self.sealing_file()).unwrap();
        let (folder, key) = (self.folder(), self.verifier());
        let report = verify_with(&folder, &key, Some(&sealing), |_, _| {}).unwrap();
        (lines(&report), report.sealed.unwrap())
    }
}

pub(crate) fn findings(folder: &Path, key: &VerifierKey) -> String {
    lines(&motlan_audit::verify(folder, key).unwrap())
}

fn lines(report: &Report) -> String {
    let lines: Vec<_> = report
        .findings
        .first
        .iter()
        .map(ToString::to_string)
        .collect();
    lines.join("\n")
}

pub(crate) fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

pub(crate) fn question(n: u64) -> Entry {
    let record = Record {
        kind: RecordKind::Question.into(),
        time_us: 1_790_787_600_000_000,
        caller: "H26/one-stop".into(),
        dataset: "population".into(),
        method: "/vn.population.v1.PopulationRegistry/GetPerson".into(),
        procedure: "1.004222".into(),
        ..Record::default()
    };
    let subject = format!("{n:012}");
    Entry {
        record,
        sealed: Sealed {
            subject,
            official: "o-1".into(),
            ..Sealed::default()
        },
    }
}

pub(crate) fn outcome(question: Option<u64>) -> Entry {
    let mut entry = self::question(0);
    entry.record.kind = RecordKind::Outcome.into();
    entry.record.question = question;
    entry.record.result = Ended::Released.into();
    entry.record.fields_released = vec!["full_name".into()];
    entry
}

/// Where the last frame of a segment ends: no frame ends with a zero.
pub(crate) fn frames_end(segment: &Path) -> usize {
    fs::read(segment)
        .unwrap()
        .iter()
        .rposition(|byte| *byte != 0)
        .unwrap()
        + 1
}

/// Changes the bytes of a file.
pub(crate) fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// Appends that many questions, each a commit of its own, and gives where each frame ends in
/// segment 0.
pub(crate) async fn ask(ledger: &Ledger, place: &Place, count: u64) -> Vec<usize> {
    let mut ends = Vec::new();
    for n in 0..count {
        let _ = ledger.append(question(n)).await.unwrap();
        ends.push(frames_end(&place.segment(0)));
    }
    ends
}
