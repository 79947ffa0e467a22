//! A ledger that cannot write, and a ledger that cannot be trusted: nobody gets an answer from the
//! one, and nothing starts on the other.

mod process {
    mod auditor;
    mod backup;
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod desk;
    mod erasure;
    pub(crate) mod gateway;
    pub(crate) mod heard;
    pub(crate) mod patience;
    mod quarters;
}

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use motlan_testkit::World;
use motlan_testkit::provider::Misbehaviour;
use process::command::{Ended, Process, binary, run};
use process::deployment::Deployment;
use process::desk::{Desk, PATIENCE, PERSON, SERVING, health, is_no_answer, written};
use process::gateway::{Gateway, STOP_MAX};
use process::patience::eventually;
use tonic::Code;

/// As long as it takes to delete a file while an owner thinks.
const THINKING: Duration = Duration::from_millis(500);
/// More calls than any limit on the files leaves room for.
const CALLS_MAX: usize = 200;

/// `motlan serve` that must not start, and say why.
fn refuses_to_start(deployment: &Deployment, why: &str) -> Result<()> {
    let Ended { out, err, .. } = run(&mut deployment.motlan(&["serve"])?)?.exited(1)?;
    ensure!(out.is_empty(), "it started: {out}");
    ensure!(err.contains(why), "it does not say `{why}`: {err}");
    Ok(())
}

/// Stops a gateway whose ledger has failed: it says so once more.
fn stop_failed(process: Process) -> Result<()> {
    process.signal("TERM")?;
    let ended = process.wait(STOP_MAX)?.exited(1)?;
    ensure!(
        ended.err.contains("the ledger did not close well"),
        "{}",
        ended.err
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_file_is_deleted_gives_no_answer_until_it_is_put_back() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    ensure!(health(&client).await? == SERVING, "not serving");
    // What is lost before it is signed for cannot be missed.
    desk.has_signed(2).await?;
    let kept = desk.deployment.ledger().join("kept");
    std::fs::hard_link(desk.segment(), &kept)?;
    std::fs::remove_file(desk.segment())?;
    desk.has_no_answer(&gateway, &client).await?;
    stop_failed(gateway.process)?;

    refuses_to_start(&desk.deployment, "records were lost")?;
    std::fs::rename(&kept, desk.segment())?;
    desk.must_be_repaired().await
}

// R32: what the owner has answered stays inside if its outcome cannot be recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_fails_while_the_owner_thinks_lets_no_answer_out() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    let asked = desk.owner()?.calls();
    desk.owner()?
        .misbehave(PERSON, None, Misbehaviour::Slow(THINKING));
    let call = desk.deployment.call(&desk.question)?;
    let asking = client.clone();
    let reply = tokio::spawn(async move { asking.call(&call).await });
    let owner = desk.owner()?;
    let heard = async || Ok((owner.calls() > asked).then_some(()));
    eventually("the question at the owner", PATIENCE, heard).await?;
    std::fs::remove_file(desk.segment())?;
    is_no_answer(&reply.await??)?;
    desk.has_no_answer(&gateway, &client).await?;
    stop_failed(gateway.process)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_cannot_make_its_first_file_gives_no_answer() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let gateway = Gateway::start(&mut limited(&desk.deployment.world, 64)?)?;
    let client = desk.connect(&gateway).await?;
    desk.has_no_answer(&gateway, &client).await?;
    ensure!(desk.owner()?.calls() == 0, "the owner heard of it");
    stop_failed(gateway.process)?;
    desk.must_be_repaired().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_in_the_middle_of_a_write_ends_the_answers() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    desk.must_answer(&client).await?;
    gateway.stop()?;

    let blocks = written(&desk.segment())?.div_ceil(512) + 2;
    let gateway = Gateway::start(&mut limited(&desk.deployment.world, blocks)?)?;
    let client = desk.connect(&gateway).await?;
    let mut answers = 0;
    while desk.ask(&client).await?.code() == Code::Ok {
        answers += 1;
        ensure!(
            answers < CALLS_MAX,
            "the limit of {blocks} blocks holds nothing back"
        );
    }
    desk.has_no_answer(&gateway, &client).await?;
    stop_failed(gateway.process)?;
    desk.must_be_repaired().await
}

