//! A desk that asks about one person, through a gateway whose ledger may not be well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::Client;
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::provider::Provider;
use tonic::Code;

use super::deployment::{Deployment, Question};
use super::gateway::{Gateway, get, logged};
use super::heard::{Asked, Heard, Told};
use super::patience::eventually;

/// The method that it asks.
pub(crate) const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `grpc.health.v1.HealthCheckResponse` with a status of SERVING, and of NOT_SERVING.
pub(crate) const SERVING: [u8; 2] = [8, 1];
const NOT_SERVING: [u8; 2] = [8, 2];
/// The health service looks at the ledger once a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A deployment with its gateway and a desk that asks about one person.
pub(crate) struct Desk {
    pub(crate) deployment: Deployment,
    pub(crate) question: Question,
    heard: Heard,
}

impl Desk {
    pub(crate) async fn lay() -> Result<Self> {
        let deployment = Deployment::lay().await?;
        let question = Question::of_desk(PERSON, &deployment.world.sample().roles.person);
        Ok(Self {
            deployment,
            question,
            heard: Heard::default(),
        })
    }

    pub(crate) async fn connect(&self, gateway: &Gateway) -> Result<Client> {
        self.deployment.connect(gateway, self.question.system).await
    }

    pub(crate) async fn ask(&mut self, client: &Client) -> Result<Reply> {
        let reply = client.call(&self.deployment.call(&self.question)?).await?;
        self.heard.told.extend(Told::of(&self.question, &reply)?);
        Ok(reply)
    }

    pub(crate) async fn must_answer(&mut self, client: &Client) -> Result<()> {
        let reply = self.ask(client).await?;
        ensure!(reply.code() == Code::Ok, "no answer: {:?}", reply.status);
        Ok(())
    }

    /// The owner's system.
    pub(crate) fn owner(&self) -> Result<&Provider> {
        self.deployment
            .world
            .provider("population")
            .context("no provider")
    }

    /// R33: no answer, no question to the owner, not ready, not serving, and a line in the log.
    pub(crate) async fn has_no_answer(&mut self, gateway: &Gateway, client: &Client) -> Result<()> {
        let before = self.owner()?.calls();
        for _ in 0..3 {
            is_no_answer(&self.ask(client).await?)?;
        }
        let calls = self.owner()?.calls();
        ensure!(
            calls == before,
            "the owner heard of {} questions",
            calls - before
        );
        let (status, why) = get(&gateway.admin, "/readyz")?;
        ensure!(status == 503, "ready: {status} {why}");
        ensure!(
            why.contains("the ledger cannot write: cannot") || why.contains("deleted"),
            "{why}"
        );
        eventually("NOT_SERVING", PATIENCE, async || {
            Ok((health(client).await? == NOT_SERVING).then_some(()))
        })
        .await?;
        let errors = logged(&gateway.process.log(), "ERROR");
        let told = errors
            .iter()
            .find(|line| line.contains("writes nothing more"));
        let told = told.with_context(|| format!("no line in the log: {errors:?}"))?;
        let why = why
            .trim_end()
            .strip_prefix("the ledger cannot write: ")
            .context("no reason")?;
        ensure!(
            told.contains(why),
            "the log gives another reason than {why}: {told}"
        );
        Ok(())
    }

    /// After the repair: it starts, answers, has all that was told before, and stops well.
    pub(crate) async fn must_be_repaired(mut self) -> Result<()> {
        let gateway = self.deployment.serve()?;
        let client = self.connect(&gateway).await?;
        ensure!(
            health(&client).await? == SERVING,
            "not serving after the repair"
        );
        self.must_answer(&client).await?;
        gateway.stop()?;
        for seen in self.owner()?.take_seen() {
            self.heard.asked.push(Asked::of(&seen)?);
        }
        let faults = self.heard.faults(&self.deployment.entries()?);
        ensure!(
            faults.is_empty(),
            "the ledger lacks what was heard: {faults:?}"
        );
        self.deployment.verified()?;
        Ok(())
    }

    /// Waits until the file `checkpoint` speaks for so many records; it may be a second behind.
    pub(crate) async fn has_signed(&self, records: u64) -> Result<()> {
        let file = self.deployment.ledger().join("checkpoint");
        let size = format!("\n{records}\n");
        let signed = async || {
            Ok(std::fs::read_to_string(&file)?
                .contains(&size)
                .then_some(()))
        };
        eventually("the checkpoint", PATIENCE, signed).await
    }

    pub(crate) fn segment(&self) -> PathBuf {
        self.deployment.ledger().join("segments/00000000")
    }
}

pub(crate) fn is_no_answer(reply: &Reply) -> Result<()> {
    let reason = reply.reason();
    ensure!(
        reply.code() == Code::Unavailable,
        "answered with {:?}",
        reply.status
    );
    ensure!(
        reason.as_deref() == Some("LEDGER_UNAVAILABLE"),
        "for the reason {reason:?}"
    );
    ensure!(reply.body.is_empty(), "with data");
    ensure!(reply.metadata("motlan-record").is_none(), "with a record");
    Ok(())
}

/// What the health service says of the whole gateway.
pub(crate) async fn health(client: &Client) -> Result<Vec<u8>> {
    let reply = client.call(&Call::new(HEALTH, &[])?).await?;
    let messages = reply.messages()?;
    Ok(messages
        .first()
        .with_context(|| format!("{:?}", reply.status))?
        .to_vec())
}

/// How far a segment is written: it is made of zeroes.
pub(crate) fn written(segment: &Path) -> Result<usize> {
    let bytes = std::fs::read(segment)?;
    Ok(bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1))
}
