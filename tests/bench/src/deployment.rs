//! A throwaway deployment on the loopback interface, with owner and gateway each a process of its
//! own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use motlan_audit::{Layout, Report, VerifierKey, verify};
use motlan_testkit::World;
use motlan_testkit::client::Call;
use motlan_testkit::contracts::population::v1::GetPersonRequest;
use motlan_testkit::pki::Leaf;
use prost::Message as _;
use rustls::ClientConfig;
use serde_json::Value;
use tempfile::TempDir;

use crate::child::Child;
use crate::owner;

/// Who asks: Hà Nội's one-stop desk, which is granted the view `residence` for the registration of
/// residence.
pub(crate) const CALLER: &str = "H26/one-stop";
pub(crate) const PROCEDURE: &str = "1.004222";
/// What is asked.
pub(crate) const GET_PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";

/// A world, its owner's process and, once started, the gateway's. The processes end and the folder
/// goes when it is dropped.
pub(crate) struct Deployment {
    gateway: Option<Gateway>,
    owner: Child,
    motlan: PathBuf,
    /// The key that checks the ledger.
    key: VerifierKey,
    world: World,
    dir: TempDir,
}

struct Gateway {
    child: Child,
    address: String,
}

impl Deployment {
    /// Lays everything into a temporary folder below `parent`, or where the system has those, makes
    /// the ledger and starts the owner's system. Nothing else runs yet.
    pub(crate) async fn lay(parent: Option<&Path>) -> Result<Self> {
        let motlan = motlan()?;
        let dir = folder(parent)?;
        let world = World::lay(dir.path(), owner::SEED).await?;
        let owner = start_owner(&world).context("the owner's system")?;
        let key = make_ledger(&motlan, &world).context("`motlan ledger init`")?;
        Ok(Self {
            gateway: None,
            owner,
            motlan,
            key,
            world,
            dir,
        })
    }

    /// What was laid.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Adds `toml` to the gateway's configuration, for its next start.
    pub(crate) fn configure(&self, toml: &str) -> Result<()> {
        let text = std::fs::read_to_string(self.world.config())?;
        Ok(self
            .world
            .write("motlan.toml", &format!("{text}\n{toml}"))?)
    }

    /// Starts `motlan serve` and waits until it listens.
    pub(crate) fn start_gateway(&mut self) -> Result<()> {
        ensure!(self.gateway.is_none(), "the gateway runs already");
        let mut command = Command::new(&self.motlan);
        command
            .arg("serve")
            .arg("--config")
            .arg(self.world.config());
        let log = self.dir.path().join("gateway.log");
        let child = Child::start(&mut command, log).context("the gateway")?;
        let told: Value = serde_json::from_str(&child.said)?;
        let address = told.get("gateway").and_then(Value::as_str);
        let address = address.context("the gateway told no address")?.to_owned();
        self.gateway = Some(Gateway { child, address });
        Ok(())
    }

    /// Stops the gateway as an operator would; it must end well.
    pub(crate) fn stop_gateway(&mut self) -> Result<()> {
        let gateway = self.gateway.take().context("the gateway does not run")?;
        gateway.child.stop().context("the gateway")
    }

    /// What the gateway's binary says of itself.
    pub(crate) fn version(&self) -> Result<String> {
        let said = Command::new(&self.motlan).arg("--version").output()?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }

    /// The gateway's process.
    pub(crate) fn gateway(&self) -> Result<&Child> {
        Ok(&self.running()?.child)
    }

    /// Where to ask the gateway.
    pub(crate) fn gateway_address(&self) -> Result<&str> {
        Ok(&self.running()?.address)
    }

    fn running(&self) -> Result<&Gateway> {
        self.gateway.as_ref().context("the gateway does not run")
    }

    /// The owner's process; what it said first is its address.
    pub(crate) fn owner(&self) -> &Child {
        &self.owner
    }

    /// Starts the bare pass-through before the owner's system; what it says first is its address.
    pub(crate) fn start_pass_through(&self) -> Result<Child> {
        let mut command = itself("pass-through", self.dir.path())?;
        command.args(["--owner", &self.owner.said]);
        let log = self.dir.path().join("pass-through.log");
        Child::start(&mut command, log).context("the pass-through")
    }

