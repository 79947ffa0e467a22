//! `motlan serve`: runs until SIGTERM or SIGINT, then finishes what is under way.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_gateway::{Gateway, Settings, preflight, telemetry};

pub(super) fn run(config: &Path) -> anyhow::Result<ExitCode> {
    match preflight::check(config) {
        Ok(settings) => super::runtime()?.block_on(serve(settings)),
        Err(problems) => {
            eprint!("{problems}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(&settings.telemetry)?;
    let signals = super::StopSignals::listen()?;
    let gateway = Gateway::start(settings).await?;
    tell(&gateway).context("standard output is closed")?;
    signals.any().await;
    tracing::info!("stopping: finishing what is under way");
    gateway.stop().await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// One line of JSON, so that whoever started the process knows the ports it took.
fn tell(gateway: &Gateway) -> std::io::Result<()> {
    let line = serde_json::json!({
        "gateway": gateway.address().to_string(),
        "admin": gateway.admin_address().to_string(),
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
