//! A gateway that has answered under two sets and was stopped.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::sets::{AGREEMENT, Flavour};
use crate::process::command::{Ended, How, binary, run};
use crate::process::deployment::{Deployment, Question};
use crate::process::gateway::{Gateway, get};
use crate::process::patience::eventually;

pub(crate) const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
const PATIENCE: Duration = Duration::from_secs(30);
const FUNERAL: &str = "1.014177";
const GRANT: &str = "g01-h26-population-2026/person";
/// As if somebody had put a name there.
pub(crate) const NO_GRANT: &str = "g01-h26-population-2026/nguyen-van-a";

/// Its deployment, with a folder `candidate` that holds the same catalogue.
pub(crate) struct Past {
    pub(crate) deployment: Deployment,
}

impl Past {
    /// Of the last set, which is still at hand: a person's lookup three times, once for the
    /// funeral, which is allowed, and once citing the grant; and a refusal, as there is no grant
    /// that was cited. Of the set before: once, and the funeral was refused.
    pub(crate) async fn made() -> Result<Self> {
        let deployment = Deployment::lay().await?;
        let gateway = deployment.serve()?;
        ask(&deployment, &gateway).await?;
        let first = get(&gateway.admin, "/readyz")?.1;
        deployment
            .world
            .write(AGREEMENT, &Flavour::Identity.agreement())?;
        gateway.process.signal("HUP")?;
        eventually("another set", PATIENCE, async || {
            let ready = get(&gateway.admin, "/readyz")?.1;
            let same = ready.lines().nth(1) == first.lines().nth(1);
            Ok((!same).then_some(()))
        })
        .await?;
        ask(&deployment, &gateway).await?;
        cite(&deployment, &gateway).await?;
        gateway.stop()?;
        let dir = deployment.world.dir();
        copy(&dir.join("catalog"), &dir.join("candidate"))?;
        Ok(Self { deployment })
    }

    /// Puts an agreement into the candidate.
    pub(crate) fn candidate(&self, agreement: &str) -> Result<()> {
        let file = AGREEMENT.replace("catalog/", "candidate/");
        fs::write(self.deployment.world.dir().join(file), agreement)?;
        Ok(())
    }

    /// Runs the records against it.
    pub(crate) fn replay(&self, more: &[&str]) -> Result<Ended> {
        let candidate = self.deployment.world.dir().join("candidate");
        let candidate = candidate.to_str().context("no text")?;
        let words = [&["policy", "replay", candidate], more].concat();
        run(&mut self.deployment.motlan(&words)?)
    }

    pub(crate) fn explain(&self, record: &str) -> Result<Ended> {
        run(&mut self
            .deployment
            .motlan(&["policy", "explain", "--record", record])?)
    }

    /// Has all that is recorded of the person made unreadable.
    pub(crate) fn erase(&self) -> Result<()> {
        let world = &self.deployment.world;
        let (person, config) = (&world.sample().roles.person, world.config());
        let file = world.dir().join("person");
        fs::write(&file, format!("{person}\n"))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$@\" < \"$0\""])
            .arg(&file)
            .arg(binary("motlan")?)
            .args(["ledger", "erase", "--ground", "order 17", "--config"])
            .arg(&config);
        run(&mut command)?.exited(0)?;
        Ok(())
    }

    /// The name of a record.
    pub(crate) fn record(&self, index: u64) -> String {
        format!("demo-{}-{index}", self.deployment.quarter)
    }
}

/// What was printed, if it ended with this code.
pub(crate) fn said(ended: Ended, code: i32) -> Result<String> {
    ensure!(ended.how == How::Exit(code), "{ended:?}");
    Ok(ended.out)
}

/// What the desk asks besides where it cites grants: one that there is, and one that there is not.
async fn cite(deployment: &Deployment, gateway: &Gateway) -> Result<()> {
    let question = Question::of_desk(PERSON, &deployment.world.sample().roles.person);
    let client = deployment.connect(gateway, question.system).await?;
    for grant in [GRANT, NO_GRANT] {
        let call = deployment
            .call(&question)?
            .metadata("motlan-grant", grant)?;
        client.call(&call).await?;
    }
    Ok(())
}

async fn ask(deployment: &Deployment, gateway: &Gateway) -> Result<()> {
    let person = &deployment.world.sample().roles.person;
    let mut question = Question::of_desk(PERSON, person);
    let client = deployment.connect(gateway, question.system).await?;
    for procedure in [question.procedure, FUNERAL] {
        question.procedure = procedure;
        client.call(&deployment.call(&question)?).await?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => fs::copy(entry.path(), to).map(|_| ())?,
        }
    }
    Ok(())
}
