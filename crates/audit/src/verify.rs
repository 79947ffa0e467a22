//! Verification from the files alone, without the gateway: for an auditor who trusts neither the
//! operator nor the disk, only the log's verifier key.

mod change;
mod component;
mod entries;
mod leaf;
mod receipt;
mod report;
mod rules;
mod seals;
mod walk;

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motlan_api::audit::v1::RecordKind;
use thiserror::Error;

use crate::checkpoint::{self, Checkpoint};
use crate::disk::{Disk, LocalDisk};
use crate::format::{Newer, Unread};
use crate::frame::Part;
use crate::identity::{self, Identity, IdentityError};
use crate::ledger::Links;
use crate::note::VerifierKey;
use crate::sealing::{Sealing, SealingError, is_envelope};
use crate::shards::LayoutError;
use crate::tree::{Hash, TileError, Tiles, Tree};
pub(crate) use change::tells_a_change;
pub(crate) use component::tells_a_component;
use leaf::Leaf;
use rules::Rules;
pub(crate) use rules::{tells_a_hold, tells_a_look};
use seals::Seals;
use walk::{Visit, Walk};

pub use entries::{ReadEntry, read_entries};
pub use receipt::{Proven, ReceiptError, verify_receipt};
pub use report::{Finding, Findings, Report, SealedParts};

/// Reads the whole log in `folder` from disk and checks every checksum, every record's form, the
/// rules between records, the tree, and the signed checkpoint against `key`. The ledger may be open
/// meanwhile; then the last record may be seen half written.
pub fn verify(folder: &Path, key: &VerifierKey) -> Result<Report, VerifyError> {
    verify_with(folder, key, None, |_, _| {})
}

/// As [`verify`], and tells `progress` now and then how many bytes have been read, of how many.
///
/// With the log's sealing file it also opens each sealed part and checks that it is the one that
/// its leaf commits to, that what cannot be opened was erased by an erasure on record, and that
/// each erasure on record was carried out in this very file.
pub fn verify_with(
    folder: &Path,
    key: &VerifierKey,
    sealing: Option<&Sealing>,
    progress: impl FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk);
    verify_through(&disk, folder, key, sealing, progress)
}

/// As [`verify_with`], reading through `disk`.
pub fn verify_through(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    key: &VerifierKey,
    sealing: Option<&Sealing>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    let (report, _links) = verify_to(disk, folder, key, sealing, None, &mut progress)?;
    Ok(report)
}

/// As [`verify_through`], for a log of which the one after it says where it ended; gives as well
/// what it says of other logs.
pub(crate) fn verify_to(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    key: &VerifierKey,
    sealing: Option<&Sealing>,
    end: Option<End>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Report, Links), VerifyError> {
    // R35: from the files alone.
    let mut findings = Findings::default();
    let Some(identity) = read_identity(&**disk, folder, &mut findings)? else {
        let report = Report {
            findings,
            ..Report::default()
        };
        return Ok((report, Links::default()));
    };
    sealing.map_or(Ok(()), |sealing| sealing.must_be_of(identity.id))?;
    if identity.key != *key {
        let (file, what) = (
            folder.join(identity::FILE),
            "names another key than the one given",
        );
        findings.add(file, None, None, what);
    }
    let signed = read_checkpoint(&**disk, folder, &identity, key, &mut findings)?;
    let seals = sealing.map(|sealing| Seals::new(identity.id, sealing));
    let tiles = Tiles::through(Arc::clone(disk), folder);
    let mut audit = Audit::new(seals, tiles, signed.as_ref(), end);
    let mut walk = Walk::new(&**disk, folder, &identity, findings);
    audit.note_root(&walk.tree);
    walk.run(&mut audit, progress)?;
    let Audit {
        mut report,
        rules,
        seals,
        signed_root,
        unreadable,
        end_root,
        links,
        ..
    } = audit;
    unreadable.map_or(Ok(()), Err)?;
    let (size, mut findings) = (walk.size(), walk.findings);
    report.newer = walk.newer;
    // What it erased stands in records that are not understood.
    report.sealed = seals.map(|seals| match report.newer {
        Some(_) => seals.parts(),
        None => seals.finish(folder, &mut findings),
    });
    report.origin = Some(identity.origin.clone());
    report.open_questions = rules.open();
    (report.segments, report.frames) = (walk.segments, walk.frames);
    if let Some(signed) = signed {
        (report.checkpoint_size, report.after_checkpoint) =
            (Some(signed.size), size.saturating_sub(signed.size));
        if !walk.is_cut {
            compare_signed(&signed, folder, size, signed_root, &mut findings);
        }
    }
    let other_end = end.filter(|end| end_root != Some(end.root) && !walk.is_cut);
    other_end.inspect(|end| findings.add(folder, None, None, end.contradicted_by(size)));
    report.findings = findings;
    Ok((report, links))
}

/// Compares the log of `size` records with its signed checkpoint.
fn compare_signed(
    signed: &Checkpoint,
    folder: &Path,
    size: u64,
    root: Option<Hash>,
    findings: &mut Findings,
) {
    let file = folder.join(checkpoint::FILE);
    if size < signed.size {
        let lost = format!(
            "speaks for {} records, and the log holds {size}",
            signed.size
        );
        findings.add(file, None, None, lost);
    } else if root != Some(signed.root) {
        let other = format!("its root is not that of the first {} records", signed.size);
        findings.add(file, None, None, other);
    }
}

