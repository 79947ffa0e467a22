//! `motlan policy accept`: from which revision on sets may be in force.

use std::path::PathBuf;
use std::process::ExitCode;

use motlan_catalog::signed::Acceptable;
use motlan_gateway::Settings;

use super::{print, told, tried};

/// Make the set the oldest that may be in force. Once by hand, before the first start; a running
/// gateway does it with each newer set that it takes.
#[derive(clap::Args)]
pub(crate) struct Accept {
    /// The configuration whose catalogue is accepted.
    #[arg(long, default_value = "motlan.toml")]
    config: PathBuf,
}

impl Accept {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let set = Settings::read(&self.config).and_then(|it| Acceptable::load(&it.catalog));
        let accepted = match set {
            // What no gateway would start with is not accepted, well signed or not.
            Ok(set) => match tried(&set)? {
                Some(_) => set.accept(),
                None => return Ok(ExitCode::FAILURE),
            },
            Err(faults) => Err(faults),
        };
        match accepted {
            Ok(accepted) => print(&format!(
                "accepted revision {}: nothing older will be in force\n",
                accepted.revision
            )),
            Err(faults) => {
                let _nothing: Option<()> = told(&faults);
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
