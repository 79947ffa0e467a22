//! Quarters by command: a gateway begins the log of the quarter that it is, the auditor follows
//! from one to the next, and the operator drops the oldest.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::{Layout, Origin, Quarter, ShardSettings, Shards, SignerKey};

use super::command::{Ended, binary, run};
use super::deployment::{Deployment, Question};
use super::desk::{PATIENCE, PERSON};
use super::gateway::{Gateway, STOP_MAX, logged};
use super::patience::eventually;

/// A deployment whose only log is of an earlier quarter.
struct Case {
    deployment: Deployment,
    first: Origin,
}

impl Case {
    async fn lay(quarters_ago: usize) -> Result<Case> {
        let deployment = Deployment::lay().await?;
        let dir = deployment.world.dir();
        let key = SignerKey::read(&dir.join("pki/ledger.key"))?;
        let mut layout = Layout::beside(dir.join("ledger"));
        layout.sealings = dir.join("pki/sealing");
        fs::remove_dir_all(&layout.ledgers)?;
        fs::remove_dir_all(&layout.sealings)?;
        let mut quarter: Quarter = deployment.quarter.parse()?;
        for _ in 0..quarters_ago {
            quarter = Quarter::containing(quarter.begins_us() - 1);
        }
        let first: Origin = format!("{}/{quarter}", key.verifier().name()).parse()?;
        Shards::create(&ShardSettings::new(layout, Arc::new(key)), &first)?;
        Ok(Case { deployment, first })
    }

    /// Serves one lookup; its record.
    async fn ask(&self) -> Result<String> {
        let gateway = self.deployment.serve()?;
        let record = self.look_up(&gateway).await?;
        gateway.stop()?;
        Ok(record)
    }

    async fn look_up(&self, gateway: &Gateway) -> Result<String> {
        let person = &self.deployment.world.sample().roles.person;
        let question = Question::of_desk(PERSON, person);
        let client = self.deployment.connect(gateway, question.system).await?;
        let reply = client.call(&self.deployment.call(&question)?).await?;
        let record = reply.metadata("motlan-record").map(str::to_owned);
        record.context("no answer")
    }

    /// `motlan-audit` on the folder of all logs.
    fn audit(&self, words: &[&str], code: i32) -> Result<String> {
        let mut command = Command::new(binary("motlan-audit")?);
        let ledger = self.deployment.world.dir().join("ledger");
        command.args(words).arg("--ledger").arg(ledger);
        Ok(run(&mut command)?.exited(code)?.out)
    }

    fn verified(&self) -> Result<String> {
        let (key, sealing) = (
            self.deployment.key.to_string(),
            self.deployment.world.dir().join("pki/sealing"),
        );
        let sealing = sealing.to_str().context("no text")?;
        self.audit(&["verify", "--key", &key, "--sealing", sealing], 0)
    }

