//! What a verification found.

use std::fmt;
use std::path::PathBuf;

use crate::format::Newer;
use crate::origin::Origin;

/// How many findings a report keeps; all are counted.
const FINDINGS_MAX: usize = 100;

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
    /// How many of them record an erasure.
    pub erasures: u64,
    /// How many of them record a look into the audit trail.
    pub looks: u64,
    /// How many of them record that a hold began or ended.
    pub holds: u64,
    /// How many of them name the log before or after.
    pub links: u64,
    /// How many of those came after the signed checkpoint.
    pub unsigned_links: u64,
    /// How many of them tell what became of a component of a dossier.
    pub components: u64,
    /// How many of them tell that other settings were taken in force, or refused.
    pub changes: u64,
    /// What the sealed parts showed; `None` where no sealing file was given, and so none was
    /// opened.
    pub sealed: Option<SealedParts>,
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
    /// What a newer program wrote first, where one did: this one cannot tell whether that is sound.
    pub newer: Option<Newer>,
    /// How many records it wrote of which only the hash was checked.
    pub newer_records: u64,
    /// What is wrong.
    pub findings: Findings,
}

impl Report {
    /// Whether nothing is wrong, and all was understood.
    pub fn is_sound(&self) -> bool {
        self.findings.count == 0 && self.newer.is_none()
    }
}

/// What opening the sealed parts showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedParts {
    /// How many could be opened, and are what their leaf commits to.
    pub opened: u64,
    /// How many nobody can open any more: their keys were destroyed.
    pub erased: u64,
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
    pub(crate) fn add(
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
