//! A slow owner's system: what those feel who ask another one.
//!
//! 32 callers ask one dataset without a pause, first alone, then while others wait for the answers
//! of a second dataset, whose owner takes two seconds for each: callers of the same system, and of
//! another one. What counts as moved: a p99 whose range over the rounds does not overlap with that
//! of the callers alone.

mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::Client;
use motlan_testkit::contracts::land::v1::GetParcelRequest;
use motlan_testkit::provider::Misbehaviour;
use serde::Serialize;

use crate::callers::{Callers, Calling, Heard, Mixture};
use crate::deployment::{CALLER, Deployment};
use crate::figures::quantile;
use crate::kind::{Kind, Question, Refused};
use crate::options::Options;

const GET_PARCEL: &str = "/vn.land.v1.LandRegistry/GetParcel";
const SLOW_DATASET: &str = "land";
/// A system other than [`CALLER`], without any agreement of its own in the reference catalogue.
const ANOTHER: &str = "H29/one-stop";
/// How long the slow owner takes.
const SLOW: Duration = Duration::from_secs(2);
const SLOW_SMOKE: Duration = Duration::from_millis(200);
/// Of the callers who are watched.
const IN_FLIGHT: usize = 32;
const CONNECTIONS: usize = 4;
/// Of those who wait.
const SLOW_CONNECTIONS: usize = 16;
/// This share of a window goes before it, uncounted.
const WARM_UP: f64 = 0.25;

/// Who waits for the slow owner: so many calls, by the system of those who are watched or by
/// another. As many as one system may have under way come last.
const WAITING: [(usize, bool); 5] = [
    (0, true),
    (64, true),
    (512, true),
    (1024, false),
    (1024, true),
];
const WAITING_SMOKE: [(usize, bool); 2] = [(0, true), (8, false)];

/// The agreement by which [`CALLER`] asks the slow owner.
const AGREEMENT: &str = "catalog/agreements/g10-h26-land.toml";

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Isolation {
    pub(crate) in_flight: usize,
    pub(crate) slow_ms: u128,
    pub(crate) windows: Vec<Window>,
    /// What the gateway's ledger held in the end: two for each answer.
    pub(crate) records: u64,
}

/// What those who are watched saw in one window.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) round: u32,
    /// Calls that wait for the slow owner meanwhile.
    pub(crate) waiting: usize,
    /// Whether they are of the same system.
    pub(crate) same_system: bool,
    pub(crate) calls_per_second: f64,
    /// Nothing where no call was answered.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// Calls that were refused, each asked again after a pause.
    pub(crate) refused_per_second: f64,
    /// The same of those who wait, over all of their time.
    pub(crate) waiting_refused: usize,
}

/// Measures with a gateway of its own.
///
/// # Errors
/// Where a reply is wrong, or the ledger does not hold two records of each answer.
pub(crate) async fn measure(options: &Options) -> Result<Isolation> {
    let mut deployment = Deployment::lay(options.dir.as_deref()).await?;
    let slow = if options.smoke { SLOW_SMOKE } else { SLOW };
    two_owners(&deployment)?;
    deployment.start_gateway()?;
    let bench = Bench::of(&deployment, slow).await?;
    let waiting: &[(usize, bool)] = if options.smoke {
        &WAITING_SMOKE
    } else {
        &WAITING
    };
    let mut windows = Vec::new();
    // The first of each of three kinds.
    let mut answers = 3;
    for round in 1..=options.rounds() {
        for (waiting, same_system) in waiting.iter().copied() {
            let what = format!("round {round}, {waiting} wait");
            let measured = bench.window(options, waiting, same_system).await;
            let (window, answered) = measured.with_context(|| what.clone())?;
            let p99 = window.p99_us.unwrap_or_default();
            eprintln!("isolation, {what}: p99 {p99:.0} µs");
            windows.push(Window { round, ..window });
            answers += answered;
        }
    }
    drop(bench);
    let report = deployment.close()?;
    let (questions, outcomes) = (report.questions, report.outcomes);
    ensure!(
        questions == answers && outcomes == answers,
        "the ledger has {questions} questions and {outcomes} outcomes of {answers} answers"
    );
    Ok(Isolation {
        in_flight: IN_FLIGHT,
        slow_ms: slow.as_millis(),
        windows,
        records: report.records,
    })
}

/// Enters a second owner's system, which stands in this process: it has little to do. The other
/// system gets an agreement with it like that of the first.
fn two_owners(deployment: &Deployment) -> Result<()> {
    let world = deployment.world();
    let slow = world.provider(SLOW_DATASET).context("no owner's system")?;
    slow.record(false);
    let (fast, slow) = (&deployment.owner().said, slow.address());
    let endpoints = format!(
        "[population]\naddresses = [\"{fast}\"]\n\n[{SLOW_DATASET}]\naddresses = [\"{slow}\"]\n"
    );
    world.write("catalog/endpoints.toml", &endpoints)?;
    let text = std::fs::read_to_string(world.dir().join(AGREEMENT)).context(AGREEMENT)?;
    let of_another = |text: &str| text.replace("H26", "H29").replace("h26", "h29");
    world.write(&of_another(AGREEMENT), &of_another(&text))?;
    Ok(())
}

