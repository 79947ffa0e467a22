//! `motlan ledger`.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_audit::{Erased, Erasure, Origin, Quarter, Whose};
use motlan_gateway::ledger::Retained;
use motlan_gateway::{Settings, ledger};

use super::Config;

/// The longest subject that is read.
const SUBJECT_BYTES_MAX: usize = 4096;
/// What no command can undo.
const COPIES: &str = "Copies of the sealing file made before this can still read it: destroy them, \
                      or put the new file in their place.";

/// Make whatever is recorded of a subject unreadable for good.
#[derive(clap::Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    config: Config,
    /// The legal ground. It is recorded in public: nothing personal.
    #[arg(long)]
    ground: String,
    /// Only what is recorded of this dataset.
    #[arg(long)]
    dataset: Option<String>,
    /// Who erases. It is recorded like the official of a lookup, sealed.
    #[arg(long, default_value = "operator")]
    by: String,
}

/// Drop the log of a quarter whose time is over, with the personal parts of its records, and record
/// that in the newest log.
#[derive(clap::Args)]
pub(crate) struct Drop {
    /// The quarter, e.g. 2024q4: the oldest that is kept.
    quarter: Quarter,
    #[command(flatten)]
    config: Config,
    /// The legal ground. It is recorded in public: nothing personal.
    #[arg(long)]
    ground: String,
    /// Who drops it. It is recorded sealed.
    #[arg(long, default_value = "operator")]
    by: String,
    /// Also before `ledger.keep_quarters` have passed.
    #[arg(long)]
    before_its_time: bool,
}

pub(super) fn init(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let made = ledger::init(&settings.instance, &settings.ledger)?;
    let (layout, quarter) = (settings.ledger.layout(), made.origin.quarter());
    println!("ledger    {}", layout.ledger(quarter).display());
    println!("origin    {}", made.origin);
    println!("key       {} (secret)", settings.ledger.key.display());
    println!("sealing   {} (secret)", layout.sealing(quarter).display());
    if let Some(known) = layout.known_checkpoint(quarter) {
        println!(
            "known     {} (never restore it with the ledger)",
            known.display()
        );
    }
    println!("verifier  {} (hand this to your auditors)", made.verifier);
    Ok(ExitCode::SUCCESS)
}

impl Erase {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = read(&self.config.config)?;
        let erasure = Erasure {
            whose: Whose::Subject {
                subject: subject()?,
                dataset: self.dataset,
            },
            ground: self.ground,
            by: self.by,
            caller: String::new(),
            time_us: jiff::Timestamp::now().as_microsecond(),
        };
        let erased = ledger::erase(&settings.instance, &settings.ledger, &erasure)?;
        tell(erased.iter().map(|(_, erased)| erased));
        Ok(ExitCode::SUCCESS)
    }
}

impl Drop {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = read(&self.config.config)?;
        let dropped = ledger::drop_log(
            &settings.instance,
            &settings.ledger,
            self.quarter,
            (&self.ground, &self.by),
            self.before_its_time,
        )?;
        println!("{}: dropped, {} records", dropped.origin, dropped.records);
        println!("recorded as {}", dropped.record);
        println!("{COPIES}");
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn next(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let next = ledger::next(&settings.instance, &settings.ledger)?;
    println!("origin    {}", next.origin);
    println!("verifier  {}", next.verifier);
    println!("begins    {}", begins(&next.origin)?);
    Ok(ExitCode::SUCCESS)
}

/// When the log begins, to the second.
fn begins(origin: &Origin) -> anyhow::Result<jiff::Timestamp> {
    let begins_us = origin.quarter().begins_us();
    jiff::Timestamp::from_microsecond(begins_us).context("no calendar has this quarter")
}

pub(super) fn turn(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let newest = ledger::turn(&settings.instance, &settings.ledger)?;
    println!("the log that is written is {newest}");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn retain(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let now_us = jiff::Timestamp::now().as_microsecond();
    let told = ledger::retain(&settings.instance, &settings.ledger, now_us)?;
    for (quarter, retention, retained) in told {
        let dataset = &retention.dataset;
        match retained {
            Retained::Nothing => println!("{quarter} {dataset}: nothing readable is recorded"),
            Retained::Kept(until) => println!("{quarter} {dataset}: kept to the end of {until}"),
            Retained::Erased(erased) => tell([&erased].into_iter()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(config: &Path) -> anyhow::Result<Settings> {
    Settings::read(config).map_err(|faults| anyhow::anyhow!("\n{faults}"))
}

/// Never an argument: those stand in the list of processes and in the shell's history.
fn subject() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = io::stdin()
        .take(SUBJECT_BYTES_MAX as u64)
        .read_to_string(&mut text);
    read.context("standard input holds no text")?;
    let subject = text.trim();
    anyhow::ensure!(
        subject.lines().count() <= 1 && text.len() < SUBJECT_BYTES_MAX,
        "standard input holds more than one subject"
    );
    Ok(subject.to_owned())
}

fn tell<'e>(logs: impl Iterator<Item = &'e Erased> + Clone) {
    if logs.clone().all(|erased| erased.indices.is_empty()) {
        println!("nothing to erase: no readable sealed part is of it");
        return;
    }
    let mut counts = BTreeMap::<_, u64>::new();
    for (dataset, count) in logs.clone().flat_map(|erased| &erased.datasets) {
        *counts.entry(dataset).or_default() += count;
    }
    for (dataset, count) in counts {
        println!("{dataset}: {count} sealed parts can never be read again");
    }
    for record in logs.flat_map(|erased| &erased.records) {
        println!("recorded as {record}");
    }
    println!("{COPIES}");
}
