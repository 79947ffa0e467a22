//! Past saturation: what comes through, and what the others are told, when twice as much is asked
//! as can be answered.
//!
//! The capacity is what a closed loop of many callers reaches. Then calls are offered by a schedule
//! that waits for nobody, at half, once and twice that rate, each with a deadline; a right answer
//! counts as goodput if it comes within it. The bare pass-through gets twice its own capacity.

mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::Client;
use rustls::ClientConfig;
use serde::Serialize;

use crate::callers::Callers;
use crate::child::Child;
use crate::contender::Contender;
use crate::deployment::Deployment;
use crate::figures::quantile;
use crate::kind::{Kind, Question, Refused};
use crate::machine::Pids;
use crate::open_load::{self, Fates, OpenLoad};
use crate::options::Options;

/// What each call tells in `grpc-timeout`.
const DEADLINE: Duration = Duration::from_secs(1);
/// Callers wait longer than they tell, so that what a server says late is heard.
const PATIENCE: Duration = Duration::from_secs(3);
/// What is offered, in capacities.
const OFFERS: [f64; 3] = [0.5, 1.0, TWICE];
const TWICE: f64 = 2.0;
/// Of the closed loop that finds the capacity.
const IN_FLIGHT: usize = 256;
/// This share of a window goes before it in a closed loop, uncounted. In an open loop it is the
/// deadline, after which no queue within it gets longer.
const WARM_UP: f64 = 0.25;
const WARM_UP_SMOKE: Duration = Duration::from_millis(100);

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Saturation {
    pub(crate) connections: usize,
    pub(crate) deadline_ms: u128,
    pub(crate) offers: Vec<Offer>,
    /// What the gateway's ledger held in the end.
    pub(crate) records: u64,
}

/// One contender's turn with so much offered.
#[derive(Debug, Serialize)]
pub(crate) struct Offer {
    pub(crate) round: u32,
    pub(crate) contender: Contender,
    /// What the closed loop reached in this round.
    pub(crate) capacity_per_second: f64,
    pub(crate) times_capacity: f64,
    pub(crate) seconds: f64,
    /// By the schedule.
    pub(crate) offered_per_second: f64,
    /// What the generator could not send when it was due.
    pub(crate) unsent_per_second: f64,
    /// Right answers within the deadline.
    pub(crate) goodput_per_second: f64,
    /// Right answers after it.
    pub(crate) late: usize,
    /// Of all right answers, from when their call was due.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) refusals: Vec<Refusals>,
    /// Calls without any reply, by what became of them.
    pub(crate) unanswered: BTreeMap<String, u64>,
    /// How many cores the proxy, the callers and the owner's system kept busy.
    pub(crate) cores: Vec<f64>,
}

/// The calls that were refused in one way.
#[derive(Debug, Serialize)]
pub(crate) struct Refusals {
    pub(crate) code: String,
    pub(crate) reason: String,
    /// Whether an overloaded server says so.
    pub(crate) is_honest: bool,
    pub(crate) calls: usize,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// One who is asked.
struct Turn<'a> {
    contender: Contender,
    address: &'a str,
    tls: Arc<ClientConfig>,
    person: Arc<Kind>,
    /// The proxy, the callers, the owner's system.
    processes: [Pids; 3],
    /// Replies that say that they are on record, and calls without a reply.
    on_record: u64,
    unanswered: u64,
}

/// Measures the gateway and the pass-through in turn.
///
/// # Errors
/// Where a reply is wrong, or the ledger does not hold what replies say it does.
pub(crate) async fn measure(options: &Options) -> Result<Saturation> {
    let mut deployment = Deployment::lay(options.dir.as_deref()).await?;
    deployment.start_gateway()?;
    let pass_through = deployment.start_pass_through()?;
    let tls = deployment.tls()?;
    let mut turns = Vec::new();
    for (contender, proxy) in [
        (Contender::PassThrough, &pass_through),
        (Contender::Gateway, deployment.gateway()?),
    ] {
        turns.push(Turn::of(&deployment, contender, proxy, Arc::clone(&tls)).await?);
    }
    let mut offers = Vec::new();
    for round in 1..=options.rounds() {
        for turn in &mut turns {
            let what = format!("round {round}, {}", turn.contender);
            let capacity = turn.capacity(options).await;
            let capacity = capacity.with_context(|| format!("{what}, the closed loop"))?;
            eprintln!("saturation, {what}: {capacity:.0} calls/s in a closed loop");
            for times in turn.offers(options.smoke) {
                let offered = turn.offer(options, capacity, times).await;
                let fates = offered.with_context(|| format!("{what}, {times} times that"))?;
                let offer = Offer::of(round, turn.contender, capacity, times, options, fates);
                let good = offer.goodput_per_second;
                eprintln!("saturation, {what}: {good:.0} calls/s of {times} times that");
                offers.push(offer);
            }
        }
        turns.rotate_left(1);
    }
    let turn = turns
        .iter()
        .find(|turn| turn.contender == Contender::Gateway);
    let (on_record, unanswered) = turn.map_or((0, 0), |turn| (turn.on_record, turn.unanswered));
    drop(turns);
    drop(pass_through);
    let report = deployment.close()?;
    ensure!(
        report.open_questions == 0,
        "the ledger has {} questions without an outcome",
        report.open_questions
    );
    // Of a call without a reply nobody can say whether it came so far.
    let outcomes = report.outcomes;
    ensure!(
        (on_record..=on_record + unanswered).contains(&outcomes),
        "the ledger has {outcomes} outcomes, where {on_record} replies say that they are on record"
    );
    Ok(Saturation {
        connections: open_load::CONNECTIONS,
        deadline_ms: DEADLINE.as_millis(),
        offers,
        records: report.records,
    })
}

