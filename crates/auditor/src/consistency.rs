//! `motlan-audit consistency verify`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use motlan_audit::{
    Checkpoint, CheckpointError, ConsistencyError, ConsistencyProof, Consistent, ProofError,
    VerifierKey, verify_consistency,
};
use thiserror::Error;

use crate::file::{self, FileError};

/// Why a proof was not looked at, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` is no consistency proof", file.display())]
    NoProof { file: PathBuf, source: ProofError },
    #[error("`{}` does not hold the newer checkpoint: give it by `--new FILE`", file.display())]
    NoCheckpoint { file: PathBuf },
    #[error("`{}` holds the newer checkpoint itself: leave out `--new`", file.display())]
    TwoCheckpoints { file: PathBuf },
    #[error("the proof is from {proof} records on, and the older checkpoint speaks for {old}")]
    OtherSize { proof: u64, old: u64 },
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Verifies and tells; whether all is well.
pub(crate) fn verify(
    file: &Path,
    old: &Path,
    new: Option<&Path>,
    key: &VerifierKey,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    let text = file::text(file)?;
    let file = || file.to_owned();
    let proof: ConsistencyProof = text.parse().map_err(|source| Error::NoProof {
        file: file(),
        source,
    })?;
    let old = file::text(old)?;
    let new = match (&proof.checkpoint, new) {
        (Some(note), None) => note.clone(),
        (None, Some(new)) => file::text(new)?,
        (Some(_), Some(_)) => return Err(Error::TwoCheckpoints { file: file() }),
        (None, None) => return Err(Error::NoCheckpoint { file: file() }),
    };
    match check(&proof, &old, &new, key) {
        Ok(consistent) => {
            let (old, new) = (consistent.old_size(), consistent.new_size());
            let kept = match new - old {
                0 => format!("both checkpoints are of the same {new} records"),
                more => format!("all {old} records still stand, and {more} came after them"),
            };
            writeln!(out, "The log has only grown: {kept}.")?;
            Ok(true)
        }
        Err(Wrong::Size { proof, old }) => Err(Error::OtherSize { proof, old }),
        Err(Wrong::Checkpoint(which, error)) => {
            let what = format!("The {which} checkpoint is NOT believed");
            file::tell_wrong(&what, &error, out)?;
            Ok(false)
        }
        Err(Wrong::Consistency(error)) => {
            file::tell_wrong("The log is NOT shown to have only grown", &error, out)?;
            Ok(false)
        }
    }
}

/// Why it is not shown.
enum Wrong {
    Checkpoint(&'static str, CheckpointError),
    Size { proof: u64, old: u64 },
    Consistency(ConsistencyError),
}

fn check(
    proof: &ConsistencyProof,
    old: &str,
    new: &str,
    key: &VerifierKey,
) -> Result<Consistent, Wrong> {
    let open =
        |which, note| Checkpoint::open(note, key).map_err(|error| Wrong::Checkpoint(which, error));
    let (old, new) = (open("older", old)?, open("newer", new)?);
    // Two histories are told of even if the proof is for other sizes.
    if proof.old_size != old.size() && old.size() != new.size() {
        let (proof, old) = (proof.old_size, old.size());
        return Err(Wrong::Size { proof, old });
    }
    verify_consistency(&old, &new, &proof.hashes).map_err(Wrong::Consistency)
}