/// Where a log ended, as the next one says.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl End {
    /// What is wrong with a log of `size` records that did not end so.
    fn contradicted_by(self, size: u64) -> String {
        let what = match size < self.size {
            true => format!("the next log says that it ended with {}", self.size),
            false => format!("the first {} are not those that it ended with", self.size),
        };
        format!("holds {size} records, and {what}")
    }
}

fn read_identity(
    disk: &dyn Disk,
    folder: &Path,
    findings: &mut Findings,
) -> Result<Option<Identity>, VerifyError> {
    match Identity::read_through(disk, folder) {
        Ok(identity) => Ok(Some(identity)),
        Err(IdentityError::Malformed { file }) => {
            findings.add(file, None, None, "does not describe a ledger of version 2");
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

fn read_checkpoint(
    disk: &dyn Disk,
    folder: &Path,
    identity: &Identity,
    key: &VerifierKey,
    findings: &mut Findings,
) -> Result<Option<Checkpoint>, VerifyError> {
    let file = folder.join(checkpoint::FILE);
    let what = match checkpoint::read(disk, folder) {
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

/// Why a log could not be verified at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The folder holds no ledger.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The sealing file is another log's.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// It is not known which logs there are.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The caller's: no key was given.
    #[error("no key to verify with was given")]
    NoKey,
    /// It is of a newer version, and was to be shown.
    #[error("the ledger is newer than this program")]
    Newer(#[from] Newer),
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<Unread> for VerifyError {
    fn from(unread: Unread) -> VerifyError {
        match unread {
            Unread::Newer(newer) => newer.into(),
            Unread::Read { file, source } => VerifyError::Read { file, source },
        }
    }
}

impl From<TileError> for VerifyError {
    fn from(TileError { file, source }: TileError) -> VerifyError {
        VerifyError::Read { file, source }
    }
}

/// Checks all that the walk passes.
struct Audit<'a> {
    report: Report,
    leaf: Leaf,
    rules: Rules,
    seals: Option<Seals<'a>>,
    tiles: Tiles,
    /// Tile files that were found wrong, so that each is told of once.
    bad_tiles: BTreeSet<PathBuf>,
    /// The first tile file that is there and could not be read.
    unreadable: Option<TileError>,
    signed: Option<&'a Checkpoint>,
    /// The root at the size of the checkpoint.
    signed_root: Option<Hash>,
    end: Option<End>,
    /// The root where it ended.
    end_root: Option<Hash>,
    links: Links,
}

impl<'a> Audit<'a> {
    fn new(
        seals: Option<Seals<'a>>,
        tiles: Tiles,
        signed: Option<&'a Checkpoint>,
        end: Option<End>,
    ) -> Audit<'a> {
        Audit {
            report: Report::default(),
            leaf: Leaf::default(),
            rules: Rules::default(),
            seals,
            tiles,
            unreadable: None,
            bad_tiles: BTreeSet::new(),
            signed,
            signed_root: None,
            end,
            end_root: None,
            links: Links::default(),
        }
    }

    fn note_root(&mut self, tree: &Tree) {
        if self.signed.is_some_and(|signed| signed.size == tree.size()) {
            self.signed_root = Some(tree.root());
        }
        if self.end.is_some_and(|end| end.size == tree.size()) {
            self.end_root = Some(tree.root());
        }
    }
}

impl Visit for Audit<'_> {
    fn record(
        &mut self,
        index: u64,
        part: Part<'_>,
        leaf_hash: &Hash,
        wrong: &mut dyn FnMut(String),
    ) -> ControlFlow<()> {
        self.report.records += 1;
        let Some(record) = self.leaf.read(part.leaf, wrong) else {
            return ControlFlow::Continue(());
        };
        match &mut self.seals {
            Some(seals) => seals.check(index, leaf_hash, record, part.sealed, wrong),
            None if is_envelope(part.sealed) => {}
            None => wrong("the sealed part has no form that this program knows".to_owned()),
        }
        match record.kind() {
            RecordKind::Question => self.report.questions += 1,
            RecordKind::Outcome => self.report.outcomes += 1,
            RecordKind::Erasure => self.report.erasures += 1,
            RecordKind::Look => self.report.looks += 1,
            RecordKind::Hold => self.report.holds += 1,
            RecordKind::Link => {
                self.report.links += 1;
                let is_signed = self.signed.is_some_and(|signed| index < signed.size);
                self.report.unsigned_links += u64::from(!is_signed);
            }
            RecordKind::Component => self.report.components += 1,
            RecordKind::Change => self.report.changes += 1,
            RecordKind::Unspecified => {}
        }
        self.rules.check(index, record, wrong);
        self.links.note(record);
        let is_behind = self.end.is_some_and(|end| index >= end.size);
        if is_behind && record.kind() != RecordKind::Erasure {
            wrong("stands behind the end of the log, as the next one states it".to_owned());
        }
        ControlFlow::Continue(())
    }

    fn newer(&mut self) -> ControlFlow<()> {
        self.report.records += 1;
        self.report.newer_records += 1;
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
                Err(error) if error.is_missing() => self.report.tiles_missing += 1,
                Err(error) => self.unreadable = self.unreadable.take().or(Some(error)),
            }
        }
        tree.drop_full_tiles();
    }
}