    fn motlan(&self, words: &[&str]) -> Result<Ended> {
        run(&mut self.deployment.motlan(words)?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_begins_its_quarter_and_the_oldest_log_is_dropped_by_command() -> Result<()> {
    // R77, R78.
    let case = Case::lay(2).await?;
    let record = case.ask().await?;
    ensure!(record.contains(&case.deployment.quarter), "{record}");
    let told = case.verified()?;
    ensure!(told.contains("The 2 logs go on from each other"), "{told}");
    ensure!(case.audit(&["show", &record], 0)?.contains(&record));
    let (first, quarter) = (case.first.record_id(0), case.first.quarter().to_string());
    let shown = case.audit(&["show", &first.to_string()], 0)?;
    ensure!(shown.contains("link  followed by motlan"), "{shown}");
    let proof = case.audit(&["prove", "inclusion", &first.to_string()], 0)?;
    ensure!(proof.contains(case.first.as_str()), "{proof}");
    let of_first = case.audit(&["show", "--quarter", &quarter], 0)?;
    ensure!(of_first.lines().count() == 1, "{of_first}");
    case.audit(&["show", "--quarter", "2020q1"], 2)?;

    let next = case.motlan(&["ledger", "next"])?.exited(0)?.out;
    let due: Quarter = case.deployment.quarter.parse()?;
    ensure!(next.contains(&format!("/{}\n", due.after(1))), "{next}");
    ensure!(next.contains(&case.deployment.key.to_string()), "{next}");
    let told = case.motlan(&["check"])?.exited(0)?.out;
    ensure!(told.contains(&format!("/{}`", due.after(1))), "{told}");

    let drop = ["ledger", "drop", quarter.as_str(), "--ground", "order 9"];
    let refused = case.motlan(&drop)?.exited(1)?.err;
    ensure!(refused.contains("`ledger.keep_quarters`"), "{refused}");
    let early = [&drop[..], &["--before-its-time"]].concat();
    let dropped = case.motlan(&early)?.exited(0)?.out;
    ensure!(dropped.contains("dropped, 1 records"), "{dropped}");
    let told = case.verified()?;
    ensure!(told.contains("was dropped, as is on record"), "{told}");
    ensure!(case.ask().await?.contains(&case.deployment.quarter));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_cannot_begin_its_quarter_goes_on_in_the_last_and_says_so() -> Result<()> {
    // R77.
    let case = Case::lay(1).await?;
    let next = case.deployment.ledger();
    fs::create_dir(&next)?;
    fs::write(next.join("stranger"), "in the way")?;
    let gateway = case.deployment.serve()?;
    ensure!(
        case.look_up(&gateway)
            .await?
            .contains(&case.first.quarter().to_string())
    );
    let told = eventually("the error in the log", PATIENCE, async || {
        Ok(logged(&gateway.process.log(), "ERROR").pop())
    });
    let told = told.await?;
    ensure!(told.contains("the quarter could not turn"), "{told}");
    ensure!(
        told.contains("a new ledger needs a folder of its own"),
        "{told}"
    );
    gateway.process.signal("TERM")?;
    gateway.process.wait(STOP_MAX)?.exited(0)?;
    fs::remove_dir_all(next)?;
    ensure!(case.ask().await?.contains(&case.deployment.quarter));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_far_ahead_of_the_log_is_believed_only_by_command() -> Result<()> {
    let case = Case::lay(6).await?;
    let refused = case.motlan(&["serve"])?.exited(1)?.err;
    ensure!(refused.contains("`motlan ledger turn`"), "{refused}");
    let told = case.motlan(&["ledger", "turn"])?.exited(0)?.out;
    ensure!(told.contains(&case.deployment.quarter), "{told}");
    case.ask().await?;
    let told = case.verified()?;
    ensure!(told.contains("The 2 logs go on from each other"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_made_in_one_quarter_signs_from_the_next_on() -> Result<()> {
    // R109.
    let case = Case::lay(1).await?;
    let told = case.motlan(&["ledger", "rotate-key"])?.exited(0)?.out;
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix("verifier  "));
    let new = line.and_then(|line| line.split_whitespace().next());
    let new = new.with_context(|| told.clone())?.to_owned();
    ensure!(new != case.deployment.key.to_string(), "{told}");
    let next = case.motlan(&["ledger", "next"])?.exited(0)?.out;
    ensure!(next.contains(&new), "{next}");
    case.motlan(&["check"])?.exited(0)?;
    let record = case.ask().await?;
    ensure!(record.contains(&case.deployment.quarter), "{record}");
    ensure!(fs::read_to_string(case.deployment.ledger().join("log"))?.contains(&new));
    // Whoever has the old key follows the link, and whoever has the new one goes back.
    ensure!(
        case.verified()?
            .contains("The 2 logs go on from each other")
    );
    let told = case.audit(&["verify", "--key", &new], 0)?;
    ensure!(told.contains("The 2 logs go on from each other"), "{told}");
    let told = case.motlan(&["ledger", "rotate-key"])?.exited(0)?.out;
    ensure!(
        told.contains(&format!("ledger.key.{}", case.first.quarter())),
        "{told}"
    );
    ensure!(case.ask().await?.contains(&case.deployment.quarter));
    Ok(())
}
