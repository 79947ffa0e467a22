//! From one version to the next while callers ask.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use motlan_testkit::Client;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;

use super::versions::{NEXT, USUAL};
use crate::process::deployment::{Deployment, Question};
use crate::process::gateway::STOP_MAX;
use crate::process::patience::eventually;
use crate::question;

const CALLERS: usize = 8;
/// So many answers of each version.
const ANSWERS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(60);
/// Before a caller that found nobody tries again, where no new address comes first.
const AGAIN: Duration = Duration::from_millis(20);

/// What callers and the test tell each other.
struct Between {
    deployment: Deployment,
    question: Question,
    /// Where the gateway is; none once it is over.
    address: watch::Receiver<Option<String>>,
    answers: watch::Sender<usize>,
}

/// The records and messages that a caller was told of.
#[derive(Default)]
struct Told {
    records: BTreeSet<String>,
    answers: BTreeSet<Bytes>,
    unavailable: usize,
}

/// Asks until it is over, and again wherever there was no answer, as a client with retries does.
async fn caller(between: Arc<Between>) -> Result<Told> {
    let (mut told, mut address) = (Told::default(), between.address.clone());
    loop {
        let Some(gateway) = address.borrow_and_update().clone() else {
            return Ok(told);
        };
        let config = between
            .deployment
            .world
            .client_config(between.question.system)?;
        if let Ok(client) = Client::connect(&gateway, config).await {
            ask(&between, &client, &address, &mut told).await?;
        }
        let _either_will_do = tokio::time::timeout(AGAIN, address.changed()).await;
    }
}

/// Asks over one connection as long as there are answers.
async fn ask(
    between: &Between,
    client: &Client,
    address: &watch::Receiver<Option<String>>,
    told: &mut Told,
) -> Result<()> {
    while address.borrow().is_some() {
        let call = between.deployment.call(&between.question)?;
        let Ok(reply) = client.call(&call).await else {
            return Ok(());
        };
        if reply.code() != Code::Ok {
            // Nothing else may come of it: it is what a client tries again.
            let is_none = reply.code() == Code::Unavailable && reply.messages()?.is_empty();
            ensure!(is_none, "a wrong answer: {:?}", reply.status);
            told.unavailable += 1;
            return Ok(());
        }
        let record = reply.metadata("motlan-record").context("no record")?;
        told.records.insert(record.to_owned());
        told.answers.extend(reply.messages()?);
        between.answers.send_modify(|answers| *answers += 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_try_again_see_no_wrong_answer_while_the_version_changes() -> Result<()> {
    let deployment = Deployment::lay().await?;
    let question = question(&deployment);
    let gateway = USUAL.serve(&deployment)?;
    let (moved, address) = watch::channel(Some(gateway.address.clone()));
    let between = Arc::new(Between {
        deployment,
        question,
        address,
        answers: watch::Sender::new(0),
    });
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(caller(Arc::clone(&between)));
    }
    let answered = async |least: usize| {
        let look = async || Ok((*between.answers.borrow() >= least).then_some(()));
        eventually("answers", PATIENCE, look).await
    };
    answered(ANSWERS).await?;
    gateway.process.signal("TERM")?;
    gateway.process.wait(STOP_MAX)?.exited(0)?;
    let before = *between.answers.borrow();
    let gateway = NEXT.serve(&between.deployment)?;
    moved.send_replace(Some(gateway.address.clone()));
    answered(before + ANSWERS).await?;
    moved.send_replace(None);
    let mut told = Told::default();
    while let Some(one) = callers.join_next().await {
        let one = one??;
        told.records.extend(one.records);
        told.answers.extend(one.answers);
        told.unavailable += one.unavailable;
    }
    gateway.stop()?;

    ensure!(
        told.answers.len() == 1,
        "{} answers to one question",
        told.answers.len()
    );
    let shown = NEXT
        .audit(&between.deployment, &["show", "--json"])?
        .exited(0)?;
    let mut recorded = BTreeSet::new();
    for line in shown.out.lines() {
        let record: Value = serde_json::from_str(line)?;
        if record["result"] == "RELEASED" {
            recorded.insert(record["record"].as_str().context("no id")?.to_owned());
        }
    }
    let lost: Vec<_> = told.records.difference(&recorded).collect();
    ensure!(lost.is_empty(), "told of, and not on record: {lost:?}");
    let key = between.deployment.key.to_string();
    let verified = NEXT
        .audit(&between.deployment, &["verify", "--key", &key])?
        .exited(0)?;
    ensure!(
        verified.out.contains("0 without an outcome"),
        "{}",
        verified.out
    );
    println!(
        "{} answers, {before} before the change; {} times none",
        told.records.len(),
        told.unavailable
    );
    Ok(())
}
