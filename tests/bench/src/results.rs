//! Everything that was measured, as it is written to a file.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::collection::Collection;
use crate::contender::Contender;
use crate::machine::Machine;

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) rounds: u32,
    /// As planned; each window says how long it was.
    pub(crate) window_seconds: f64,
    pub(crate) connections: usize,
    /// A smoke run: the figures mean nothing.
    pub(crate) smoke: bool,
    /// The answer as the owner gives it.
    pub(crate) owner_bytes: usize,
    /// The answer as the gateway lets it out.
    pub(crate) gateway_bytes: usize,
    /// Resident memory after the start, before the first call.
    pub(crate) at_rest: Vec<AtRest>,
    pub(crate) windows: Vec<Window>,
    pub(crate) ledger: Ledger,
    pub(crate) collection: Collection,
}

/// A proxy's memory before the first call.
#[derive(Debug, Serialize)]
pub(crate) struct AtRest {
    pub(crate) contender: Contender,
    pub(crate) resident_kib: u64,
}

/// One contender's turn at one number of calls in flight. Every call in it got the right answer.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) round: u32,
    pub(crate) in_flight: usize,
    pub(crate) contender: Contender,
    pub(crate) seconds: f64,
    /// How many calls ended within the window.
    pub(crate) calls: u32,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// Of the proxy's process alone.
    pub(crate) cpu_us_per_call: Option<f64>,
    /// Of the proxy's process, at the window's end.
    pub(crate) resident_kib: Option<u64>,
}

/// What the gateway's ledger held in the end.
#[derive(Debug, Serialize)]
pub(crate) struct Ledger {
    pub(crate) records: u64,
    /// How many lookups the gateway answered, those outside the windows included.
    pub(crate) lookups: u64,
    /// How many commits made the records durable.
    pub(crate) commits: u64,
}

impl Results {
    /// The windows of a contender with so many calls in flight, in the order of the rounds.
    pub(crate) fn of(&self, contender: Contender, in_flight: usize) -> Vec<&Window> {
        let windows = self.windows.iter();
        let mut found: Vec<&Window> = windows
            .filter(|window| window.contender == contender && window.in_flight == in_flight)
            .collect();
        found.sort_by_key(|window| window.round);
        found
    }

    /// Writes it all as JSON.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(file, text).with_context(|| format!("`{}`", file.display()))
    }
}
