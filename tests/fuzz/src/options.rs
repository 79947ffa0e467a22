//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Fuzzes the mask: throws odd messages at it, and checks all that comes of each.
///
/// Exits with 1 where the mask has a fault, and with 2 where there was no telling.
#[derive(Parser)]
#[command(name = "motlan-fuzz", version)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs a course of executions on the mask; stops at the first fault.
    Mask(Course),
    /// Checks single inputs, and shows what each stands for and what the mask makes of it.
    Replay {
        /// Files with an input each.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Writes a corpus into a folder, a file for each input, as fuzzing engines want it.
    Unpack {
        /// The folder; made if there is none.
        folder: PathBuf,
        /// A packed corpus [default: the one that is kept for the mask]
        #[arg(long, value_name = "FILE")]
        corpus: Option<PathBuf>,
    },
    /// Packs a folder with a file for each input into one text file.
    Pack {
        /// The folder.
        folder: PathBuf,
        /// The file to write; an old one is replaced.
        file: PathBuf,
    },
}

/// How long to run, and from where.
#[derive(Args)]
pub(crate) struct Course {
    /// How many inputs to check.
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub(crate) executions: u64,
    /// Where the random numbers start: the same seed and corpus give the same course.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(crate) seed: u64,
    /// A packed corpus, or a folder with a file for each input [default: the one that is kept]
    #[arg(long, value_name = "PATH")]
    pub(crate) corpus: Option<PathBuf>,
    /// Where to write an input that shows a fault; made where there is none.
    #[arg(long, default_value = "target/fuzz-failures", value_name = "DIR")]
    pub(crate) failures: PathBuf,
}
