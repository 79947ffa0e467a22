//! What a lookup costs as things grow: agreements, datasets, and the ledger.

mod records;
mod tables;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::catalogue;
use crate::contender::Contender;
use crate::deployment::Deployment;
use crate::expected::Expected;
use crate::load::{Load, Measured};
use crate::machine::{Pids, resident_kib};
use crate::options::Options;
use crate::start;
use records::Disk;

/// How many agreements and datasets the catalogues hold; the first is what the others are held
/// against.
const CATALOGUES: [(usize, usize); 4] = [(10, 4), (1_000, 4), (10_000, 4), (110, 100)];
const CATALOGUES_SMOKE: [(usize, usize); 1] = [(30, 8)];
/// How many records the ledgers hold, as far as `--growth-records` goes.
const LEDGERS: [u64; 5] = [0, 10_000, 100_000, 1_000_000, 10_000_000];
const LEDGERS_SMOKE: [u64; 1] = [2_000];
/// The load: calls in flight, and connections; and one by itself.
const LOAD: (usize, usize) = (32, 4);
const ALONE: (usize, usize) = (1, 1);

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Growth {
    catalogues: Vec<OfCatalogue>,
    ledgers: Vec<OfLedger>,
}

/// Under one catalogue.
#[derive(Debug, Serialize)]
struct OfCatalogue {
    agreements: usize,
    datasets: usize,
    rounds: Vec<Round>,
}

/// With one ledger.
#[derive(Debug, Serialize)]
struct OfLedger {
    /// How many records were made before anything was measured.
    grown: u64,
    /// How many it held in the end, with those of the calls that were measured.
    records: u64,
    /// How long the making took, the index included.
    growing_seconds: f64,
    rounds: Vec<Round>,
    starts: Vec<AtStart>,
    /// The median of calls that want their receipts with the answer, one at a time.
    receipt_p50_us: Vec<f64>,
    /// In the end.
    disk: Disk,
}

/// The gateway's start before a round.
#[derive(Debug, Serialize)]
struct AtStart {
    answered_ms: f64,
    resident_kib: u64,
}

/// The windows of one round.
#[derive(Debug, Serialize)]
struct Round {
    loaded: Measured,
    alone: Measured,
}

/// Measures as catalogues grow, then as ledgers do.
///
/// # Errors
/// Where an answer is wrong, or a ledger is not whole.
pub(crate) async fn measure(options: &Options) -> Result<Growth> {
    Ok(Growth {
        catalogues: catalogues(options).await.context("catalogues")?,
        ledgers: ledgers(options).await.context("ledgers")?,
    })
}

/// A deployment under measurement, and how many of its calls were answered.
struct Turn {
    deployment: Deployment,
    answered: u64,
}

impl Turn {
    async fn window(
        &mut self,
        (in_flight, connections): (usize, usize),
        window: Duration,
        wants_receipt: bool,
    ) -> Result<Measured> {
        let own = &self.deployment;
        let address = own.gateway_address()?;
        let expected = Expected::hear(Contender::Gateway, address, own).await?;
        let mut call = own.call()?;
        if wants_receipt {
            call = call.metadata("motlan-receipt", "full")?;
        }
        let load = Load {
            address: address.to_owned(),
            tls: own.tls()?,
            call,
            expected,
            in_flight,
            connections,
            window,
            process: Some(Pids::of(own.gateway()?.pid())?),
        };
        let measured = load.run().await?;
        self.answered += measured.answered + 1;
        Ok(measured)
    }

    async fn round(&mut self, window: Duration) -> Result<Round> {
        Ok(Round {
            loaded: self.window(LOAD, window, false).await?,
            alone: self.window(ALONE, window / 2, false).await?,
        })
    }

    /// Stops the gateway and has its ledger verified, which holds `others` records beside two of
    /// each call.
    fn close(self, others: u64) -> Result<u64> {
        let due = others + 2 * self.answered;
        let records = self.deployment.close()?.records;
        ensure!(
            records == due,
            "the ledger has {records} records, and {due} are due"
        );
        Ok(records)
    }
}

