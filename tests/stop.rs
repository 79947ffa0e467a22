//! R60: a stop finishes what is under way, takes nothing new, and ends in time.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod heard;
    pub(crate) mod patience;
}

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::client::{CallError, Reply};
use motlan_testkit::provider::{Misbehaviour, Provider};
use process::deployment::{Deployment, Question};
use process::gateway::{Gateway, get, logged};
use process::heard::{Asked, Heard, Told};
use process::patience::eventually;
use tokio::task::JoinSet;
use tonic::Code;

const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
/// How long the owner takes: long enough to look at a gateway that is stopping.
const SLOW: Duration = Duration::from_millis(1500);
const CONNECTIONS: usize = 4;
const CALLS_PER_CONNECTION: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);
/// A drain for the gateway that must not wait longer, and what an idle machine may take on top.
const SHORT_DRAIN: Duration = Duration::from_millis(500);
const SLACK: Duration = Duration::from_secs(8);

type Replies = JoinSet<(Question, Result<Reply, CallError>)>;

/// Puts calls under way and waits until the owner has heard them all.
async fn put_under_way(deployment: &Deployment, gateway: &Gateway) -> Result<Replies> {
    put_under_way_from(deployment, gateway, 0).await
}

/// As [`put_under_way`], where the owner has heard so many before.
async fn put_under_way_from(
    deployment: &Deployment,
    gateway: &Gateway,
    before: u64,
) -> Result<Replies> {
    let mut replies = JoinSet::new();
    let people: Vec<String> = deployment.world.sample().households.concat();
    for some in people.chunks(CALLS_PER_CONNECTION).take(CONNECTIONS) {
        let client = deployment.connect(gateway, "H26/one-stop").await?;
        for person in some {
            let question = Question::of_desk(PERSON, person);
            let call = deployment.call(&question)?;
            let client = client.clone();
            replies.spawn(async move { (question, client.call(&call).await) });
        }
    }
    ensure!(
        replies.len() == CONNECTIONS * CALLS_PER_CONNECTION,
        "the sample is too small"
    );
    let owner = owner(deployment)?;
    let all = before + u64::try_from(replies.len())?;
    let heard = async || Ok((owner.calls() == all).then_some(()));
    eventually("every question at the owner", PATIENCE, heard).await?;
    Ok(replies)
}

