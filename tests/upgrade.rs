//! R107: a newer version goes on with an older one's ledger, and an older one leaves a newer one's
//! alone. `motlan-next` and `motlan-audit-next` are the programs as a later version would be.

mod process {
    pub(crate) mod command;
    #[expect(dead_code, reason = "shared with other programs")]
    pub(crate) mod deployment;
    #[expect(dead_code, reason = "shared with other programs")]
    pub(crate) mod gateway;
    pub(crate) mod patience;
}

mod upgraded {
    mod back;
    mod rolling;
    pub(crate) mod versions;
}

use anyhow::{Context as _, Result, ensure};
use process::deployment::{Deployment, Question};
use process::gateway::{Gateway, STOP_MAX};
use tonic::Code;
use upgraded::versions::{NEXT, USUAL, Version, fingerprint};

/// What an older program says of a newer ledger.
const REFUSAL: &str = "written by a newer motlan (this one reads up to ";
/// The exit code of `motlan-audit` for it.
const NEWER: i32 = 3;

/// What is asked all the time.
fn question(deployment: &Deployment) -> Question {
    let person = &deployment.world.sample().roles.person;
    Question::of_desk("/vn.population.v1.PopulationRegistry/GetPerson", person)
}

/// Asks so often; gives the last receipt.
async fn ask(deployment: &Deployment, gateway: &Gateway, times: usize) -> Result<String> {
    let question = question(deployment);
    let client = deployment.connect(gateway, question.system).await?;
    let mut receipt = None;
    for _ in 0..times {
        let call = deployment
            .call(&question)?
            .metadata("motlan-receipt", "full")?;
        let reply = client.call(&call).await?;
        ensure!(reply.code() == Code::Ok, "no answer: {:?}", reply.status);
        receipt = reply.metadata("motlan-receipt-bin").map(str::to_owned);
    }
    receipt.context("no receipt")
}

/// Starts a version that must not come up, and gives what it wrote.
fn refused(deployment: &Deployment, version: Version) -> Result<String> {
    let mut started = version.motlan(deployment, &["serve"])?;
    let process = process::command::Process::spawn(&mut started)?;
    Ok(process.wait(STOP_MAX)?.exited(1)?.err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_goes_on_with_the_ledger_and_the_older_one_leaves_it_alone() -> Result<()> {
    let deployment = Deployment::lay().await?;
    let gateway = USUAL.serve(&deployment)?;
    let old_receipt = ask(&deployment, &gateway, 3).await?;
    gateway.stop()?;
    let gateway = NEXT.serve(&deployment)?;
    let new_receipt = ask(&deployment, &gateway, 2).await?;
    gateway.stop()?;

    // As a crash would leave it: what an opening puts right, the older version must not touch.
    let spare = deployment.ledger().join("segments/spare");
    std::fs::write(spare, "left by a crash")?;
    let before = fingerprint(deployment.world.dir())?;
    let told = refused(&deployment, USUAL)?;
    ensure!(
        told.contains(REFUSAL) && told.contains("nothing was changed"),
        "{told}"
    );
    for wrong in ["no crash leaves this", "damaged"] {
        ensure!(!told.contains(wrong), "told as damage: {told}");
    }
    is_not_read(&deployment)?;
    ensure!(
        before == fingerprint(deployment.world.dir())?,
        "something was changed"
    );

    let key = deployment.key.to_string();
    let sealing = deployment.sealing_file();
    let sealing = sealing.to_str().context("no text")?;
    let whole = ["verify", "--key", &key, "--sealing", sealing];
    let sound = NEXT.audit(&deployment, &whole)?.exited(0)?.out;
    ensure!(
        sound.contains("is sound") && sound.contains("10  in 1 segments"),
        "{sound}"
    );
    NEXT.receipt(&deployment, &old_receipt)?.exited(0)?;
    NEXT.receipt(&deployment, &new_receipt)?.exited(0)?;
    USUAL.receipt(&deployment, &old_receipt)?.exited(0)?;
    let ended = USUAL.receipt(&deployment, &new_receipt)?.exited(NEWER)?;
    ensure!(
        ended.err.contains("written by a newer motlan"),
        "{}",
        ended.err
    );
    Ok(())
}

/// Whoever reads it without the gateway is told the same, and shown nothing.
fn is_not_read(deployment: &Deployment) -> Result<()> {
    let index = deployment.world.dir().join("another-index");
    let index = index.to_str().context("no text")?;
    for words in [
        &["show"][..],
        &["show", "0"],
        &["prove", "inclusion", "0"],
        &["export", "--format", "ocsf"],
        &["search", "--index", index, "--kind", "question"],
        &["index", "rebuild", "--index", index],
    ] {
        let ended = USUAL.audit(deployment, words)?.exited(NEWER)?;
        ensure!(
            ended.out.is_empty() && ended.err.contains(REFUSAL),
            "{words:?}: {ended:?}"
        );
    }
    let key = deployment.key.to_string();
    let verify = ["verify", "--key", &key];
    let ended = USUAL.audit(deployment, &verify)?.exited(NEWER)?;
    ensure!(ended.out.contains("NOT all is verified"), "{}", ended.out);
    ensure!(
        ended
            .out
            .contains("  newer                 4  records of format"),
        "{}",
        ended.out
    );
    Ok(())
}