/// All gateways run side by side, and one at a time is under load, in turn.
async fn catalogues(options: &Options) -> Result<Vec<OfCatalogue>> {
    let wanted = match options.smoke {
        true => CATALOGUES_SMOKE.as_slice(),
        false => CATALOGUES.as_slice(),
    };
    let (mut turns, mut rows) = (Vec::new(), Vec::new());
    for &(agreements, datasets) in wanted {
        let mut deployment = Deployment::lay(options.dir.as_deref()).await?;
        let owner = deployment.owner().said.clone();
        catalogue::publish(deployment.world(), datasets, &owner)?;
        catalogue::agree(deployment.world(), agreements)?;
        deployment.start_gateway()?;
        rows.push(OfCatalogue {
            agreements: catalogue::agreements(deployment.world())?,
            datasets,
            rounds: Vec::new(),
        });
        turns.push(Turn {
            deployment,
            answered: 0,
        });
    }
    for round in 0..options.rounds() {
        for at in in_turn(turns.len(), round) {
            let (Some(turn), Some(row)) = (turns.get_mut(at), rows.get_mut(at)) else {
                continue;
            };
            row.rounds.push(turn.round(options.window()).await?);
        }
    }
    for turn in turns {
        turn.close(0)?;
    }
    Ok(rows)
}

/// All ledgers are grown first; then one gateway at a time is started, measured and stopped, in
/// turn.
async fn ledgers(options: &Options) -> Result<Vec<OfLedger>> {
    let wanted = match options.smoke {
        true => LEDGERS_SMOKE.as_slice(),
        false => LEDGERS.as_slice(),
    };
    let (mut turns, mut rows) = (Vec::new(), Vec::new());
    for &records in wanted.iter().filter(|one| **one <= options.growth_records) {
        let deployment = Deployment::lay(options.dir.as_deref()).await?;
        let mut turn = Turn {
            deployment,
            answered: 0,
        };
        let growing_seconds = grow(&mut turn, records).await?;
        turns.push(turn);
        rows.push(OfLedger {
            grown: records,
            records: 0,
            growing_seconds,
            rounds: Vec::new(),
            starts: Vec::new(),
            receipt_p50_us: Vec::new(),
            disk: Disk::default(),
        });
    }
    for round in 0..options.rounds() {
        for at in in_turn(turns.len(), round) {
            if let (Some(turn), Some(row)) = (turns.get_mut(at), rows.get_mut(at)) {
                with_ledger(turn, row, options.window()).await?;
            }
        }
    }
    for (turn, row) in turns.into_iter().zip(&mut rows) {
        row.disk = Disk::of(turn.deployment.world())?;
        row.records = turn.close(row.grown)?;
    }
    Ok(rows)
}

/// Has the gateway answer one lookup, of which the others are copies, and then makes so many.
async fn grow(turn: &mut Turn, records: u64) -> Result<f64> {
    let once = start::start_gateway(&mut turn.deployment).await;
    once.context("before the ledger grows")?;
    turn.answered += 1;
    turn.deployment.stop_gateway()?;
    let began = std::time::Instant::now();
    records::grow(turn.deployment.world(), records).await?;
    Ok(began.elapsed().as_secs_f64())
}

async fn with_ledger(turn: &mut Turn, row: &mut OfLedger, window: Duration) -> Result<()> {
    let once = start::start_gateway(&mut turn.deployment).await?;
    turn.answered += 1;
    row.starts.push(AtStart {
        answered_ms: once.answered_ms,
        resident_kib: resident_kib(turn.deployment.gateway()?.pid())?,
    });
    row.rounds.push(turn.round(window).await?);
    let with_receipts = turn.window(ALONE, window / 2, true).await?;
    row.receipt_p50_us.push(with_receipts.p50_us);
    turn.deployment.stop_gateway()
}

/// Who begins changes from round to round, so that nobody always comes after the same.
fn in_turn(count: usize, round: u32) -> impl Iterator<Item = usize> {
    let first = usize::try_from(round).unwrap_or_default() % count.max(1);
    (0..count).cycle().skip(first).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_turn_in_a_round_and_another_begins_in_the_next() {
        assert_eq!(in_turn(3, 0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(in_turn(3, 4).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(in_turn(0, 4).count(), 0);
    }
}
