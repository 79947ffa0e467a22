//! `motlan-audit ground verify`.

mod told;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use motlan_audit::{
    Ground, ProveError, Proven, Prover, ReceiptError, SignedGround, VerifierKey, verify_ground,
};
use thiserror::Error;

use crate::arguments::Key;
use crate::file::{self, FileError};
use crate::log::{Log, LogError};
use crate::receipt;
use crate::search::{self, FromInput};

#[derive(Debug, Subcommand)]
pub(crate) enum GroundCommand {
    /// Checks that the log of a key signed a ground, and tells what it says. With a receipt or the
    /// ledger, also that the record which it stands for is in the log and says the same.
    Verify(Verify),
}

/// Which ground, and what it must be for.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The ground, as it is kept with the dossier: a compact JWS.
    file: PathBuf,
    /// The verifier key, `<name>+<hash>+<base64>`, or `@FILE` with the key in it. Take it from
    /// somebody whom you trust.
    #[arg(long, value_name = "KEY|@FILE")]
    key: Key,
    /// The dossier that it must be for.
    #[arg(long, value_name = "NAME")]
    dossier: Option<String>,
    /// The procedure that it must be for.
    #[arg(long, value_name = "CODE")]
    procedure: Option<String>,
    /// The kind of document that it must be for.
    #[arg(long, value_name = "NAME")]
    document: Option<String>,
    /// The calling system that it must have been given to.
    #[arg(long, value_name = "SYSTEM")]
    caller: Option<String>,
    /// Whom it must be about: `-`, and the identifier on standard input. It is no argument, since
    /// those stand in the list of processes and in the shell's history.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    subject: Option<FromInput>,
    /// The receipt of its record: the protobuf message, or its base64.
    #[arg(long, value_name = "FILE", conflicts_with = "ledger")]
    receipt: Option<PathBuf>,
    /// The folder of the log that has its record, or the folder of all quarters.
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
}

/// Why a ground was not looked at, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Receipt(#[from] receipt::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("standard input must hold one subject, on one line")]
    Subject,
    #[error("its record `{wanted}` is one of another log: this one's are called like `{like}`")]
    OtherLog { wanted: String, like: String },
    #[error(transparent)]
    Prove(ProveError),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// What is wrong with a ground whose signature is good.
#[derive(Debug, Error)]
enum Wrong {
    #[error("it is for the {what} `{found}`, and `{due}` was asked for")]
    Other {
        what: &'static str,
        due: String,
        found: String,
    },
    // Whom it is about is left to whoever opens it.
    #[error("it is about somebody or something else")]
    Subject,
}

/// Verifies and tells; whether all is well.
pub(crate) fn run(command: &GroundCommand, out: &mut dyn Write) -> Result<bool, Error> {
    let GroundCommand::Verify(verify) = command;
    let text = file::text(&verify.file)?;
    let key = &verify.key.0;
    let signed = match verify_ground(text.trim_ascii(), key) {
        Ok(signed) => signed,
        Err(fault) => {
            file::tell_wrong("The ground proves NOTHING", &fault, out)?;
            return Ok(false);
        }
    };
    if let Err(wrong) = verify.is_meant(signed.ground())? {
        file::tell_wrong("The ground is good, and NOT for this", &wrong, out)?;
        return Ok(false);
    }
    let proven = match verify.proven(&signed, key)? {
        Found::Unsought => None,
        Found::Proven(proven) => Some(proven),
        Found::Not(error) => {
            let what = "The ground is signed, and its record is NOT proven";
            file::tell_wrong(what, &*error, out)?;
            return Ok(false);
        }
    };
    if let Some(fault) = proven
        .as_ref()
        .and_then(|it| signed.is_recorded_by(it).err())
    {
        let what = "The ground is signed, and NOT what was recorded";
        file::tell_wrong(what, &fault, out)?;
        return Ok(false);
    }
    told::tell(&signed, proven.as_deref(), out)?;
    Ok(true)
}

/// The record of a ground.
enum Found {
    /// Neither receipt nor ledger was given.
    Unsought,
    Proven(Box<Proven>),
    Not(Box<dyn std::error::Error>),
}

impl From<Result<Proven, ReceiptError>> for Found {
    fn from(verified: Result<Proven, ReceiptError>) -> Found {
        match verified {
            Ok(proven) => Found::Proven(Box::new(proven)),
            Err(error) => Found::Not(Box::new(error)),
        }
    }
}

impl Verify {
    /// Whether it is for what was asked.
    fn is_meant(&self, ground: &Ground) -> Result<Result<(), Wrong>, Error> {
        for (what, due, found) in [
            ("dossier", &self.dossier, &ground.dossier),
            ("procedure", &self.procedure, &ground.procedure),
            ("document", &self.document, &ground.document),
            ("system", &self.caller, &ground.caller),
        ] {
            if let Some(due) = due.as_ref().filter(|due| *due != found) {
                let (due, found) = (due.clone(), found.clone());
                return Ok(Err(Wrong::Other { what, due, found }));
            }
        }
        Ok(match self.subject {
            Some(FromInput) => {
                let due = search::subject().ok_or(Error::Subject)?;
                if due == ground.subject {
                    Ok(())
                } else {
                    Err(Wrong::Subject)
                }
            }
            None => Ok(()),
        })
    }

    /// The record that it names, proven to stand in the log of `key`.
    fn proven(&self, signed: &SignedGround, key: &VerifierKey) -> Result<Found, Error> {
        if let Some(file) = &self.receipt {
            return Ok(receipt::verified(&receipt::read(file)?, key)?.into());
        }
        match &self.ledger {
            Some(folder) => in_ledger(folder, signed, key),
            None => Ok(Found::Unsought),
        }
    }
}

fn in_ledger(folder: &Path, signed: &SignedGround, key: &VerifierKey) -> Result<Found, Error> {
    let log = Log {
        ledger: folder.to_owned(),
        quarter: None,
    };
    let record = signed.record();
    let folder = log.folder(record.quarter())?;
    let proven = Prover::open(&folder).and_then(|mut prover| {
        let named = prover.record_id(record.index());
        if named != *record {
            return Ok(Err(named));
        }
        let note = prover.checkpoint().to_owned();
        prover.inclusion(record.index(), &note).map(Ok)
    });
    match proven {
        Ok(Ok(receipt)) => Ok(receipt::verified(&receipt, key)?.into()),
        Ok(Err(like)) => {
            let (wanted, like) = (record.to_string(), like.to_string());
            Err(Error::OtherLog { wanted, like })
        }
        // The log names what it has: a record that is not there was not recorded, or dropped.
        Err(error) if error.is_finding() || matches!(error, ProveError::NoRecord { .. }) => {
            Ok(Found::Not(Box::new(error)))
        }
        Err(error) => Err(Error::Prove(error)),
    }
}
