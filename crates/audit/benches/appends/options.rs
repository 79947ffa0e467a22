//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;

/// The longest window.
pub(crate) const SECONDS_MAX: f64 = 600.0;
/// The most rounds.
pub(crate) const ROUNDS_MAX: usize = 100;
/// The most callers at a time.
pub(crate) const CALLERS_MAX: usize = 65_536;

const CALLERS: [usize; 5] = [1, 8, 64, 256, 1024];
const SMOKE_CALLERS: [usize; 2] = [1, 8];
const SMOKE_SECONDS: f64 = 0.1;

/// Measures durable appends, beside PostgreSQL with one synchronous insert for each.
#[derive(Debug, Parser)]
#[command(name = "appends")]
pub(crate) struct Options {
    /// How often each contender has its turn at each number of callers.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a window lasts; a quarter of it goes before, uncounted.
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    seconds: f64,
    /// How many callers there are at a time.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = CALLERS)]
    callers: Vec<usize>,
    /// Below this the temporary folder is made, with the ledger and PostgreSQL's cluster in it.
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    pub(crate) dir: PathBuf,
    /// The folder with PostgreSQL's programs.
    #[arg(long, value_name = "DIR", default_value = "/usr/lib/postgresql/15/bin")]
    pub(crate) postgres: PathBuf,
    /// Exits with 1 where a floor is missed.
    #[arg(long)]
    pub(crate) strict: bool,
    /// One short round with few callers, to show that it runs.
    #[arg(long, visible_alias = "test")]
    smoke: bool,
    /// From cargo: this is `cargo bench`, and not a test.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) callers: Vec<usize>,
    /// What goes before a window, uncounted.
    pub(crate) warm: Duration,
    /// How long a window is.
    pub(crate) window: Duration,
    pub(crate) smoke: bool,
}

impl Options {
    pub(crate) fn plan(&self) -> Result<Plan> {
        let smoke = self.smoke || !self.bench;
        let (rounds, callers, seconds) = if smoke {
            (1, SMOKE_CALLERS.to_vec(), SMOKE_SECONDS)
        } else {
            (self.rounds, self.callers.clone(), self.seconds)
        };
        ensure!(
            (1..=ROUNDS_MAX).contains(&rounds),
            "1 to {ROUNDS_MAX} rounds"
        );
        ensure!(
            (SMOKE_SECONDS..=SECONDS_MAX).contains(&seconds),
            "{SMOKE_SECONDS} to {SECONDS_MAX} seconds"
        );
        ensure!(
            callers
                .iter()
                .all(|callers| (1..=CALLERS_MAX).contains(callers)),
            "1 to {CALLERS_MAX} callers"
        );
        let window = Duration::from_secs_f64(seconds);
        Ok(Plan {
            rounds,
            callers,
            warm: window / 4,
            window,
            smoke,
        })
    }
}
