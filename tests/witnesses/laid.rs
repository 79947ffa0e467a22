//! A deployment whose gateway has witnesses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::witness::Policy;
use motlan_audit::{Checkpoint, Layout, Ledger, VerifierKey, WitnessVerifierKey};
use motlan_testkit::client::{Call, Reply};
use motlan_testkit::contracts::population::v1::GetPersonRequest;
use motlan_testkit::{Client, World};
use prost::Message as _;
use tempfile::TempDir;
use tonic::Code;

use crate::process::command::{binary, run};
use crate::process::gateway::{Gateway, get};
use crate::process::patience::eventually;

/// What the samples are made from.
const SEED: u64 = 20_261_122;
/// The desk, and what it asks for.
const SYSTEM: &str = "H26/one-stop";
const PROCEDURE: &str = "1.004222";
const PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";

/// Until something that takes a round or two has come about.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A deployment with its gateway, and a desk that asks about one person.
pub(super) struct Desk {
    pub(super) world: World,
    /// The key that checks the ledger.
    pub(super) key: VerifierKey,
    _dir: TempDir,
}

impl Desk {
    pub(super) async fn lay() -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-witnessed-")?;
        let world = World::lay(dir.path(), SEED).await?;
        let mut init = Command::new(binary("motlan")?);
        init.args(["ledger", "init", "--config"])
            .arg(world.config());
        run(&mut init)?.exited(0)?;
        let log = newest_log(&dir.path().join("ledger"))?;
        let (_, key) = Ledger::named_in(&log)?;
        let _dir = dir;
        Ok(Self { world, key, _dir })
    }

    pub(super) async fn connect(&self, gateway: &Gateway) -> Result<Client> {
        Ok(Client::connect(&gateway.address, self.world.client_config(SYSTEM)?).await?)
    }

    /// Asks the population registry about a person.
    pub(super) async fn ask(&self, client: &Client) -> Result<Reply> {
        let token = self.world.system(SYSTEM)?.signed(PROCEDURE)?;
        let personal_id = self.world.sample().roles.person.clone();
        let message = GetPersonRequest { personal_id }.encode_to_vec();
        let call = Call::new(PERSON, &message)?.bearer(&token)?;
        Ok(client.call(&call).await?)
    }

    pub(super) async fn must_answer(&self, client: &Client) -> Result<()> {
        let reply = self.ask(client).await?;
        ensure!(reply.code() == Code::Ok, "no answer: {:?}", reply.status);
        Ok(())
    }
}

/// A witness in a configuration.
pub(super) struct Named {
    pub(super) url: String,
    pub(super) key: WitnessVerifierKey,
    pub(super) ca: Option<String>,
}

/// Writes a configuration beside the deployment's own: the same, for a ledger in `folder`, with
/// witnesses, and with more lines for `[ledger]`.
pub(super) fn configure(
    desk: &Desk,
    folder: &str,
    ledger: &str,
    witnesses: &[Named],
) -> Result<PathBuf> {
    let world = &desk.world;
    let text = fs::read_to_string(world.config())?;
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if line == "folder = \"ledger\"" {
            *line = format!("folder = \"{folder}\"\nwitnesses_every_ms = 20\n{ledger}");
        }
        if line.starts_with("sealing = ") {
            *line = format!("sealing = \"{folder}.sealing\"");
        }
    }
    // The witnesses shall be the only ones who know how far the log had come.
    lines.retain(|line| !line.starts_with("known_checkpoint"));
    let mut text = lines.join("\n") + "\n\n[limits]\nwitness_ms_max = 1000\n";
    for Named { url, key, ca } in witnesses {
        text += &format!("\n[[witness]]\nurl = \"{url}\"\nkey = \"{key}\"\n");
        if let Some(ca) = ca {
            text += &format!("ca = \"{ca}\"\n");
        }
    }
    let file = format!("{folder}.toml");
    world.write(&file, &text)?;
    Ok(world.dir().join(file))
}

/// Starts `motlan serve` on a configuration.
pub(super) fn serve(config: &Path) -> Result<Gateway> {
    Gateway::start(&mut command(config)?)
}

/// `motlan serve` that must not start, and say why.
pub(super) fn refuses_to_start(config: &Path, why: &str) -> Result<()> {
    let ended = run(&mut command(config)?)?.exited(1)?;
    ensure!(ended.out.is_empty(), "it started: {}", ended.out);
    ensure!(
        ended.err.contains(why),
        "it does not say `{why}`: {}",
        ended.err
    );
    Ok(())
}

fn command(config: &Path) -> Result<Command> {
    let mut command = Command::new(binary("motlan")?);
    command.arg("serve").arg("--config").arg(config);
    Ok(command)
}

/// Copies the ledger with its sealing file, so that two gateways can go on from it.
pub(super) fn copy_ledger(desk: &Desk, from: &str, to: &str) -> Result<()> {
    let dir = desk.world.dir();
    copy_folder(&dir.join(from), &dir.join(to))?;
    let sealing = dir.join(format!("{from}.sealing"));
    let sealing = match sealing.exists() {
        true => sealing,
        false => dir.join("pki/sealing"),
    };
    copy_folder(&sealing, &dir.join(format!("{to}.sealing")))
}

/// The folder of the log of a ledger that has one.
pub(super) fn log_of(desk: &Desk, ledger: &str) -> Result<PathBuf> {
    newest_log(&desk.world.dir().join(ledger))
}

fn newest_log(ledgers: &Path) -> Result<PathBuf> {
    let layout = Layout::beside(ledgers);
    let quarters = layout.quarters()?;
    Ok(layout.ledger(*quarters.last().context("no log")?))
}

/// Its cosigned checkpoint.
pub(super) fn cosigned_file(desk: &Desk, ledger: &str) -> Result<PathBuf> {
    let mut name = log_of(desk, ledger)?.into_os_string();
    name.push(".cosigned");
    Ok(name.into())
}

pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Waits until `/log/checkpoint` speaks for so many records, cosigned as the policy asks; the note.
pub(super) async fn cosigned(
    desk: &Desk,
    gateway: &Gateway,
    policy: &Policy,
    size: u64,
) -> Result<String> {
    let key = &desk.key;
    eventually("a cosigned checkpoint", PATIENCE, async || {
        let (status, note) = get(&gateway.admin, "/log/checkpoint")?;
        ensure!(status == 200, "{status} {note}");
        ensure!(
            Checkpoint::open(&note, key).is_ok(),
            "not the log's: {note}"
        );
        let cosigned = policy.check(&note, key).ok();
        let cosigned = cosigned.filter(|cosigned| cosigned.checkpoint().size() >= size);
        Ok(cosigned.map(|_| note))
    })
    .await
}

/// A sum over the lines of a metric that have all of these labels.
pub(super) fn metric(gateway: &Gateway, name: &str, labels: &[&str]) -> Result<f64> {
    let (_, text) = get(&gateway.admin, "/metrics")?;
    let lines = text.lines().filter(|line| line.starts_with(name));
    let lines = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    let values = lines.map(|line| {
        let value = line.rsplit(' ').next().context("no value")?;
        Ok(value.parse::<f64>()?)
    });
    values.sum()
}
