//! The checks on what was heard are only worth something if they find what is false.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::ReadEntry;
use tonic::Code;

use crate::process::deployment::{Deployment, Question};
use crate::process::gateway::get;
use crate::process::heard::{Asked, Heard, Told};
use crate::process::tree::{self, Checkpoint};

/// An answer, a refusal, the owner's question and a checkpoint, with the ledger that bears them out.
struct Truth {
    ledger: Vec<ReadEntry>,
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
    let refused = Question { procedure: "1.014177", ..granted.clone() };
    let mut heard = Heard::default();
    for question in [granted, refused] {
        let reply = client.call(&deployment.call(&question)?).await?;
        heard.told.extend(Told::of(&question, &reply)?);
    }
    let provider = deployment.world.provider("population").context("no provider")?;
    for seen in provider.take_seen() {
        heard.asked.push(Asked::of(&seen)?);
    }
    let (_, note) = get(&gateway.admin, "/log/checkpoint")?;
    gateway.stop()?;
    ensure!(heard.told.len() == 2 && heard.asked.len() == 1, "heard otherwise: {heard:?}");
    Ok(Truth {
        ledger: deployment.entries()?,
        told: heard.told.first().context("nothing was told")?.clone(),
        asked: heard.asked.first().context("nothing was asked")?.clone(),
        heard,
        seen: BTreeSet::from([Checkpoint::read(&note)?]),
    })
}

fn finds(heard: &Heard, ledger: &[ReadEntry], what: &str) -> Result<()> {
    let faults = heard.faults(ledger);
    let found = faults.iter().any(|fault| fault.contains(what));
    ensure!(found, "not found: {what}; but {faults:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_the_ledger_does_not_bear_out_is_found() -> Result<()> {
    let Truth { ledger, heard, told, asked, .. } = truth().await?;
    ensure!(heard.faults(&ledger).is_empty(), "the truth is doubted: {:?}", heard.faults(&ledger));
    let mut sha256 = told.sha256.clone();
    *sha256.first_mut().context("no digest")? ^= 1;
    let of_question = asked.record.clone();
    let beyond = "demo-2026q4-999".parse()?;
    let of = |change: &dyn Fn(&mut Question)| {
        let mut told = told.clone();
        change(&mut told.question);
        told
    };
    let lies = [
        (Told { record: beyond, ..told.clone() }, "not in the ledger"),
        (Told { sha256, ..told.clone() }, "not the one in the ledger"),
        (Told { answers: 0, ..told.clone() }, "0 messages were told"),
        (Told { reason: "X".to_owned(), ..told.clone() }, "has the reason"),
        (Told { code: Code::PermissionDenied, ..told.clone() }, "Outcome Released where"),
        (Told { record: of_question, ..told.clone() }, "Question Unspecified where"),
        (of(&|question| question.subject = "1".to_owned()), "about another"),
        (of(&|question| question.path = "/a.B/C".to_owned()), "about another"),
        (of(&|question| question.system = "H29/one-stop"), "told to `H26/one-stop`"),
        (of(&|question| question.procedure = "1.000001"), "for 1.004222"),
    ];
    for (lie, what) in lies {
        finds(&Heard { told: vec![lie], asked: Vec::new() }, &ledger, what)?;
    }
    let twice = Heard { told: vec![told.clone(), told.clone()], asked: Vec::new() };
    finds(&twice, &ledger, "two answers have this record")?;
    let unasked = ledger.get(1).context("no outcome")?.clone();
    let refused = ledger.get(2).context("no refusal")?.clone();
    let orphan = Heard { told: vec![told], asked: Vec::new() };
    finds(&orphan, &[refused, unasked], "no question that it answers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_the_ledger_does_not_bear_out_is_found() -> Result<()> {
    let Truth { ledger, told, asked, .. } = truth().await?;
    let lies = [
        (Asked { record: told.record.clone(), ..asked.clone() }, "the ledger has Outcome there"),
        (Asked { path: "/a.B/C".to_owned(), ..asked.clone() }, "or about another"),
        (Asked { subject: Some("1".to_owned()), ..asked.clone() }, "or about another"),
        (Asked { caller: "H29/one-stop".to_owned(), ..asked.clone() }, "of `H26/one-stop`"),
    ];
    for (lie, what) in lies {
        finds(&Heard { told: Vec::new(), asked: vec![lie] }, &ledger, what)?;
    }
    let lost = Heard { told: Vec::new(), asked: vec![asked] };
    finds(&lost, &[], "not in the ledger")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_the_one_signed_is_found() -> Result<()> {
    let Truth { ledger, seen, .. } = truth().await?;
    let mut leaves = tree::leaves(&ledger);
    ensure!(tree::faults(&seen, &leaves).is_empty(), "the truth is doubted");
    leaves.push(vec![0]);
    ensure!(tree::faults(&seen, &leaves).is_empty(), "a log that has grown is doubted");
    leaves.first_mut().context("no leaf")?.push(0);
    ensure!(tree::faults(&seen, &leaves).len() == 1, "a changed leaf is not found");
    leaves.truncate(1);
    ensure!(tree::faults(&seen, &leaves).len() == 1, "lost records are not found");
    Ok(())
}
