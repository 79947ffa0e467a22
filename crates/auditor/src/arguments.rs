//! The command line.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Parser, Subcommand};
use motlan_audit::{KeyError, Quarter, RecordId, RecordIdError, VerifierKey};

use crate::export::Export;
use crate::ground::GroundCommand;
use crate::index::IndexCommand;
use crate::log::Log;
use crate::search::Search;
use crate::witness::WitnessCommand;

/// Checks a ledger of Mot Lan, or a proof from one, without the gateway. Changes no ledger.
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
    /// Reads a whole ledger and checks every record, checksum and signature; given the folder of
    /// all quarters, all logs and the links between them.
    Verify {
        #[command(flatten)]
        log: Log,
        /// The verifier key, `<name>+<hash>+<base64>`, or `@FILE` with the key in it. Take it from
        /// somebody whom you trust, not from the ledger's folder.
        #[arg(long, value_name = "KEY|@FILE")]
        key: Key,
        /// The log's sealing file, or the folder of all: opens each sealed part and checks that it
        /// is what its record commits to, and that what was erased is on record as erased, and
        /// gone.
        #[arg(long, value_name = "FILE")]
        sealing: Option<PathBuf>,
        /// Of all quarters, the first to verify: says that older logs are elsewhere. Without it,
        /// that older ones are missing is a finding, unless on record as dropped.
        #[arg(long, value_name = "QUARTER")]
        from: Option<Quarter>,
    },
    /// Receipts: proofs that a record stands in the log.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Makes proofs from a ledger's folder, in published formats that other programs can verify.
    #[command(subcommand)]
    Prove(ProveCommand),
    /// Inclusion proofs: that a record stands in the log.
    #[command(subcommand)]
    Proof(ProofCommand),
    /// Consistency proofs: that a log begins with all records that it had before.
    #[command(subcommand)]
    Consistency(ConsistencyCommand),
    /// Grounds: signed statements that a document may be asked for, and why.
    #[command(subcommand)]
    Ground(GroundCommand),
    /// Witnesses: those who sign that a log has one history.
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Shows records, one on each line. Does not verify them.
    Show {
        #[command(flatten)]
        log: Log,
        /// The records to show, by id (`hn1-2026q4-42`) or index; all if none is given.
        records: Vec<Which>,
        /// The log's sealing file, or the folder of all: shows the personal part as well, whom a
        /// record is about and who asked.
        #[arg(long, value_name = "FILE")]
        sealing: Option<PathBuf>,
        /// One JSON object on each line.
        #[arg(long)]
        json: bool,
    },
    /// Finds records by whom they are about, who asked, what was asked, when and how it ended.
    Search(Box<Search>),
    /// The search index: made anew, or compared with its log.
    #[command(subcommand)]
    Index(IndexCommand),
    /// Writes records in a form that a security team's own programs read. Does not verify them.
    Export(Export),
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

#[derive(Debug, Subcommand)]
pub(crate) enum ProveCommand {
    /// Writes a C2SP tlog-proof: the record, the proof of its place, and the checkpoint over it.
    Inclusion {
        /// The record, by its id (`hn1-2026q4-42`) or its index.
        record: Which,
        #[command(flatten)]
        log: Log,
        /// The checkpoint to prove it under; the folder's own if none is given.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Where to write the proof; to the output if not given. The name should end in
        /// `.tlog-proof`.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Writes the proof that the newer log begins with all records of the older, as C2SP
    /// tlog-witness has it sent to a witness.
    Consistency {
        /// The older log: a file with its checkpoint, or its size.
        old: Tree,
        /// The newer log: a file with its checkpoint, or its size; the folder's own checkpoint if
        /// none is given.
        new: Option<Tree>,
        #[command(flatten)]
        log: Log,
        /// Where to write the proof; to the output if not given.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProofCommand {
    /// Checks that the log of a key holds the record of a tlog-proof. Needs nothing but the two.
    Verify {
        /// The tlog-proof.
        file: PathBuf,
        /// The verifier key, `<name>+<hash>+<base64>`, or `@FILE` with the key in it.
        #[arg(long, value_name = "KEY|@FILE")]
        key: Key,
        /// The record, as it stands in an entry bundle, where the proof does not hold it.
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsistencyCommand {
    /// Checks that the log of a key has only grown between two checkpoints.
    Verify {
        /// The consistency proof.
        file: PathBuf,
        /// The older checkpoint.
        #[arg(long, value_name = "FILE")]
        old: PathBuf,
        /// The newer checkpoint, where the proof does not hold it.
        #[arg(long, value_name = "FILE")]
        new: Option<PathBuf>,
        /// The verifier key, `<name>+<hash>+<base64>`, or `@FILE` with the key in it.
        #[arg(long, value_name = "KEY|@FILE")]
        key: Key,
    },
}

/// A record, by its name or its place.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    Id(RecordId),
    Index(u64),
}

impl FromStr for Which {
    type Err = RecordIdError;

    fn from_str(text: &str) -> Result<Which, RecordIdError> {
        match text.parse() {
            Ok(index) => Ok(Which::Index(index)),
            Err(_) => text.parse().map(Which::Id),
        }
    }
}

/// One of two trees: its size if it is a number, else a file with its checkpoint.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Size(u64),
    Checkpoint(PathBuf),
}

impl FromStr for Tree {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Tree, Infallible> {
        Ok(match text.parse() {
            Ok(size) => Tree::Size(size),
            Err(_) => Tree::Checkpoint(text.into()),
        })
    }
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
