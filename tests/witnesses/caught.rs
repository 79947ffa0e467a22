//! A log with two histories, and a log that was put back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::witness::Policy;
use motlan_audit::{Checkpoint, VerifierKey};
use serde_json::Value;
use tonic::Code;

use super::laid::{
    Desk, Named, PATIENCE, configure, copy_folder, copy_ledger, cosigned, cosigned_file,
    refuses_to_start, serve,
};
use super::office::{Office, Open};
use crate::process::gateway::{Gateway, STOP_MAX, get, logged};
use crate::process::patience::eventually;

/// What an operator is told.
const CONTRADICTED: &str = "the witness `w.example/1` contradicts this log";

fn named(office: &Office, open: &Open) -> [Named; 1] {
    [Named {
        url: open.url(),
        key: office.key.clone(),
        ca: None,
    }]
}

/// The witness, at an address where nobody listens.
fn out_of_reach(office: &Office) -> [Named; 1] {
    [Named {
        url: "http://127.0.0.1:1".to_owned(),
        key: office.key.clone(),
        ca: None,
    }]
}

/// R71: it gives no answers, says why, and stops with an error.
async fn is_caught(desk: &Desk, gateway: Gateway) -> Result<()> {
    let told = eventually("the failure", PATIENCE, async || {
        let (status, told) = get(&gateway.admin, "/readyz")?;
        Ok((status == 503).then_some(told))
    })
    .await?;
    ensure!(told.contains(CONTRADICTED), "{told}");
    let client = desk.connect(&gateway).await?;
    let reply = desk.ask(&client).await?;
    ensure!(reply.code() == Code::Unavailable, "{:?}", reply.status);
    ensure!(reply.reason().as_deref() == Some("LEDGER_UNAVAILABLE") && reply.body.is_empty());
    let errors = logged(&gateway.process.log(), "ERROR").join("\n");
    ensure!(errors.contains(CONTRADICTED), "{errors}");
    gateway.process.signal("TERM")?;
    let ended = gateway.process.wait(STOP_MAX)?.exited(1)?;
    ensure!(ended.err.contains(CONTRADICTED), "{}", ended.err);
    Ok(())
}

/// The witness's own word on standard error: two notes that the log signed.
fn is_evidence(told: &str, key: &VerifierKey) -> Result<()> {
    let evidence: Value = serde_json::from_str(told.lines().next().context("no evidence")?)?;
    let mut roots = Vec::new();
    for name in ["cosigned", "checkpoint"] {
        let note = evidence.get(name).and_then(Value::as_str);
        let signed = Checkpoint::open(note.context("no note")?, key)?;
        roots.push(*signed.root());
    }
    ensure!(roots.first() != roots.last(), "the same tree twice");
    Ok(())
}

/// A log `one` with a lookup that the witness has cosigned, and nobody who writes it.
struct Begun {
    desk: Desk,
    office: Office,
    open: Open,
    policy: Policy,
    one: PathBuf,
}

impl Begun {
    async fn lay() -> Result<Begun> {
        let desk = Desk::lay().await?;
        let office = Office::found("w.example/1")?;
        let open = office.open(&desk.key)?;
        let policy = Policy::new(vec![office.key.clone()], 1)?;
        copy_ledger(&desk, "ledger", "one")?;
        let one = configure(&desk, "one", "", &named(&office, &open))?;
        let gateway = serve(&one)?;
        let client = desk.connect(&gateway).await?;
        desk.must_answer(&client).await?;
        cosigned(&desk, &gateway, &policy, 2).await?;
        gateway.stop()?;
        Ok(Begun {
            desk,
            office,
            open,
            policy,
            one,
        })
    }
}

