//! `motlan policy`: what people read before they sign, and what they ask afterwards.
//!
//! In scope: trying the tests of agreements, showing who may learn what, comparing two catalogues,
//! explaining a decision, a starting point for a new agreement, and signing. Everything is decided
//! by the rules that the gateway runs ([`motlan_policy`]); nothing here decides.

mod accept;
mod diff;
mod explain;
mod fresh;
mod label;
mod matrix;
mod record;
mod replay;
mod seal;
mod sign;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Subcommand;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use motlan_catalog::signed::{Survey, Unsealed};
use motlan_catalog::{Catalog, Faults, agreement_schema};
use motlan_gateway::Settings;
use motlan_policy::{Moment, Rules, RulesError};

/// Việt Nam keeps UTC+7 all year.
const VIETNAM: Offset = Offset::constant(7);

/// What to do with agreements.
#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Try every test of every agreement; exit non-zero where one does not hold.
    Test(Place),
    /// Show who may learn which fields by which method for which procedures.
    Matrix(matrix::Matrix),
    /// Show who gains and who loses which fields between two catalogues. Exits non-zero where an
    /// agreement changed and its version did not grow.
    Diff(diff::Diff),
    /// Show why a question would be allowed or refused, condition by condition.
    Explain(explain::Explain),
    /// Run past records against a candidate: what would have been decided otherwise.
    Replay(replay::Replay),
    /// Print a starting point for an agreement, to be filled in.
    New(fresh::New),
    /// Sign an agreement as its provider's owner or data-protection officer, or as its consumer.
    Sign(sign::Sign),
    /// Seal a set under its next revision.
    Seal(seal::Seal),
    /// Make a set the oldest that may be in force.
    Accept(accept::Accept),
    /// Print the JSON Schema of the agreement file, for an editor that completes and checks.
    Schema,
}

/// Which catalogue.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// The configuration whose catalogue is read.
    #[arg(long, default_value = "motlan.toml", conflicts_with = "catalog")]
    config: PathBuf,
    /// The catalogue's folder.
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
}

impl Policy {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Test(place) => test(&place),
            Self::Matrix(matrix) => matrix.run(),
            Self::Diff(diff) => diff.run(),
            Self::Explain(explain) => explain.run(),
            Self::Replay(replay) => replay.run(),
            Self::New(new) => new.run(),
            Self::Sign(sign) => sign.run(),
            Self::Seal(seal) => seal.run(),
            Self::Accept(accept) => accept.run(),
            Self::Schema => print(&agreement_schema()),
        }
    }
}

/// A catalogue with its rules.
struct Loaded {
    folder: PathBuf,
    catalog: Catalog,
    rules: Rules,
}

impl Place {
    /// What the configuration says.
    fn settings(&self) -> anyhow::Result<Settings> {
        Ok(Settings::read(&self.config)?)
    }

    /// The catalogue as the gateway loads it; nothing, with every fault told, where it would not.
    fn load(&self) -> anyhow::Result<Option<Loaded>> {
        self.folder().map_or(Ok(None), |folder| load(&folder))
    }

    /// Where the catalogue lies; nothing, with every fault told, where the configuration has any.
    fn folder(&self) -> Option<PathBuf> {
        match &self.catalog {
            Some(folder) => Some(folder.clone()),
            None => match Settings::read(&self.config) {
                Ok(settings) => Some(settings.catalog.folder),
                Err(faults) => told(&faults),
            },
        }
    }
}

fn load(folder: &Path) -> anyhow::Result<Option<Loaded>> {
    let catalog = match Catalog::load(folder) {
        Ok(catalog) => catalog,
        Err(faults) => return Ok(told(&faults)),
    };
    Ok(tried(&catalog)?.map(|rules| Loaded {
        folder: folder.to_owned(),
        catalog,
        rules,
    }))
}

/// The rules of a catalogue whose agreements hold their own tests; nothing, with every fault told,
/// where they do not.
fn tried(catalog: &Catalog) -> anyhow::Result<Option<Rules>> {
    match Rules::new(catalog) {
        Ok(rules) => Ok(Some(rules)),
        Err(RulesError::Faults(faults)) => Ok(told(&faults)),
        Err(error) => Err(error.into()),
    }
}

/// A set as it lies in its folder by now, to be signed or sealed; nothing, with every fault told,
/// where it would not be in force signed and sealed.
fn unsealed(folder: &Path) -> anyhow::Result<Option<Unsealed>> {
    let set = match Unsealed::load(folder) {
        Ok(set) => set,
        Err(faults) => return Ok(told(&faults)),
    };
    Ok(tried(&set)?.map(|_rules| set))
}

fn told<T>(faults: &Faults) -> Option<T> {
    let many = if faults.len() == 1 { "" } else { "s" };
    eprintln!("{faults}\n{} fault{many}", faults.len());
    None
}

fn test(place: &Place) -> anyhow::Result<ExitCode> {
    let Some(Loaded {
        folder,
        catalog,
        rules,
    }) = place.load()?
    else {
        return Ok(ExitCode::FAILURE);
    };
    let unnamed = rules.unnamed(&catalog, now()?);
    for breach in &unnamed.allowed {
        eprintln!(
            "`{}` allows `{}` the method `{}` for `{}`, which no grant names: a fault of the \
             rules, report it",
            breach.grant, breach.system, breach.method, breach.procedure
        );
    }
    if !unnamed.allowed.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let mut text = String::new();
    let mut tests = 0;
    for agreement in catalog.agreements() {
        let count = agreement.cases.len();
        tests += count;
        let line = format!(
            "{} v{}: {count} tests hold\n",
            agreement.id, agreement.version
        );
        text.push_str(&line);
    }
    text.push_str(&format!(
        "{} questions that no grant names: all refused\n",
        unnamed.tried
    ));
    let agreements = catalog.agreements().len();
    // Whoever works on a set is told how far it is from being in force.
    let signed = Survey::of(&folder, &catalog);
    text.push_str(&format!(
        "{agreements} agreements, {tests} tests; {signed}\n"
    ));
    print(&text)
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("standard output is closed")?;
    Ok(ExitCode::SUCCESS)
}

/// The first instant of a day in Việt Nam; without one, now.
fn from(day: Option<Date>) -> anyhow::Result<Moment> {
    day.map_or_else(now, |day| {
        at(Some(day.to_datetime(jiff::civil::Time::midnight())))
    })
}

/// A local time in Việt Nam; without one, now.
fn at(local: Option<DateTime>) -> anyhow::Result<Moment> {
    let Some(local) = local else { return now() };
    let zoned = local.to_zoned(TimeZone::fixed(VIETNAM))?;
    Ok(Moment::from_unix_ms(zoned.timestamp().as_millisecond()))
}

/// The clock is at the edge: here, and nowhere further in.
fn now() -> anyhow::Result<Moment> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let unix_ms = i64::try_from(since_epoch.as_millis())?;
    Ok(Moment::from_unix_ms(unix_ms))
}
