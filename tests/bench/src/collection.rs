//! A dossier's components, collected at once: how long that takes beside the slowest of them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use motlan_api::audit::v1::Channel;
use motlan_api::once::v1::collect_response::Result as Told;
use motlan_api::once::v1::{CollectRequest, CollectResponse, Wanted};
use motlan_testkit::client::Call;
use motlan_testkit::provider::Misbehaviour;
use motlan_testkit::{Client, World};
use prost::Message as _;
use serde::Serialize;
use serde_json::Value;

use crate::child::Child;
use crate::deployment::{CALLER, PROCEDURE, folder, make_ledger, motlan};
use crate::figures::{Goal, quantile};
use crate::options::Options;
use crate::owner;
use crate::table::share;

const COLLECT: &str = "/motlan.once.v1.OnceOnly/Collect";
const DOSSIER: &str = "000.00.00.H26-261122-0001";
/// The variant whose documents these are.
const VARIANT: &str = "3";
/// How long each owner's system takes.
const LATENCY: Duration = Duration::from_millis(20);
/// All at once are to take at most this many times as long as the slowest.
const RATIO_GOAL: f64 = 1.5;
/// How often all are collected, and each by itself.
const ROUNDS: usize = 50;
const ROUNDS_SMOKE: usize = 2;
/// What is asked of the owners' systems, by dataset.
const METHODS: [(&str, &str); 3] = [
    (
        "population",
        "/vn.population.v1.PopulationRegistry/GetPerson",
    ),
    (
        "civil_status",
        "/vn.civil_status.v1.CivilStatusRegistry/GetMarriage",
    ),
    (
        "civil_status",
        "/vn.civil_status.v1.CivilStatusRegistry/GetMaritalStatus",
    ),
];

/// Medians in milliseconds, of calls from their first byte to their last.
#[derive(Debug, Serialize)]
pub(crate) struct Collection {
    rounds: usize,
    components: usize,
    latency_ms: f64,
    /// All at once.
    all_ms: f64,
    /// The slowest of them, each collected by itself.
    slowest_ms: f64,
}

impl Collection {
    /// One line of figures.
    pub(crate) fn text(&self) -> String {
        let ratio = self.all_ms / self.slowest_ms;
        format!(
            "{} components of a dossier at once, {} ms at the owners': {:.1} ms, the slowest by \
             itself {:.1} ms, which is {ratio:.2} times as long ({})\n",
            self.components,
            self.latency_ms,
            self.all_ms,
            self.slowest_ms,
            Goal::AtMost(RATIO_GOAL).beside(ratio, share),
        )
    }
}

/// Measures with a gateway of its own, whose owners' systems are slow and stand in this process.
///
/// # Errors
/// Where a component comes to anything but evidence.
pub(crate) async fn measure(options: &Options) -> Result<Collection> {
    let dir = folder(options.dir.as_deref())?;
    let world = World::lay(dir.path(), owner::SEED).await?;
    let (gateway, address) = start(&world, dir.path()).context("the gateway")?;
    for (dataset, path) in METHODS {
        let provider = world.provider(dataset).context("no owner's system")?;
        provider.misbehave(path, None, Misbehaviour::Slow(LATENCY));
    }
    let client = Client::connect(&address, world.client_config(CALLER)?).await?;
    let rounds = if options.smoke { ROUNDS_SMOKE } else { ROUNDS };
    let components = components(&world);
    let all = call(&world, components.clone())?;
    let mut each = Vec::new();
    for one in &components {
        each.push(call(&world, vec![one.clone()])?);
    }
    let mut samples = vec![Vec::new(); each.len() + 1];
    // The first is not counted; then in turn, so that nothing but their kind tells them apart.
    for round in 0..=rounds {
        for (call, samples) in std::iter::once(&all).chain(&each).zip(&mut samples) {
            let took = timed(&client, call).await?;
            if round > 0 {
                samples.push(took);
            }
        }
    }
    drop(client);
    gateway.stop().context("the gateway")?;
    let mut medians = samples.into_iter().map(median_ms);
    Ok(Collection {
        rounds,
        components: components.len(),
        latency_ms: LATENCY.as_secs_f64() * 1e3,
        all_ms: medians.next().unwrap_or_default(),
        slowest_ms: medians.fold(0.0, f64::max),
    })
}

/// A gateway with a state, for corrections that are not met.
fn start(world: &World, folder: &Path) -> Result<(Child, String)> {
    let motlan = motlan()?;
    let text = std::fs::read_to_string(world.config())?;
    world.write(
        "motlan.toml",
        &format!("{text}\n[state]\nfile = \"state.redb\"\n"),
    )?;
    make_ledger(&motlan, world).context("`motlan ledger init`")?;
    let mut init = Command::new(&motlan);
    init.args(["state", "init", "--config"]).arg(world.config());
    let made = init.output()?;
    ensure!(made.status.success(), "`motlan state init`");
    let mut command = Command::new(&motlan);
    command.arg("serve").arg("--config").arg(world.config());
    let gateway = Child::start(&mut command, folder.join("gateway.log"))?;
    let told: Value = serde_json::from_str(&gateway.said)?;
    let address = told.get("gateway").and_then(Value::as_str);
    let address = address.context("the gateway told no address")?.to_owned();
    Ok((gateway, address))
}

fn components(world: &World) -> Vec<Wanted> {
    let roles = &world.sample().roles;
    let wanted = |document: &str, subject: &str| Wanted {
        document: document.to_owned(),
        subject: subject.to_owned(),
        ..Wanted::default()
    };
    vec![
        wanted("identity_paper", &roles.person),
        wanted("identity_paper", &roles.spouse),
        wanted("identity_paper", &roles.child),
        wanted("marriage_certificate", &roles.person),
        wanted("marriage_certificate", &roles.spouse),
        wanted("marital_status_certificate", &roles.person),
    ]
}

fn call(world: &World, components: Vec<Wanted>) -> Result<Call> {
    let caller = world.system(CALLER)?;
    let token = caller.token(PROCEDURE)?.variant(VARIANT).dossier(DOSSIER);
    let request = CollectRequest {
        procedure: PROCEDURE.to_owned(),
        variant: VARIANT.to_owned(),
        dossier: DOSSIER.to_owned(),
        channel: Channel::Online.into(),
        received_us: 0,
        components,
    };
    let call = Call::new(COLLECT, &request.encode_to_vec())?;
    Ok(call.bearer(&caller.sign(&token)?)?)
}

/// How long a call takes, each component of which must be evidence.
async fn timed(client: &Client, call: &Call) -> Result<Duration> {
    let began = Instant::now();
    let reply = client.call(call).await?;
    let took = began.elapsed();
    for message in reply.messages()? {
        let told = CollectResponse::decode(message)?.result;
        ensure!(matches!(told, Some(Told::Evidence(_))), "no evidence");
    }
    ensure!(!reply.body.is_empty(), "no component: {:?}", reply.status);
    Ok(took)
}

fn median_ms(mut samples: Vec<Duration>) -> f64 {
    samples.sort_unstable();
    let median = quantile(&samples, 500).unwrap_or_default();
    median.as_secs_f64() * 1e3
}
