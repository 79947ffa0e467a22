//! What many samples come to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::perf::addr2line;
use super::rules::{Stage, place};
use super::stacks::{Frame, Inlined, Origin, addresses, samples};
use crate::figures::Spread;
use crate::load::Measured;

/// So many places of a stage are told, those with the most samples.
const PLACES_TOLD: usize = 12;
/// So many functions are told with what they call.
const FUNCTIONS_TOLD: usize = 80;
/// How `perf` names what it does not know, such as where a stack is cut.
const UNKNOWN: &str = "[unknown]";
/// So many letters of a function's name are told.
const NAME_LETTERS: usize = 90;

/// Samples of one process, as they come in.
#[derive(Default)]
pub(crate) struct Shares {
    samples: u64,
    stages: BTreeMap<Stage, Count>,
    functions: BTreeMap<String, u64>,
    windows: Vec<Window>,
}

#[derive(Default)]
struct Count {
    samples: u64,
    kernel: u64,
    places: BTreeMap<String, u64>,
}

/// One process under one load.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    /// A round each.
    windows: Vec<Window>,
    /// The median of the windows without `perf`.
    pub(crate) cpu_us_per_call: f64,
    samples: u64,
    stages: Vec<Share>,
    /// With what they call, by how many samples have them on the stack.
    functions: Vec<Place>,
}

/// What a round's two windows gave.
#[derive(Debug, Serialize)]
struct Window {
    calls_per_second: f64,
    cpu_us_per_call: f64,
    /// While `perf` was at work.
    recorded_calls_per_second: f64,
    recorded_cpu_us_per_call: f64,
}

/// What of a process belongs to one stage.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Share {
    pub(crate) stage: Stage,
    pub(crate) samples: u64,
    /// Of all.
    pub(crate) share: f64,
    pub(crate) us_per_call: f64,
    pub(crate) kernel_us_per_call: f64,
    /// Where the rules found it.
    places: Vec<Place>,
}

/// Somewhere in the program.
#[derive(Clone, Debug, Serialize)]
struct Place {
    name: String,
    samples: u64,
}

impl Shares {
    /// Adds a round: what was measured without and with `perf`, and what that told of the process.
    pub(crate) fn add(
        &mut self,
        plain: &Measured,
        recorded: &Measured,
        script: &str,
        pid: u32,
        scratch: &Path,
    ) -> Result<()> {
        let cpu = |one: &Measured| one.cpu_us_per_call.unwrap_or_default();
        self.windows.push(Window {
            calls_per_second: plain.calls_per_second,
            cpu_us_per_call: cpu(plain),
            recorded_calls_per_second: recorded.calls_per_second,
            recorded_cpu_us_per_call: cpu(recorded),
        });
        let binary = std::fs::read_link(format!("/proc/{pid}/exe"))?;
        let object = binary.to_str().context("a path that is no text")?;
        let samples = samples(script);
        let own = addresses(&samples, object);
        let inlined = Inlined::read(object, &own, &addr2line(&binary, &own, scratch)?);
        inlined.check(&samples)?;
        for sample in &samples {
            self.count(sample.thread, &inlined.stack(sample));
            let calls = sample.calls.iter();
            let known = calls.filter(|call| call.symbol != UNKNOWN);
            let functions: BTreeSet<&str> = known.map(|call| call.symbol).collect();
            for function in functions {
                *self.functions.entry(function.to_owned()).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Whether anything was recorded.
    pub(crate) fn any(&self) -> bool {
        self.samples > 0
    }

    fn count(&mut self, thread: &str, stack: &[Frame]) {
        let (stage, decided) = place(thread, stack);
        let count = self.stages.entry(stage).or_default();
        self.samples += 1;
        count.samples += 1;
        let innermost = stack.first();
        count.kernel += u64::from(innermost.is_some_and(|it| it.origin == Origin::Kernel));
        let name = decided.or(innermost).map(name).unwrap_or_default();
        *count.places.entry(name).or_default() += 1;
    }

    /// What they come to.
    pub(crate) fn profile(self) -> Profile {
        let cpu = self.windows.iter().map(|window| window.cpu_us_per_call);
        let cpu_us = Spread::over(cpu).map_or(0.0, |spread| spread.median);
        let part = |samples: u64| ratio(samples, self.samples);
        let share = |(stage, count): (Stage, Count)| Share {
            stage,
            samples: count.samples,
            share: part(count.samples),
            us_per_call: part(count.samples) * cpu_us,
            kernel_us_per_call: part(count.kernel) * cpu_us,
            places: most(count.places, PLACES_TOLD),
        };
        Profile {
            stages: self.stages.into_iter().map(share).collect(),
            functions: most(self.functions, FUNCTIONS_TOLD),
            windows: self.windows,
            cpu_us_per_call: cpu_us,
            samples: self.samples,
        }
    }
}

impl Profile {
    /// What belongs to a stage.
    pub(crate) fn of(&self, stage: Stage) -> Share {
        let found = self.stages.iter().find(|share| share.stage == stage);
        found.cloned().unwrap_or(Share {
            stage,
            samples: 0,
            share: 0.0,
            us_per_call: 0.0,
            kernel_us_per_call: 0.0,
            places: Vec::new(),
        })
    }

    /// Of the processor's time of a call what was in the kernel.
    pub(crate) fn kernel_us(&self) -> f64 {
        let stages = self.stages.iter();
        stages.fold(0.0, |sum, share| sum + share.kernel_us_per_call)
    }

    /// Whether `perf` saw nothing of the kernel.
    pub(crate) fn is_blind(&self) -> bool {
        self.samples > 0 && self.kernel_us() <= 0.0
    }

    /// What no rule names, most of it.
    pub(crate) fn unnamed(&self) -> String {
        let places = self.of(Stage::Other).places;
        let names: Vec<String> = places.into_iter().map(|place| place.name).collect();
        names.join(", ")
    }
}

fn name(frame: &Frame) -> String {
    let symbol: String = frame.symbol.chars().take(NAME_LETTERS).collect();
    match &frame.origin {
        Origin::Source(file) => format!("{symbol} ({file})"),
        Origin::Kernel => format!("{symbol} (kernel)"),
        Origin::Unknown => symbol,
    }
}

fn most(counted: BTreeMap<String, u64>, told: usize) -> Vec<Place> {
    let places = counted
        .into_iter()
        .map(|(name, samples)| Place { name, samples });
    let mut places: Vec<Place> = places.collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.samples));
    places.truncate(told);
    places
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples are counted in thousands"
    )]
    let (part, whole) = (part as f64, whole.max(1) as f64);
    part / whole
}
