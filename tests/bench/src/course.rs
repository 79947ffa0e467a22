//! The course of a run: one section after the other, each printed as soon as it is measured.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::collection::{self, Collection};
use crate::contest::{self, Contest};
use crate::growth::{self, Growth};
use crate::isolation::{self, Isolation};
use crate::machine::Machine;
use crate::memory::{self, Memory};
use crate::mixed::{self, Mixed};
use crate::options::{Options, Section};
use crate::results::Results;
use crate::saturation::{self, Saturation};
use crate::stages::{self, Stages};
use crate::start::{self, Start};

/// Measures everything that is wanted, prints it and writes the file.
///
/// # Errors
/// Where a section could not be set up, an answer was wrong, or a ledger is not whole. The other
/// sections are run nevertheless.
pub(crate) fn run(options: &Options) -> Result<()> {
    build()?;
    let dir = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let machine = Machine::this(&dir)?;
    print!("{}", machine.text(options.smoke));
    let mut results = Results::on(machine, options.smoke);
    let runtime = crate::runtime()?;
    let failed = runtime.block_on(async {
        tokio::select! {
            failed = sections(options, &mut results) => failed,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })?;
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// Where cargo runs this, it builds the gateway as well, so that nothing stale is measured.
fn build() -> Result<()> {
    let Some(cargo) = std::env::var_os("CARGO") else {
        return Ok(());
    };
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "motlan-gateway"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if let Some(dir) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(dir);
    }
    let status = command.status().context("cargo")?;
    ensure!(status.success(), "the gateway cannot be built");
    Ok(())
}

/// Those that failed.
async fn sections(options: &Options, results: &mut Results) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for one in options.sections() {
        eprintln!("{one}");
        match section(one, options, results).await {
            Ok(text) => println!("\n{text}"),
            Err(error) => {
                eprintln!("motlan-bench: {one}: {error:#}");
                failed.push(one.to_string());
            }
        }
        // After each: a long run that is broken off leaves what it has.
        if let Some(file) = &options.json {
            results.write(file)?;
        }
    }
    Ok(failed)
}

async fn section(section: Section, options: &Options, results: &mut Results) -> Result<String> {
    Ok(match section {
        Section::Contest => {
            let measured = contest::measure(options).await?;
            put(&mut results.contest, measured, Contest::text)
        }
        Section::Mixed => {
            let measured = mixed::measure(options).await?;
            put(&mut results.mixed, measured, Mixed::text)
        }
        Section::Saturation => {
            let measured = saturation::measure(options).await?;
            put(&mut results.saturation, measured, Saturation::text)
        }
        Section::Isolation => {
            let measured = isolation::measure(options).await?;
            put(&mut results.isolation, measured, Isolation::text)
        }
        Section::Start => {
            let measured = start::measure(options).await?;
            put(&mut results.start, measured, Start::text)
        }
        Section::Memory => {
            let measured = memory::measure(options).await?;
            put(&mut results.memory, measured, Memory::text)
        }
        Section::Stages => {
            let measured = stages::measure(options).await?;
            put(&mut results.stages, measured, Stages::text)
        }
        Section::Growth => {
            let measured = growth::measure(options).await?;
            put(&mut results.growth, measured, Growth::text)
        }
        Section::Collection => {
            let measured = collection::measure(options).await?;
            put(&mut results.collection, measured, Collection::text)
        }
    })
}

fn put<X>(field: &mut Option<X>, measured: X, text: fn(&X) -> String) -> String {
    text(field.insert(measured))
}
