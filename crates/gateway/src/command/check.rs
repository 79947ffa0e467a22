//! `motlan check`: every fault at once.

use std::path::Path;
use std::process::ExitCode;

use motlan_gateway::{Settings, ledger, preflight};

pub(super) fn run(config: &Path) -> ExitCode {
    match preflight::check(config) {
        Ok(settings) => {
            println!("{}", summary(&settings));
            // Found in order just now; there may be nobody to be told of it.
            if let Ok(next) = ledger::next(&settings.instance, &settings.ledger) {
                println!("the log of the next quarter will be `{}`", next.origin);
            }
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
        settings.catalog.folder.display()
    )
}
