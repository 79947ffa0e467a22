//! The checks on what was heard are only worth something if they find what is false.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use motlan_audit::RecordId;
use tonic::Code;

use crate::process::deployment::{Deployment, Entry, Question};
use crate::process::gateway::get;
use crate::process::heard::{Asked, Heard, Told};
use crate::process::tree::{self, Checkpoint};

/// An answer, a refusal, the owner's question and a checkpoint, with the ledger behind them.
struct Truth {
    ledger: Vec<Entry>,
    heard: Heard,
    told: Told,
    asked: Asked,
    seen: BTreeSet<Checkpoint>,
}

async fn truth() -> Result<Truth> {
    let deployment = Deployment::lay().await?;
    let gateway = deployment.serve()?;
    let client = deployment.connect(&gateway, "H26/one-stop").await?;
    let path = "/vn.population.v1.PopulationRegistry/GetPerson";
    let granted = Question::of_desk(path, &deployment.world.sample().roles.person);
    let refused = Question {
        procedure: "1.014177",
        ..granted.clone()
    };
    let mut heard = Heard::default();
    for question in [granted, refused] {
        let reply = client.call(&deployment.call(&question)?).await?;
        heard.told.extend(Told::of(&question, &reply)?);
    }
    let provider = deployment
        .world
        .provider("population")
        .context("no provider")?;
    for seen in provider.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    let (_, note) = get(&gateway.admin, "/log/checkpoint")?;
    gateway.stop()?;
    ensure!(
        heard.told.len() == 2 && heard.asked.len() == 1,
        "heard otherwise: {heard:?}"
    );
    Ok(Truth {
        ledger: deployment.entries()?,
        told: heard.told.first().context("nothing was told")?.clone(),
        asked: heard.asked.first().context("nothing was asked")?.clone(),
        heard,
        seen: BTreeSet::from([Checkpoint::read(&note)?]),
    })
}

fn finds(heard: &Heard, ledger: &[Entry], what: &str) -> Result<()> {
    let faults = heard.faults(ledger);
    let found = faults.iter().any(|fault| fault.contains(what));
    ensure!(found, "not found: {what}; but {faults:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_the_ledger_does_not_bear_out_is_found() -> Result<()> {
    let truth = truth().await?;
    let faults = truth.heard.faults(&truth.ledger);
    ensure!(faults.is_empty(), "the truth is doubted: {faults:?}");
    let beyond: RecordId = "demo-2026q4-999".parse()?;
    let lie = |change: &dyn Fn(&mut Told)| {
        let mut told = truth.told.clone();
        change(&mut told);
        told
    };
    let lies = [
        (
            lie(&|told| told.record = beyond.clone()),
            "not in the ledger",
        ),
        (
            lie(&|told| told.record = truth.asked.record.clone()),
            "Question Unspecified where",
        ),
        (
            lie(&|told| flip_a_bit(&mut told.sha256)),
            "not the one in the ledger",
        ),
        (lie(&|told| told.answers = 0), "0 messages were told"),
        (lie(&|told| told.reason = "X".to_owned()), "has the reason"),
        (
            lie(&|told| told.code = Code::PermissionDenied),
            "Outcome Released where",
        ),
        (
            lie(&|told| told.question.subject = "1".to_owned()),
            "about another",
        ),
        (
            lie(&|told| told.question.path = "/a.B/C".to_owned()),
            "about another",
        ),
        (
            lie(&|told| told.question.system = "H29/one-stop"),
            "told to `H26/one-stop`",
        ),
        (
            lie(&|told| told.question.procedure = "1.000001"),
            "for 1.004222",
        ),
    ];
    for (lie, what) in lies {
        finds(&answers(vec![lie]), &truth.ledger, what)?;
    }
    let twice = answers(vec![truth.told.clone(), truth.told.clone()]);
    finds(&twice, &truth.ledger, "two answers have this record")?;
    let [_question, outcome, refusal] = truth.ledger.as_slice() else {
        bail!("other records: {:?}", truth.ledger);
    };
    let orphan = [refusal.clone(), outcome.clone()];
    finds(
        &answers(vec![truth.told.clone()]),
        &orphan,
        "no question that it answers",
    )
}

fn answers(told: Vec<Told>) -> Heard {
    let asked = Vec::new();
    Heard { told, asked }
}

fn flip_a_bit(bytes: &mut [u8]) {
    if let Some(byte) = bytes.first_mut() {
        *byte ^= 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_the_ledger_does_not_bear_out_is_found() -> Result<()> {
    let truth = truth().await?;
    let lie = |change: &dyn Fn(&mut Asked)| {
        let mut asked = truth.asked.clone();
        change(&mut asked);
        asked
    };
    let lies = [
        (
            lie(&|asked| asked.record = truth.told.record.clone()),
            "has Outcome there",
        ),
        (
            lie(&|asked| asked.path = "/a.B/C".to_owned()),
            "or about another",
        ),
        (
            lie(&|asked| asked.subject = Some("1".to_owned())),
            "or about another",
        ),
        (
            lie(&|asked| asked.caller = "H29/one-stop".to_owned()),
            "of `H26/one-stop`",
        ),
    ];
    for (lie, what) in lies {
        finds(&questions(lie), &truth.ledger, what)?;
    }
    finds(&questions(truth.asked.clone()), &[], "not in the ledger")
}

fn questions(asked: Asked) -> Heard {
    let (told, asked) = (Vec::new(), vec![asked]);
    Heard { told, asked }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_the_one_signed_is_found() -> Result<()> {
    let Truth { ledger, seen, .. } = truth().await?;
    let mut leaves = tree::leaves(&ledger);
    ensure!(
        tree::faults(&seen, &leaves).is_empty(),
        "the truth is doubted"
    );
    leaves.push(vec![0]);
    ensure!(
        tree::faults(&seen, &leaves).is_empty(),
        "a log that has grown is doubted"
    );
    leaves.first_mut().context("no leaf")?.push(0);
    ensure!(
        tree::faults(&seen, &leaves).len() == 1,
        "a changed leaf is not found"
    );
    leaves.truncate(1);
    ensure!(
        tree::faults(&seen, &leaves).len() == 1,
        "lost records are not found"
    );
    Ok(())
}
