//! Measures durable appends: `cargo run --release -p motlan-audit --example appends -- FOLDER`,
//! where FOLDER is on the disk to be measured and is not there yet.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use motlan_api::audit::v1::{Record, RecordKind, Sealed};
use motlan_audit::{Entry, Ledger, Settings, SignerKey};

/// How long each number of callers is measured.
const MEASURE: Duration = Duration::from_secs(4);
const CALLERS: [usize; 4] = [1, 32, 64, 256];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("give a folder that is not there yet")?,
    );
    for callers in CALLERS {
        let folder = folder.join(callers.to_string());
        let key = SignerKey::generate("motlan.example/audit/bench/2026q4")?;
        Ledger::create(&folder, &"motlan.example/audit/bench/2026q4".parse()?, &key)?;
        let ledger = Ledger::open(Settings::new(folder, key))?;
        let _ = ledger.append(entry(0)).await?;
        let began = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|n| tokio::spawn(call(ledger.clone(), n, began)))
            .collect();
        let mut waits = Vec::new();
        for task in tasks {
            waits.extend(task.await??);
        }
        let seconds = began.elapsed().as_secs_f64();
        waits.sort_unstable();
        let at = |part: f64| {
            let index = (waits.len() as f64 * part) as usize;
            waits.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0
        };
        let rate = waits.len() as f64 / seconds;
        let (p50, p99, worst) = (at(0.5), at(0.99), at(1.0 - f64::EPSILON));
        println!(
            "{callers:>4} callers {rate:>9.0}/s  ms: p50 {p50:.2}, p99 {p99:.2}, worst {worst:.2}"
        );
        let index = ledger.size() / 2;
        let (began, mut receipts) = (Instant::now(), 0_u32);
        while began.elapsed() < Duration::from_millis(200) {
            ledger.receipt(index)?;
            receipts += 1;
        }
        println!("              {:>9}/s receipts", receipts * 5);
        ledger.close()?;
    }
    Ok(())
}

async fn call(ledger: Ledger, caller: usize, began: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut waits = Vec::new();
    while began.elapsed() < MEASURE {
        let asked = Instant::now();
        let _ = ledger.append(entry(caller)).await?;
        waits.push(asked.elapsed());
    }
    Ok(waits)
}

fn entry(caller: usize) -> Entry {
    let record = Record {
        kind: RecordKind::Question.into(),
        time_us: 1_790_787_600_000_000,
        caller: "H26/one-stop".to_owned(),
        dataset: "population".to_owned(),
        method: "/vn.population.v1.PopulationRegistry/GetPerson".to_owned(),
        procedure: "1.004222".to_owned(),
        revision: "0123456789abcdef".to_owned(),
        grant: "h26-g01/residence".to_owned(),
        view: "residence".to_owned(),
        trace_id: vec![7; 16],
        ..Record::default()
    };
    let sealed = Sealed {
        subject: format!("{caller:012}"),
        dossier: "H26.1-261001-0001".to_owned(),
        official: "official-17".to_owned(),
        token_id: "0123456789abcdef0123456789abcdef".to_owned(),
        ..Sealed::default()
    };
    Entry { record, sealed }
}
