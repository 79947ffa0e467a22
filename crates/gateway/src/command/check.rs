//! `motlan check`: every fault at once.

use std::path::PathBuf;
use std::process::ExitCode;

use motlan_gateway::preflight::{self, Checked, Scope};
use motlan_gateway::{Settings, ledger};

/// What to check, and how far.
#[derive(clap::Args)]
pub(super) struct Check {
    /// The configuration.
    #[arg(long, default_value = "motlan.toml")]
    config: PathBuf,
    /// Dial no owner's system.
    #[arg(long)]
    offline: bool,
    /// The gateway runs, and the check is beside it, as before a reload: its ports are taken and
    /// its ledger is held, and that is no fault.
    #[arg(long)]
    running: bool,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let scope = Scope {
            running: self.running,
            owners: !self.offline,
            room: true,
            ..Scope::start()
        };
        let examined = preflight::examined(&self.config, &scope);
        Ok(match super::runtime()?.block_on(examined) {
            Ok(checked) => {
                tell(&checked);
                ExitCode::SUCCESS
            }
            Err(problems) => {
                eprint!("{problems}");
                ExitCode::FAILURE
            }
        })
    }
}

fn tell(checked: &Checked) {
    let settings = checked.settings();
    println!("{}", summary(settings));
    for line in checked.looked() {
        println!("{line}");
    }
    // Found in order just now; there may be nobody to be told of it.
    if let Ok(next) = ledger::next(&settings.instance, &settings.ledger) {
        println!("the log of the next quarter will be `{}`", next.origin);
    }
    for warning in checked.warnings() {
        println!("warning: {warning}");
    }
}

fn summary(settings: &Settings) -> String {
    format!(
        "in order: instance `{}`, catalogue `{}`",
        settings.instance,
        settings.catalog.folder.display()
    )
}
