//! How far a folder is from being in force, told to those who work on it.

use std::fmt;
use std::path::Path;

use super::agreements::{beside, missing, read, signed};
use super::manifest::{MANIFEST, Manifest};
use crate::catalog::Catalog;
use crate::document::DOCUMENT_BYTES_MAX;
use crate::fault::Faults;
use crate::load::{Files, Snapshot};

/// What is signed of a folder, and whether it is as its manifest says. Whose manifest that is only
/// the gateway can tell, which knows the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// How many agreements lack a signature, or have a wrong one.
    pub unsigned: usize,
    /// The manifest's revision, where there is a manifest.
    pub revision: Option<u64>,
    /// Whether the files are those of the manifest.
    pub is_as_sealed: bool,
}

impl Survey {
    /// Looks at the folder that a catalogue was loaded from.
    #[must_use]
    pub fn of(folder: &Path, catalog: &Catalog) -> Self {
        let unsigned = catalog.agreements.iter().filter(|agreement| {
            let content = Files::Disk.read(&agreement.file, DOCUMENT_BYTES_MAX);
            let signatures = read(&Files::Disk, &beside(&agreement.file));
            let (Ok(content), Ok(Some(signatures))) = (content, signatures) else {
                return true;
            };
            let signed = signed(&signatures, &content, agreement, &catalog.signers);
            missing(&signed.by).next().is_some() || !signed.is_flawless()
        });
        let unsigned = unsigned.count();
        let mut faults = Faults::new();
        let snapshot = Snapshot::take(folder, &mut faults);
        let manifest = snapshot.files().get(MANIFEST);
        let manifest = manifest.and_then(|content| Manifest::read(content).ok());
        if let Some(manifest) = &manifest {
            manifest.compare(folder, &snapshot, &mut faults);
        }
        Self {
            unsigned,
            is_as_sealed: manifest.is_some() && faults.is_empty(),
            revision: manifest.map(|manifest| manifest.revision),
        }
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unsigned {
            0 => f.write_str("all signed, ")?,
            count => write!(f, "{count} not signed yet, ")?,
        }
        match self.revision {
            None => f.write_str("not sealed"),
            Some(revision) if self.is_as_sealed => write!(f, "as sealed in revision {revision}"),
            Some(revision) => write!(f, "changed since revision {revision} was sealed"),
        }
    }
}
