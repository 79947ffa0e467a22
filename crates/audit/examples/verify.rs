//! Measures verification: `cargo run --release -p motlan-audit --example verify -- FOLDER RECORDS`.
//! Where FOLDER is not there yet it is made first, with that many records. One thread does the
//! verifying; the time of its processor is what counts on a machine that has other work.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Entry, Ledger, Sealing, Settings, SignerKey, verify_with};
use rustix::time::{ClockId, clock_gettime};

const ORIGIN: &str = "motlan.example/audit/bench/2026q4";
/// How many write at once, so that a frame holds many records.
const CALLERS: u64 = 256;
const PASSES: usize = 5;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("give a folder")?);
    if !folder.exists() {
        let records = arguments.next().context("give the number of records")?;
        make(&folder, records.parse()?).await?;
    }
    let (_, key) = Ledger::named_in(&folder)?;
    let sealing = Sealing::read(&folder.with_extension("sealing"))?;
    for (what, sealing) in [("leaves alone", None), ("sealed parts too", Some(&sealing))] {
        for _ in 0..PASSES {
            let (wall, processor) = (Instant::now(), processor());
            let report = verify_with(&folder, &key, sealing, |_, _| {})?;
            let (wall, processor) = (wall.elapsed(), self::processor() - processor);
            ensure!(report.is_sound(), "{:?}", report.findings);
            let rate = |time: Duration| report.records as f64 / time.as_secs_f64();
            println!(
                "{} records, {what}: {:.0}/s, and {:.0} for each second of one processor",
                report.records,
                rate(wall),
                rate(processor)
            );
        }
    }
    Ok(())
}

/// How long this thread has had a processor.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

async fn make(folder: &Path, records: u64) -> anyhow::Result<()> {
    let key = SignerKey::generate(ORIGIN)?;
    Ledger::create(folder, &ORIGIN.parse()?, &key)?;
    let ledger = Ledger::open(Settings::new(folder, key))?;
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(look_up(ledger.clone(), caller, records / CALLERS / 2)))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(ledger.close()?)
}

/// Appends questions, each followed by its outcome.
async fn look_up(ledger: Ledger, caller: u64, lookups: u64) -> anyhow::Result<()> {
    for n in 0..lookups {
        let asked = ledger.append(question(caller, n)).await?.index();
        let mut outcome = question(caller, n);
        outcome.record.kind = RecordKind::Outcome.into();
        outcome.record.question = Some(asked);
        outcome.record.result = Ended::Released.into();
        let fields = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        outcome.record.fields_released = fields(&["full_name", "date_of_birth", "sex"]);
        outcome.record.fields_withheld = fields(&["relatives", "religion", "current_address"]);
        outcome.record.answers = 1;
        outcome.record.answer_bytes = 312;
        outcome.record.provider_status = Some(0);
        outcome.record.elapsed_us = 1234 + n;
        outcome.sealed.answer_sha256 = vec![9; 32];
        let _ = ledger.append(outcome).await?;
    }
    Ok(())
}

fn question(caller: u64, n: u64) -> Entry {
    let record = Record {
        kind: RecordKind::Question.into(),
        time_us: 1_790_787_600_000_000 + i64::try_from(n).unwrap_or_default(),
        caller: "H26/one-stop".to_owned(),
        dataset: "population".to_owned(),
        method: "/vn.population.v1.PopulationRegistry/GetPerson".to_owned(),
        procedure: "1.004222".to_owned(),
        revision: "0123456789abcdef".to_owned(),
        grant: "g01-h26-population-2026/residence".to_owned(),
        view: "residence".to_owned(),
        trace_id: vec![7; 16],
        ..Record::default()
    };
    let sealed = Sealed {
        subject: format!("{:012}", caller * 1_000_003 + n),
        dossier: format!("H26.1-261001-{n:04}"),
        official: format!("official-{caller}"),
        token_id: format!("{:032x}", caller * 1_000_003 + n),
        ..Sealed::default()
    };
    Entry { record, sealed }
}