/// `motlan serve` that can make no file longer than so many blocks, of 512 or 1024 bytes as the
/// shell counts. Beyond that a write fails, part of it done, as it does on a full disk.
fn limited(world: &World, blocks: usize) -> Result<Command> {
    let script = "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, &blocks.to_string()])
        .arg(binary("motlan")?);
    command.arg("serve").arg("--config").arg(world.config());
    Ok(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_open_in_one_process_and_made_once() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let made_again = || run(&mut desk.deployment.motlan(&["ledger", "init"])?)?.exited(1);
    let refused = made_again()?.err;
    ensure!(
        refused.contains("holds a ledger, up to `motlan.example/audit/demo/"),
        "{refused}"
    );

    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    refuses_to_start(&desk.deployment, "is held by another process")?;
    ensure!(
        made_again()?.err.contains("nothing is to be made"),
        "made again under a running gateway"
    );
    // The first has not suffered from it.
    desk.must_answer(&client).await?;
    gateway.stop()?;
    desk.must_be_repaired().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_older_than_its_checkpoint_is_refused() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let older = desk.deployment.world.dir().join("older");
    let newer = desk.deployment.world.dir().join("newer");
    for copy in [&older, &newer] {
        let gateway = desk.deployment.serve()?;
        let client = desk.connect(&gateway).await?;
        desk.must_answer(&client).await?;
        gateway.stop()?;
        std::fs::copy(desk.segment(), copy)?;
    }
    std::fs::copy(&older, desk.segment())?;
    let why = "the signed checkpoint speaks for 4 records, and the log holds 2";
    refuses_to_start(&desk.deployment, why)?;
    let report = motlan_audit::verify(&desk.deployment.ledger(), &desk.deployment.key)?;
    ensure!(!report.is_sound(), "the auditor finds nothing");
    std::fs::copy(&newer, desk.segment())?;
    desk.must_be_repaired().await
}

/// Adds a line to the section `[ledger]` of the configuration.
fn configure(deployment: &Deployment, line: &str) -> Result<()> {
    let text = std::fs::read_to_string(deployment.world.config())?;
    let text = text.replace("[ledger]\n", &format!("[ledger]\n{line}\n"));
    Ok(deployment.world.write("motlan.toml", &text)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_put_back_from_an_earlier_day_is_refused() -> Result<()> {
    let mut desk = Desk::lay().await?;
    configure(&desk.deployment, "known_checkpoint = \"kept\"")?;
    refuses_to_start(&desk.deployment, "should keep the newest checkpoint")?;
    run(&mut desk.deployment.motlan(&["ledger", "init"])?)?.exited(0)?;
    let (ledger, earlier) = (
        desk.deployment.ledger(),
        desk.deployment.world.dir().join("earlier"),
    );
    let newest = desk.deployment.world.dir().join("newest");
    for copy in [&earlier, &newest] {
        let gateway = desk.deployment.serve()?;
        let client = desk.connect(&gateway).await?;
        desk.must_answer(&client).await?;
        gateway.stop()?;
        copy_folder(&ledger, copy)?;
    }
    let put_back = |copy: &Path| {
        std::fs::remove_dir_all(&ledger)?;
        copy_folder(copy, &ledger)
    };
    put_back(&earlier)?;
    let why = format!(
        "kept/{}` speaks for 4 records, and the log holds 2: the folder was put back from an \
         earlier day; restore it from a copy that has all 4",
        desk.deployment.quarter
    );
    refuses_to_start(&desk.deployment, &why)?;
    // Nor does a new ledger take its place.
    std::fs::remove_dir_all(&ledger)?;
    run(&mut desk.deployment.motlan(&["ledger", "init"])?)?.exited(1)?;
    copy_folder(&newest, &ledger)?;
    desk.must_be_repaired().await
}

/// `motlan ledger init` that is interrupted, and then run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_making_of_a_ledger_is_finished_by_the_next() -> Result<()> {
    let desk = Desk::lay().await?;
    let (ledger, pki) = (
        desk.deployment.ledger(),
        desk.deployment.world.dir().join("pki"),
    );
    let (key, draft) = (pki.join("ledger.key"), pki.join("ledger.key.new"));
    let sealing = desk.deployment.sealing_file();
    let index = desk.deployment.world.dir().join("ledger.index");
    // All but the key's name; without the file that makes it a ledger; in the midst of the key.
    for step in 0..3 {
        std::fs::rename(&key, &draft)?;
        if index.exists() {
            std::fs::remove_dir_all(&index)?;
        }
        if step > 0 {
            std::fs::remove_file(ledger.join("log"))?;
            std::fs::remove_dir_all(ledger.join("segments"))?;
            std::fs::remove_file(&sealing)?;
        }
        if step > 1 {
            std::fs::remove_dir_all(&ledger)?;
            std::fs::write(&draft, "PRIVATE+KEY+")?;
        }
        run(&mut desk.deployment.motlan(&["ledger", "init"])?)?.exited(0)?;
        ensure!(!draft.exists(), "step {step}: the key has no name");
        desk.deployment.serve()?.stop()?;
    }
    // A ledger that is lost is another matter.
    std::fs::remove_dir_all(&ledger)?;
    let again = run(&mut desk.deployment.motlan(&["ledger", "init"])?)?.exited(1)?;
    ensure!(
        again.err.contains("could contradict the first"),
        "{}",
        again.err
    );
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        let copy = to.join(file.file_name());
        if file.file_type()?.is_dir() {
            copy_folder(&file.path(), &copy)?;
        } else {
            std::fs::copy(file.path(), copy)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_disk_is_nearly_full_is_not_ready() -> Result<()> {
    let desk = Desk::lay().await?;
    configure(&desk.deployment, "free_bytes_min = 9223372036854775807")?;
    let Err(not_ready) = desk.deployment.serve() else {
        bail!("it is ready");
    };
    let why = not_ready.to_string();
    ensure!(
        why.contains("503 the ledger's disk is nearly full"),
        "{why}"
    );
    Ok(())
}
