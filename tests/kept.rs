//! The state as an operator meets it: made by a command, demanded where agreements need it, and
//! whole after a kill.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod patience;
}

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_api::policy::v1::{ListReviewsRequest, ListReviewsResponse};
use motlan_audit::wire::RecordKind;
use motlan_testkit::client::{Call, Client};
use motlan_testkit::provider::Misbehaviour;
use process::command::run;
use process::deployment::{Deployment, Question};
use process::gateway::{Gateway, STOP_MAX, get, logged};
use process::patience::eventually;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
const MINISTRY: &str = "G15/civil-status";
const PROTECTOR: &str = "G01/data-protection";
const PATIENCE: Duration = Duration::from_secs(20);
/// Each use is reviewed, and leaves a line in the log.
const AGREEMENT: &str = r#"
id = "g01-g15-reviewed"
version = 1
title = "Reviewed"
provider = "G01"
consumer = "G15"
legal_basis = ["Luật Căn cước"]
valid_from = 2026-01-01
valid_until = 2099-12-31
[[grant]]
id = "one"
dataset = "population"
view = "identity"
methods = ["GetPerson"]
procedures = ["1.004222"]
[grant.obligations]
review_days = 3
log = "warn"
[[test]]
name = "allowed"
system = "G15/civil-status"
method = "population/GetPerson"
procedure = "1.004222"
at = 2026-03-02T09:00:00
expect = "allowed"
fields = ["date_of_birth.*", "full_name", "personal_id", "sex"]
[[test]]
name = "refused"
system = "G15/civil-status"
method = "population/GetPerson"
procedure = "1.014177"
at = 2026-03-02T09:00:00
expect = "PURPOSE_NOT_COVERED"
"#;

async fn lay() -> Result<Deployment> {
    let deployment = Deployment::lay().await?;
    let world = &deployment.world;
    world.write("catalog/agreements/reviewed.toml", AGREEMENT)?;
    Ok(deployment)
}

fn configure(deployment: &Deployment) -> Result<()> {
    let config = fs::read_to_string(deployment.world.config())?;
    let config = format!("{config}\n[state]\nfile = \"state.redb\"\n");
    Ok(deployment.world.write("motlan.toml", &config)?)
}

fn question(deployment: &Deployment) -> Question {
    let person = &deployment.world.sample().roles.person;
    Question {
        system: MINISTRY,
        ..Question::of_desk(PERSON, person)
    }
}

/// The records of the open cases.
async fn cases(deployment: &Deployment, gateway: &Gateway) -> Result<Vec<String>> {
    let system = deployment.world.system(PROTECTOR)?;
    let token = system.token("1.004222")?;
    let token = token.claim("purpose", json!({ "basis": "Điều 9" }));
    let request = ListReviewsRequest::default().encode_to_vec();
    let call = Call::new("/motlan.policy.v1.Agreements/ListReviews", &request)?;
    let call = call.bearer(&system.sign(&token)?)?;
    let client: Client = deployment.connect(gateway, PROTECTOR).await?;
    let reply = client.call(&call).await?;
    ensure!(reply.code() == Code::Ok, "{:?}", reply.status);
    let listed = ListReviewsResponse::decode(reply.messages()?.remove(0))?;
    Ok(listed
        .reviews
        .into_iter()
        .flat_map(|it| it.records)
        .collect())
}

/// R96: nothing that must be reviewed is used where nobody could.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_does_not_start_without_the_state_that_its_agreements_need() -> Result<()> {
    let deployment = lay().await?;
    for verb in ["check", "serve"] {
        let ended = run(&mut deployment.motlan(&[verb])?)?.exited(1)?;
        let told = format!("{}{}", ended.out, ended.err);
        ensure!(
            told.contains("`g01-g15-reviewed/one` needs a state"),
            "{told}"
        );
    }
    configure(&deployment)?;
    for verb in ["check", "serve"] {
        let ended = run(&mut deployment.motlan(&[verb])?)?.exited(1)?;
        let told = format!("{}{}", ended.out, ended.err);
        ensure!(told.contains("make it with `motlan state init`"), "{told}");
    }
    let made = run(&mut deployment.motlan(&["state", "init"])?)?.exited(0)?;
    ensure!(
        made.out.starts_with("state ") && made.out.contains("state.redb"),
        "{}",
        made.out
    );
    let again = run(&mut deployment.motlan(&["state", "init"])?)?.exited(1)?;
    ensure!(again.err.contains("is there already"), "{}", again.err);
    run(&mut deployment.motlan(&["check"])?)?.exited(0)?;
    let gateway = deployment.serve()?;
    let (status, told) = get(&gateway.admin, "/readyz")?;
    ensure!(status == 200, "{told}");
    gateway.stop()?;
    Ok(())
}

/// R96: the case is open before the provider hears of the question, and no kill closes it. R95: a
/// line of the log names the record, and nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_open_after_a_kill_between_the_question_and_its_answer() -> Result<()> {
    let deployment = lay().await?;
    configure(&deployment)?;
    run(&mut deployment.motlan(&["state", "init"])?)?.exited(0)?;
    let owner = deployment.world.provider("population");
    let owner = owner.context("no provider")?;
    owner.misbehave(PERSON, None, Misbehaviour::Silent);
    let gateway = deployment.serve()?;
    let question = question(&deployment);
    let call = deployment.call(&question)?;
    let client = deployment.connect(&gateway, MINISTRY).await?;
    let asking = tokio::spawn(async move { client.call(&call).await });
    let heard = async || Ok((owner.calls() == 1).then_some(()));
    eventually("the question at the owner", PATIENCE, heard).await?;
    gateway.process.signal("KILL")?;
    let killed = gateway.process.wait(STOP_MAX)?;
    ensure!(asking.await?.is_err(), "it was answered");
    let lines = logged(&killed.err, "WARN");
    let used = lines.iter().find(|line| line.contains("a grant was used"));
    let used = used.with_context(|| killed.err.clone())?;
    ensure!(used.contains("g01-g15-reviewed/one") && !used.contains(&question.subject));
    owner.behave();
    let gateway = deployment.serve()?;
    let open = cases(&deployment, &gateway).await?;
    gateway.stop()?;
    deployment.verified()?;
    let entries = deployment.entries()?;
    let asked = entries
        .iter()
        .find(|it| it.record.kind() == RecordKind::Question);
    let asked = asked.context("no question is on record")?;
    ensure!(open == [asked.id.to_string()], "{open:?}");
    ensure!(used.contains(&asked.id.to_string()), "{used}");
    ensure!(asked.sealed.subject == question.subject);
    Ok(())
}
