//! Erasing by command: what was recorded of one person becomes unreadable, of another it does not,
//! and the ledger stays whole.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::{Opened, read_entries, verify_with};
use tonic::Code;

use super::command::{Ended, binary, run};
use super::deployment::{Deployment, Question};
use super::desk::PERSON;
use super::gateway::Gateway;

const GROUND: &str = "order 17 of the data protection authority";

/// A deployment, and two of its people.
struct Case {
    deployment: Deployment,
    erased: String,
    kept: String,
}

impl Case {
    async fn lay() -> Result<Case> {
        let deployment = Deployment::lay().await?;
        let roles = &deployment.world.sample().roles;
        let (erased, kept) = (roles.person.clone(), roles.spouse.clone());
        Ok(Case {
            deployment,
            erased,
            kept,
        })
    }

    async fn ask(&self, gateway: &Gateway, person: &str) -> Result<()> {
        let question = Question::of_desk(PERSON, person);
        let client = self.deployment.connect(gateway, question.system).await?;
        let reply = client.call(&self.deployment.call(&question)?).await?;
        ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
        Ok(())
    }

    /// `motlan ledger erase` with a person on standard input.
    fn erase(&self, person: &str, more: &[&str]) -> Result<Ended> {
        let file = self.deployment.world.dir().join("person");
        fs::write(&file, format!("{person}\n"))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$@\" < \"$0\""])
            .arg(&file)
            .arg(binary("motlan")?)
            .args(["ledger", "erase", "--ground", GROUND])
            .args(more)
            .arg("--config")
            .arg(self.deployment.world.config());
        let ended = run(&mut command);
        fs::remove_file(file)?;
        ended
    }

    /// The subjects that can be read, in the order of the log; `-` for what was erased.
    fn subjects(&self) -> Result<Vec<String>> {
        let sealing = self.deployment.sealing()?;
        let mut subjects = Vec::new();
        read_entries(&self.deployment.ledger(), Some(&sealing), |entry| {
            subjects.push(match entry.sealed {
                Opened::Sealed(sealed) => sealed.subject.clone(),
                Opened::Erased => "-".to_owned(),
                other => format!("{other:?}"),
            });
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(subjects)
    }

    /// Verified with all sealed parts opened; how many were, and how many were erased.
    fn verified(&self) -> Result<(u64, u64)> {
        let Deployment { key, .. } = &self.deployment;
        let sealing = self.deployment.sealing()?;
        let report = verify_with(&self.deployment.ledger(), key, Some(&sealing), |_, _| {})?;
        ensure!(report.is_sound(), "{:?}", report.findings);
        let parts = report.sealed.context("no sealed part was opened")?;
        Ok((parts.opened, parts.erased))
    }
}

/// Whether a text stands in any file below a folder.
fn stands_below(folder: &Path, text: &str) -> Result<bool> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        let stands = match file.file_type()?.is_dir() {
            true => stands_below(&file.path(), text)?,
            false => {
                let bytes = fs::read(file.path())?;
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
            }
        };
        if stands {
            return Ok(true);
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_is_erased_by_command_and_the_other_is_not() -> Result<()> {
    let case = Case::lay().await?;
    let gateway = case.deployment.serve()?;
    for person in [&case.erased, &case.kept, &case.erased] {
        case.ask(&gateway, person).await?;
    }
    // A ledger that is in use is left alone.
    let refused = case.erase(&case.erased, &[])?.exited(1)?;
    ensure!(refused.err.contains("is open elsewhere"), "{}", refused.err);
    gateway.stop()?;
    ensure!(!stands_below(&case.deployment.ledger(), &case.erased)?);
    ensure!(!stands_below(&case.deployment.ledger(), &case.kept)?);

    let elsewhere = case
        .erase(&case.erased, &["--dataset", "land"])?
        .exited(0)?;
    ensure!(
        elsewhere.out.contains("nothing to erase"),
        "{}",
        elsewhere.out
    );
    let told = case
        .erase(&case.erased, &["--by", "officer-9"])?
        .exited(0)?;
    for due in [
        "population: 4 sealed parts",
        "recorded as demo-",
        "Copies of the sealing file",
    ] {
        ensure!(told.out.contains(due), "{}", told.out);
    }
    let all = [&told, &refused, &elsewhere].map(|ended| format!("{}{}", ended.out, ended.err));
    ensure!(!all.concat().contains(&case.erased), "the person is named");

    let (kept, erased) = (case.kept.as_str(), "-");
    let due = [erased, erased, kept, kept, erased, erased, ""];
    ensure!(case.subjects()? == due, "{:?}", case.subjects()?);
    ensure!(case.verified()? == (3, 4));
    let again = case.erase(&case.erased, &[])?.exited(0)?;
    ensure!(again.out.contains("nothing to erase"), "{}", again.out);

    // What is asked later is readable.
    let gateway = case.deployment.serve()?;
    case.ask(&gateway, &case.erased).await?;
    gateway.stop()?;
    ensure!(
        case.subjects()?
            .ends_with(&[case.erased.clone(), case.erased.clone()])
    );
    ensure!(case.verified()? == (5, 4));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_keeps_what_is_young_and_a_gateway_without_its_sealing_file_does_not_start()
-> Result<()> {
    let case = Case::lay().await?;
    let gateway = case.deployment.serve()?;
    case.ask(&gateway, &case.kept).await?;
    gateway.stop()?;
    let config = fs::read_to_string(case.deployment.world.config())?;
    let rules = "\n[[ledger.retain]]\ndataset = \"population\"\nquarters = 1\nground = \"by law\"\n\
                 \n[[ledger.retain]]\ndataset = \"land\"\nquarters = 8\nground = \"by law\"\n";
    case.deployment
        .world
        .write("motlan.toml", &format!("{config}{rules}"))?;
    let told = run(&mut case.deployment.motlan(&["ledger", "retain"])?)?.exited(0)?;
    ensure!(
        told.out.contains("population: kept to the end of 20"),
        "{}",
        told.out
    );
    ensure!(told.out.contains("land: nothing readable"), "{}", told.out);
    ensure!(case.verified()? == (2, 0));

    fs::remove_file(case.deployment.sealing_file())?;
    let refused = run(&mut case.deployment.motlan(&["serve"])?)?.exited(1)?;
    ensure!(
        refused.err.contains("there is no sealing file"),
        "{}",
        refused.err
    );
    Ok(())
}
