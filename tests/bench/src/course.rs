//! The course of a run: set-up, rounds, the ledger's verification, the table.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use motlan_testkit::Client;

use crate::collection;
use crate::contender::Contender;
use crate::deployment::Deployment;
use crate::expected::Expected;
use crate::load::{CONNECTIONS, Load};
use crate::machine::{Machine, resident_kib};
use crate::options::Options;
use crate::results::{AtRest, Ledger, Results, Window};
use crate::table;

/// Measures everything, prints the table and writes the file.
///
/// # Errors
/// Where anything could not be set up, a call went wrong, or the ledger is not whole.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = crate::runtime()?;
    let results = runtime.block_on(async {
        tokio::select! {
            results = measure(options) => results,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })?;
    print!("{}", table::of(&results));
    if let Some(file) = &options.json {
        results.write(file)?;
    }
    let Ledger {
        records, lookups, ..
    } = results.ledger;
    ensure!(
        records == 2 * lookups,
        "the ledger has {records} records of {lookups} lookups, not two of each"
    );
    Ok(())
}

async fn measure(options: &Options) -> Result<Results> {
    let deployment = Deployment::lay(options.dir.as_deref()).await?;
    let machine = Machine::this(deployment.dir())?;
    let at_rest = at_rest(&deployment)?;
    let record = deployment.record()?;
    let mut turns = Vec::new();
    for contender in Contender::ALL {
        let first = first_answer(&deployment, contender).await;
        let expected = first.and_then(|first| Expected::of(contender, &record, first));
        let expected = expected.with_context(|| format!("the first answer of {contender}"))?;
        turns.push((contender, Arc::new(expected)));
    }
    let released = turns.iter().find(|(one, _)| *one == Contender::Gateway);
    let gateway_bytes = released.map_or(0, |(_, expected)| expected.bytes());

    let (windows, answered) = rounds(options, &deployment, &turns).await?;
    let report = deployment.close()?;
    let collection = collection::measure(options);
    let collection = collection.await.context("the components of a dossier")?;
    ensure!(
        report.is_sound(),
        "the ledger is not sound: {:?}",
        report.findings.first
    );
    Ok(Results {
        machine,
        rounds: options.rounds(),
        window_seconds: options.window().as_secs_f64(),
        connections: CONNECTIONS,
        smoke: options.smoke,
        owner_bytes: record.len(),
        gateway_bytes,
        at_rest,
        windows,
        ledger: Ledger {
            records: report.records,
            // With the first.
            lookups: answered + 1,
            commits: report.frames,
        },
        collection,
    })
}

fn at_rest(deployment: &Deployment) -> Result<Vec<AtRest>> {
    let proxies = Contender::ALL.into_iter().filter_map(|contender| {
        let proxy = deployment.proxy(contender)?;
        Some((contender, resident_kib(proxy.pid())))
    });
    proxies
        .map(|(contender, resident)| {
            let resident_kib = resident?;
            Ok(AtRest {
                contender,
                resident_kib,
            })
        })
        .collect()
}

async fn first_answer(
    deployment: &Deployment,
    contender: Contender,
) -> Result<motlan_testkit::client::Reply> {
    let address = deployment.address(contender);
    let client = Client::connect(address, deployment.tls()?).await?;
    Ok(client.call(&deployment.call()?).await?)
}

/// The windows, and how many calls the gateway has answered in all. Who begins changes from round
/// to round, so that nobody always comes after the same.
async fn rounds(
    options: &Options,
    deployment: &Deployment,
    turns: &[(Contender, Arc<Expected>)],
) -> Result<(Vec<Window>, u64)> {
    let tls = deployment.tls()?;
    let (mut windows, mut answered) = (Vec::new(), 0);
    let mut order: Vec<_> = turns.iter().collect();
    for round in 1..=options.rounds() {
        for &in_flight in &options.in_flight {
            for (contender, expected) in &order {
                let load = Load {
                    deployment,
                    tls: Arc::clone(&tls),
                    contender: *contender,
                    expected: Arc::clone(expected),
                    round,
                    in_flight,
                    window: options.window(),
                };
                let turn = format!("round {round}, {in_flight} in flight, {contender}");
                let measured = load.run().await.with_context(|| turn.clone())?;
                let calls_per_second = measured.window.calls_per_second;
                eprintln!("{turn}: {calls_per_second:.0} calls/s");
                if *contender == Contender::Gateway {
                    answered += measured.answered;
                }
                windows.push(measured.window);
            }
        }
        order.rotate_left(1);
    }
    Ok((windows, answered))
}
