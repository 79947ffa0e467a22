//! `cargo bench -p motlan-audit --bench appends`: how many records a second become durable, beside
//! PostgreSQL 15 with one synchronous insert for each, which is what a team would use otherwise.
//!
//! In scope: throughput and waiting times as so many callers see them who each wait for one record
//! before they bring the next, in interleaved rounds of one run. Out of scope: reading back; that
//! the ledger holds exactly what it acknowledged is checked after each window. Without `--bench`,
//! which cargo gives, it is a smoke run: small, and its figures mean nothing.
//!
//! - [`options`]: the command line. [`sample`]: the record.
//! - [`ledger`] and [`postgres`]: the contenders. [`disk`]: what a sync alone takes.
//! - [`figures`] and [`table`]: what is made of it.
//!
//! Limits: [`options::SECONDS_MAX`], [`options::ROUNDS_MAX`], [`options::CALLERS_MAX`],
//! [`postgres::CONNECTIONS_MAX`].

mod disk;
mod figures;
mod ledger;
mod options;
mod postgres;
mod sample;
mod table;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use figures::{Contender, Window};
use options::Options;
use postgres::Postgres;
use sample::Sample;
use table::Results;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("appends: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether the floors were met, where that was asked for.
fn run(options: &Options) -> Result<bool> {
    let plan = options.plan()?;
    let dir = tempfile::Builder::new()
        .prefix("motlan-appends-")
        // PostgreSQL's own user must get through.
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(&options.dir)
        .with_context(|| format!("cannot make a folder in `{}`", options.dir.display()))?;
    let sample = Sample::new();
    let connections_max = plan.callers.iter().copied().max().unwrap_or(1);
    let postgres = Postgres::start(&options.postgres, dir.path(), &sample, connections_max)?;
    let load_before = load()?;
    let mut windows = Vec::new();
    let mut syncs_ms = Vec::new();
    for round in 0..plan.rounds {
        syncs_ms.push(disk::sync_ms(dir.path(), plan.warm)?);
        for &callers in &plan.callers {
            for contender in Contender::in_turn(round) {
                eprintln!(
                    "round {} of {}: {callers} callers, {contender}",
                    round + 1,
                    plan.rounds
                );
                let measured = match (contender, &postgres) {
                    (Contender::Ledger, _) => ledger::measure(dir.path(), callers, &sample, &plan)?,
                    (Contender::Postgres(rows), Ok(postgres)) => {
                        postgres.measure(rows, callers, &plan)?
                    }
                    (Contender::Postgres(_), Err(_)) => continue,
                };
                windows.push(Window {
                    round,
                    callers,
                    contender,
                    measured,
                });
            }
        }
    }
    if let Ok(postgres) = &postgres {
        postgres.check()?;
    }
    let results = Results {
        plan: &plan,
        sample: &sample,
        dir: dir.path(),
        postgres: postgres.as_ref().map(Postgres::version),
        load: [load_before, load()?],
        syncs_ms,
        windows,
    };
    print!("{results}");
    Ok(!options.strict || results.floors_are_met())
}

/// How many threads wanted to run over the last minute.
fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().context("`/proc/loadavg` has no load")
}
