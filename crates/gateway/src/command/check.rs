//! `motlan check`: every fault at once.

use std::path::Path;
use std::process::ExitCode;

use motlan_gateway::Settings;
use motlan_gateway::preflight;

pub(super) fn run(config: &Path) -> ExitCode {
    match preflight::check(config) {
        Ok(settings) => {
            println!("{}", summary(&settings));
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprint!("{problems}");
            ExitCode::FAILURE
        }
    }
}

fn summary(settings: &Settings) -> String {
    format!(
        "in order: instance `{}`, catalogue `{}`",
        settings.instance,
        settings.catalog.display()
    )
}
