//! A mixture, as callers ask it: mostly one record, now and then a list, and what may not be asked.
//!
//! Nine in a hundred calls are server streams of a hundred records; one in a hundred is refused: by
//! the gateway, on record, as no grant covers the procedure; behind the pass-through by the owner,
//! who knows nobody of that number. Every reply is checked, and the ledger must hold two records of
//! each answer and one of each refusal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::Client;
use motlan_testkit::contracts::population::v1::{GetPersonRequest, ListHouseholdRequest};
use serde::Serialize;
use tonic::Code;

use crate::callers::{Callers, Heard, Mixture};
use crate::child::Child;
use crate::contender::Contender;
use crate::deployment::{Deployment, GET_PERSON};
use crate::figures::{Spread, quantile};
use crate::household::{LIST_HOUSEHOLD, MEMBERS, members};
use crate::kind::{Kind, Question};
use crate::machine::Pids;
use crate::options::Options;
use crate::table::{aligned, plain, share, spread};

/// Another procedure, for which the caller is granted nothing of this dataset.
const UNCOVERED: &str = "1.014177";
/// Of a hundred calls.
const PERSONS: u32 = 90;
const LISTS: u32 = 9;
const REFUSALS: u32 = 1;
const CONNECTIONS: usize = 4;
const IN_FLIGHT: [usize; 2] = [32, 256];
/// This share of a window goes before it, uncounted.
const WARM_UP: f64 = 0.25;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Mixed {
    pub(crate) records_per_stream: usize,
    pub(crate) connections: usize,
    pub(crate) windows: Vec<Window>,
    /// What the gateway's ledger held in the end: two for each answer, one for each refusal.
    pub(crate) records: u64,
    pub(crate) answers: u64,
    pub(crate) refusals: u64,
}

/// One contender's turn at one number of calls in flight.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) round: u32,
    pub(crate) in_flight: usize,
    pub(crate) contender: Contender,
    pub(crate) seconds: f64,
    /// Of all kinds.
    pub(crate) calls_per_second: f64,
    /// Of the proxy's process alone.
    pub(crate) cpu_us_per_call: f64,
    pub(crate) kinds: Vec<OfKind>,
}

/// The calls of one kind in a window.
#[derive(Debug, Serialize)]
pub(crate) struct OfKind {
    pub(crate) kind: &'static str,
    pub(crate) calls: usize,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

/// One who is asked.
struct Turn<'a> {
    contender: Contender,
    address: &'a str,
    proxy: &'a Child,
    mixture: Mixture,
}

/// Measures the gateway and the pass-through in turn.
///
/// # Errors
/// Where a reply is not the right one, or the ledger does not hold what it must.
pub(crate) async fn measure(options: &Options) -> Result<Mixed> {
    let mut deployment = Deployment::lay(options.dir.as_deref()).await?;
    deployment.start_gateway()?;
    let pass_through = deployment.start_pass_through()?;
    let through = Turn::of(&deployment, Contender::PassThrough, &pass_through).await?;
    let gateway = Turn::of(&deployment, Contender::Gateway, deployment.gateway()?).await?;
    let mut order = [through, gateway];
    let mut windows = Vec::new();
    let levels = if options.smoke { 1 } else { IN_FLIGHT.len() };
    // The gateway's first answers: one person, one household, one refusal.
    let (mut answers, mut refusals) = (2, 1);
    for round in 1..=options.rounds() {
        for in_flight in IN_FLIGHT.into_iter().take(levels) {
            for turn in &order {
                let what = format!("round {round}, {in_flight} in flight, {}", turn.contender);
                let window = turn.window(options, &deployment, round, in_flight);
                let (window, heard) = window.await.with_context(|| what.clone())?;
                eprintln!("mixed, {what}: {:.0} calls/s", window.calls_per_second);
                if turn.contender == Contender::Gateway {
                    let refused = heard.right.get(2).map_or(0, |samples| samples.len() as u64);
                    answers += heard.right() - refused;
                    refusals += refused;
                }
                windows.push(window);
            }
        }
        order.rotate_left(1);
    }
    drop(order);
    drop(pass_through);
    let report = deployment.close()?;
    let (questions, outcomes) = (report.questions, report.outcomes);
    ensure!(
        questions == answers && outcomes == answers + refusals,
        "the ledger has {questions} questions and {outcomes} outcomes of {answers} answers and \
         {refusals} refusals"
    );
    Ok(Mixed {
        records_per_stream: MEMBERS,
        connections: CONNECTIONS,
        windows,
        records: report.records,
        answers,
        refusals,
    })
}

