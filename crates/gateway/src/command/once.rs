//! `motlan once`: what the law lets a desk ask for, as far as the catalogue can tell.

mod coverage;
mod form;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use motlan_catalog::{Catalog, Faults};
use motlan_gateway::Settings;

/// What the law lets a desk ask for.
#[derive(Subcommand)]
pub(super) enum Once {
    /// Show for every row of the law what it comes to in the catalogue, with totals.
    Coverage(coverage::CoverageOf),
    /// Tell which questions of a form the law forbids, because a database holds the answer. Exits
    /// with 0 where all may be asked, 1 where one may not, 2 where it cannot be told.
    CheckForm(form::CheckForm),
}

impl Once {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Coverage(coverage) => coverage.run(),
            Self::CheckForm(check) => Ok(check.run()),
        }
    }
}

/// Which catalogue.
#[derive(clap::Args)]
struct Where {
    /// The configuration whose catalogue is read.
    #[arg(long, default_value = "motlan.toml", conflicts_with = "catalog")]
    config: PathBuf,
    /// The catalogue's folder.
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
}

impl Where {
    fn load(&self) -> Result<Catalog, Faults> {
        match &self.catalog {
            Some(folder) => Catalog::load(folder),
            None => Catalog::load(&Settings::read(&self.config)?.catalog.folder),
        }
    }
}

/// Prints faults, with how many there are.
fn tell(faults: &Faults) {
    let many = if faults.len() == 1 { "" } else { "s" };
    eprintln!("{faults}\n{} fault{many}", faults.len());
}
