//! A ledger that cannot write, and a ledger that cannot be trusted: nobody gets an answer from the
//! one, and nothing starts on the other.

mod process {
    pub(crate) mod command;
    pub(crate) mod deployment;
    pub(crate) mod gateway;
    pub(crate) mod heard;
    pub(crate) mod patience;
}

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::provider::{Misbehaviour, Provider};
use motlan_testkit::{Client, World};
use process::command::{Ended, Process, binary, run};
use process::deployment::{Deployment, Question};
use process::gateway::{Gateway, STOP_MAX, get, logged};
use process::heard::{Asked, Heard, Told};
use process::patience::eventually;
use tonic::Code;

const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `grpc.health.v1.HealthCheckResponse` with a status of SERVING, and of NOT_SERVING.
const SERVING: [u8; 2] = [8, 1];
const NOT_SERVING: [u8; 2] = [8, 2];
/// The health service looks at the ledger once a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// As long as it takes to delete a file while an owner thinks.
const THINKING: Duration = Duration::from_millis(500);
/// More calls than any limit on the files leaves room for.
const CALLS_MAX: usize = 200;

/// A deployment with its gateway and a desk that asks about one person.
struct Desk {
    deployment: Deployment,
    question: Question,
    heard: Heard,
}

impl Desk {
    async fn lay() -> Result<Self> {
        let deployment = Deployment::lay().await?;
        let question = Question::of_desk(PERSON, &deployment.world.sample().roles.person);
        Ok(Self {
            deployment,
            question,
            heard: Heard::default(),
        })
    }

    async fn connect(&self, gateway: &Gateway) -> Result<Client> {
        self.deployment.connect(gateway, self.question.system).await
    }

    async fn ask(&mut self, client: &Client) -> Result<Reply> {
        let reply = client.call(&self.deployment.call(&self.question)?).await?;
        self.heard.told.extend(Told::of(&self.question, &reply)?);
        Ok(reply)
    }

    async fn must_answer(&mut self, client: &Client) -> Result<()> {
        let reply = self.ask(client).await?;
        ensure!(reply.code() == Code::Ok, "no answer: {:?}", reply.status);
        Ok(())
    }

    /// The owner's system.
    fn owner(&self) -> Result<&Provider> {
        self.deployment
            .world
            .provider("population")
            .context("no provider")
    }

