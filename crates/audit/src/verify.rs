//! Verification from the files alone, without the gateway: for an auditor who trusts neither the operator
//! nor the disk, only the log's verifier key.

mod receipt;
mod rules;
mod walk;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use motlan_api::audit::v1::{Record, RecordKind, Sealed};
use prost::Message as _;
use thiserror::Error;

use crate::checkpoint::{self, Checkpoint};
use crate::frame::Part;
use crate::identity::{self, Identity, IdentityError};
use crate::ledger::{FORMAT, SALT_BYTES};
use crate::note::VerifierKey;
use crate::origin::{Origin, RecordId};
use crate::tree::{Hash, Tiles, Tree, sha256};
use rules::Rules;
use walk::{Visit, Walk};

pub use receipt::{Proven, ReceiptError, verify_receipt};

/// How many findings a report keeps; all are counted.
const FINDINGS_MAX: usize = 100;

/// Reads the whole log in `folder` from disk and checks every checksum, every record's form, the commitment
/// to each sealed part, the rules between records, the tree, and the signed checkpoint against `key`. The
/// ledger may be open meanwhile; then the last record may be seen half written.
pub fn verify(folder: &Path, key: &VerifierKey) -> Result<Report, VerifyError> {
    verify_with(folder, key, |_, _| {})
}

/// As [`verify`], and tells `progress` now and then how many bytes have been read, of how many.
pub fn verify_with(
    folder: &Path,
    key: &VerifierKey,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    let mut findings = Findings::default();
    let Some(identity) = read_identity(folder, &mut findings)? else {
        return Ok(Report {
            findings,
            ..Report::default()
        });
    };
    if identity.key != *key {
        findings.add(
            folder.join(identity::FILE),
            None,
            None,
            "names another key than the one given",
        );
    }
    let signed = read_checkpoint(folder, &identity, key, &mut findings)?;
    let mut audit = Audit {
        report: Report::default(),
        rules: Rules::default(),
        tiles: Tiles::new(folder),
        bad_tiles: BTreeSet::new(),
        signed: signed.as_ref(),
        signed_root: None,
    };
    let mut walk = Walk::new(folder, &identity, findings);
    audit.note_root(&walk.tree);
    walk.run(&mut audit, &mut progress)?;
    let Audit {
        mut report,
        rules,
        signed_root,
        ..
    } = audit;
    let (size, mut findings) = (walk.size(), walk.findings);
    report.origin = Some(identity.origin.clone());
    report.open_questions = rules.open();
    report.segments = walk.segments;
    report.frames = walk.frames;
    if let Some(signed) = signed {
        let file = folder.join(checkpoint::FILE);
        report.checkpoint_size = Some(signed.size);
        report.after_checkpoint = size.saturating_sub(signed.size);
        if size < signed.size {
            let lost = format!(
                "speaks for {} records, and the log holds {size}",
                signed.size
            );
            findings.add(file, None, None, lost);
        } else if signed_root != Some(signed.root) {
            let other = format!("its root is not that of the first {} records", signed.size);
            findings.add(file, None, None, other);
        }
    }
    report.findings = findings;
    Ok(report)
}

fn read_identity(folder: &Path, findings: &mut Findings) -> Result<Option<Identity>, VerifyError> {
    match Identity::read(folder) {
        Ok(identity) => Ok(Some(identity)),
        Err(IdentityError::Malformed { file }) => {
            findings.add(file, None, None, "does not describe a ledger of version 1");
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

fn read_checkpoint(
    folder: &Path,
    identity: &Identity,
    key: &VerifierKey,
    findings: &mut Findings,
) -> Result<Option<Checkpoint>, VerifyError> {
    let file = folder.join(checkpoint::FILE);
    let what = match checkpoint::read(folder) {
        Ok(note) => match Checkpoint::open(&note, key) {
            Ok(signed) if signed.origin == identity.origin => return Ok(Some(signed)),
            Ok(signed) => format!("is of another log, `{}`", signed.origin),
            Err(error) => error.to_string(),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => "is not a text".to_owned(),
        Err(source) => return Err(VerifyError::Read { file, source }),
    };
    findings.add(file, None, None, what);
    Ok(None)
}

/// What a verification found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Which log the folder says it holds; `None` where it does not say.
    pub origin: Option<Origin>,
    /// How many segment files were read.
    pub segments: u64,
    /// How many frames, that is commits.
    pub frames: u64,
    /// How many records were read.
    pub records: u64,
    /// How many of them are questions.
    pub questions: u64,
    /// How many of them are outcomes.
    pub outcomes: u64,
    /// How many questions have no outcome: the gateway was stopped in between.
    pub open_questions: u64,
    /// How many records the signed checkpoint speaks for; `None` where it is not believed.
    pub checkpoint_size: Option<u64>,
    /// How many records came after it. A crash leaves at most those of about a second.
    pub after_checkpoint: u64,
    /// How many tile files fit the log.
    pub tiles: u64,
    /// How many full tiles are not in a file, or not whole. Opening the ledger writes them.
    pub tiles_missing: u64,
    /// What is wrong.
    pub findings: Findings,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.count == 0
    }
}

/// What is wrong: the first 100, and how many in all.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Findings {
    /// The first ones, in the order of the log.
    pub first: Vec<Finding>,
    /// How many there are.
    pub count: u64,
}

impl Findings {
    fn add(
        &mut self,
        file: impl Into<PathBuf>,
        offset: Option<u64>,
        record: Option<u64>,
        what: impl Into<String>,
    ) {
        self.count += 1;
        if self.first.len() < FINDINGS_MAX {
            let (file, what) = (file.into(), what.into());
            self.first.push(Finding {
                file,
                offset,
                record,
                what,
            });
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// Where in the file.
    pub offset: Option<u64>,
    /// Which record, where it is known.
    pub record: Option<u64>,
    /// What is wrong. Never holds anything personal.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", offset {offset}")?;
        }
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why a log could not be verified at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The folder holds no ledger.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A record with its personal part, as it stands on disk. Not verified.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReadEntry {
    /// The record's name.
    pub id: RecordId,
    /// The public part.
    pub record: Record,
    /// The personal part.
    pub sealed: Sealed,
}

impl fmt::Debug for ReadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReadEntry { id, record, .. } = self;
        f.debug_struct("ReadEntry")
            .field("id", id)
            .field("record", record)
            .finish_non_exhaustive()
    }
}

/// Reads the records of the log in `folder` in order, until `visit` breaks. Gives what is wrong with the
/// frames that were read; a record that cannot be decoded is passed over. For showing, not for
/// believing: [`verify`] does that.
pub fn read_entries(
    folder: &Path,
    visit: impl FnMut(ReadEntry) -> ControlFlow<()>,
) -> Result<Findings, VerifyError> {
    let identity = Identity::read(folder)?;
    let mut walk = Walk::new(folder, &identity, Findings::default());
    walk.run(
        &mut Show {
            identity: &identity,
            visit,
        },
        &mut |_, _| {},
    )?;
    Ok(walk.findings)
}

struct Show<'a, F> {
    identity: &'a Identity,
    visit: F,
}

