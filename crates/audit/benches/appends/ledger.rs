//! The ledger, written by callers in this process, as the gateway's lookups do.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use motlan_audit::{Entry, Ledger, Settings, SignerKey};

use crate::figures::Measured;
use crate::options::Plan;
use crate::sample::Sample;

const ORIGIN: &str = "motlan.example/audit/bench/2026q4";

/// One window on a fresh ledger below `dir`, which is taken away again.
pub(crate) fn measure(
    dir: &Path,
    callers: usize,
    sample: &Sample,
    plan: &Plan,
) -> Result<Measured> {
    let home = dir.join("ledger");
    fs::create_dir(&home)?;
    let folder = home.join("log");
    let key = SignerKey::generate(ORIGIN)?;
    Ledger::create(&folder, &ORIGIN.parse()?, &key)?;
    let ledger = Ledger::open(Settings::new(&folder, key))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let entry = Arc::new(sample.entry());
    let (written, waits) = runtime.block_on(all(&ledger, callers, &entry, plan))?;
    let held = ledger.size();
    ensure!(
        held == written,
        "the ledger holds {held} records, and acknowledged {written}"
    );
    ledger.close()?;
    fs::remove_dir_all(&home)?;
    Ok(Measured::of(waits, plan.window))
}

/// How many records were acknowledged at all, and the waiting times of those within the window.
async fn all(
    ledger: &Ledger,
    callers: usize,
    entry: &Arc<Entry>,
    plan: &Plan,
) -> Result<(u64, Vec<Duration>)> {
    let from = Instant::now() + plan.warm;
    let until = from + plan.window;
    let tasks: Vec<_> = (0..callers)
        .map(|_| tokio::spawn(call(ledger.clone(), Arc::clone(entry), from, until)))
        .collect();
    let (mut written, mut waits) = (0, Vec::new());
    for task in tasks {
        let (own, within) = task.await??;
        written += own;
        waits.extend(within);
    }
    Ok((written, waits))
}

/// One caller: it brings the next record when the last one is durable.
async fn call(
    ledger: Ledger,
    entry: Arc<Entry>,
    from: Instant,
    until: Instant,
) -> Result<(u64, Vec<Duration>)> {
    let (mut written, mut waits) = (0, Vec::new());
    loop {
        let asked = Instant::now();
        if asked >= until {
            return Ok((written, waits));
        }
        let _durable = ledger.append(Entry::clone(&entry)).await?;
        written += 1;
        let ended = Instant::now();
        if (from..until).contains(&ended) {
            waits.push(ended - asked);
        }
    }
}
