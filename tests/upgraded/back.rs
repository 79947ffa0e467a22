//! Going back to the older version.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::versions::{NEXT, USUAL};
use crate::process::command::run;
use crate::process::deployment::Deployment;
use crate::{ask, refused};

/// What is the ledger's: all that its configuration names.
const KEPT: [&str; 2] = ["ledger", "pki/sealing"];

/// Puts all that is the ledger's from one folder into another, in place of what is there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for name in KEPT {
        let to = to.join(name);
        if to.exists() {
            std::fs::remove_dir_all(&to)?;
        }
        std::fs::create_dir_all(to.parent().context("no folder")?)?;
        run(Command::new("cp").arg("-a").arg(from.join(name)).arg(to))?.exited(0)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_version_serves_again_while_the_newer_has_recorded_nothing() -> Result<()> {
    let deployment = Deployment::lay().await?;
    let gateway = USUAL.serve(&deployment)?;
    ask(&deployment, &gateway, 1).await?;
    gateway.stop()?;
    NEXT.serve(&deployment)?.stop()?;
    let gateway = USUAL.serve(&deployment)?;
    ask(&deployment, &gateway, 1).await?;
    gateway.stop()?;
    ensure!(deployment.verified()?.records == 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_from_before_serves_again_and_lacks_what_the_newer_recorded() -> Result<()> {
    let deployment = Deployment::lay().await?;
    let aside = tempfile::tempdir()?;
    let gateway = USUAL.serve(&deployment)?;
    ask(&deployment, &gateway, 2).await?;
    gateway.stop()?;
    copy(deployment.world.dir(), aside.path())?;
    let gateway = NEXT.serve(&deployment)?;
    let receipt = ask(&deployment, &gateway, 1).await?;
    gateway.stop()?;
    refused(&deployment, USUAL)?;

    copy(aside.path(), deployment.world.dir())?;
    let gateway = USUAL.serve(&deployment)?;
    ask(&deployment, &gateway, 1).await?;
    gateway.stop()?;
    ensure!(deployment.verified()?.records == 6);
    // That is the price: somebody holds a proof of a record that is not there.
    NEXT.receipt(&deployment, &receipt)?.exited(0)?;
    let found = NEXT
        .audit(&deployment, &["show", "4", "--json"])?
        .exited(0)?;
    ensure!(found.out.contains("\"time\""), "{}", found.out);
    Ok(())
}
