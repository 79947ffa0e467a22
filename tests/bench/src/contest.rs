//! The contenders beside one another, in turn: so many calls in flight over so many connections.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::Client;
use motlan_testkit::pki::{Authority, Leaf, client_config};
use serde::Serialize;
use tonic::Code;

use crate::contender::Contender;
use crate::deployment::{CALLER, Deployment};
use crate::durable;
use crate::expected::Expected;
use crate::load::{Load, Measured, WARM_UP};
use crate::machine::Pids;
use crate::options::Options;
use crate::proxy::{Proxy, STREAMS_MAX, VERSION};

mod tables;

/// What the gateway allows here, so that nobody is refused and all allow the same on a connection.
const LIMITS: &str = "[limits]\nin_flight_max = 8192\nin_flight_per_system_max = 8192\n\
                      provider_streams_max = 2048\n";
/// What a smoke run measures.
const CELLS_SMOKE: [Cell; 2] = [Cell::new(1, 1), Cell::new(32, 4)];

/// All windows.
#[derive(Debug, Serialize)]
pub(crate) struct Contest {
    rounds: u32,
    /// As planned; each window says how long it was.
    window_seconds: f64,
    /// The answer as the owner gives it.
    owner_bytes: usize,
    /// The answer as the gateway lets it out.
    gateway_bytes: usize,
    entrants: Vec<Entrant>,
    windows: Vec<Window>,
    /// One durable write on the ledger's disk, in each round, while nobody is asked.
    durable_write_us: Vec<f64>,
    ledger: Ledger,
}

/// Who was to be measured.
#[derive(Debug, Serialize)]
struct Entrant {
    contender: Contender,
    /// What it says of itself; none where it is not installed.
    version: Option<String>,
}

/// So many calls in flight over so many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Cell {
    in_flight: usize,
    connections: usize,
}

/// One contender's turn in one cell.
#[derive(Debug, Serialize)]
struct Window {
    round: u32,
    #[serde(flatten)]
    cell: Cell,
    contender: Contender,
    #[serde(flatten)]
    measured: Measured,
}

/// What the gateway's ledger held in the end.
#[derive(Debug, Default, Serialize)]
struct Ledger {
    records: u64,
    /// How many lookups the gateway answered, those outside the windows included.
    lookups: u64,
    /// How many commits made the records durable.
    commits: u64,
}

/// A contender that has answered rightly.
struct Turn {
    contender: Contender,
    address: String,
    expected: Arc<Expected>,
    process: Option<Pids>,
}

/// Measures every contender in every cell, in each round. Who begins changes from round to round,
/// so that nobody always comes after the same.
///
/// # Errors
/// Where a call failed or the ledger does not hold two records of each lookup.
pub(crate) async fn measure(options: &Options) -> Result<Contest> {
    let mut deployment = Deployment::lay(options.dir.as_deref()).await?;
    deployment.configure(&format!("{LIMITS}streams_max = {STREAMS_MAX}\n"))?;
    let mut contest = Contest::planned(options, deployment.record()?.len());
    let contenders = options.contenders();
    if contenders.contains(&Contender::Gateway) {
        deployment.start_gateway()?;
    }
    // They run until all rounds are over.
    let (turns, _proxies) = contest.enter(&contenders, &deployment).await?;
    let cells = cells(options);
    announce(options, turns.len(), cells.len());
    let mut order: Vec<&Turn> = turns.iter().collect();
    for round in 1..=options.rounds() {
        let write = durable::write_us(deployment.world().dir())?;
        contest.durable_write_us.push(write);
        for &cell in &cells {
            for turn in &order {
                let window = turn.measure(round, cell, options, &deployment).await?;
                contest.windows.push(window);
            }
        }
        order.rotate_left(1);
    }
    contest.close(deployment)?;
    Ok(contest)
}

