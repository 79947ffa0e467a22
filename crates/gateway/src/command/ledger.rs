//! `motlan ledger`.

use std::path::Path;
use std::process::ExitCode;

use motlan_gateway::{Settings, ledger};

pub(super) fn init(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(config).map_err(|faults| anyhow::anyhow!("\n{faults}"))?;
    let made = ledger::init(&settings.instance, &settings.ledger)?;
    println!("ledger    {}", settings.ledger.folder.display());
    println!("origin    {}", made.origin);
    println!("key       {} (secret)", settings.ledger.key.display());
    println!("verifier  {} (hand this to your auditors)", made.verifier);
    Ok(ExitCode::SUCCESS)
}