// R70 and R71.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_gateways_that_fork_one_log_the_second_is_caught() -> Result<()> {
    let Begun {
        desk,
        office,
        open,
        policy,
        one,
    } = Begun::lay().await?;
    let key = desk.key.clone();

    // From here on there are two, with one key.
    copy_ledger(&desk, "one", "two")?;
    let two = configure(&desk, "two", "", &named(&office, &open))?;
    let (first, second) = (serve(&one)?, serve(&two)?);
    let to_first = desk.connect(&first).await?;
    desk.must_answer(&to_first).await?;
    let note = cosigned(&desk, &first, &policy, 4).await?;
    let to_second = desk.connect(&second).await?;
    // The witness may be asked between its question and its outcome.
    let reply = desk.ask(&to_second).await?;
    let is_caught_already = reply.reason().as_deref() == Some("LEDGER_UNAVAILABLE");
    ensure!(reply.code() == Code::Ok || is_caught_already);
    is_caught(&desk, second).await?;

    // The first has not suffered from it.
    desk.must_answer(&to_first).await?;
    cosigned(&desk, &first, &policy, 6).await?;
    ensure!(policy.check(&note, &key).is_ok());
    first.stop()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forked_log_is_not_even_started() -> Result<()> {
    let Begun {
        desk, office, open, ..
    } = Begun::lay().await?;
    let key = desk.key.clone();
    copy_ledger(&desk, "ledger", "two")?;

    // The second history grows where no witness sees it: shorter, as long, longer.
    let forked = "there are two histories under one key";
    for turn in 0..3 {
        let alone = configure(&desk, "two", "", &[])?;
        let gateway = serve(&alone)?;
        let client = desk.connect(&gateway).await?;
        let why = if turn == 0 { "put back" } else { forked };
        if turn > 0 {
            desk.must_answer(&client).await?;
        }
        gateway.stop()?;
        let two = configure(&desk, "two", "", &named(&office, &open))?;
        refuses_to_start(&two, CONTRADICTED)?;
        refuses_to_start(&two, why)?;
    }
    let evidence = open.close()?;
    is_evidence(&evidence, &key)?;
    ensure!(evidence.contains("another tree of 2 records"), "{evidence}");
    ensure!(evidence.contains("the proof does not lead"), "{evidence}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_put_back_from_an_earlier_day_is_not_started() -> Result<()> {
    let desk = Desk::lay().await?;
    let office = Office::found("w.example/1")?;
    let key = desk.key.clone();
    let mut open = office.open(&key)?;
    let policy = Policy::new(vec![office.key.clone()], 1)?;
    copy_ledger(&desk, "ledger", "own")?;
    let dir = desk.world.dir().to_owned();
    let (own, file) = (dir.join("own"), cosigned_file(&desk, "own")?);
    let config = configure(&desk, "own", "", &named(&office, &open))?;
    for size in [2, 4] {
        let gateway = serve(&config)?;
        let client = desk.connect(&gateway).await?;
        desk.must_answer(&client).await?;
        cosigned(&desk, &gateway, &policy, size).await?;
        gateway.stop()?;
        copy_folder(&own, &dir.join(format!("copy-{size}")))?;
    }
    let kept = fs::read(&file)?;
    let put_back = |copy: &str| -> Result<()> {
        fs::remove_dir_all(&own)?;
        // The index is derived, and made anew.
        let _not_there = fs::remove_dir_all(dir.join("own.index"));
        copy_folder(&dir.join(copy), &own)
    };
    put_back("copy-2")?;
    // The cosigned checkpoint on this machine knows it, if it was not put back as well.
    fs::write(&file, &kept)?;
    refuses_to_start(
        &config,
        "the log does not go on from the cosigned checkpoint",
    )?;
    // Where that was put back too, the witness knows it.
    fs::remove_file(&file)?;
    refuses_to_start(&config, CONTRADICTED)?;
    refuses_to_start(
        &config,
        "it has cosigned 4 records of this log, and the log holds 2",
    )?;

    open.close()?;
    starts_where_nobody_can_be_asked(&desk, &office)?;

    put_back("copy-4")?;
    fs::write(&file, kept)?;
    open = office.open(&key)?;
    let config = configure(&desk, "own", "", &named(&office, &open))?;
    let gateway = serve(&config)?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    cosigned(&desk, &gateway, &policy, 6).await?;
    gateway.stop()?;
    ensure!(
        open.close()?.is_empty(),
        "the witness complains of an honest log"
    );
    Ok(())
}

/// With the witness out of reach it starts, and says what that is worth; unless told not to.
fn starts_where_nobody_can_be_asked(desk: &Desk, office: &Office) -> Result<()> {
    let strict = configure(
        desk,
        "own",
        "witnesses_required_at_start = 1",
        &out_of_reach(office),
    )?;
    refuses_to_start(
        &strict,
        "0 of the 1 witnesses that `ledger.witnesses_required_at_start`",
    )?;
    let lax = configure(desk, "own", "", &out_of_reach(office))?;
    let gateway = serve(&lax)?;
    let told = logged(&gateway.process.log(), "WARN").join("\n");
    ensure!(
        told.contains("w.example/1") && told.contains("not every witness"),
        "{told}"
    );
    gateway.stop()?;
    Ok(())
}
