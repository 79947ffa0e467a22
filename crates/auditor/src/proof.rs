//! `motlan-audit proof verify`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use motlan_audit::{ProofError, VerifierKey, read_tlog_proof};
use thiserror::Error;

use crate::file::{self, FileError};
use crate::receipt;

/// Why a proof was not looked at, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` is no inclusion proof", file.display())]
    NoProof { file: PathBuf, source: ProofError },
    #[error("`{}` does not hold the record itself: give it by `--record FILE`", file.display())]
    NoRecord { file: PathBuf },
    #[error("`{}` holds a record itself: leave out `--record`", file.display())]
    TwoRecords { file: PathBuf },
    #[error(transparent)]
    Receipt(#[from] receipt::Error),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Verifies and tells; whether all is well.
pub(crate) fn verify(
    file: &Path,
    key: &VerifierKey,
    record: Option<&Path>,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    let text = file::text(file)?;
    let file = || file.to_owned();
    let mut receipt = read_tlog_proof(&text).map_err(|source| Error::NoProof {
        file: file(),
        source,
    })?;
    match record {
        Some(_) if !receipt.leaf.is_empty() => return Err(Error::TwoRecords { file: file() }),
        Some(record) => receipt.leaf = file::read(record)?,
        None if receipt.leaf.is_empty() => return Err(Error::NoRecord { file: file() }),
        None => {}
    }
    match receipt::verified(&receipt, key)? {
        Ok(proven) => {
            receipt::tell("proof", &proven, out)?;
            Ok(true)
        }
        Err(error) => {
            file::tell_wrong("The proof proves NOTHING", &error, out)?;
            Ok(false)
        }
    }
}
