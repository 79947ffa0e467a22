//! How fast a decision is, and how it grows with the agreements: `cargo bench -p motlan-policy`.
//!
//! States with 10, 1,000 and 10,000 agreements are loaded; their rules take turns, each deciding
//! for 64 different systems in a row, and what is compared are medians of one run. The largest is
//! loaded first, while the process is small: its time runs from the first file to the rules with
//! every test of every agreement tried, and its memory is what the process has grown by.
//!
//! With `--test`, or run by `cargo test`, small states are decided on once and the figures say
//! nothing. Otherwise a floor that is missed is an exit with 1.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that is wrong had better stop"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use motlan_catalog::{Catalog, Method, ProcedureCode, System};
use motlan_policy::{Backing, Moment, Query, Rules};

use crate::rounds::{Effort, Run, Spread, measure};

#[path = "../../../mask/benches/speed/rounds.rs"]
mod rounds;
mod state;

/// The systems that ask in turn: a processor learns a single question by heart.
const SYSTEMS: usize = 64;

const UNCACHED_US_MAX: f64 = 25.0;
const CACHED_US_MAX: f64 = 1.0;
const GROWTH_MAX: f64 = 1.2;
const LOAD_S_MAX: f64 = 5.0;
const LOAD_MIB_MAX: f64 = 150.0;

/// A state, loaded.
struct State {
    agreements: usize,
    rules: Rules,
    systems: Vec<Arc<System>>,
    method: Arc<Method>,
    /// One that is always asked anew, and one that is remembered.
    procedures: [ProcedureCode; 2],
}

impl State {
    fn new(agreements: usize, catalog: &Catalog, rules: Rules) -> Self {
        let systems: Vec<Arc<System>> = catalog.systems().cloned().collect();
        let step = (systems.len() / SYSTEMS).max(1);
        Self {
            agreements,
            rules,
            systems: systems.into_iter().step_by(step).take(SYSTEMS).collect(),
            method: Arc::clone(catalog.method(state::METHOD).unwrap()),
            procedures: state::PROCEDURES.map(|code| code.parse().unwrap()),
        }
    }

    fn decide(&self, system: &System, procedure: usize, at_ms: i64) {
        let query = Query {
            system,
            method: &self.method,
            procedure: &self.procedures[procedure],
            dossier: true,
            backing: Backing::default(),
            cited: None,
            fields: &[],
        };
        let decided = self.rules.decide(&query, Moment::from_unix_ms(at_ms));
        assert!(black_box(decided).is_ok());
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let full = has("--bench") && !has("--test");
    let (effort, sizes) = match full {
        true => (Effort::FULL, [10_000, 1_000, 10]),
        false => (Effort::SMOKE, [40, 20, 10]),
    };
    let mut kept = Kept { full, all: true };
    // Before the set is made: what making it leaves behind would hide what loading takes.
    let before = resident_mib();
    let folder = state::folder(sizes[0]);
    let start = Instant::now();
    let catalog = state::load(&folder);
    let read = start.elapsed();
    let rules = Rules::new(&catalog).unwrap();
    let took = start.elapsed();
    println!(
        "{} agreements: load {:.2} s (files, signed {:.2} s; rules and tests {:.2} s){}, {}",
        sizes[0],
        took.as_secs_f64(),
        read.as_secs_f64(),
        (took - read).as_secs_f64(),
        kept.at_most(took.as_secs_f64(), LOAD_S_MAX, " s"),
        match before.zip(resident_mib()) {
            Some((before, after)) => format!(
                "{:.0} MiB{}",
                after - before,
                kept.at_most(after - before, LOAD_MIB_MAX, " MiB")
            ),
            None => "memory unknown".to_owned(),
        }
    );
    let mut states = vec![State::new(sizes[0], &catalog, rules)];
    for size in &sizes[1..] {
        let catalog = state::load(&state::folder(*size));
        let rules = Rules::new(&catalog).unwrap();
        states.push(State::new(*size, &catalog, rules));
    }
    decisions(effort, &states, &mut kept);
    match kept.all {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn decisions(effort: Effort, states: &[State], kept: &mut Kept) {
    let mut contenders: Vec<Box<Run<'_>>> = states.iter().map(uncached).collect();
    contenders.extend(states.iter().map(cached));
    let times = measure(effort, &mut contenders);
    let spread = |at: usize| Spread::of(times[at].iter().map(|ns: &f64| ns / 1_000.0));
    println!(
        "\ntimes in µs: median (min–max) of {} rounds\n\n\
         | agreements | uncached | cached |\n| --- | --- | --- |",
        effort.rounds
    );
    let cell = |Spread { min, median, max }| format!("{median:.2} ({min:.2}–{max:.2})");
    for (at, state) in states.iter().enumerate() {
        let (uncached, cached) = (cell(spread(at)), cell(spread(at + states.len())));
        println!("| {} | {uncached} | {cached} |", state.agreements);
    }
    let smallest = &times[states.len() - 1];
    let growth = Spread::of(times[0].iter().zip(smallest).map(|(a, b)| a / b)).median;
    println!(
        "\nlargest: uncached{}, cached{}; largest to smallest, uncached: {growth:.2}{}",
        kept.at_most(spread(0).median, UNCACHED_US_MAX, " µs"),
        kept.at_most(spread(states.len()).median, CACHED_US_MAX, " µs"),
        kept.at_most(growth, GROWTH_MAX, ""),
    );
}

/// Every question comes in another minute than the one before, so that none is remembered.
fn uncached<'a>(state: &'a State) -> Box<Run<'a>> {
    let mut systems = state.systems.iter().cycle();
    let mut after_ms = 0;
    Box::new(move || {
        after_ms = (after_ms + 60_001) % 7_200_000;
        let at_ms = state::OPEN_MS + after_ms;
        systems
            .next()
            .into_iter()
            .for_each(|one| state.decide(one, 0, at_ms));
    })
}

/// The same questions at the same instant, each asked before.
fn cached<'a>(state: &'a State) -> Box<Run<'a>> {
    for system in &state.systems {
        state.decide(system, 1, state::OPEN_MS);
    }
    let mut systems = state.systems.iter().cycle();
    Box::new(move || {
        systems
            .next()
            .into_iter()
            .for_each(|one| state.decide(one, 1, state::OPEN_MS));
    })
}

/// Whether every floor was kept.
struct Kept {
    full: bool,
    all: bool,
}

impl Kept {
    fn at_most(&mut self, value: f64, max: f64, unit: &str) -> String {
        if !self.full {
            return String::new();
        }
        let kept = value <= max;
        self.all &= kept;
        let verdict = if kept { "kept" } else { "MISSED" };
        format!(" [floor {max}{unit}: {verdict}]")
    }
}

/// What the process holds in memory, where the system tells.
fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
