//! `motlan serve`: runs until SIGTERM or SIGINT, then finishes what is under way, or, at the next
//! one, leaves it; the ledger is closed either way. SIGHUP has it load catalogue and credentials
//! anew.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use motlan_gateway::preflight::{self, Checked};
use motlan_gateway::{Gateway, telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) fn run(config: &Path) -> anyhow::Result<ExitCode> {
    match preflight::checked(config) {
        Ok(checked) => super::runtime()?.block_on(serve(checked)),
        Err(problems) => {
            eprint!("{problems}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn serve(checked: Checked) -> anyhow::Result<ExitCode> {
    let settings = checked.settings();
    let _telemetry = telemetry::start(&settings.instance, &settings.telemetry)?;
    let mut signals = super::StopSignals::listen()?;
    // Listened for before there is anything to be loaded again: it would end the process.
    let mut again = signal(SignalKind::hangup())?;
    let gateway = Gateway::start_checked(checked).await?;
    tell(&gateway).context("standard output is closed")?;
    tokio::select! {
        () = signals.any() => {}
        never = reload(&gateway, &mut again) => match never {},
    }
    tracing::info!("stopping: finishing what is under way");
    // R60: the second signal is for whoever cannot wait. What is on record stays.
    gateway.stop_unless(signals.any()).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// R87: on each SIGHUP. What comes of it stands in the log, and in `/readyz?verbose`.
async fn reload(gateway: &Gateway, again: &mut Signal) -> Infallible {
    loop {
        // Never `None`: the runtime is there.
        again.recv().await;
        let _logged = gateway.reload().await;
    }
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
