//! How much memory the gateway holds, in the situations that an operator has to provide for.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use motlan_testkit::Client;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::catalogue;
use crate::child::Child;
use crate::contender::Contender;
use crate::deployment::Deployment;
use crate::expected::Expected;
use crate::figures::Goal;
use crate::load::Load;
use crate::machine::{Pids, resident_kib};
use crate::options::Options;
use crate::table::{NONE, aligned, mebibytes, plain, row};

/// How many connections are idle.
const IDLE: usize = 1_000;
const IDLE_SMOKE: usize = 20;
/// How many agreements each gateway holds at least: the first those of the reference catalogue.
const CATALOGUES: [usize; 2] = [0, 10_000];
const CATALOGUES_SMOKE: [usize; 1] = [20];
/// The load, beside the idle connections.
const IN_FLIGHT: usize = 256;
const CONNECTIONS: usize = 16;
/// So many connections are made at a time: a gateway takes 64 handshakes from one address.
const CONNECTING_MAX: usize = 32;
/// What is to be enough at rest, and with all agreements and all idle connections.
const AT_REST_MIB_MAX: f64 = 60.0;
const FULL_MIB_MAX: f64 = 150.0;

/// What each held, in each situation.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    idle_connections: usize,
    subjects: Vec<Subject>,
}

/// One process, through all situations.
#[derive(Debug, Serialize)]
struct Subject {
    who: String,
    /// How many agreements it holds; nothing where it is no gateway.
    agreements: Option<usize>,
    /// After the start, before the first call.
    at_rest: Held,
    /// With idle connections, each of which has made one call.
    idle: Held,
    /// With these, and calls in flight.
    loaded: Held,
    /// With none of them any more.
    after: Held,
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, Serialize)]
struct Held {
    resident_kib: u64,
    /// The most that it ever was.
    peak_kib: u64,
}

/// Measures the gateway with the reference catalogue and with a large one, and the pass-through.
///
/// # Errors
/// Where something does not start, or a call gets anything but the right answer.
pub(crate) async fn measure(options: &Options) -> Result<Memory> {
    let (idle, catalogues) = match options.smoke {
        true => (IDLE_SMOKE, CATALOGUES_SMOKE.as_slice()),
        false => (IDLE, CATALOGUES.as_slice()),
    };
    let mut subjects = Vec::new();
    let mut through = None;
    for &agreements in catalogues {
        let deployment = Deployment::lay(options.dir.as_deref()).await?;
        if through.is_none() {
            through = Some(pass_through(&deployment, idle, options).await?);
        }
        catalogue::agree(deployment.world(), agreements)?;
        subjects.push(gateway(deployment, idle, options).await?);
    }
    subjects.extend(through);
    Ok(Memory {
        idle_connections: idle,
        subjects,
    })
}

async fn pass_through(deployment: &Deployment, idle: usize, options: &Options) -> Result<Subject> {
    let child = deployment.start_pass_through()?;
    let situations = Situations {
        deployment,
        contender: Contender::PassThrough,
        address: &child.said,
        child: &child,
        idle,
        options,
    };
    let (subject, _) = situations.take("pass-through", None).await?;
    Ok(subject)
}

/// A gateway of its own, and its ledger looked at in the end.
async fn gateway(mut deployment: Deployment, idle: usize, options: &Options) -> Result<Subject> {
    let agreements = catalogue::agreements(deployment.world())?;
    deployment.start_gateway()?;
    let measured = Situations {
        deployment: &deployment,
        contender: Contender::Gateway,
        address: deployment.gateway_address()?,
        child: deployment.gateway()?,
        idle,
        options,
    };
    let (subject, answered) = measured.take("gateway", Some(agreements)).await?;
    let records = deployment.close()?.records;
    let due = 2 * answered;
    ensure!(
        records == due,
        "the ledger has {records} records, and {due} are due"
    );
    Ok(subject)
}

/// What is measured, and where.
struct Situations<'d> {
    deployment: &'d Deployment,
    contender: Contender,
    address: &'d str,
    child: &'d Child,
    idle: usize,
    options: &'d Options,
}

