//! `motlan ledger`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_gateway::{Settings, ledger_init};

pub(super) fn init(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(config).map_err(|faults| anyhow::anyhow!("\n{faults}"))?;
    let made = ledger_init::init(&settings).context("the ledger was not made")?;
    println!("ledger    {}", settings.ledger.folder.display());
    println!("origin    {}", made.origin);
    println!("key       {} (secret)", settings.ledger.key.display());
    println!("verifier  {} (hand this to your auditors)", made.verifier);
    Ok(ExitCode::SUCCESS)
}
