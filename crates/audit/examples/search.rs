//! Measures searching: `cargo run --release -p motlan-audit --example search -- FOLDER RECORDS`,
//! where FOLDER is on the disk to be measured and is not there yet. Some 500 bytes a record.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use motlan_api::audit::v1::{Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Entry, Index, Ledger, LogFolder, Query, Sealing, Settings, SignerKey};

const CALLERS: u64 = 512;
const SEARCHES: u64 = 100;
const ORIGIN: &str = "motlan.example/audit/bench/2026q4";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let place = PathBuf::from(
        arguments
            .next()
            .context("give a folder that is not there yet")?,
    );
    let records: u64 = arguments
        .next()
        .context("give a number of records")?
        .parse()?;
    let (folder, file) = (place.join("ledger"), place.join("ledger.index"));
    let key = place.join("ledger.key");
    if !folder.exists() {
        let signer = SignerKey::generate(ORIGIN)?;
        std::fs::create_dir_all(&place)?;
        signer.write(&key)?;
        Ledger::create(&folder, &ORIGIN.parse()?, &signer)?;
        let ledger = Ledger::open(Settings::new(&folder, signer))?;
        build(&ledger, records).await?;
        ledger.close()?;
    }
    let log = || {
        anyhow::Ok(LogFolder::open(
            &folder,
            Some(Sealing::read(&place.join("ledger.sealing"))?),
        )?)
    };
    let began = Instant::now();
    let index = Index::rebuild(log()?, &file, &mut |_, _| {})?;
    let seconds = began.elapsed().as_secs_f64();
    let records = index.indexed_to();
    let bytes = file.metadata()?.len();
    println!(
        "rebuild: {records} records in {seconds:.1} s, {:.0}/s, {:.1} bytes a record",
        records as f64 / seconds,
        bytes as f64 / records as f64
    );
    let began = Instant::now();
    let differences = index.check(&mut |_, _| {})?;
    println!(
        "check: {:.1} s, {} differences",
        began.elapsed().as_secs_f64(),
        differences.count
    );
    drop(index);

    let ledger = Ledger::open(Settings::new(&folder, SignerKey::read(&key)?))?;
    let index = Index::follow(ledger.clone(), &file)?;
    index.catch_up()?;
    search(&index, &place, records)?;
    append_beside(&ledger, &index).await?;
    index.stop();
    Ok(ledger.close()?)
}

fn search(index: &Index, place: &Path, records: u64) -> anyhow::Result<()> {
    let pages = |n| by_subject(n, records);
    measure("by subject, cold", index, Some(place), pages)?;
    measure("by subject, warm", index, None, pages)?;
    measure("by subject, dataset, result, warm", index, None, |n| {
        Query {
            dataset: Some("population".to_owned()),
            result: Some(Ended::Released),
            ..by_subject(n, records)
        }
    })?;
    measure("by caller and procedure, warm", index, None, |n| Query {
        caller: Some(caller(n)),
        procedure: Some(procedure(n * 7)),
        ..Query::default()
    })?;
    measure("by a reason that is rare, warm", index, None, |_| Query {
        reason: Some("PROVIDER_BROKEN".to_owned()),
        ..Query::default()
    })?;
    measure("by a minute of time, warm", index, None, |n| Query {
        since_us: Some(time_us(n * records / SEARCHES)),
        until_us: Some(time_us(n * records / SEARCHES) + 60_000_000),
        ..Query::default()
    })?;
    Ok(())
}

async fn append_beside(ledger: &Ledger, index: &Index) -> anyhow::Result<()> {
    let began = Instant::now();
    build(ledger, 200_000).await?;
    let appended = began.elapsed();
    let page = index.search(&Query::default())?;
    ensure!(page.indexed_to == ledger.size(), "the search is behind");
    println!(
        "200,000 appends beside the follower: {:.0}/s; then a search waited {:.0} ms",
        200_000.0 / appended.as_secs_f64(),
        (began.elapsed() - appended).as_secs_f64() * 1000.0
    );
    Ok(())
}

async fn build(ledger: &Ledger, records: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                for n in (caller..records).step_by(CALLERS as usize) {
                    let _ = ledger.append(entry(n)).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    println!(
        "built {records} records in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn by_subject(n: u64, records: u64) -> Query {
    Query {
        subject: Some(subject(scatter(n) % (records / 4).max(1))),
        ..Query::default()
    }
}

fn measure(
    what: &str,
    index: &Index,
    cold: Option<&Path>,
    query: impl Fn(u64) -> Query,
) -> anyhow::Result<()> {
    let (mut times, mut found) = (Vec::new(), 0);
    for n in 0..SEARCHES {
        if let Some(place) = cold {
            forget_cached(place)?;
        }
        let query = query(n + 1);
        let began = Instant::now();
        found += index.search(&query)?.records.len();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    println!(
        "{what}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms; {:.1} records each",
        ms(times.get(times.len() / 2)),
        ms(times.get(times.len() * 99 / 100)),
        ms(times.last()),
        found as f64 / SEARCHES as f64
    );
    Ok(())
}

/// Has the system drop what it has cached of all files below a folder.
fn forget_cached(place: &Path) -> anyhow::Result<()> {
    for file in std::fs::read_dir(place)? {
        let path = file?.path();
        if path.is_dir() {
            forget_cached(&path)?;
            continue;
        }
        let mut file = std::fs::File::open(&path)?;
        let _ = file.read(&mut [0])?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

fn scatter(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn subject(n: u64) -> String {
    format!("{n:012}")
}

fn caller(n: u64) -> String {
    format!("H{:02}/one-stop", n % 63)
}

fn procedure(n: u64) -> String {
    format!("1.{:06}", n % 765)
}

/// Some 130 records a second.
fn time_us(n: u64) -> i64 {
    1_790_787_600_000_000 + n as i64 * 7_500
}

fn entry(n: u64) -> Entry {
    let (is_outcome, lookup) = (n % 2 == 1, n / 2);
    let chance = scatter(lookup);
    let record = Record {
        kind: match is_outcome {
            true => RecordKind::Outcome.into(),
            false => RecordKind::Question.into(),
        },
        time_us: time_us(n),
        caller: caller(chance % 1000),
        dataset: match chance % 4 {
            0 | 1 => "population",
            2 => "land",
            _ => "business",
        }
        .to_owned(),
        method: "/vn.population.v1.PopulationRegistry/GetPerson".to_owned(),
        procedure: procedure(chance / 7),
        grant: format!("h{:02}-g01/residence", chance % 63),
        result: match (is_outcome, chance % 16) {
            (false, _) => 0,
            (true, 0) => Ended::Failed.into(),
            (true, _) => Ended::Released.into(),
        },
        reason: match (is_outcome, chance % 100_000) {
            (true, 0) => "PROVIDER_BROKEN".to_owned(),
            _ => String::new(),
        },
        ..Record::default()
    };
    let sealed = Sealed {
        subject: subject(chance % 2_500_000),
        dossier: format!("H26-{:08}", lookup / 3),
        official: format!("o-{:04}", chance % 5000),
        ..Sealed::default()
    };
    Entry { record, sealed }
}
