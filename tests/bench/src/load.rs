//! The callers: so many calls in flight, each followed by the next at once, over a few connections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use motlan_testkit::Client;
use motlan_testkit::client::Call;
use rustls::ClientConfig;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::expected::Expected;
use crate::figures::quantile;
use crate::machine::{CpuTime, Pids};

/// This share of a window goes before it, uncounted.
pub(crate) const WARM_UP: f64 = 0.25;

/// What is asked, of whom, and how often.
pub(crate) struct Load {
    pub(crate) address: String,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) call: Call,
    pub(crate) expected: Arc<Expected>,
    pub(crate) in_flight: usize,
    /// Callers share this many connections, or as many as they are.
    pub(crate) connections: usize,
    pub(crate) window: Duration,
    /// Whose processor time and memory are measured.
    pub(crate) process: Option<Pids>,
}

/// One window. Every call in it got the right answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// How many calls ended within the window.
    pub(crate) calls: u32,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// Of the measured process and its children.
    pub(crate) cpu_us_per_call: Option<f64>,
    /// Of the same, at the window's end.
    pub(crate) resident_kib: Option<u64>,
    /// How many calls were answered in all, those before and after the window included.
    pub(crate) answered: u64,
}

/// What the callers share.
struct Shared {
    call: Call,
    expected: Arc<Expected>,
    /// How many calls have ended.
    ended: AtomicU64,
    stop: AtomicBool,
}

/// What one caller has heard.
#[derive(Default)]
struct Heard {
    answers: Vec<Answer>,
    faults: BTreeMap<String, u64>,
}

#[derive(Clone, Copy)]
struct Answer {
    at: Instant,
    took: Duration,
}

/// When, and how much processor time the process had used by then.
struct Mark {
    at: Instant,
    cpu: Option<CpuTime>,
}

impl Load {
    /// Connects, warms up, measures, and lets every call end. Any call that does not get the right
    /// answer is an error.
    pub(crate) async fn run(&self) -> Result<Measured> {
        let shared = Arc::new(Shared {
            call: self.call.clone(),
            expected: Arc::clone(&self.expected),
            ended: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let mut clients = Vec::new();
        for _ in 0..self.connections.min(self.in_flight) {
            clients.push(Client::connect(&self.address, Arc::clone(&self.tls)).await?);
        }
        let mut callers = JoinSet::new();
        for client in clients.iter().cycle().take(self.in_flight) {
            callers.spawn(ask(client.clone(), Arc::clone(&shared)));
        }
        let warm = Instant::now() + self.window.mul_f64(WARM_UP);
        tokio::time::sleep_until(warm.into()).await;
        let from = self.mark()?;
        self.wait(from.at, &shared.ended).await;
        let until = self.mark()?;
        let resident_kib = self.process.as_ref().map(Pids::resident_kib).transpose()?;
        shared.stop.store(true, Ordering::Relaxed);

        let mut heard = Heard::default();
        while let Some(caller) = callers.join_next().await {
            heard.add(caller?);
        }
        heard.accept()?;
        figures(&heard.answers, &from, &until, resident_kib)
    }

    /// Until the window is over: a whole number of times the planned length, since a window in
    /// which no call ended has no figures.
    async fn wait(&self, from: Instant, ended: &AtomicU64) {
        let before = ended.load(Ordering::Relaxed);
        let mut until = from;
        while ended.load(Ordering::Relaxed) == before {
            until += self.window;
            tokio::time::sleep_until(until.into()).await;
        }
    }

    fn mark(&self) -> Result<Mark> {
        let cpu = self.process.as_ref().map(Pids::cpu_time).transpose()?;
        let at = Instant::now();
        Ok(Mark { at, cpu })
    }
}

fn figures(
    answers: &[Answer],
    from: &Mark,
    until: &Mark,
    resident_kib: Option<u64>,
) -> Result<Measured> {
    let within = |answer: &&Answer| from.at <= answer.at && answer.at <= until.at;
    let counted = answers.iter().filter(within);
    let mut took: Vec<Duration> = counted.map(|answer| answer.took).collect();
    took.sort_unstable();
    ensure!(!took.is_empty(), "no call was answered");
    let calls = u32::try_from(took.len())?;
    let seconds = (until.at - from.at).as_secs_f64();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let at = |thousandths| quantile(&took, thousandths).map(micros).unwrap_or_default();
    let cpu = from.cpu.as_ref().zip(until.cpu.as_ref());
    Ok(Measured {
        seconds,
        calls,
        calls_per_second: f64::from(calls) / seconds,
        p50_us: at(500),
        p99_us: at(990),
        p999_us: at(999),
        cpu_us_per_call: cpu.map(|(from, until)| micros(until.since(from)) / f64::from(calls)),
        resident_kib,
        answered: u64::try_from(answers.len())?,
    })
}

impl Heard {
    fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
        for (what, count) in other.faults {
            *self.faults.entry(what).or_default() += count;
        }
    }

    fn accept(&self) -> Result<()> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let faults: u64 = self.faults.values().sum();
        let calls = u64::try_from(self.answers.len())? + faults;
        let lines = self.faults.iter();
        let reasons: String = lines.map(|(what, n)| format!("\n  {n} × {what}")).collect();
        bail!("{faults} of {calls} calls failed:{reasons}")
    }
}

/// One caller: asks until told to stop, or until nobody is there any more.
async fn ask(client: Client, shared: Arc<Shared>) -> Heard {
    let mut heard = Heard::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let reply = client.call(&shared.call).await;
        let at = Instant::now();
        shared.ended.fetch_add(1, Ordering::Relaxed);
        match shared.expected.fault(reply) {
            None => heard.answers.push(Answer {
                at,
                took: at - asked,
            }),
            Some(what) => {
                *heard.faults.entry(what).or_default() += 1;
                if client.is_closed() {
                    break;
                }
            }
        }
    }
    heard
}