    /// R33: no answer, no question to the owner, not ready, not serving, and a line in the log.
    async fn has_no_answer(&mut self, gateway: &Gateway, client: &Client) -> Result<()> {
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
    async fn is_repaired(mut self) -> Result<()> {
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
    async fn has_signed(&self, records: u64) -> Result<()> {
        let file = self.deployment.ledger().join("checkpoint");
        let size = format!("\n{records}\n");
        let signed = async || {
            Ok(std::fs::read_to_string(&file)?
                .contains(&size)
                .then_some(()))
        };
        eventually("the checkpoint", PATIENCE, signed).await
    }

    fn segment(&self) -> PathBuf {
        self.deployment.ledger().join("segments/00000000")
    }
}

fn is_no_answer(reply: &Reply) -> Result<()> {
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
async fn health(client: &Client) -> Result<Vec<u8>> {
    let reply = client.call(&Call::new(HEALTH, &[])?).await?;
    let messages = reply.messages()?;
    Ok(messages
        .first()
        .with_context(|| format!("{:?}", reply.status))?
        .to_vec())
}

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

    refuses_to_start(
        &desk.deployment,
        "records were lost; restore the folder from a copy",
    )?;
    std::fs::rename(&kept, desk.segment())?;
    desk.is_repaired().await
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
    desk.is_repaired().await
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
    desk.is_repaired().await
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

/// How far a segment is written: it is made of zeroes.
fn written(segment: &Path) -> Result<usize> {
    let bytes = std::fs::read(segment)?;
    Ok(bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_open_in_one_process_and_made_once() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let made_again = || run(&mut desk.deployment.motlan(&["ledger", "init"])?)?.exited(1);
    let refused = made_again()?.err;
    ensure!(
        refused.contains("a new ledger needs a folder of its own"),
        "{refused}"
    );

    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    refuses_to_start(
        &desk.deployment,
        "is open elsewhere: only one process may write it",
    )?;
    ensure!(
        made_again()?.err.contains("is not empty"),
        "made again under a running gateway"
    );
    // The first has not suffered from it.
    desk.must_answer(&client).await?;
    gateway.stop()?;
    desk.is_repaired().await
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
    desk.is_repaired().await
}

// R35: verified from disk by a program without the gateway in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auditor_finds_a_flipped_byte_and_names_its_place() -> Result<()> {
    let mut desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    for _ in 0..3 {
        desk.must_answer(&client).await?;
    }
    gateway.stop()?;
    let sound = audit(&desk, "verify")?.exited(0)?.out;
    ensure!(sound.contains("is sound"), "{sound}");
    ensure!(sound.contains("3  0 without an outcome"), "{sound}");

    let segment = desk.segment();
    let mut bytes = std::fs::read(&segment)?;
    let end = written(&segment)?;
    // In the first record, in the middle, in the last one's end.
    for at in [300, end / 2, end - 2] {
        *bytes.get_mut(at).context("no such byte")? ^= 1;
        std::fs::write(&segment, &bytes)?;
        let found = audit(&desk, "verify")?.exited(1)?.out;
        ensure!(found.contains("is NOT sound"), "byte {at}: {found}");
        ensure!(
            found.contains("segments/00000000, offset "),
            "byte {at} has no place: {found}"
        );
        *bytes.get_mut(at).context("no such byte")? ^= 1;
    }
    std::fs::write(&segment, &bytes)?;
    audit(&desk, "verify")?.exited(0)?;
    Ok(())
}

// R36: a caller's receipt verifies offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_proves_its_record_and_nothing_once_it_is_changed() -> Result<()> {
    let desk = Desk::lay().await?;
    let gateway = desk.deployment.serve()?;
    let client = desk.connect(&gateway).await?;
    let call = desk
        .deployment
        .call(&desk.question)?
        .metadata("motlan-receipt", "full")?;
    let reply = client.call(&call).await?;
    let receipt = reply
        .metadata("motlan-receipt-bin")
        .context("no receipt")?
        .to_owned();
    let record = reply
        .metadata("motlan-record")
        .context("no record")?
        .to_owned();
    gateway.stop()?;

    let good = receipt_verified(&desk, &receipt)?.exited(0)?.out;
    ensure!(
        good.contains("The receipt is good") && good.contains(&record),
        "{good}"
    );
    // Another caller's name in the record.
    let desk_name = b"H26/one-stop";
    let mut bytes = decoded(&receipt)?;
    let at = bytes
        .windows(desk_name.len())
        .position(|part| part == desk_name);
    *bytes
        .get_mut(at.context("no caller in the receipt")?)
        .context("no byte")? = b'G';
    let changed = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bytes);
    let bad = receipt_verified(&desk, &changed)?.exited(1)?.out;
    ensure!(bad.contains("proves NOTHING"), "{bad}");
    Ok(())
}

fn decoded(receipt: &str) -> Result<Vec<u8>> {
    Ok(base64::Engine::decode(
        &base64::prelude::BASE64_STANDARD_NO_PAD,
        receipt,
    )?)
}

fn receipt_verified(desk: &Desk, receipt: &str) -> Result<Ended> {
    let file = desk.deployment.world.dir().join("receipt");
    std::fs::write(&file, receipt)?;
    let mut command = Command::new(binary("motlan-audit")?);
    command.args(["receipt", "verify"]).arg(file);
    run(command.args(["--key", &desk.deployment.key.to_string()]))
}

fn audit(desk: &Desk, word: &str) -> Result<Ended> {
    let mut command = Command::new(binary("motlan-audit")?);
    command
        .arg(word)
        .arg("--ledger")
        .arg(desk.deployment.ledger());
    run(command.args(["--key", &desk.deployment.key.to_string()]))
}
