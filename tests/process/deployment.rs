//! A throwaway deployment whose gateway is a process of its own and whose owners' systems stand in
//! the test.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use motlan_api::audit::v1::{Record, Sealed};
use motlan_audit::{Opened, RecordId, Report, Sealing, VerifierKey, read_entries, verify_with};
use motlan_testkit::client::Call;
use motlan_testkit::{Client, World};
use tempfile::TempDir;

use super::command::{binary, run};
use super::gateway::Gateway;

/// What the samples are made from.
const SEED: u64 = 20_260_101;

/// A world with a ledger.
pub(crate) struct Deployment {
    pub(crate) world: World,
    /// The key that checks the ledger.
    pub(crate) key: VerifierKey,
    /// The quarter of its log.
    pub(crate) quarter: String,
    _dir: TempDir,
}

/// A record with its sealed part, opened.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: RecordId,
    pub(crate) record: Record,
    pub(crate) sealed: Sealed,
}

/// What a system asks.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) system: &'static str,
    pub(crate) procedure: &'static str,
    pub(crate) path: String,
    pub(crate) subject: String,
    pub(crate) message: Vec<u8>,
}

impl Question {
    /// A question of Hà Nội's one-stop desk for the registration of residence, to a method whose
    /// subject is the request's first field.
    pub(crate) fn of_desk(path: &str, subject: &str) -> Self {
        Self {
            system: "H26/one-stop",
            procedure: "1.004222",
            path: path.to_owned(),
            subject: subject.to_owned(),
            message: request(subject),
        }
    }
}

/// A request with the subject as its first field.
fn request(subject: &str) -> Vec<u8> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Request {
        #[prost(string, tag = "1")]
        subject: String,
    }
    let request = Request {
        subject: subject.to_owned(),
    };
    prost::Message::encode_to_vec(&request)
}

impl Deployment {
    /// Lays a world and makes its ledger, by the command that makes one.
    pub(crate) async fn lay() -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-process-")?;
        let world = World::lay(dir.path(), SEED).await?;
        let made = run(&mut motlan(&world, &["ledger", "init"])?)?.exited(0)?;
        let told = |name: &str| {
            let line = made.out.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|rest| rest.split_whitespace().next());
            word.with_context(|| made.out.clone())
        };
        let origin = told("origin")?;
        Ok(Self {
            key: told("verifier")?.parse()?,
            quarter: origin.rsplit('/').next().unwrap_or_default().to_owned(),
            world,
            _dir: dir,
        })
    }

    /// A command of `motlan` on this deployment's configuration, e.g. `["ledger", "init"]`.
    pub(crate) fn motlan(&self, words: &[&str]) -> Result<Command> {
        motlan(&self.world, words)
    }

    /// Starts the gateway.
    pub(crate) fn serve(&self) -> Result<Gateway> {
        Gateway::start(&mut self.motlan(&["serve"])?)
    }

    /// Connects as a registered system.
    pub(crate) async fn connect(&self, gateway: &Gateway, system: &str) -> Result<Client> {
        Ok(Client::connect(&gateway.address, self.world.client_config(system)?).await?)
    }

    /// A question as a call with a token of its own.
    pub(crate) fn call(&self, question: &Question) -> Result<Call> {
        let token = self
            .world
            .system(question.system)?
            .signed(question.procedure)?;
        Ok(Call::new(&question.path, &question.message)?.bearer(&token)?)
    }

    /// The folder of the log.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.world.dir().join("ledger").join(&self.quarter)
    }

    /// The file with the secrets of the sealed parts.
    pub(crate) fn sealing_file(&self) -> PathBuf {
        self.world.dir().join("pki/sealing").join(&self.quarter)
    }

    /// What it holds.
    pub(crate) fn sealing(&self) -> Result<Sealing> {
        Ok(Sealing::read(&self.sealing_file())?)
    }

    /// Every record of the ledger, in order, each under the number of its place. All sealed parts
    /// must open.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let (mut entries, mut closed) = (Vec::new(), 0);
        let findings = read_entries(&self.ledger(), Some(&self.sealing()?), |entry| {
            match entry.sealed {
                Opened::Sealed(sealed) => entries.push(Entry {
                    id: entry.id,
                    record: entry.record,
                    sealed: *sealed,
                }),
                _ => closed += 1,
            }
            std::ops::ControlFlow::Continue(())
        })?;
        ensure!(
            findings.count == 0 && closed == 0,
            "the ledger is damaged, and {closed} sealed parts do not open: {:?}",
            findings.first
        );
        let in_order = entries
            .iter()
            .zip(0..)
            .all(|(entry, due)| entry.id.index() == due);
        ensure!(in_order, "the ledger skips or repeats a record");
        Ok(entries)
    }

    /// Verifies the ledger from disk.
    pub(crate) fn verified(&self) -> Result<Report> {
        let report = verify_with(&self.ledger(), &self.key, Some(&self.sealing()?), |_, _| {})?;
        ensure!(
            report.is_sound(),
            "the ledger is not sound: {:?}",
            report.findings.first
        );
        Ok(report)
    }
}

fn motlan(world: &World, words: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary("motlan")?);
    command.args(words).arg("--config").arg(world.config());
    Ok(command)
}
