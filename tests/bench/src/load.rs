//! The callers: so many calls in flight, each followed by the next at once, over a few connections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use motlan_testkit::Client;
use motlan_testkit::client::Call;
use rustls::ClientConfig;
use tokio::task::JoinSet;

use crate::contender::Contender;
use crate::deployment::Deployment;
use crate::expected::Expected;
use crate::figures::quantile;
use crate::machine::{cpu_time, resident_kib};
use crate::results::Window;

/// Callers share this many connections.
pub(crate) const CONNECTIONS: usize = 4;
/// This share of a window goes before it, uncounted.
const WARM_UP: f64 = 0.25;

/// What is asked, of whom, and how often.
pub(crate) struct Load<'d> {
    pub(crate) deployment: &'d Deployment,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) contender: Contender,
    pub(crate) expected: Arc<Expected>,
    pub(crate) round: u32,
    pub(crate) in_flight: usize,
    pub(crate) window: Duration,
}

/// A window, and how many calls were answered in all, those before and after it included.
pub(crate) struct Measured {
    pub(crate) window: Window,
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

/// When, and how much processor time the proxy had used by then.
#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    cpu: Option<Duration>,
}

impl Load<'_> {
    /// Connects, warms up, measures, and lets every call end. Any call that does not get the right
    /// answer is an error.
    pub(crate) async fn run(&self) -> Result<Measured> {
        let shared = Arc::new(Shared {
            call: self.deployment.call()?,
            expected: Arc::clone(&self.expected),
            ended: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS.min(self.in_flight) {
            let address = self.deployment.address(self.contender);
            clients.push(Client::connect(address, Arc::clone(&self.tls)).await?);
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
        shared.stop.store(true, Ordering::Relaxed);

        let mut heard = Heard::default();
        while let Some(caller) = callers.join_next().await {
            heard.add(caller?);
        }
        self.accept(&heard)?;
        Ok(Measured {
            answered: u64::try_from(heard.answers.len())?,
            window: self.figures(&heard.answers, from, until)?,
        })
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
        let proxy = self.deployment.proxy(self.contender);
        let cpu = proxy.map(|child| cpu_time(child.pid())).transpose()?;
        let at = Instant::now();
        Ok(Mark { at, cpu })
    }

    fn accept(&self, heard: &Heard) -> Result<()> {
        if heard.faults.is_empty() {
            return Ok(());
        }
        let faults: u64 = heard.faults.values().sum();
        let calls = u64::try_from(heard.answers.len())? + faults;
        let lines = heard.faults.iter();
        let reasons: String = lines.map(|(what, n)| format!("\n  {n} × {what}")).collect();
        let proxy = self.deployment.proxy(self.contender);
        let log = proxy.map(|child| child.log()).unwrap_or_default();
        bail!("{faults} of {calls} calls failed:{reasons}{log}")
    }

    fn figures(&self, answers: &[Answer], from: Mark, until: Mark) -> Result<Window> {
        let within = |answer: &&Answer| from.at <= answer.at && answer.at <= until.at;
        let counted = answers.iter().filter(within);
        let mut took: Vec<Duration> = counted.map(|answer| answer.took).collect();
        took.sort_unstable();
        ensure!(!took.is_empty(), "no call was answered");
        let calls = u32::try_from(took.len())?;
        let seconds = (until.at - from.at).as_secs_f64();
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let at = |thousandths| quantile(&took, thousandths).map(micros).unwrap_or_default();
        let cpu = from.cpu.zip(until.cpu);
        let proxy = self.deployment.proxy(self.contender);
        Ok(Window {
            round: self.round,
            in_flight: self.in_flight,
            contender: self.contender,
            seconds,
            calls,
            calls_per_second: f64::from(calls) / seconds,
            p50_us: at(500),
            p99_us: at(990),
            p999_us: at(999),
            cpu_us_per_call: cpu
                .map(|(from, until)| micros(until.saturating_sub(from)) / f64::from(calls)),
            resident_kib: proxy.map(|child| resident_kib(child.pid())).transpose()?,
        })
    }
}

impl Heard {
    fn add(&mut self, other: Self) {
        self.answers.extend(other.answers);
        for (what, count) in other.faults {
            *self.faults.entry(what).or_default() += count;
        }
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
