//! `motlan-audit`: what an inspector runs on a ledger, without the gateway.
//!
//! In scope: verifying a whole ledger, verifying a receipt, showing records. Out of scope: changing
//! anything; no file is written, not even a lock. Exit codes: 0 all is well, 1 something was found,
//! 2 it could not be done.

mod arguments;
mod receipt;
mod show;
mod verify;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command, ReceiptCommand};

/// Something is wrong with what was looked at.
const FOUND: u8 = 1;
/// What was asked for could not be done. clap exits with it as well.
const NOT_DONE: u8 = 2;

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FOUND),
        // Whoever reads the output has seen enough, e.g. `head`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("motlan-audit: {error:#}");
            ExitCode::from(NOT_DONE)
        }
    }
}

/// Whether all is well.
fn run(command: &Command) -> anyhow::Result<bool> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let well = match command {
        Command::Verify { ledger, key } => verify::verify(ledger, &key.0, &mut out)?,
        Command::Receipt(ReceiptCommand::Verify { file, key }) => {
            receipt::verify(file, &key.0, &mut out)?
        }
        Command::Show {
            ledger,
            index,
            sealed,
            json,
        } => {
            let wanted = show::Wanted {
                index,
                sealed: *sealed,
                json: *json,
            };
            show::show(ledger, &wanted, &mut out)?
        }
    };
    out.flush()?;
    Ok(well)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error
        .chain()
        .any(|error| error.downcast_ref().is_some_and(closed))
}
