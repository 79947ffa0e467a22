//! The command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::contender::Contender;

/// A window lasts at least this long: the kernel counts processor time in ticks of a hundredth.
const SECONDS_MIN: f64 = 0.1;
/// A window lasts at most this long, so that the token that its calls share stays valid.
pub(crate) const SECONDS_MAX: f64 = 120.0;
/// At most this many calls are in flight.
pub(crate) const IN_FLIGHT_MAX: usize = 4_096;
/// They share at most this many connections.
pub(crate) const CONNECTIONS_MAX: usize = 256;
/// A ledger is grown to at most this many records.
pub(crate) const RECORDS_MAX: u64 = 10_000_000;
/// A window is this long in a smoke run.
const SMOKE_WINDOW: Duration = Duration::from_millis(200);

/// Measures the gateway beside a bare pass-through and the owner's system itself.
#[derive(Parser)]
#[command(name = "motlan-bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Command {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// A part of the benchmark that can be run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// The contenders beside one another.
    Contest,
    /// Lookups of one record, streams of a hundred and refusals at once.
    Mixed,
    /// Twice as much as can be answered.
    Saturation,
    /// A slow owner's system, and those who ask another.
    Isolation,
    /// From the start of a process to its first answer.
    Start,
    /// How much memory the gateway holds.
    Memory,
    /// What a lookup costs as agreements, datasets and records grow.
    Growth,
    /// Where the processor's time of a call goes.
    Stages,
    /// The components of a dossier, against the slowest of them.
    Collection,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// How to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs these sections only: a list.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Section>,
    /// Runs the contest with these only: a list.
    #[arg(long, value_delimiter = ',', value_enum)]
    contenders: Vec<Contender>,
    /// How often each contender has its turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long a window lasts, in seconds; each is preceded by a quarter of that, uncounted.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// How many calls are in flight: a list.
    #[arg(long, default_value = "1,32,256,1024", value_delimiter = ',', value_parser = in_flight)]
    pub(crate) in_flight: Vec<usize>,
    /// Over how many connections: a list.
    #[arg(long, default_value = "1,4,16", value_delimiter = ',', value_parser = connections)]
    pub(crate) connections: Vec<usize>,
    /// Up to how many records a ledger is grown, to see what a lookup costs then: from 10,000 to
    /// 10,000,000.
    #[arg(long, default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=RECORDS_MAX))]
    pub(crate) growth_records: u64,
    /// Writes every window to this file as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Where to make the temporary folder with the ledger; else where the system has its own. On a
    /// file system in memory, durable writes cost nothing.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// One round of short windows, to show that everything runs: the figures mean nothing.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub(crate) smoke: bool,
}

impl Options {
    /// What is run, in this order.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let all = Section::value_variants().iter().copied();
        all.filter(|one| self.only.is_empty() || self.only.contains(one))
            .collect()
    }

    /// Who is measured, in this order.
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        let all = Contender::ALL.into_iter();
        all.filter(|one| self.contenders.is_empty() || self.contenders.contains(one))
            .collect()
    }

    /// How many rounds there are.
    pub(crate) fn rounds(&self) -> u32 {
        if self.smoke { 1 } else { self.rounds }
    }

    /// How long a window lasts.
    pub(crate) fn window(&self) -> Duration {
        if self.smoke {
            SMOKE_WINDOW
        } else {
            Duration::from_secs_f64(self.seconds)
        }
    }
}

/// What the bench starts itself as.
#[derive(Subcommand)]
#[command(hide = true)]
pub(crate) enum Role {
    /// The owner's system.
    #[command(hide = true)]
    Owner(Owner),
    /// The bare pass-through.
    #[command(hide = true)]
    PassThrough(PassThrough),
}

/// The owner's system.
#[derive(Args)]
pub(crate) struct Owner {
    /// The deployment's folder.
    #[arg(long)]
    pub(crate) dir: PathBuf,
}

/// The bare pass-through.
#[derive(Args)]
pub(crate) struct PassThrough {
    /// The deployment's folder.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Where the owner's system listens.
    #[arg(long)]
    pub(crate) owner: SocketAddr,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "no number".to_owned())?;
    if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("from {SECONDS_MIN} to {SECONDS_MAX}"))
    }
}

fn in_flight(text: &str) -> Result<usize, String> {
    count(text, IN_FLIGHT_MAX)
}

fn connections(text: &str) -> Result<usize, String> {
    count(text, CONNECTIONS_MAX)
}

fn count(text: &str, max: usize) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(count) if (1..=max).contains(&count) => Ok(count),
        _ => Err(format!("from 1 to {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &str) -> Options {
        let words = arguments.split_whitespace();
        let command = Command::try_parse_from(std::iter::once("motlan-bench").chain(words));
        command.map(|command| command.options).unwrap()
    }

    #[test]
    fn everything_is_run_unless_some_are_named_and_always_in_the_same_order() {
        let all = options("");
        assert_eq!(all.sections(), Section::value_variants());
        assert_eq!(all.contenders(), Contender::ALL);
        let some = options("--only collection,contest --contenders gateway,direct");
        assert_eq!(some.sections(), [Section::Contest, Section::Collection]);
        assert_eq!(some.contenders(), [Contender::Direct, Contender::Gateway]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for wrong in [
            "--in-flight 0",
            "--in-flight 1,4097",
            "--connections 0",
            "--only x",
        ] {
            let words = wrong.split_whitespace();
            let command = std::iter::once("motlan-bench").chain(words);
            assert!(Command::try_parse_from(command).is_err(), "{wrong}");
        }
    }
}