fn owner(deployment: &Deployment) -> Result<&Provider> {
    deployment
        .world
        .provider("population")
        .context("no provider")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_answers_all_that_is_under_way_and_takes_nothing_new() -> Result<()> {
    let deployment = Deployment::lay().await?;
    owner(&deployment)?.misbehave(PERSON, None, Misbehaviour::Slow(SLOW));
    let gateway = deployment.serve()?;
    let mut replies = put_under_way(&deployment, &gateway).await?;
    gateway.process.signal("TERM")?;
    is_stopping(&gateway).await?;
    ensure!(
        replies.try_join_next().is_none(),
        "the owner was not slow enough to show anything"
    );

    let mut heard = Heard::default();
    while let Some(reply) = replies.join_next().await {
        let (question, reply) = reply?;
        let reply = reply.with_context(|| format!("broken off: {}", gateway.process.log()))?;
        ensure!(reply.code() == Code::Ok, "no answer: {:?}", reply.status);
        heard.told.extend(Told::of(&question, &reply)?);
    }
    for seen in owner(&deployment)?.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    ensure!(
        heard.told.len() == CONNECTIONS * CALLS_PER_CONNECTION,
        "{}",
        heard.told.len()
    );
    ended_well(gateway)?;

    let faults = heard.faults(&deployment.entries()?);
    ensure!(
        faults.is_empty(),
        "the ledger lacks what was heard: {faults:?}"
    );
    let report = deployment.verified()?;
    ensure!(
        report.open_questions == 0,
        "questions without an outcome: {report:?}"
    );
    ensure!(
        report.checkpoint_size == Some(report.records),
        "not all is signed: {report:?}"
    );
    ensure!(
        report.records == 2 * heard.told.len() as u64,
        "other records: {report:?}"
    );
    Ok(())
}

/// While it finishes what is under way, it says that it is not ready and takes no connection.
async fn is_stopping(gateway: &Gateway) -> Result<()> {
    let refused = async || Ok(TcpStream::connect(&gateway.address).is_err().then_some(()));
    eventually("a refused connection", PATIENCE, refused).await?;
    let (status, why) = get(&gateway.admin, "/readyz").context("it has ended already")?;
    ensure!(
        status == 503 && why == "stopping\n",
        "ready while it stops: {status} {why}"
    );
    Ok(())
}

/// It ends by itself, within the drain, without a warning.
fn ended_well(gateway: Gateway) -> Result<()> {
    let ended = gateway.process.wait(SLACK)?.exited(0)?;
    for level in ["ERROR", "WARN"] {
        let lines = logged(&ended.err, level);
        ensure!(lines.is_empty(), "it logged {lines:?}");
    }
    ensure!(
        ended.err.contains("finishing what is under way"),
        "{}",
        ended.err
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_waits_for_a_silent_owner_no_longer_than_it_was_told() -> Result<()> {
    let deployment = Deployment::lay().await?;
    let config = std::fs::read_to_string(deployment.world.config())?;
    let drain_ms = SHORT_DRAIN.as_millis();
    let limits = format!("{config}\n[limits]\ndrain_ms_max = {drain_ms}\nlookup_ms_max = 60000\n");
    deployment.world.write("motlan.toml", &limits)?;
    owner(&deployment)?.misbehave(PERSON, None, Misbehaviour::Silent);
    let gateway = deployment.serve()?;
    let replies = put_under_way(&deployment, &gateway).await?;
    let begin = Instant::now();
    gateway.process.signal("TERM")?;
    let ended = gateway.process.wait(SHORT_DRAIN + SLACK)?.exited(0)?;
    let took = begin.elapsed();
    ensure!(took >= SHORT_DRAIN, "it waited for nobody: {took:?}");
    ensure!(
        !logged(&ended.err, "WARN").is_empty(),
        "it gave up without a word: {}",
        ended.err
    );

    // Nobody was answered, and every question that the owner heard stands.
    for (_, reply) in replies.join_all().await {
        ensure!(reply.as_ref().is_ok_and(|reply| reply.code() != Code::Ok) || reply.is_err());
    }
    let mut heard = Heard::default();
    for seen in owner(&deployment)?.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    let faults = heard.faults(&deployment.entries()?);
    ensure!(
        faults.is_empty(),
        "the ledger lacks what was heard: {faults:?}"
    );
    let report = deployment.verified()?;
    ensure!(
        report.questions == heard.asked.len() as u64,
        "other questions: {report:?}"
    );
    ensure!(
        report.checkpoint_size == Some(report.records),
        "not all is signed: {report:?}"
    );
    // The gateway can be started again on it.
    deployment.serve()?.stop()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_signal_cuts_the_waiting_short_and_loses_no_record() -> Result<()> {
    let deployment = Deployment::lay().await?;
    let config = std::fs::read_to_string(deployment.world.config())?;
    let limits = format!("{config}\n[limits]\ndrain_ms_max = 60000\nlookup_ms_max = 60000\n");
    deployment.world.write("motlan.toml", &limits)?;
    let gateway = deployment.serve()?;
    // Some are answered, and some never will be.
    let answered = deployment.connect(&gateway, "H26/one-stop").await?;
    let people = deployment.world.sample().households.concat();
    let mut heard = Heard::default();
    for person in people.iter().rev().take(CALLS_PER_CONNECTION) {
        let question = Question::of_desk(PERSON, person);
        let reply = answered.call(&deployment.call(&question)?).await?;
        ensure!(reply.code() == Code::Ok, "no answer: {:?}", reply.status);
        heard.told.extend(Told::of(&question, &reply)?);
    }
    for seen in owner(&deployment)?.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    let before = owner(&deployment)?.calls();
    owner(&deployment)?.misbehave(PERSON, None, Misbehaviour::Silent);
    let replies = put_under_way_from(&deployment, &gateway, before).await?;
    gateway.process.signal("TERM")?;
    is_stopping(&gateway).await?;
    let begin = Instant::now();
    gateway.process.signal("TERM")?;
    let ended = gateway.process.wait(SLACK)?.exited(0)?;
    let took = begin.elapsed();
    ensure!(took < SLACK, "it went on waiting: {took:?}");
    let errors = logged(&ended.err, "ERROR");
    ensure!(errors.is_empty(), "it logged {errors:?}");
    ensure!(ended.err.contains("cut short"), "{}", ended.err);

    for (_, reply) in replies.join_all().await {
        ensure!(reply.is_err() || reply.is_ok_and(|reply| reply.code() != Code::Ok));
    }
    for seen in owner(&deployment)?.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    let faults = heard.faults(&deployment.entries()?);
    ensure!(
        faults.is_empty(),
        "the ledger lacks what was heard: {faults:?}"
    );
    let report = deployment.verified()?;
    ensure!(
        report.questions == heard.asked.len() as u64
            && report.checkpoint_size == Some(report.records),
        "not all is there and signed: {report:?}"
    );
    deployment.serve()?.stop()?;
    Ok(())
}
