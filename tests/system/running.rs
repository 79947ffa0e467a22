//! A gateway in this process, with everything around it.

use std::fs;
use std::sync::Arc;

use motlan_audit::{Layout, Quarter, Sealing, ShardsReport, TurnError, VerifierKey, verify_shards};
use motlan_gateway::enforced::{Problems, Reloaded};
use motlan_gateway::reload::Reloads;
use motlan_gateway::state::State;
use motlan_gateway::{Gateway, Settings, ledger};
use motlan_testkit::client::{Client, Reply};
use motlan_testkit::sample::Roles;
use motlan_testkit::{Provider, World};
use tempfile::TempDir;

use super::admin::Admin;
use super::past::Past;
use super::question::{DESK, Question};

const SEED: u64 = 661_177;

/// A deployment that is not yet running, to be changed.
pub(crate) struct Laid {
    pub(crate) world: World,
    folder: TempDir,
}

impl Laid {
    pub(crate) async fn out() -> Self {
        let folder = TempDir::with_prefix("motlan-system-").unwrap();
        let world = World::lay(folder.path(), SEED).await.unwrap();
        Self { world, folder }
    }

    /// Where its logs lie.
    pub(crate) fn layout(&self) -> Layout {
        let dir = self.folder.path();
        let mut layout = Layout::beside(dir.join("ledger"));
        layout.sealings = dir.join("pki/sealing");
        layout
    }

    /// The newest of them.
    pub(crate) fn newest(&self) -> Quarter {
        let quarters = self.layout().quarters().unwrap();
        *quarters.last().unwrap()
    }

    /// Adds to the configuration.
    pub(crate) fn configured(self, more: &str) -> Self {
        let text = fs::read_to_string(self.world.config()).unwrap();
        let text = format!("{text}\n{more}\n");
        self.world.write("motlan.toml", &text).unwrap();
        self
    }

    pub(crate) async fn start(self) -> Running {
        let settings = Settings::read(&self.world.config()).unwrap();
        let made = ledger::init(&settings.instance, &settings.ledger).unwrap();
        if let Some(file) = &settings.state {
            State::init(file).unwrap();
        }
        self.serve(settings, made.verifier).await
    }

    async fn serve(self, settings: Settings, verifier: VerifierKey) -> Running {
        let gateway = Gateway::start(settings).await.unwrap();
        let address = format!("localhost:{}", gateway.address().port());
        let tls = self.world.client_config(DESK).unwrap();
        let desk = Client::connect(&address, tls).await.unwrap();
        Running {
            admin: Admin(gateway.admin_address()),
            laid: self,
            verifier,
            gateway,
            address,
            desk,
        }
    }
}

pub(crate) struct Running {
    laid: Laid,
    gateway: Gateway,
    pub(crate) verifier: VerifierKey,
    pub(crate) admin: Admin,
    /// `localhost:port`.
    pub(crate) address: String,
    /// A connection of [`DESK`].
    pub(crate) desk: Client,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Laid::out().await.start().await
    }

    pub(crate) fn world(&self) -> &World {
        &self.laid.world
    }

    pub(crate) fn world_mut(&mut self) -> &mut World {
        &mut self.laid.world
    }

    pub(crate) fn roles(&self) -> Roles {
        self.world().sample().roles.clone()
    }

    pub(crate) fn provider(&self, dataset: &str) -> &Provider {
        self.world().provider(dataset).unwrap()
    }

    /// How many questions the owners' systems have heard.
    pub(crate) fn heard(&self) -> u64 {
        let providers = self.world().providers();
        providers.map(|(_, provider)| provider.calls()).sum()
    }

    /// A connection of a registered system.
    pub(crate) async fn client(&self, system: &str) -> Client {
        let tls = self.world().client_config(system).unwrap();
        Client::connect(&self.address, tls).await.unwrap()
    }

    /// Asks as [`DESK`].
    pub(crate) async fn ask(&self, question: &Question) -> Reply {
        let call = question.by(self.world().system(DESK).unwrap());
        self.desk.call(&call).await.unwrap()
    }

    /// Asks as another system, over a connection of its own.
    pub(crate) async fn ask_as(&self, system: &str, question: &Question) -> Reply {
        let call = question.by(self.world().system(system).unwrap());
        self.client(system).await.call(&call).await.unwrap()
    }

    /// Has it load its catalogue anew, as SIGHUP does.
    pub(crate) async fn reload(&self) -> Result<Reloaded, Arc<Problems>> {
        self.gateway.reload().await.catalog
    }

    /// Has it load everything anew, as SIGHUP does.
    pub(crate) async fn reload_all(&self) -> Reloads {
        self.gateway.reload().await
    }

    /// Stops, and starts anew with what lies there.
    pub(crate) async fn again(self) -> Self {
        self.again_after(async || {}).await
    }

    /// Stops, does something to what lies there, and starts anew with it.
    pub(crate) async fn again_after(self, meanwhile: impl AsyncFnOnce()) -> Self {
        drop(self.desk);
        self.gateway.stop().await.unwrap();
        meanwhile().await;
        let settings = Settings::read(&self.laid.world.config()).unwrap();
        self.laid.serve(settings, self.verifier).await
    }

    /// Stops where the ledger has failed, and starts anew with what lies there.
    pub(crate) async fn again_after_failure(self) -> Self {
        drop(self.desk);
        assert!(self.gateway.stop().await.is_err());
        let settings = Settings::read(&self.laid.world.config()).unwrap();
        self.laid.serve(settings, self.verifier).await
    }

    /// Where its logs lie.
    pub(crate) fn layout(&self) -> Layout {
        self.laid.layout()
    }

    /// The quarter that is written.
    pub(crate) fn newest(&self) -> Quarter {
        self.laid.newest()
    }

    /// Turns to a quarter, as the clock will.
    pub(crate) async fn turn(&self, to: Quarter) -> Result<bool, TurnError> {
        self.gateway.turn(to.begins_us()).await
    }

    /// Stops, and verifies the logs of all quarters.
    pub(crate) async fn stop_and_verify(self) -> ShardsReport {
        drop(self.desk);
        self.gateway.stop().await.unwrap();
        let Layout {
            ledgers, sealings, ..
        } = self.laid.layout();
        verify_shards(
            &ledgers,
            std::slice::from_ref(&self.verifier),
            Some(&sealings),
            None,
            |_, _, _| {},
        )
        .unwrap()
    }

    /// Stops, and reads the ledger as an auditor would.
    pub(crate) async fn stop(self) -> Past {
        drop(self.desk);
        self.gateway.stop().await.unwrap();
        let (layout, newest) = (self.laid.layout(), self.laid.newest());
        let ledger = layout.ledger(newest);
        let sealing = Sealing::read(&layout.sealing(newest)).unwrap();
        Past::read(&ledger, &self.verifier, &sealing, self.laid.world.sample())
    }
}
