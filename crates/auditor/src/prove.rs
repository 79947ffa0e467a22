//! `motlan-audit prove`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use motlan_audit::{ProveError, Prover, TreeAt, write_tlog_proof};
use thiserror::Error;

use crate::arguments::{ProveCommand, Tree, Which};
use crate::file::{self, FileError};
use crate::log::LogError;

/// Why a proof was not made, where nothing is wrong with the log.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Prove(ProveError),
    #[error("`{wanted}` is a record of another log: this one's are called like `{like}`")]
    OtherLog { wanted: String, like: String },
    #[error("`{}` is in the ledger, and nothing is written there", file.display())]
    InLedger { file: PathBuf },
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Makes a proof; whether the log is one that can be proven.
pub(crate) fn prove(command: &ProveCommand, out: &mut dyn Write) -> Result<bool, Error> {
    let (ProveCommand::Inclusion { log, out: to, .. }
    | ProveCommand::Consistency { log, out: to, .. }) = command;
    let to = to.as_deref();
    refuse_inside(to, &log.ledger)?;
    let named = match command {
        ProveCommand::Inclusion {
            record: Which::Id(id),
            ..
        } => id.quarter(),
        _ => None,
    };
    let made = Prover::open(&log.folder(named)?)
        .map_err(Made::from)
        .and_then(|mut prover| match command {
            ProveCommand::Inclusion {
                record, checkpoint, ..
            } => inclusion(&mut prover, record, checkpoint.as_deref()),
            ProveCommand::Consistency { old, new, .. } => {
                consistency(&mut prover, old, new.as_ref())
            }
        });
    match made {
        Ok(text) => {
            file::write(&text, to, out)?;
            Ok(true)
        }
        Err(Made::Not(error)) => Err(error),
        Err(Made::Prove(error)) if error.is_finding() => {
            file::tell_wrong("The log is NOT the one of the checkpoint", &error, out)?;
            Ok(false)
        }
        Err(Made::Prove(error)) => Err(Error::Prove(error)),
    }
}

/// Why there is no proof.
enum Made {
    Not(Error),
    Prove(ProveError),
}

impl From<ProveError> for Made {
    fn from(error: ProveError) -> Made {
        Made::Prove(error)
    }
}

impl From<FileError> for Made {
    fn from(error: FileError) -> Made {
        Made::Not(error.into())
    }
}

fn inclusion(
    prover: &mut Prover,
    record: &Which,
    checkpoint: Option<&Path>,
) -> Result<String, Made> {
    let index = match record {
        Which::Index(index) => *index,
        Which::Id(id) if prover.record_id(id.index()) == *id => id.index(),
        Which::Id(id) => {
            let (wanted, like) = (id.to_string(), prover.record_id(0).to_string());
            return Err(Made::Not(Error::OtherLog { wanted, like }));
        }
    };
    let note = match checkpoint {
        None => prover.checkpoint().to_owned(),
        Some(file) => file::text(file)?,
    };
    Ok(write_tlog_proof(&prover.inclusion(index, &note)?))
}

fn consistency(prover: &mut Prover, old: &Tree, new: Option<&Tree>) -> Result<String, Made> {
    let note = |tree: &Tree| match tree {
        Tree::Size(_) => Ok(String::new()),
        Tree::Checkpoint(file) => file::text(file),
    };
    let own = prover.checkpoint().to_owned();
    let old_note = note(old)?;
    let new_note = new.map_or(Ok(own), note)?;
    let at = |tree, note| match tree {
        Some(&Tree::Size(size)) => TreeAt::Size(size),
        _ => TreeAt::Checkpoint(note),
    };
    let proof = prover.consistency(at(Some(old), &old_note), at(new, &new_note))?;
    Ok(proof.to_string())
}

/// Nothing is written into a ledger, also not by mistake.
fn refuse_inside(file: Option<&Path>, ledger: &Path) -> Result<(), Error> {
    let Some(file) = file else { return Ok(()) };
    let folder = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let inside = match (folder.canonicalize(), ledger.canonicalize()) {
        (Ok(folder), Ok(ledger)) => folder.starts_with(ledger),
        _ => false,
    };
    match inside {
        true => Err(Error::InLedger {
            file: file.to_owned(),
        }),
        false => Ok(()),
    }
}
