//! `motlan ledger`.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_audit::{Erased, Erasure, Whose};
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

pub(super) fn init(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let made = ledger::init(&settings.instance, &settings.ledger)?;
    println!("ledger    {}", settings.ledger.folder.display());
    println!("origin    {}", made.origin);
    println!("key       {} (secret)", settings.ledger.key.display());
    println!("sealing   {} (secret)", settings.ledger.sealing.display());
    if let Some(known) = &settings.ledger.known_checkpoint {
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
        tell(&erased);
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn retain(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let now_us = jiff::Timestamp::now().as_microsecond();
    for (retention, retained) in ledger::retain(&settings.instance, &settings.ledger, now_us)? {
        let dataset = &retention.dataset;
        match retained {
            Retained::Nothing => println!("{dataset}: nothing readable is recorded"),
            Retained::Kept(until) => println!("{dataset}: kept to the end of {until}"),
            Retained::Erased(erased) => tell(&erased),
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

fn tell(erased: &Erased) {
    if erased.indices.is_empty() {
        println!("nothing to erase: no readable sealed part is of it");
        return;
    }
    for (dataset, count) in &erased.datasets {
        println!("{dataset}: {count} sealed parts can never be read again");
    }
    for record in &erased.records {
        println!("recorded as {record}");
    }
    println!("{COPIES}");
}
