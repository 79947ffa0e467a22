//! Callers in a closed loop: each asks, waits for the reply, and asks again. What it asks next is
//! drawn from several kinds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use motlan_testkit::Client;
use motlan_testkit::client::Call;
use motlan_testkit::sample::Random;
use rustls::ClientConfig;
use tokio::task::JoinSet;

use crate::kind::{Kind, Refused, Verdict};

/// Who was refused against expectation asks again after so long, as honest callers do.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);

/// Where and how often is asked.
pub(crate) struct Callers<'a> {
    pub(crate) address: &'a str,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    /// They begin one after another within this time, so that slow answers do not come all at once.
    pub(crate) spread: Duration,
}

/// What is asked, and in how many of a hundred calls.
pub(crate) type Mixture = Vec<(Arc<Kind>, u32)>;

/// One kind of a mixture, ready to be asked.
struct Asked {
    kind: Arc<Kind>,
    share: u32,
    call: Call,
}

/// Callers at work.
pub(crate) struct Calling {
    tasks: JoinSet<Heard>,
    stop: Arc<AtomicBool>,
}

/// What callers heard.
#[derive(Default)]
pub(crate) struct Heard {
    /// Right replies, by the kind's place in the mixture.
    pub(crate) right: Vec<Vec<Sample>>,
    /// Errors in place of right replies.
    pub(crate) refused: BTreeMap<Refused, Vec<Sample>>,
    /// How many of those are on record.
    pub(crate) refused_on_record: u64,
    /// Replies that nobody may give, and calls without one.
    pub(crate) faults: BTreeMap<String, u64>,
}

/// When a reply was there, and how long it took.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
}

impl Callers<'_> {
    /// Connects and begins, with new tokens.
    pub(crate) async fn begin(&self, mixture: &Mixture) -> Result<Calling> {
        let asked = mixture.iter().map(|(kind, share)| {
            Ok(Asked {
                call: kind.call()?,
                kind: Arc::clone(kind),
                share: *share,
            })
        });
        let mixture: Arc<[Asked]> = asked.collect::<Result<_>>()?;
        let mut clients = Vec::new();
        for _ in 0..self.connections.min(self.in_flight) {
            clients.push(Client::connect(self.address, Arc::clone(&self.tls)).await?);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let apart = self
            .spread
            .div_f64(f64::from(u32::try_from(self.in_flight)?));
        let mut begin = Instant::now();
        for (seed, client) in clients.iter().cycle().take(self.in_flight).enumerate() {
            let caller = Caller {
                client: client.clone(),
                mixture: Arc::clone(&mixture),
                random: Random::new(u64::try_from(seed)?),
                stop: Arc::clone(&stop),
            };
            tasks.spawn(caller.ask_from(begin));
            begin += apart;
        }
        Ok(Calling { tasks, stop })
    }
}

impl Calling {
    /// Lets every call end that is under way.
    ///
    /// # Errors
    /// Where any reply was wrong or did not come.
    pub(crate) async fn end(mut self) -> Result<Heard> {
        self.stop.store(true, Ordering::Relaxed);
        let mut heard = Heard::default();
        while let Some(task) = self.tasks.join_next().await {
            heard.add(task?);
        }
        if heard.faults.is_empty() {
            return Ok(heard);
        }
        let lines = heard.faults.iter();
        let lines: String = lines.map(|(what, n)| format!("\n  {n} × {what}")).collect();
        bail!("calls that came to nothing or to something else:{lines}")
    }
}

impl Heard {
    /// How many right replies there were.
    pub(crate) fn right(&self) -> u64 {
        self.right.iter().map(|of_kind| of_kind.len() as u64).sum()
    }

    /// Where none but right replies may come.
    ///
    /// # Errors
    /// What else came.
    pub(crate) fn all_right(self) -> Result<Self> {
        match self.refused.iter().next() {
            None => Ok(self),
            Some((refused, samples)) => {
                let (code, reason) = (refused.code(), &refused.reason);
                bail!("{} calls were refused: {code:?} {reason}", samples.len())
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.right.resize_with(other.right.len(), Vec::new);
        for (all, more) in self.right.iter_mut().zip(other.right) {
            all.extend(more);
        }
        for (refused, more) in other.refused {
            self.refused.entry(refused).or_default().extend(more);
        }
        self.refused_on_record += other.refused_on_record;
        for (what, count) in other.faults {
            *self.faults.entry(what).or_default() += count;
        }
    }
}

struct Caller {
    client: Client,
    mixture: Arc<[Asked]>,
    random: Random,
    stop: Arc<AtomicBool>,
}

impl Caller {
    async fn ask_from(mut self, begin: Instant) -> Heard {
        let mut heard = Heard::default();
        heard.right.resize_with(self.mixture.len(), Vec::new);
        tokio::time::sleep_until(begin.into()).await;
        while !self.stop.load(Ordering::Relaxed) {
            if !self.ask(&mut heard).await {
                break;
            }
        }
        heard
    }

    /// One call. False once nobody is there any more.
    async fn ask(&mut self, heard: &mut Heard) -> bool {
        let drawn = self.random.between(1, 100);
        let mut below = 0;
        let mut next = self.mixture.iter().zip(&mut heard.right);
        let next = next.find(|(asked, _)| {
            below += asked.share;
            drawn <= below
        });
        let Some((Asked { kind, call, .. }, right)) = next else {
            return false;
        };
        let asked = Instant::now();
        let reply = self.client.call(call).await;
        let at = Instant::now();
        let sample = Sample {
            at,
            took: at - asked,
        };
        match kind.judge(reply) {
            Verdict::Right => right.push(sample),
            Verdict::Refused { refused, on_record } => {
                heard.refused.entry(refused).or_default().push(sample);
                heard.refused_on_record += u64::from(on_record);
                tokio::time::sleep_until((at + REFUSED_PAUSE).into()).await;
            }
            Verdict::Unanswered(what) | Verdict::Wrong(what) => {
                *heard.faults.entry(what).or_default() += 1;
                return !self.client.is_closed();
            }
        }
        true
    }
}
