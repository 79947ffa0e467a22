//! `motlan state`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_gateway::Settings;
use motlan_gateway::state::State;

pub(super) fn init(config: &Path) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(config).with_context(|| config.display().to_string())?;
    let file = settings.state.context("`[state]` names no `file`")?;
    State::init(&file)?;
    println!("state  {}", file.display());
    Ok(ExitCode::SUCCESS)
}
