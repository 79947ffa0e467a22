//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// A window lasts at least this long: the kernel counts processor time in ticks of a hundredth.
const SECONDS_MIN: f64 = 0.1;
/// A window lasts at most this long, so that the token that its calls share stays valid.
pub(crate) const SECONDS_MAX: f64 = 120.0;
/// At most this many calls are in flight.
pub(crate) const IN_FLIGHT_MAX: usize = 65_536;
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

/// How to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// How often each contender has its turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long a window lasts, in seconds; each is preceded by a quarter of that, uncounted.
    #[arg(long, default_value_t = 4.0, value_parser = seconds)]
    seconds: f64,
    /// How many calls are in flight: a list.
    #[arg(long, default_value = "1,32,256", value_delimiter = ',', value_parser = in_flight)]
    pub(crate) in_flight: Vec<usize>,
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
    match text.trim().parse() {
        Ok(count) if (1..=IN_FLIGHT_MAX).contains(&count) => Ok(count),
        _ => Err(format!("from 1 to {IN_FLIGHT_MAX}")),
    }
}
