//! SIGHUP.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tonic::Code;

use super::past::PERSON;
use super::sets::{AGREEMENT, Flavour};
use crate::process::deployment::{Deployment, Question};
use crate::process::gateway::{Gateway, STOP_MAX, get, logged};
use crate::process::patience::eventually;

/// A debug build takes some seconds to load a set on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A line of `/readyz?verbose`, once it is there and `as_wanted`.
async fn told(gateway: &Gateway, begin: &str, as_wanted: impl Fn(&str) -> bool) -> Result<String> {
    eventually(begin, PATIENCE, async || {
        let (status, text) = get(&gateway.admin, "/readyz?verbose")?;
        ensure!(status == 200, "{text}");
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(begin));
        Ok(lines
            .next()
            .filter(|line| as_wanted(line))
            .map(str::to_owned))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_takes_a_good_set_in_force_and_refuses_a_bad_one() -> Result<()> {
    // R87.
    let deployment = Deployment::lay().await?;
    let gateway = deployment.serve()?;
    let person = &deployment.world.sample().roles.person;
    let question = Question::of_desk(PERSON, person);
    let client = deployment.connect(&gateway, question.system).await?;
    let first = told(&gateway, "revision ", |_| true).await?;

    let file = deployment.world.dir().join(AGREEMENT);
    let reference = fs::read_to_string(&file)?;
    deployment
        .world
        .write(AGREEMENT, &reference.replace("\"G01\"", "\"G99\""))?;
    gateway.process.signal("HUP")?;
    told(&gateway, "  refused ", |_| true).await?;
    ensure!(
        told(&gateway, "revision ", |_| true).await? == first,
        "a bad set was taken"
    );
    let reply = client.call(&deployment.call(&question)?).await?;
    ensure!(reply.code() == Code::Ok, "{:?}", reply.status);

    deployment
        .world
        .write(AGREEMENT, &Flavour::Identity.agreement())?;
    gateway.process.signal("HUP")?;
    told(&gateway, "revision ", |revision| revision != first).await?;
    let reply = client.call(&deployment.call(&question)?).await?;
    ensure!(reply.code() == Code::Ok, "{:?}", reply.status);

    gateway.process.signal("TERM")?;
    let ended = gateway.process.wait(STOP_MAX)?.exited(0)?;
    let errors = logged(&ended.err, "ERROR");
    let named = errors
        .iter()
        .any(|line| line.contains("the agency `G99` is not known"));
    ensure!(named, "{errors:?}");
    let last = errors.last().context("no error")?;
    ensure!(last.contains("the one in force stays"), "{last}");
    Ok(())
}
