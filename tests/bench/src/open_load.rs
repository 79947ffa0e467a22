//! Callers in an open loop: calls begin by a fixed schedule, whether or not those before them were
//! answered, as the calls of many people do who know nothing of each other.
//!
//! How long a call took is counted from when it was due, not from when it was sent. A call that
//! could not be sent in time is counted as unsent, and never made up for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use motlan_testkit::Client;
use motlan_testkit::client::Call;
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::kind::{Kind, Refused, Verdict};
use crate::machine::{CpuTime, Pids};

/// Callers share so many connections.
pub(crate) const CONNECTIONS: usize = 16;
/// Calls under way at once on one connection: below what servers allow, so that none waits within
/// the client.
const STREAMS_MAX: usize = 192;
/// A call that would begin so much later than it is due is not sent.
const LATE_MAX: Duration = Duration::from_millis(50);

/// What is offered.
pub(crate) struct OpenLoad<'a> {
    pub(crate) address: &'a str,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) kind: Arc<Kind>,
    pub(crate) per_second: f64,
    /// Goes before the window, uncounted.
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
    /// Whose processor time is told.
    pub(crate) processes: &'a [Pids],
}

/// What became of calls within the window, whenever they were due, and of all of them for the
/// ledger's sake.
#[derive(Default)]
pub(crate) struct Fates {
    /// Due within the window.
    pub(crate) due: u64,
    /// Of those, not sent: the machine was too slow, or as many as may be were under way.
    pub(crate) unsent: u64,
    /// How many cores each of the processes kept busy.
    pub(crate) cores: Vec<f64>,
    /// How long right answers took.
    pub(crate) right: Vec<Duration>,
    /// How long refusals took, of each kind.
    pub(crate) refused: BTreeMap<Refused, Vec<Duration>>,
    /// Calls without any reply.
    pub(crate) unanswered: BTreeMap<String, u64>,
    /// Replies that say that they are on record, whenever they came.
    pub(crate) on_record: u64,
    /// Calls without any reply, whenever they were given up.
    pub(crate) unanswered_ever: u64,
    wrong: BTreeMap<String, u64>,
}

/// What the tasks of one run share.
struct Run {
    kind: Arc<Kind>,
    call: Call,
    from: Instant,
    until: Instant,
    fates: Mutex<Fates>,
}

impl OpenLoad<'_> {
    /// Connects, keeps to the schedule, and waits for what is under way.
    ///
    /// # Errors
    /// Where a connection cannot be made or a reply was wrong. A call that was refused or had no
    /// reply is none.
    pub(crate) async fn run(&self) -> Result<Fates> {
        let mut lines = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = Client::connect(self.address, Arc::clone(&self.tls)).await?;
            lines.push((client, Arc::new(Semaphore::new(STREAMS_MAX))));
        }
        let began = Instant::now();
        let run = Arc::new(Run {
            kind: Arc::clone(&self.kind),
            call: self.kind.call()?,
            from: began + self.warm_up,
            until: began + self.warm_up + self.window,
            fates: Mutex::default(),
        });
        let pacer = Pacer {
            per_second: self.per_second,
            began,
            lines,
            run: Arc::clone(&run),
        };
        // On a thread of the runtime, where spawning is cheapest.
        let keeping = tokio::spawn(pacer.keep());
        let cores = self.cores(&run).await?;
        keeping.await?;
        let mut fates = std::mem::take(&mut *lock(&run.fates));
        fates.cores = cores;
        if fates.wrong.is_empty() {
            return Ok(fates);
        }
        let lines = fates.wrong.iter();
        let lines: String = lines.map(|(what, n)| format!("\n  {n} × {what}")).collect();
        bail!("wrong replies:{lines}")
    }

    /// How many cores each of the processes keeps busy within the window.
    async fn cores(&self, run: &Run) -> Result<Vec<f64>> {
        let used =
            || -> Result<Vec<CpuTime>> { self.processes.iter().map(Pids::cpu_time).collect() };
        tokio::time::sleep_until(run.from.into()).await;
        let before = used()?;
        tokio::time::sleep_until(run.until.into()).await;
        let both = used()?.into_iter().zip(before);
        let busy = both.map(|(after, before)| after.since(&before).div_duration_f64(self.window));
        Ok(busy.collect())
    }
}

/// Keeps to the schedule.
struct Pacer {
    per_second: f64,
    began: Instant,
    /// Connections, each with its places.
    lines: Vec<(Client, Arc<Semaphore>)>,
    run: Arc<Run>,
}

impl Pacer {
    /// Returns once every call has ended.
    async fn keep(self) {
        let every = Duration::from_secs_f64(1.0 / self.per_second);
        let mut due = self.began;
        let (mut counted, mut unsent, mut turn) = (0, 0, 0);
        while due < self.run.until {
            tokio::time::sleep_until(due.into()).await;
            let now = Instant::now();
            while due <= now && due < self.run.until {
                let is_counted = u64::from(due >= self.run.from);
                counted += is_counted;
                turn += 1;
                match self.place(turn).filter(|_| now - due < LATE_MAX) {
                    Some((client, place)) => {
                        let run = Arc::clone(&self.run);
                        tokio::spawn(run.call(client, due, place));
                    }
                    None => unsent += is_counted,
                }
                due += every;
            }
        }
        for (_, places) in &self.lines {
            // Nobody closes it: this waits for the last call.
            let _all = places.acquire_many(STREAMS_MAX as u32).await;
        }
        let mut fates = lock(&self.run.fates);
        (fates.due, fates.unsent) = (counted, unsent);
    }

    /// A place on the next connection that has one.
    fn place(&self, turn: usize) -> Option<(Client, OwnedSemaphorePermit)> {
        let lines = self.lines.iter().cycle().skip(turn % self.lines.len());
        let mut free = lines.take(self.lines.len()).filter_map(|(client, places)| {
            let place = Arc::clone(places).try_acquire_owned().ok()?;
            Some((client.clone(), place))
        });
        free.next()
    }
}

impl Run {
    async fn call(self: Arc<Self>, client: Client, due: Instant, _place: OwnedSemaphorePermit) {
        let reply = client.call(&self.call).await;
        let at = Instant::now();
        let took = at - due;
        let verdict = self.kind.judge(reply);
        let counted = self.from <= at && at <= self.until;
        let mut fates = lock(&self.fates);
        match verdict {
            Verdict::Right => {
                fates.on_record += 1;
                if counted {
                    fates.right.push(took);
                }
            }
            Verdict::Refused { refused, on_record } => {
                fates.on_record += u64::from(on_record);
                if counted {
                    fates.refused.entry(refused).or_default().push(took);
                }
            }
            Verdict::Unanswered(what) => {
                fates.unanswered_ever += 1;
                if counted {
                    *fates.unanswered.entry(what).or_default() += 1;
                }
            }
            Verdict::Wrong(what) => *fates.wrong.entry(what).or_default() += 1,
        }
    }
}

/// A task that panicked while it held the lock left nothing half-done.
fn lock(fates: &Mutex<Fates>) -> std::sync::MutexGuard<'_, Fates> {
    fates.lock().unwrap_or_else(PoisonError::into_inner)
}
