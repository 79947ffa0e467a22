//! `motlan-audit`: what an inspector runs on a ledger, without the gateway.
//!
//! In scope: verifying a whole ledger, verifying receipts, proofs and grounds, making proofs,
//! showing, searching and exporting records, and serving as a witness to ledgers of others. Out of
//! scope: changing a ledger; no file in it is written, not even a lock.
//!
//! Exit codes: 0 all is well, 1 something was found, 2 it could not be done, 3 a newer version of
//! the program wrote some of it, which this one does not read.

mod arguments;
mod consistency;
mod export;
mod file;
mod ground;
mod index;
mod log;
mod moment;
mod proof;
mod prove;
mod receipt;
mod search;
mod show;
mod verify;
mod witness;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use motlan_audit::{Newer, ReceiptError};

use arguments::{Arguments, Command, ConsistencyCommand, ProofCommand, ReceiptCommand};

/// Something is wrong with what was looked at.
const FOUND: u8 = 1;
/// What was asked for could not be done. clap exits with it as well.
const NOT_DONE: u8 = 2;
/// Only a newer version of this program can say; what could be told is told.
const NEWER: u8 = 3;

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FOUND),
        // Whoever reads the output has seen enough, e.g. `head`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("motlan-audit: {error:#}");
            ExitCode::from(if is_newer(&error) { NEWER } else { NOT_DONE })
        }
    }
}

/// Whether all is well.
fn run(command: &Command) -> anyhow::Result<bool> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let well = match command {
        Command::Verify {
            log,
            key,
            sealing,
            from,
        } => verify::verify(log, &key.0, sealing.as_deref(), *from, &mut out)?,
        Command::Receipt(ReceiptCommand::Verify { file, key }) => {
            receipt::verify(file, &key.0, &mut out)?
        }
        Command::Prove(command) => prove::prove(command, &mut out)?,
        Command::Proof(ProofCommand::Verify { file, key, record }) => {
            proof::verify(file, &key.0, record.as_deref(), &mut out)?
        }
        Command::Consistency(ConsistencyCommand::Verify {
            file,
            old,
            new,
            key,
        }) => consistency::verify(file, old, new.as_deref(), &key.0, &mut out)?,
        Command::Ground(command) => ground::run(command, &mut out)?,
        Command::Search(search) => {
            search::search(search, &mut out)?;
            true
        }
        Command::Index(command) => index::run(command, &mut out)?,
        Command::Export(command) => export::export(command, &mut out)?,
        Command::Witness(command) => witness::run(command, &mut out)?,
        Command::Show {
            log,
            records,
            sealing,
            json,
        } => {
            let quarter = show::quarter(records)?;
            let folder = log.folder(quarter)?;
            let sealing = log::sealing(sealing.as_deref(), &folder)?;
            let index = show::indices(records, &folder)?;
            let wanted = show::Wanted {
                index: &index,
                sealing: sealing.as_ref(),
                json: *json,
            };
            show::show(&folder, &wanted, &mut out)?
        }
    };
    out.flush()?;
    Ok(well)
}

// R107
fn is_newer(error: &anyhow::Error) -> bool {
    let of_record = |error: &ReceiptError| matches!(error, ReceiptError::Newer(_));
    error
        .chain()
        .any(|error| error.is::<Newer>() || error.downcast_ref().is_some_and(of_record))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error
        .chain()
        .any(|error| error.downcast_ref().is_some_and(closed))
}
