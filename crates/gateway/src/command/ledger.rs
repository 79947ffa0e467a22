//! `motlan ledger`.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_audit::{Erased, Erasure, LogTaken, Origin, Quarter, Vouched, Whose};
use motlan_gateway::ledger::{Retained, StateTaken};
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

/// Copy all logs to another place, while the gateway runs, and verify the copy.
#[derive(clap::Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    config: Config,
    /// The folder for backups. What an earlier one holds already is not copied again.
    #[arg(long)]
    to: PathBuf,
    /// Also the key that signs the ledger. Whoever has it can write a second history: only for a
    /// place that is kept as the key itself is.
    #[arg(long)]
    with_key: bool,
}

/// Put a backup back, if nothing was recorded after it. The gateway must be stopped.
#[derive(clap::Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    config: Config,
    /// The folder for backups.
    #[arg(long)]
    from: PathBuf,
    /// The newest checkpoint or receipt that anybody holds: it must speak for the end of the
    /// backup.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
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

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = read(&self.config.config)?;
        let taken = ledger::backup(&settings, &self.to, self.with_key)?;
        let logs = &taken.logs;
        println!("backup    {}, verified", logs.folder.display());
        tell_logs(&logs.logs);
        println!(
            "records   {} copied, {} kept from the backup before",
            mebibytes(logs.copied_bytes),
            mebibytes(logs.kept_bytes)
        );
        println!("sealing   in it (secret): who has it reads whom the records are about");
        match self.with_key {
            true => println!("key       in it (secret): who has it can write a second history"),
            false => println!("key       not in it: keep a copy in another place"),
        }
        match taken.state {
            StateTaken::None => {}
            StateTaken::Copied => println!("state     in it"),
            StateTaken::InUse(file) => println!(
                "state     NOT in it: the gateway has `{}` open; stopped, it is copied too",
                file.display()
            ),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = read(&self.config.config)?;
        let given = self.checkpoint.as_deref();
        let put_back = ledger::put_back(&settings, &self.from, given)?;
        println!("ledger    {}, verified", settings.ledger.folder.display());
        tell_logs(&put_back.logs.logs);
        for file in put_back.beside {
            println!("also      {}", file.display());
        }
        match put_back.logs.vouched {
            Vouched::Known => println!("complete  as the known checkpoint says"),
            Vouched::Given => println!("complete  as the checkpoint given says"),
            Vouched::Witnesses => println!("complete  if the witnesses say so at the next start"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn tell_logs(logs: &[LogTaken]) {
    for log in logs {
        println!("log       {}, {} records", log.origin, log.records);
    }
    if let Some(newest) = logs.last() {
        println!("checkpoint of the newest:\n{}", newest.checkpoint);
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
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

pub(super) fn reserve(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let bytes = ledger::reserve(&settings.ledger)?;
    println!("reserve   {} on the ledger's disk", mebibytes(bytes));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn rotate_key(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = read(config)?;
    let rotated = ledger::rotate_key(&settings.instance, &settings.ledger)?;
    let why = match rotated.is_new {
        true => "",
        false => ", made before and not in use yet",
    };
    println!("key       {} (secret){why}", rotated.file.display());
    println!(
        "verifier  {} (hand this to your auditors and witnesses)",
        rotated.verifier
    );
    println!("signs     from {} on", rotated.origin);
    println!("begins    {}", begins(&rotated.origin)?);
    if let Some(kept) = rotated.retired {
        println!(
            "the one before its last: {} (secret; keep it with its logs)",
            kept.display()
        );
    }
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
