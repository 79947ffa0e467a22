//! Checkpoints (C2SP tlog-checkpoint): a signed note of a log's origin, size and root.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::disk::{self, Disk};
use crate::note::{self, NOTE_BYTES_MAX, NoteError, SignerKey, VerifierKey};
use crate::origin::{Origin, OriginError};
use crate::tree::Hash;

/// The name of the file in the ledger's folder.
pub(crate) const FILE: &str = "checkpoint";

/// What a checkpoint says whose signature was verified.
#[derive(Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub(crate) origin: Origin,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl Checkpoint {
    /// Which log it is of.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many records it speaks for.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// As a signed note.
    pub(crate) fn sign(&self, key: &SignerKey) -> String {
        let mut text = String::with_capacity(160);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{}\n{}\n{}",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        );
        note::sign(&text, key)
    }

    /// Reads a signed note and believes it only if `key` signed it and may speak for its origin.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
        let text = note::open(note, key)?;
        let mut lines = text.lines();
        let origin = lines.next().ok_or(CheckpointError::Malformed)?;
        let size = lines.next().ok_or(CheckpointError::Malformed)?;
        let root = lines.next().ok_or(CheckpointError::Malformed)?;
        let checkpoint = Checkpoint {
            origin: origin.parse()?,
            size: size.parse().map_err(|_| CheckpointError::Malformed)?,
            root: STANDARD
                .decode(root)
                .ok()
                .and_then(|root| root.try_into().ok())
                .ok_or(CheckpointError::Malformed)?,
        };
        if checkpoint.size.to_string() != size {
            return Err(CheckpointError::Malformed);
        }
        if !speaks_for(key.name(), &checkpoint.origin) {
            return Err(CheckpointError::Name {
                key: key.name().to_owned(),
                origin: origin.to_owned(),
            });
        }
        Ok(checkpoint)
    }
}

/// Whether a key of that name may sign for `origin`: it is the origin, or a part of it that ends at
/// a slash, for a key that outlives the quarter.
pub(crate) fn speaks_for(name: &str, origin: &Origin) -> bool {
    let rest = origin.as_str().strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The note in the ledger's folder, unchecked.
pub(crate) fn read(disk: &dyn Disk, folder: &Path) -> io::Result<String> {
    disk::read_text(disk, &folder.join(FILE), NOTE_BYTES_MAX + 1)
}

/// Why a checkpoint is not believed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note it is in is not believed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its first line is no origin of ours.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// It does not have the lines of a checkpoint.
    #[error("not a checkpoint: origin, size and root must stand in its first three lines")]
    Malformed,
    /// The key is another log's.
    #[error("the key `{key}` does not speak for the log `{origin}`")]
    Name {
        /// The key's name.
        key: String,
        /// The checkpoint's origin.
        origin: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let origin = "motlan.example/audit/hn1/2026q4".parse().unwrap();
        Checkpoint {
            origin,
            size: 7,
            root: [9; 32],
        }
    }

    #[test]
    fn a_checkpoint_is_three_lines_in_a_note() {
        let key = SignerKey::generate("motlan.example/audit/hn1/2026q4").unwrap();
        let note = checkpoint().sign(&key);
        let lines = "motlan.example/audit/hn1/2026q4\n7\n\
                     CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n— ";
        assert!(note.starts_with(lines), "{note}");
        assert_eq!(
            Checkpoint::open(&note, key.verifier()).unwrap(),
            checkpoint()
        );
    }

    #[test]
    fn a_key_speaks_for_its_origin_and_for_what_lies_under_its_name() {
        let open = |name: &str| {
            let key = SignerKey::generate(name).unwrap();
            Checkpoint::open(&checkpoint().sign(&key), key.verifier())
        };
        assert!(open("motlan.example/audit/hn1").is_ok());
        for name in [
            "motlan.example/audit/hn",
            "motlan.example/audit/hn2/2026q4",
            "other",
        ] {
            assert!(
                matches!(open(name), Err(CheckpointError::Name { .. })),
                "{name}"
            );
        }
    }
}
