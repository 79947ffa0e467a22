//! The command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Parser, Subcommand};
use motlan_audit::{KeyError, VerifierKey};

/// Checks a ledger of Mot Lan, or a receipt from one, without the gateway. Changes nothing.
///
/// Exit codes: 0 all is well, 1 something was found, 2 it could not be done.
#[derive(Debug, Parser)]
#[command(name = "motlan-audit", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reads a whole ledger and checks every record, checksum, commitment and signature.
    Verify {
        /// The ledger's folder: the one with the file `log` in it.
        #[arg(long, value_name = "DIR")]
        ledger: PathBuf,
        /// The verifier key, `<name>+<hash>+<base64>`, or `@FILE` with the key in it. Take it from
        /// somebody whom you trust, not from the ledger's folder.
        #[arg(long, value_name = "KEY|@FILE")]
        key: Key,
    },
    /// Receipts: proofs that a record stands in the log.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Shows records, one on each line. Does not verify them.
    Show {
        /// The ledger's folder: the one with the file `log` in it.
        #[arg(long, value_name = "DIR")]
        ledger: PathBuf,
        /// The records to show, by index; all if none is given.
        index: Vec<u64>,
        /// Shows the personal part as well: whom a record is about, and who asked.
        #[arg(long)]
        sealed: bool,
        /// One JSON object on each line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Checks that the log of a key holds the record of a receipt. Needs nothing but the two.
    Verify {
        /// The receipt: the protobuf message, or its base64, as in the trailer
        /// `motlan-receipt-bin`.
        file: PathBuf,
        /// The verifier key, `<name>+<hash>+<base64>`, or `@FILE` with the key in it.
        #[arg(long, value_name = "KEY|@FILE")]
        key: Key,
    },
}

/// A verifier key, given itself or as a file.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) VerifierKey);

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        match text.strip_prefix('@') {
            Some(file) => VerifierKey::read(Path::new(file)).map(Key),
            None => text.parse().map(Key),
        }
    }
}