impl Contest {
    fn planned(options: &Options, owner_bytes: usize) -> Self {
        Self {
            rounds: options.rounds(),
            window_seconds: options.window().as_secs_f64(),
            owner_bytes,
            gateway_bytes: 0,
            entrants: Vec::new(),
            windows: Vec::new(),
            durable_write_us: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    /// Starts those who are installed, and hears a first answer of each.
    async fn enter(
        &mut self,
        contenders: &[Contender],
        deployment: &Deployment,
    ) -> Result<(Vec<Turn>, Vec<Proxy>)> {
        let (mut turns, mut proxies) = (Vec::new(), Vec::new());
        for &contender in contenders {
            let running = Running::start(contender, deployment).await?;
            self.entrants.push(Entrant {
                contender,
                version: running.as_ref().map(|running| running.version.clone()),
            });
            let Some(running) = running else { continue };
            let address = running.address;
            turn_away(contender, &address, deployment).await?;
            let expected = Expected::hear(contender, &address, deployment).await?;
            if contender == Contender::Gateway {
                self.gateway_bytes = expected.bytes();
            }
            turns.push(Turn {
                contender,
                address,
                expected,
                process: running.pid.map(Pids::of).transpose()?,
            });
            proxies.extend(running.proxy);
        }
        Ok((turns, proxies))
    }

    fn close(&mut self, deployment: Deployment) -> Result<()> {
        let report = deployment.close()?;
        let is_own = |contender| contender == Contender::Gateway;
        // It was asked once before, to hear whether it answers rightly.
        let entrants = self.entrants.iter();
        let first = entrants.filter(|entrant| is_own(entrant.contender)).count();
        let own = self
            .windows
            .iter()
            .filter(|window| is_own(window.contender));
        self.ledger = Ledger {
            records: report.records,
            lookups: u64::try_from(first)?
                + own.map(|window| window.measured.answered).sum::<u64>(),
            commits: report.frames,
        };
        let Ledger {
            records, lookups, ..
        } = self.ledger;
        ensure!(
            records == 2 * lookups,
            "the ledger has {records} records of {lookups} lookups, not two of each"
        );
        Ok(())
    }
}

/// A contender's processes, before anything is asked.
struct Running {
    address: String,
    /// The proxy's; none where callers ask the owner.
    pid: Option<u32>,
    version: String,
    proxy: Option<Proxy>,
}

impl Running {
    /// Nothing where it is not installed.
    async fn start(contender: Contender, deployment: &Deployment) -> Result<Option<Self>> {
        Ok(match contender {
            Contender::Direct => Some(Self {
                address: deployment.owner().said.clone(),
                pid: None,
                version: VERSION.to_owned(),
                proxy: None,
            }),
            Contender::Gateway => Some(Self {
                address: deployment.gateway_address()?.to_owned(),
                pid: Some(deployment.gateway()?.pid()),
                version: deployment.version()?,
                proxy: None,
            }),
            Contender::PassThrough | Contender::Nginx | Contender::Haproxy => {
                Proxy::start(contender, deployment)
                    .await?
                    .map(|proxy| Self {
                        address: proxy.address.clone(),
                        pid: Some(proxy.child.pid()),
                        version: proxy.version.clone(),
                        proxy: Some(proxy),
                    })
            }
        })
    }
}

/// Whoever has no certificate, or one of another authority, gets no answer of `contender`. That it
/// shows its own to the owner needs no test: the owner answers nobody without.
async fn turn_away(contender: Contender, address: &str, deployment: &Deployment) -> Result<()> {
    let world = deployment.world();
    let stranger = Authority::new("another authority")?;
    let leaf = Leaf::system(world.trust_domain(), CALLER);
    for identity in [None, Some(stranger.issue(&leaf)?)] {
        let tls = client_config(world.authority().certificate_pem(), identity.as_ref())?;
        let Ok(client) = Client::connect(address, tls).await else {
            continue;
        };
        let reply = client.call(&deployment.call()?).await;
        let answered = reply.is_ok_and(|reply| reply.code() == Code::Ok);
        ensure!(
            !answered,
            "{contender} answers callers without a certificate"
        );
    }
    Ok(())
}

impl Turn {
    async fn measure(
        &self,
        round: u32,
        cell: Cell,
        options: &Options,
        deployment: &Deployment,
    ) -> Result<Window> {
        let load = Load {
            address: self.address.clone(),
            tls: deployment.tls()?,
            call: deployment.call()?,
            expected: Arc::clone(&self.expected),
            in_flight: cell.in_flight,
            connections: cell.connections,
            window: options.window(),
            process: self.process.clone(),
        };
        let Self { contender, .. } = self;
        let turn = format!("round {round}, {cell}, {contender}");
        let measured = load.run().await.with_context(|| turn.clone())?;
        eprintln!("  {turn}: {:.0} calls/s", measured.calls_per_second);
        Ok(Window {
            round,
            cell,
            contender: *contender,
            measured,
        })
    }
}

impl Cell {
    const fn new(in_flight: usize, connections: usize) -> Self {
        Self {
            in_flight,
            connections,
        }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in flight over {}", self.in_flight, self.connections)
    }
}

/// Everything that is wanted, without what comes to the same: there are no more connections than
/// calls in flight.
fn cells(options: &Options) -> Vec<Cell> {
    if options.smoke {
        return CELLS_SMOKE.to_vec();
    }
    let mut cells = Vec::new();
    for &in_flight in &options.in_flight {
        for &connections in &options.connections {
            let cell = Cell::new(in_flight, connections.min(in_flight));
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
    }
    cells
}

fn announce(options: &Options, contenders: usize, cells: usize) {
    let rounds = options.rounds();
    let window = options.window().mul_f64(1.0 + WARM_UP);
    let windows = f64::from(rounds) * (contenders * cells) as f64;
    let seconds = windows * window.as_secs_f64();
    eprintln!(
        "  {contenders} contenders, {cells} combinations, {rounds} rounds: about {seconds:.0} s"
    );
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::Command;

    #[test]
    fn combinations_that_come_to_the_same_are_measured_once() {
        let words = "motlan-bench --in-flight 1,2,32 --connections 1,4";
        let command = Command::try_parse_from(words.split_whitespace()).unwrap();
        let cells = cells(&command.options);
        let of = |cells: &[Cell]| -> Vec<_> {
            let pairs = cells.iter().map(|cell| (cell.in_flight, cell.connections));
            pairs.collect()
        };
        assert_eq!(of(&cells), [(1, 1), (2, 1), (2, 2), (32, 1), (32, 4)]);
    }
}
