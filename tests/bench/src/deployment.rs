//! A throwaway deployment on the loopback interface, with owner, pass-through and gateway each a
//! process of its own.

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
use crate::contender::Contender;
use crate::owner;

/// Who asks: Hà Nội's one-stop desk, which is granted the view `residence` for the registration of
/// residence.
pub(crate) const CALLER: &str = "H26/one-stop";
pub(crate) const PROCEDURE: &str = "1.004222";
/// What is asked.
const GET_PERSON: &str = "/vn.population.v1.PopulationRegistry/GetPerson";

/// Everything that runs. The processes end and the folder goes when it is dropped.
pub(crate) struct Deployment {
    gateway: Child,
    gateway_address: String,
    pass_through: Child,
    owner: Child,
    /// The key that checks the ledger.
    key: VerifierKey,
    world: World,
    dir: TempDir,
}

impl Deployment {
    /// Lays everything into a temporary folder below `parent`, or where the system has those, and
    /// starts the processes.
    pub(crate) async fn lay(parent: Option<&Path>) -> Result<Self> {
        let motlan = motlan()?;
        let prefix = "motlan-bench-";
        let dir = match parent {
            Some(parent) => TempDir::with_prefix_in(prefix, parent),
            None => TempDir::with_prefix(prefix),
        }
        .context("no temporary folder can be made")?;
        let folder = dir.path();
        let world = World::lay(folder, owner::SEED).await?;

        let owner = start_owner(&world).context("the owner's system")?;
        let mut command = itself("pass-through", folder)?;
        command.args(["--owner", &owner.said]);
        let pass_through = Child::start(&mut command, folder.join("pass-through.log"))
            .context("the pass-through")?;

        let key = make_ledger(&motlan, &world).context("`motlan ledger init`")?;
        let mut command = Command::new(&motlan);
        command.arg("serve").arg("--config").arg(world.config());
        let gateway =
            Child::start(&mut command, folder.join("gateway.log")).context("the gateway")?;
        let told: Value = serde_json::from_str(&gateway.said)?;
        let address = told.get("gateway").and_then(Value::as_str);
        Ok(Self {
            gateway_address: address.context("the gateway told no address")?.to_owned(),
            gateway,
            pass_through,
            owner,
            key,
            world,
            dir,
        })
    }

    /// The folder of it all.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where to ask a contender.
    pub(crate) fn address(&self, contender: Contender) -> &str {
        match contender {
            Contender::Direct => &self.owner.said,
            Contender::PassThrough => &self.pass_through.said,
            Contender::Gateway => &self.gateway_address,
        }
    }

    /// The proxy that is measured; none where callers ask the owner.
    pub(crate) fn proxy(&self, contender: Contender) -> Option<&Child> {
        match contender {
            Contender::Direct => None,
            Contender::PassThrough => Some(&self.pass_through),
            Contender::Gateway => Some(&self.gateway),
        }
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

    /// Stops the gateway, then reads its ledger from disk and checks every hash and signature.
    pub(crate) fn close(self) -> Result<Report> {
        self.gateway.stop().context("the gateway")?;
        let layout = Layout::beside(self.dir.path().join("ledger"));
        let newest = layout.quarters()?.last().copied().context("no log")?;
        Ok(verify(&layout.ledger(newest), &self.key)?)
    }
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
fn itself(role: &str, dir: &Path) -> Result<Command> {
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