impl<'a> Turn<'a> {
    async fn of(
        deployment: &'a Deployment,
        contender: Contender,
        proxy: &'a Child,
        tls: Arc<ClientConfig>,
    ) -> Result<Turn<'a>> {
        let address = match contender {
            Contender::Gateway => deployment.gateway_address()?,
            _ => &proxy.said,
        };
        let client = Client::connect(address, Arc::clone(&tls)).await?;
        let person = Question::person("person", deployment.world())?;
        let person = person.until(DEADLINE, PATIENCE)?;
        let held = [deployment.record()?];
        let by_gateway = contender == Contender::Gateway;
        let person = Kind::answered(person, &client, &held, by_gateway).await?;
        Ok(Self {
            contender,
            address,
            tls,
            person: Arc::new(person),
            processes: [
                Pids::of(proxy.pid())?,
                Pids::alone(std::process::id()),
                Pids::of(deployment.owner().pid())?,
            ],
            // The first.
            on_record: 1,
            unanswered: 0,
        })
    }

    /// The pass-through only shows what a plain proxy does when it is asked too much.
    fn offers(&self, smoke: bool) -> impl Iterator<Item = f64> + use<> {
        let all = self.contender == Contender::Gateway && !smoke;
        let wanted = move |times: &f64| all || times.total_cmp(&TWICE).is_eq();
        OFFERS.into_iter().filter(wanted)
    }

    /// What a closed loop reaches.
    async fn capacity(&mut self, options: &Options) -> Result<f64> {
        let callers = Callers {
            address: self.address,
            tls: Arc::clone(&self.tls),
            connections: open_load::CONNECTIONS,
            in_flight: IN_FLIGHT,
            spread: Duration::ZERO,
        };
        let mixture = vec![(Arc::clone(&self.person), 100)];
        let calling = callers.begin(&mixture).await?;
        let from = Instant::now() + options.window().mul_f64(WARM_UP);
        let until = from + options.window();
        tokio::time::sleep_until(until.into()).await;
        let heard = calling.end().await?.all_right()?;
        self.on_record += heard.right();
        let right = heard.right.iter().flatten();
        let within = right.filter(|one| from <= one.at && one.at <= until);
        let capacity = within.count() as f64 / options.window().as_secs_f64();
        ensure!(capacity > 0.0, "no call was answered");
        Ok(capacity)
    }

    async fn offer(&mut self, options: &Options, capacity: f64, times: f64) -> Result<Fates> {
        let load = OpenLoad {
            address: self.address,
            tls: Arc::clone(&self.tls),
            kind: Arc::clone(&self.person),
            per_second: capacity * times,
            warm_up: match options.smoke {
                true => WARM_UP_SMOKE,
                false => DEADLINE,
            },
            window: options.window(),
            processes: &self.processes,
        };
        let fates = load.run().await?;
        self.on_record += fates.on_record;
        self.unanswered += fates.unanswered_ever;
        Ok(fates)
    }
}

impl Offer {
    fn of(
        round: u32,
        contender: Contender,
        capacity: f64,
        times: f64,
        options: &Options,
        mut fates: Fates,
    ) -> Self {
        let seconds = options.window().as_secs_f64();
        fates.right.sort_unstable();
        let good = fates.right.partition_point(|took| *took <= DEADLINE);
        let refused = fates.refused.into_iter();
        Self {
            round,
            contender,
            capacity_per_second: capacity,
            times_capacity: times,
            seconds,
            offered_per_second: fates.due as f64 / seconds,
            unsent_per_second: fates.unsent as f64 / seconds,
            goodput_per_second: good as f64 / seconds,
            late: fates.right.len() - good,
            p50_us: micros(&fates.right, 500),
            p99_us: micros(&fates.right, 990),
            refusals: refused
                .map(|(how, took)| Refusals::of(&how, took))
                .collect(),
            unanswered: fates.unanswered,
            cores: fates.cores,
        }
    }
}

impl Refusals {
    fn of(how: &Refused, mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self {
            code: format!("{:?}", how.code()),
            reason: how.reason.clone(),
            is_honest: how.tells_of_overload(),
            calls: took.len(),
            p50_us: micros(&took, 500),
            p99_us: micros(&took, 990),
        }
    }
}

fn micros(sorted: &[Duration], thousandths: usize) -> f64 {
    let time = quantile(sorted, thousandths).unwrap_or_default();
    time.as_secs_f64() * 1e6
}
