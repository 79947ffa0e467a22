//! Where the microseconds of a call go: the processor's time of the gateway and of the
//! pass-through, by stage.
//!
//! In each round a window without `perf` gives the processor's time per call, and one with it gives
//! the shares: recording costs time itself, which falls on all stages alike. What belongs to which
//! stage is in [`rules`].

mod perf;
mod profile;
mod rules;
mod stacks;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use self::perf::Recording;
use self::profile::{Profile, Shares};
use self::rules::Stage;
use crate::child::Child;
use crate::contender::Contender;
use crate::deployment::{Deployment, folder};
use crate::expected::Expected;
use crate::load::{Load, Measured};
use crate::machine::Pids;
use crate::options::Options;
use crate::table::{aligned, plain, row};

const IN_FLIGHT: [usize; 2] = [32, 256];
const CONNECTIONS: usize = 4;
/// More of what no rule names than this is named itself.
const OTHER_MAX: f64 = 0.05;
const NO_KERNEL: &str = "`perf` saw nothing of the kernel: run it as root, or set \
                         kernel.perf_event_paranoid=1 and kernel.kptr_restrict=0\n";

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Stages {
    /// Why nothing could be recorded.
    lack: Option<String>,
    connections: usize,
    loads: Vec<AtLoad>,
}

/// With so many calls in flight.
#[derive(Debug, Serialize)]
struct AtLoad {
    in_flight: usize,
    gateway: Profile,
    pass_through: Profile,
}

/// One of the two processes.
struct Process {
    contender: Contender,
    pid: u32,
    address: String,
    expected: Arc<Expected>,
}

/// Records gateway and pass-through in turn. Where `perf` is not there or not permitted, that is
/// all there is to tell.
///
/// # Errors
/// Where an answer is wrong, the ledger is not whole, or what `perf` tells cannot be read.
pub(crate) async fn measure(options: &Options) -> Result<Stages> {
    let scratch = folder(options.dir.as_deref())?;
    let mut stages = Stages {
        lack: perf::lack(scratch.path())?,
        connections: CONNECTIONS,
        loads: Vec::new(),
    };
    if stages.lack.is_some() {
        return Ok(stages);
    }
    let mut deployment = Deployment::lay(options.dir.as_deref()).await?;
    deployment.start_gateway()?;
    let pass_through = deployment.start_pass_through()?;
    let mut answered = 0;
    let levels = if options.smoke { 1 } else { IN_FLIGHT.len() };
    for in_flight in IN_FLIGHT.into_iter().take(levels) {
        let address = deployment.gateway_address()?.to_owned();
        let (child, gateway) = (deployment.gateway()?, Contender::Gateway);
        let gateway = Process::of(gateway, child, address, &deployment).await?;
        let address = pass_through.said.clone();
        let beside = Contender::PassThrough;
        let beside = Process::of(beside, &pass_through, address, &deployment).await?;
        let mut order = [(gateway, Shares::default()), (beside, Shares::default())];
        answered += 1;
        for _ in 0..options.rounds() {
            for (process, shares) in &mut order {
                let of = process.round(options, &deployment, in_flight, scratch.path());
                let (plain, recorded, script) = of.await?;
                if process.contender == Contender::Gateway {
                    answered += plain.answered + recorded.answered;
                }
                shares.add(&plain, &recorded, &script, process.pid, scratch.path())?;
                // A smoke run is too short to be sure of any.
                ensure!(options.smoke || shares.any(), "`perf` recorded nothing");
            }
            order.reverse();
        }
        order.sort_by_key(|(process, _)| process.contender != Contender::Gateway);
        let [(_, gateway), (_, pass_through)] = order;
        stages.loads.push(AtLoad {
            in_flight,
            gateway: gateway.profile(),
            pass_through: pass_through.profile(),
        });
    }
    drop(pass_through);
    let records = deployment.close()?.records;
    ensure!(
        records == 2 * answered,
        "{records} records of {answered} lookups"
    );
    Ok(stages)
}

impl Process {
    async fn of(
        contender: Contender,
        child: &Child,
        address: String,
        deployment: &Deployment,
    ) -> Result<Self> {
        let expected = Expected::hear(contender, &address, deployment).await?;
        Ok(Self {
            contender,
            pid: child.pid(),
            address,
            expected,
        })
    }

    /// A window by itself, one that is recorded, and what `perf` tells of it.
    async fn round(
        &self,
        options: &Options,
        deployment: &Deployment,
        in_flight: usize,
        scratch: &Path,
    ) -> Result<(Measured, Measured, String)> {
        let load = Load {
            address: self.address.clone(),
            tls: deployment.tls()?,
            call: deployment.call()?,
            expected: Arc::clone(&self.expected),
            in_flight,
            connections: CONNECTIONS,
            window: options.window(),
            process: Some(Pids::of(self.pid)?),
        };
        let turn = || format!("{in_flight} in flight, {}", self.contender);
        let plain = load.run().await.with_context(turn)?;
        let recording =
            Recording::start(self.pid, options.smoke, scratch.join("perf.data")).await?;
        let recorded = load.run().await.with_context(turn)?;
        Ok((plain, recorded, recording.stop()?))
    }
}

impl Stages {
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "Where a call's processor time goes, µs per call, by `perf`; {} connections\n",
            self.connections
        );
        if let Some(lack) = &self.lack {
            text.push_str(lack);
            text.push('\n');
        }
        for load in &self.loads {
            text.push('\n');
            text.push_str(&load.text());
        }
        text
    }
}

impl AtLoad {
    fn text(&self) -> String {
        let heading = format!("{} in flight", self.in_flight);
        let columns = ["gateway", "share", "in the kernel", "pass-through", "added"];
        let mut rows = vec![row([""; 6])];
        if let Some(first) = rows.first_mut() {
            *first = std::iter::once(heading.as_str())
                .chain(columns)
                .map(str::to_owned)
                .collect();
        }
        let per_cent = |part: f64| format!("{:.1} %", part * 100.0);
        for stage in Stage::ALL {
            let (ours, theirs) = (self.gateway.of(stage), self.pass_through.of(stage));
            if ours.samples + theirs.samples > 0 {
                rows.push(vec![
                    stage.name().to_owned(),
                    plain(ours.us_per_call),
                    per_cent(ours.share),
                    plain(ours.kernel_us_per_call),
                    plain(theirs.us_per_call),
                    plain(ours.us_per_call - theirs.us_per_call),
                ]);
            }
        }
        let (ours, theirs) = (
            self.gateway.cpu_us_per_call,
            self.pass_through.cpu_us_per_call,
        );
        rows.push(vec![
            "all".to_owned(),
            plain(ours),
            per_cent(1.0),
            plain(self.gateway.kernel_us()),
            plain(theirs),
            plain(ours - theirs),
        ]);
        let mut text = aligned(&rows);
        if self.gateway.is_blind() {
            text.push_str(NO_KERNEL);
        }
        for profile in [&self.gateway, &self.pass_through] {
            let other = profile.of(Stage::Other);
            if other.share > OTHER_MAX {
                text.push_str("What no rule names: ");
                text.push_str(&profile.unnamed());
                text.push('\n');
            }
        }
        text
    }
}