impl<'a> Turn<'a> {
    /// Asks each kind once, to learn the right replies.
    async fn of(
        deployment: &'a Deployment,
        contender: Contender,
        proxy: &'a Child,
    ) -> Result<Turn<'a>> {
        let by_gateway = contender == Contender::Gateway;
        let address = match by_gateway {
            true => deployment.gateway_address()?,
            false => &proxy.said,
        };
        let client = Client::connect(address, deployment.tls()?).await?;
        let world = deployment.world();
        let roles = &world.sample().roles;
        let held = [deployment.record()?];
        let person = Question::person("person", world)?;
        let person = Kind::answered(person, &client, &held, by_gateway).await?;
        let request = ListHouseholdRequest {
            personal_id: roles.person.clone(),
        };
        let list = Question::new("list", world, LIST_HOUSEHOLD, &request)?;
        let list = Kind::answered(list, &client, &members()?, by_gateway).await?;
        let refusal = match by_gateway {
            true => {
                let uncovered = Question::person("refusal", world)?.for_procedure(UNCOVERED);
                let reason = Some("PURPOSE_NOT_COVERED");
                Kind::refused(uncovered, &client, Code::PermissionDenied, reason).await?
            }
            false => {
                let request = GetPersonRequest {
                    personal_id: roles.unknown_person.clone(),
                };
                let unknown = Question::new("refusal", world, GET_PERSON, &request)?;
                Kind::refused(unknown, &client, Code::NotFound, None).await?
            }
        };
        Ok(Self {
            contender,
            address,
            proxy,
            mixture: vec![
                (Arc::new(person), PERSONS),
                (Arc::new(list), LISTS),
                (Arc::new(refusal), REFUSALS),
            ],
        })
    }

    async fn window(
        &self,
        options: &Options,
        deployment: &Deployment,
        round: u32,
        in_flight: usize,
    ) -> Result<(Window, Heard)> {
        let callers = Callers {
            address: self.address,
            tls: deployment.tls()?,
            connections: CONNECTIONS,
            in_flight,
            spread: Duration::ZERO,
        };
        let calling = callers.begin(&self.mixture).await?;
        let warm = Instant::now() + options.window().mul_f64(WARM_UP);
        tokio::time::sleep_until(warm.into()).await;
        let pids = Pids::of(self.proxy.pid())?;
        let (from, before) = (Instant::now(), pids.cpu_time()?);
        tokio::time::sleep_until((from + options.window()).into()).await;
        let (until, after) = (Instant::now(), pids.cpu_time()?);
        let cpu = after.since(&before);
        let heard = calling.end().await?.all_right()?;
        let seconds = (until - from).as_secs_f64();
        let mut kinds = Vec::new();
        for ((kind, _), samples) in self.mixture.iter().zip(&heard.right) {
            let within = samples
                .iter()
                .filter(|one| from <= one.at && one.at <= until);
            let took = within.map(|one| one.took).collect();
            kinds.push(OfKind::of(kind.name(), took, seconds));
        }
        let calls_per_second: f64 = kinds.iter().map(|of_kind| of_kind.calls_per_second).sum();
        let window = Window {
            round,
            in_flight,
            contender: self.contender,
            seconds,
            calls_per_second,
            cpu_us_per_call: cpu.as_secs_f64() * 1e6 / (calls_per_second * seconds),
            kinds,
        };
        Ok((window, heard))
    }
}

