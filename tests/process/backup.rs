//! Backups by command: taken while desks ask, verified by the auditor, and put back only where
//! nothing was recorded after them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tokio::task::{JoinSet, spawn_blocking};
use tonic::Code;

use super::command::{Ended, binary, run};
use super::deployment::Question;
use super::desk::{Desk, PERSON};

/// Desks that ask while a backup is taken.
const DESKS: usize = 4;

fn backups(desk: &Desk) -> PathBuf {
    desk.deployment.world.dir().join("backups")
}

fn ledger(desk: &Desk, verb: &str, place: &str, more: &[&str]) -> Result<Ended> {
    let mut command = desk.deployment.motlan(&["ledger", verb])?;
    run(command.arg(place).arg(backups(desk)).args(more))
}

/// `motlan-audit` on the logs of the backup.
fn audit(desk: &Desk, words: &[&str]) -> Result<String> {
    let mut command = Command::new(binary("motlan-audit")?);
    let logs = backups(desk).join("demo/ledger");
    Ok(run(command.args(words).arg("--ledger").arg(logs))?
        .exited(0)?
        .out)
}

fn verified(desk: &Desk) -> Result<String> {
    let sealing = backups(desk).join("demo/sealing");
    let (key, sealing) = (desk.deployment.key.to_string(), text(&sealing)?);
    audit(desk, &["verify", "--key", &key, "--sealing", &sealing])
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("no text")?.to_owned())
}

/// Sets where known checkpoints and the state lie, and makes them.
fn configure(desk: &Desk) -> Result<()> {
    let deployment = &desk.deployment;
    let config = fs::read_to_string(deployment.world.config())?;
    let config = config.replace("[ledger]\n", "[ledger]\nknown_checkpoint = \"known\"\n");
    let config = format!("{config}\n[state]\nfile = \"state.redb\"\n");
    deployment.world.write("motlan.toml", &config)?;
    for verb in ["ledger", "state"] {
        run(&mut deployment.motlan(&[verb, "init"])?)?.exited(0)?;
    }
    Ok(())
}

/// Takes the ledger away, as a disk does that dies.
fn lose(desk: &Desk) -> Result<()> {
    let dir = desk.deployment.world.dir();
    for folder in ["ledger", "ledger.index", "pki/sealing"] {
        fs::remove_dir_all(dir.join(folder))?;
    }
    Ok(fs::remove_file(dir.join("state.redb"))?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_taken_while_desks_ask_and_put_back_only_if_nothing_came_after() -> Result<()> {
    // R108, R109.
    let mut desk = Desk::lay().await?;
    configure(&desk)?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    let reply = desk.ask(&client).await?;
    let record = reply
        .metadata("motlan-record")
        .context("no record")?
        .to_owned();
    let mut asking = JoinSet::new();
    let person = &desk.deployment.world.sample().roles.spouse;
    let call = desk.deployment.call(&Question::of_desk(PERSON, person))?;
    for _ in 0..DESKS {
        let (client, call) = (client.clone(), call.clone());
        asking.spawn(async move {
            loop {
                let reply = client.call(&call).await?;
                ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
            }
        });
    }
    let desk = spawn_blocking(move || {
        let told = ledger(&desk, "backup", "--to", &[])?.exited(0)?.out;
        ensure!(told.contains("the gateway has"), "{told}");
        ensure!(told.contains("key       not in it"), "{told}");
        Ok(desk)
    });
    let mut desk = desk.await??;
    asking.abort_all();
    while let Some(asked) = asking.join_next().await {
        asked.map_or(Ok(()), |stopped: Result<()>| stopped)?;
    }
    let told = verified(&desk)?;
    ensure!(
        told.contains("is sound") && told.contains("0  newer"),
        "{told}"
    );
    ensure!(audit(&desk, &["show", &record])?.contains(&record));
    // Somebody was told of what is not in it.
    desk.must_answer(&client).await?;
    gateway.stop()?;
    lose(&desk)?;
    let refused = ledger(&desk, "restore", "--from", &[])?.exited(1)?.err;
    ensure!(refused.contains("the ledger went on after it"), "{refused}");
    ensure!(!desk.deployment.ledger().exists(), "it was put back");
    // Nor does the key begin another history of that name.
    let again = run(&mut desk.deployment.motlan(&["ledger", "init"])?)?
        .exited(1)?
        .err;
    ensure!(again.contains("choose another `instance`"), "{again}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_was_backed_up_when_it_stood_still_goes_on_elsewhere() -> Result<()> {
    // R109.
    let mut desk = Desk::lay().await?;
    configure(&desk)?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    gateway.stop()?;
    let told = ledger(&desk, "backup", "--to", &["--with-key"])?
        .exited(0)?
        .out;
    ensure!(told.contains("state     in it"), "{told}");
    let there = ledger(&desk, "restore", "--from", &[])?.exited(1)?.err;
    ensure!(
        there.contains("it may hold more than the backup"),
        "{there}"
    );
    lose(&desk)?;
    fs::remove_file(desk.deployment.world.dir().join("pki/ledger.key"))?;
    let told = ledger(&desk, "restore", "--from", &[])?.exited(0)?.out;
    for due in ["as the known checkpoint says", "ledger.key", "state.redb"] {
        ensure!(told.contains(due), "{told}");
    }
    desk.must_be_repaired().await
}
