//! `motlan preview`: what each agreement's view would let out of a sample message, side by side.
//!
//! In scope: one message of one method, as the owner's system would answer it, put through the very
//! masks that the gateway would run. Out of scope: whether a caller may ask at all, which
//! [`motlan_policy`] decides per lookup; several messages of a stream.
//!
//! Limits: [`sample::SAMPLE_BYTES_MAX`] and [`sample::NESTING_MAX`]; the catalogue's own.

mod column;
mod content;
mod leaving;
mod report;
mod sample;
mod table;
mod target;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::civil::Date;
use motlan_catalog::{Catalog, DraftContract, Faults};
use motlan_gateway::Settings;
use motlan_policy::{Rules, RulesError};

use column::Day;
use report::Question;
use sample::{Format, Raw};
use target::Target;

/// Show what each agreement's view would let out of a sample message.
#[derive(clap::Args)]
pub(crate) struct Preview {
    /// The dataset, with its method where the sample fits several: `population/GetPerson`.
    #[arg(value_name = "DATASET[/METHOD]")]
    target: String,
    /// A message that the method could answer with: `.json`, `.txtpb` or `.binpb`; `-` reads
    /// standard input. Never a real person's: what it holds is printed.
    sample: PathBuf,
    /// The configuration whose catalogue is read.
    #[arg(long, default_value = "motlan.toml", conflicts_with = "catalog")]
    config: PathBuf,
    /// The catalogue's folder.
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
    /// A contract that is not published yet (`.proto` or `.binpb`), in place of the catalogue's.
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// The form of the sample, where its name does not tell.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What a caller asks for in `motlan-fields`: field paths, joined by commas.
    #[arg(long, value_name = "PATHS")]
    fields: Option<String>,
    /// Also show the views that no agreement grants.
    #[arg(long)]
    views: bool,
    /// The day in Việt Nam on which agreements are in force or not; today where none is named.
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
    /// Print what leaves under one grant, as protobuf JSON, and nothing else.
    #[arg(long, value_name = "GRANT", conflicts_with = "json")]
    show: Option<String>,
    /// Print everything as one JSON document.
    #[arg(long)]
    json: bool,
}

impl Preview {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let day = match self.on {
            Some(date) => Day::of(date)?,
            None => Day::today()?,
        };
        // Before the catalogue, which takes longer to read.
        let raw = Raw::read(&self.sample, self.format)?;
        let catalog = match self.load()? {
            Ok(catalog) => catalog,
            Err(faults) => {
                let many = if faults.len() == 1 { "" } else { "s" };
                eprintln!("{faults}\n{} fault{many}; nothing to preview", faults.len());
                return Ok(ExitCode::FAILURE);
            }
        };
        self.try_rules(&catalog)?;
        let target = Target::find(&catalog, &self.target, &raw)?;
        let question = Question {
            catalog: &catalog,
            target: &target,
            day: &day,
            fields: self.fields.as_deref(),
            views: self.views,
            contract: self.contract.as_deref(),
        };
        let report = report::report(&question)?;
        let text = if let Some(grant) = &self.show {
            serde_json::to_string_pretty(report.shown(grant)?)?
        } else if self.json {
            serde_json::to_string_pretty(&report)?
        } else {
            table::printed(&report)
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", text.trim_end()).context("standard output is closed")?;
        Ok(ExitCode::SUCCESS)
    }

    /// The rules as the gateway would make them. A draft may break the tests of agreements, which
    /// is worth knowing and no reason not to show what it would let out.
    fn try_rules(&self, catalog: &Catalog) -> Result<(), RulesError> {
        match Rules::new(catalog) {
            Ok(_) => Ok(()),
            Err(RulesError::Faults(faults)) if self.contract.is_some() => {
                let many = if faults.len() == 1 { "" } else { "s" };
                let count = faults.len();
                eprintln!("{faults}\n{count} fault{many}: the gateway would not load this");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The catalogue, as the gateway loads it but for the draft.
    fn load(&self) -> anyhow::Result<Result<Catalog, Faults>> {
        let folder = match &self.catalog {
            Some(folder) => folder.clone(),
            None => match Settings::read(&self.config) {
                Ok(settings) => settings.catalog.folder,
                Err(faults) => return Ok(Err(faults)),
            },
        };
        let Some(file) = &self.contract else {
            return Ok(Catalog::load(&folder));
        };
        let (dataset, _) = target::halves(&self.target);
        let draft = DraftContract {
            dataset: dataset
                .parse()
                .with_context(|| format!("`{dataset}` is no dataset"))?,
            file: file.clone(),
        };
        Ok(Catalog::load_with(&folder, &draft))
    }
}