impl OfKind {
    fn of(kind: &'static str, mut took: Vec<Duration>, seconds: f64) -> Self {
        took.sort_unstable();
        let micros = |thousandths| {
            let time = quantile(&took, thousandths).unwrap_or_default();
            time.as_secs_f64() * 1e6
        };
        Self {
            kind,
            calls: took.len(),
            calls_per_second: took.len() as f64 / seconds,
            p50_us: micros(500),
            p99_us: micros(990),
            p999_us: micros(999),
        }
    }
}

type Figure = fn(&OfKind) -> f64;
/// The columns of each kind.
const FIGURES: [(&str, Figure); 4] = [
    ("calls/s", |of_kind| of_kind.calls_per_second),
    ("p50 µs", |of_kind| of_kind.p50_us),
    ("p99 µs", |of_kind| of_kind.p99_us),
    ("p99.9 µs", |of_kind| of_kind.p999_us),
];

impl Mixed {
    /// The section for the terminal.
    pub(crate) fn text(&self) -> String {
        let (records, connections) = (self.records_per_stream, self.connections);
        format!(
            "Mixed: {PERSONS} % lookups of one record, {LISTS} % streams of {records}, {REFUSALS} \
             % refused, over {connections} connections\n\n{}\n\
             Gateway / pass-through, each round by itself:\n\n{}\n\
             Ledger verified offline: {} records of {} answers and {} refusals\n",
            aligned(&self.kinds()),
            aligned(&self.ratios()),
            self.records,
            self.answers,
            self.refusals,
        )
    }

    fn kinds(&self) -> Vec<Vec<String>> {
        let mut headings = vec!["in flight".to_owned(), "contender".into(), "kind".into()];
        headings.extend(FIGURES.map(|(heading, _)| heading.to_owned()));
        headings.push("CPU µs/call".to_owned());
        let mut rows = vec![headings];
        for in_flight in IN_FLIGHT {
            for contender in [Contender::PassThrough, Contender::Gateway] {
                let windows = self.of(contender, in_flight);
                if windows.is_empty() {
                    continue;
                }
                let over = |figure: fn(&Window) -> f64| {
                    spread(Spread::over(windows.iter().map(|one| figure(one))), plain)
                };
                let mut row = vec![in_flight.to_string(), contender.to_string(), "all".into()];
                row.push(over(|window| window.calls_per_second));
                row.extend(["", "", ""].map(str::to_owned));
                row.push(over(|window| window.cpu_us_per_call));
                rows.push(row);
                let names = windows.first().map(|window| &window.kinds);
                for (at, of_kind) in names.into_iter().flatten().enumerate() {
                    let mut row = vec![String::new(), String::new(), of_kind.kind.to_owned()];
                    row.extend(FIGURES.map(|(_, figure)| {
                        let rounds = windows.iter().filter_map(|window| window.kinds.get(at));
                        spread(Spread::over(rounds.map(figure)), plain)
                    }));
                    rows.push(row);
                }
            }
        }
        rows
    }

    fn ratios(&self) -> Vec<Vec<String>> {
        let headings = ["in flight", "calls/s", "CPU µs/call"];
        let mut rows = vec![headings.map(str::to_owned).to_vec()];
        for in_flight in IN_FLIGHT {
            let ours = self.of(Contender::Gateway, in_flight);
            let theirs = self.of(Contender::PassThrough, in_flight);
            if theirs.is_empty() {
                continue;
            }
            let ratio = |figure: fn(&Window) -> f64| {
                let rounds = ours.iter().zip(&theirs);
                let rounds = rounds.filter(|(_, theirs)| figure(theirs) > 0.0);
                let ratios = rounds.map(|(ours, theirs)| figure(ours) / figure(theirs));
                spread(Spread::over(ratios), share)
            };
            rows.push(vec![
                in_flight.to_string(),
                ratio(|window| window.calls_per_second),
                ratio(|window| window.cpu_us_per_call),
            ]);
        }
        rows
    }

    /// A contender's windows in the order of the rounds.
    fn of(&self, contender: Contender, in_flight: usize) -> Vec<&Window> {
        let windows = self.windows.iter();
        windows
            .filter(|window| window.contender == contender && window.in_flight == in_flight)
            .collect()
    }
}