impl Situations<'_> {
    /// Goes through all, and tells how many calls were answered.
    async fn take(&self, who: &str, agreements: Option<usize>) -> Result<(Subject, u64)> {
        let at_rest = self.held()?;
        let expected = Expected::hear(self.contender, self.address, self.deployment).await?;
        let connected = self.connect(&expected).await?;
        let idle = self.held()?;
        let load = Load {
            address: self.address.to_owned(),
            tls: self.deployment.tls()?,
            call: self.deployment.call()?,
            expected,
            in_flight: IN_FLIGHT,
            connections: CONNECTIONS,
            window: self.options.window(),
            process: Some(Pids::of(self.child.pid())?),
        };
        let measured = load.run().await?;
        let loaded = Held {
            resident_kib: measured.resident_kib.context("no memory was measured")?,
            ..self.held()?
        };
        let calls = 1 + u64::try_from(connected.len())? + measured.answered;
        drop(connected);
        // Whoever answers now has seen that the others are gone.
        Expected::hear(self.contender, self.address, self.deployment).await?;
        let subject = Subject {
            who: who.to_owned(),
            agreements,
            at_rest,
            idle,
            loaded,
            after: self.held()?,
        };
        Ok((subject, calls + 1))
    }

    /// Makes the idle connections, and one call over each.
    async fn connect(&self, expected: &Arc<Expected>) -> Result<Vec<Client>> {
        let (tls, call) = (self.deployment.tls()?, self.deployment.call()?);
        let mut connected = Vec::new();
        while connected.len() < self.idle {
            let mut batch = JoinSet::new();
            for _ in 0..CONNECTING_MAX.min(self.idle - connected.len()) {
                let (tls, call) = (Arc::clone(&tls), call.clone());
                let (address, expected) = (self.address.to_owned(), Arc::clone(expected));
                batch.spawn(async move {
                    let client = Client::connect(&address, tls).await?;
                    let reply = client.call(&call).await;
                    match expected.fault(reply) {
                        Some(fault) => bail!(fault),
                        None => Ok(client),
                    }
                });
            }
            while let Some(client) = batch.join_next().await {
                connected.push(client??);
            }
        }
        Ok(connected)
    }

    fn held(&self) -> Result<Held> {
        let pid = self.child.pid();
        Ok(Held {
            resident_kib: resident_kib(pid)?,
            peak_kib: peak_kib(pid)?,
        })
    }
}

/// The most memory of a process that ever was resident, in KiB.
fn peak_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let figure = line.and_then(|line| line.trim().strip_suffix("kB"));
    let figure = figure.and_then(|figure| figure.trim().parse().ok());
    figure.context("`/proc/PID/status` has no `VmHWM`")
}

impl Memory {
    pub(crate) fn text(&self) -> String {
        let idle = format!("{} idle connections", self.idle_connections);
        let loaded = format!("and {IN_FLIGHT} in flight");
        let heading = [
            "resident MiB",
            "agreements",
            "at rest",
            &idle,
            &loaded,
            "after",
            "peak",
        ];
        let mut rows = vec![row(heading)];
        for one in &self.subjects {
            let agreements = one.agreements;
            rows.push(vec![
                one.who.clone(),
                agreements.map_or_else(|| NONE.to_owned(), |count| count.to_string()),
                mebibytes(one.at_rest.resident_kib),
                mebibytes(one.idle.resident_kib),
                mebibytes(one.loaded.resident_kib),
                mebibytes(one.after.resident_kib),
                mebibytes(one.after.peak_kib),
            ]);
        }
        let mut text = format!("Memory\n{}", aligned(&rows));
        let mut gateways = self.subjects.iter().filter(|one| one.agreements.is_some());
        let mut told = |what: &str, kib: Option<u64>, mib_max: f64| {
            let Some(mib) = kib.map(mib) else { return };
            let beside = Goal::AtMost(mib_max).beside(mib, plain);
            text.push_str(&format!("{what}: {mib:.1} MiB, {beside}\n"));
        };
        let own = gateways.next().map(|one| one.at_rest.resident_kib);
        told("At rest", own, AT_REST_MIB_MAX);
        let full = gateways.next().map(|one| one.idle.resident_kib);
        told(
            "With all agreements and idle connections",
            full,
            FULL_MIB_MAX,
        );
        text
    }
}

fn mib(kib: u64) -> f64 {
    // Exact: far fewer KiB than 2^52.
    u32::try_from(kib).map_or(f64::INFINITY, f64::from) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_was_at_least_as_large_as_it_is() {
        let pid = std::process::id();
        let now = resident_kib(pid).unwrap();
        assert!(peak_kib(pid).unwrap() >= now);
    }
}