impl<F: FnMut(ReadEntry) -> ControlFlow<()>> Visit for Show<'_, F> {
    fn record(&mut self, index: u64, part: Part<'_>, _: &mut dyn FnMut(String)) -> ControlFlow<()> {
        let decoded = (Record::decode(part.leaf), Sealed::decode(part.sealed));
        let (Ok(record), Ok(sealed)) = decoded else {
            return ControlFlow::Continue(());
        };
        (self.visit)(ReadEntry {
            id: self.identity.origin.record_id(index),
            record,
            sealed,
        })
    }

    fn grown(&mut self, tree: &mut Tree, _: &mut Findings) {
        tree.drop_full_tiles();
    }
}

/// Checks all that the walk passes.
struct Audit<'a> {
    report: Report,
    rules: Rules,
    tiles: Tiles,
    /// Tile files that were found wrong, so that each is told of once.
    bad_tiles: BTreeSet<PathBuf>,
    signed: Option<&'a Checkpoint>,
    /// The root at the size of the checkpoint.
    signed_root: Option<Hash>,
}

impl Audit<'_> {
    fn note_root(&mut self, tree: &Tree) {
        if self.signed.is_some_and(|signed| signed.size == tree.size()) {
            self.signed_root = Some(tree.root());
        }
    }
}

impl Visit for Audit<'_> {
    fn record(
        &mut self,
        index: u64,
        part: Part<'_>,
        wrong: &mut dyn FnMut(String),
    ) -> ControlFlow<()> {
        self.report.records += 1;
        let Some(record) = check_leaf(part.leaf, wrong) else {
            return ControlFlow::Continue(());
        };
        check_sealed(&record, part.sealed, wrong);
        match record.kind() {
            RecordKind::Question => self.report.questions += 1,
            RecordKind::Outcome => self.report.outcomes += 1,
            RecordKind::Unspecified => {}
        }
        self.rules.check(index, &record, wrong);
        ControlFlow::Continue(())
    }

    fn pushed(&mut self, tree: &Tree) {
        self.note_root(tree);
    }

    fn grown(&mut self, tree: &mut Tree, findings: &mut Findings) {
        for (tile, hashes) in tree.full_tiles() {
            match self.tiles.read(tile) {
                Ok(read) if read == hashes => self.report.tiles += 1,
                Ok(_) => {
                    let file = self.tiles.path(tile);
                    if self.bad_tiles.insert(file.clone()) {
                        findings.add(file, None, None, "the hashes are not those of the log");
                    }
                }
                Err(_) => self.report.tiles_missing += 1,
            }
        }
        tree.drop_full_tiles();
    }
}

fn check_leaf(leaf: &[u8], wrong: &mut dyn FnMut(String)) -> Option<Record> {
    let Ok(record) = Record::decode(leaf) else {
        wrong("is no record".to_owned());
        return None;
    };
    if record.encode_to_vec() != leaf {
        wrong("is not in the canonical form".to_owned());
    }
    if record.format != FORMAT {
        wrong(format!(
            "has the format {}, which this program does not know",
            record.format
        ));
    }
    Some(record)
}

fn check_sealed(record: &Record, sealed: &[u8], wrong: &mut dyn FnMut(String)) {
    if record.sealed_sha256 != sha256(sealed) {
        wrong("the sealed part is not the one that the record commits to".to_owned());
    }
    match Sealed::decode(sealed) {
        Ok(sealed) if sealed.salt.len() == SALT_BYTES => {}
        Ok(_) => wrong("the sealed part is not salted".to_owned()),
        Err(_) => wrong("the sealed part cannot be read".to_owned()),
    }
}