    /// The caller's side of mutual TLS.
    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>> {
        Ok(self.world.client_config(CALLER)?)
    }

    /// What is asked of every contender, with a new token that any number of calls may share.
    pub(crate) fn call(&self) -> Result<Call> {
        let request = GetPersonRequest {
            personal_id: self.person().to_owned(),
        };
        let token = self.world.system(CALLER)?.signed(PROCEDURE)?;
        Ok(Call::new(GET_PERSON, &request.encode_to_vec())?.bearer(&token)?)
    }

    fn person(&self) -> &str {
        &self.world.sample().roles.person
    }

    /// What the owner holds about the person who is asked for.
    pub(crate) fn record(&self) -> Result<Bytes> {
        let held = self.world.sample().held();
        let mut answers = held
            .into_iter()
            .filter(|one| one.path == GET_PERSON && one.subject == self.person())
            .flat_map(|one| one.messages);
        answers.next().context("the sample lacks its own person")
    }

    /// Stops the gateway where it runs, then reads its ledger from disk and checks every hash and
    /// signature: an unsound one is an error.
    pub(crate) fn close(mut self) -> Result<Report> {
        if self.gateway.is_some() {
            self.stop_gateway()?;
        }
        let layout = Layout::beside(self.dir.path().join("ledger"));
        let newest = layout.quarters()?.last().copied().context("no log")?;
        let report = verify(&layout.ledger(newest), &self.key)?;
        let first = &report.findings.first;
        ensure!(report.is_sound(), "the ledger is not sound: {first:?}");
        Ok(report)
    }
}

/// A temporary folder below `parent`, or where the system has those.
pub(crate) fn folder(parent: Option<&Path>) -> Result<TempDir> {
    let prefix = "motlan-bench-";
    match parent {
        Some(parent) => TempDir::with_prefix_in(prefix, parent),
        None => TempDir::with_prefix(prefix),
    }
    .context("no temporary folder can be made")
}

/// Starts the owner's system, and tells the catalogue where it is: `World` has one of its own in
/// this process, which nobody is to ask.
fn start_owner(world: &World) -> Result<Child> {
    let identity = world.authority().issue(&Leaf::server("population"))?;
    let file = |ending: &str| format!("{}.{ending}", owner::IDENTITY);
    world.write(&file("pem"), &identity.certificate_pem)?;
    world.write(&file("key"), &identity.key_pem)?;
    let owner = Child::start(
        &mut itself("owner", world.dir())?,
        world.dir().join("owner.log"),
    )?;
    let endpoints = format!("[population]\naddresses = [\"{}\"]\n", owner.said);
    world.write("catalog/endpoints.toml", &endpoints)?;
    Ok(owner)
}

/// Makes the ledger as an operator does.
pub(crate) fn make_ledger(motlan: &Path, world: &World) -> Result<VerifierKey> {
    let mut command = Command::new(motlan);
    command.args(["ledger", "init", "--config"]);
    let made = command.arg(world.config()).output()?;
    let out = String::from_utf8_lossy(&made.stdout);
    let err = String::from_utf8_lossy(&made.stderr);
    ensure!(made.status.success(), "{err}");
    let line = out.lines().find_map(|line| line.strip_prefix("verifier"));
    let key = line.and_then(|rest| rest.split_whitespace().next());
    Ok(key.context("it told no verifier key")?.parse()?)
}

/// This binary again, as one of its roles.
pub(crate) fn itself(role: &str, dir: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(role).arg("--dir").arg(dir);
    Ok(command)
}

/// The gateway's binary, which lies beside this one.
pub(crate) fn motlan() -> Result<PathBuf> {
    let file = std::env::current_exe()?.with_file_name("motlan");
    let profile = if cfg!(debug_assertions) {
        ""
    } else {
        "--release "
    };
    ensure!(
        file.is_file(),
        "`{}` is not there: build it first, with `cargo build {profile}-p motlan-gateway`",
        file.display()
    );
    Ok(file)
}