/// What every window needs.
struct Bench<'a> {
    deployment: &'a Deployment,
    fast: Mixture,
    same: Mixture,
    another: Mixture,
    slow: Duration,
}

impl<'a> Bench<'a> {
    /// Asks each kind once, to learn the right replies; then the owner becomes slow.
    async fn of(deployment: &'a Deployment, slow: Duration) -> Result<Bench<'a>> {
        let address = deployment.gateway_address()?;
        let world = deployment.world();
        let client = Client::connect(address, deployment.tls()?).await?;
        let held = [deployment.record()?];
        let fast = Question::person("person", world)?;
        let fast = Kind::answered(fast, &client, &held, true).await?;

        let certificate = &world.sample().roles.certificate;
        let held = world.sample().held();
        let held = held
            .into_iter()
            .find(|one| one.path == GET_PARCEL && one.subject == *certificate);
        let held = held.context("the sample lacks its own parcel")?.messages;
        let mut waiting = Vec::new();
        for system in [CALLER, ANOTHER] {
            let client = Client::connect(address, world.client_config(system)?).await?;
            let request = GetParcelRequest {
                certificate_no: certificate.clone(),
            };
            let parcel = Question::new("parcel", world, GET_PARCEL, &request)?;
            let parcel = parcel.of(world.system(system)?);
            waiting.push(Kind::answered(parcel, &client, &held, true).await?);
        }
        let owner = world.provider(SLOW_DATASET).context("no owner's system")?;
        owner.misbehave(GET_PARCEL, None, Misbehaviour::Slow(slow));
        let mut waiting = waiting.into_iter().map(only);
        let (same, another) = waiting.next().zip(waiting.next()).context("two systems")?;
        Ok(Self {
            deployment,
            fast: only(fast),
            same,
            another,
            slow,
        })
    }

    /// One window, and how many calls of both kinds have two records, of before, in and after it.
    async fn window(
        &self,
        options: &Options,
        waiting: usize,
        same_system: bool,
    ) -> Result<(Window, u64)> {
        let others = match waiting {
            0 => None,
            _ => Some(self.begin_waiting(waiting, same_system).await?),
        };
        let callers = Callers {
            address: self.deployment.gateway_address()?,
            tls: self.deployment.tls()?,
            connections: CONNECTIONS,
            in_flight: IN_FLIGHT,
            spread: Duration::ZERO,
        };
        let calling = callers.begin(&self.fast).await?;
        let from = Instant::now() + options.window().mul_f64(WARM_UP);
        let until = from + options.window();
        tokio::time::sleep_until(until.into()).await;
        let watched = calling.end().await?;
        let others = match others {
            Some(others) => others.end().await.context("the slow owner's callers")?,
            None => Heard::default(),
        };
        let seconds = options.window().as_secs_f64();
        let mut took: Vec<Duration> = watched
            .right
            .iter()
            .flatten()
            .filter(|one| from <= one.at && one.at <= until)
            .map(|one| one.took)
            .collect();
        took.sort_unstable();
        let micros = |thousandths| Some(quantile(&took, thousandths)?.as_secs_f64() * 1e6);
        let refused = watched.refused.values().flatten();
        let refused = refused.filter(|one| from <= one.at && one.at <= until);
        // A dataset has fewer places at its owner than a system has with the gateway: of those who
        // wait there, the last are told so, on record.
        let is_told = |refused: &Refused| {
            ["GATEWAY_BUSY", "PROVIDER_BUSY"].contains(&refused.reason.as_str())
        };
        ensure!(
            watched.refused_on_record == 0 && others.refused.keys().all(is_told),
            "lookups failed: {:?} {:?}",
            watched.refused.keys(),
            others.refused.keys()
        );
        let window = Window {
            round: 0,
            waiting,
            same_system,
            calls_per_second: took.len() as f64 / seconds,
            p50_us: micros(500),
            p99_us: micros(990),
            refused_per_second: refused.count() as f64 / seconds,
            waiting_refused: others.refused.values().map(Vec::len).sum(),
        };
        // Announced and refused: two records as well.
        let recorded = watched.right() + others.right() + others.refused_on_record;
        Ok((window, recorded))
    }

    /// Has so many call the slow owner, evenly over the time that one answer takes, and waits until
    /// the first of them are to be answered.
    async fn begin_waiting(&self, waiting: usize, same_system: bool) -> Result<Calling> {
        let (system, mixture) = match same_system {
            true => (CALLER, &self.same),
            false => (ANOTHER, &self.another),
        };
        let callers = Callers {
            address: self.deployment.gateway_address()?,
            tls: self.deployment.world().client_config(system)?,
            connections: SLOW_CONNECTIONS,
            in_flight: waiting,
            spread: self.slow,
        };
        let calling = callers.begin(mixture).await?;
        tokio::time::sleep_until((Instant::now() + self.slow).into()).await;
        Ok(calling)
    }
}

fn only(kind: Kind) -> Mixture {
    vec![(Arc::new(kind), 100)]
}
