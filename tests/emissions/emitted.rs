//! One gateway's life, and everything that it emitted.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::collector::Collector;
use super::personal::Personal;
use super::traffic::{Heard, Traffic};
use crate::process::command::{Process, binary, run};
use crate::process::deployment::Deployment;
use crate::process::gateway::{Gateway, STOP_MAX, get, logged};
use crate::process::patience::eventually;

const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const OPEN: &str = "application/openmetrics-text; version=1.0.0";

/// Something that the gateway emitted.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Stands in it, as it is no secret.
    pub(super) public: &'static str,
}

pub(super) struct Emitted {
    pub(super) parts: Vec<Part>,
    pub(super) personal: Personal,
    pub(super) spans: Vec<ExportTraceServiceRequest>,
    /// `/metrics` in Prometheus' format, and in OpenMetrics.
    pub(super) metrics: String,
    pub(super) open: String,
    /// Standard error.
    pub(super) log: String,
    pub(super) heard: Heard,
}

/// The same for all tests of this program: a life takes a few seconds.
pub(super) async fn emitted() -> &'static Emitted {
    static EMITTED: OnceCell<Emitted> = OnceCell::const_new();
    EMITTED
        .get_or_init(async || lived().await.expect("the gateway's life"))
        .await
}

async fn lived() -> Result<Emitted> {
    let deployment = Deployment::lay().await?;
    let collector = Collector::default();
    let office = Office::open(&deployment)?;
    let collector_url = format!("http://{}", collector.open().await?);
    configure(&deployment, &collector_url, &office)?;
    run(&mut deployment.motlan(&["state", "init"])?)?.exited(0)?;
    let gateway = deployment.serve()?;
    let mut traffic = Traffic::new(&deployment, &gateway).await?;
    traffic.all_kinds().await?;
    let (personal, heard) = traffic.told();

    let text = |path| anyhow::Ok(get(&gateway.admin, path)?.1);
    come(&gateway.admin).await?;
    let mut parts = Vec::new();
    // A reload begins to count anew.
    for name in ["/shadow", "/shadow?json"] {
        parts.push(part(name, text(name)?.into_bytes(), "H26/one-stop"));
    }
    reload(&deployment, &gateway).await?;
    let metrics = text("/metrics")?;
    let open = fetch(&gateway.admin, "/metrics", OPEN)?;
    let open = String::from_utf8(open)?;
    let pages = [
        ("/readyz?verbose", "revision"),
        ("/log/checkpoint", "motlan.example/audit/demo"),
    ];
    for (name, public) in pages {
        let bytes = text(name)?.into_bytes();
        parts.push(part(name, bytes, public));
    }
    let leaves = leaves(&gateway.admin)?;
    gateway.process.signal("TERM")?;
    let ended = gateway.process.wait(STOP_MAX)?.exited(0)?;
    let errors = logged(&ended.err, "ERROR");
    ensure!(errors.iter().all(|it| it.contains("set")), "{errors:?}");
    let spans = collector.heard();
    let encoded = spans.iter().flat_map(|one| one.encode_to_vec()).collect();
    deployment.verified()?;
    // It starts again after all of that, with nothing to complain of.
    deployment.serve()?.stop()?;
    parts.extend([
        part("/metrics", metrics.clone().into_bytes(), "H26/one-stop"),
        part(
            "/metrics in OpenMetrics",
            open.clone().into_bytes(),
            "H26/one-stop",
        ),
        part("/log/tile/entries", leaves, "H26/one-stop"),
        part("standard output", ended.out.clone().into_bytes(), "gateway"),
        part("standard error", ended.err.clone().into_bytes(), "stopped"),
        part("spans", encoded, "H26/one-stop"),
    ]);
    Ok(Emitted {
        parts,
        personal,
        spans,
        metrics,
        open,
        log: ended.err,
        heard,
    })
}

/// Waits for what is told of as it comes.
async fn come(admin: &str) -> Result<()> {
    for told in [
        "motlan_witness_failures_total",
        "motlan_cosigned_age_seconds",
        "motlan_shadow_differences_total",
    ] {
        eventually(told, PATIENCE, async || {
            Ok(get(admin, "/metrics")?.1.contains(told).then_some(()))
        })
        .await
        .with_context(|| get(admin, "/shadow").map(|it| it.1).unwrap_or_default())?;
    }
    Ok(())
}

fn part(name: &'static str, bytes: Vec<u8>, public: &'static str) -> Part {
    Part {
        name,
        bytes,
        public,
    }
}

/// Everything that can be switched on: traces, the loudest log, a candidate that decides otherwise,
/// two witnesses, one of whom is away.
fn configure(deployment: &Deployment, collector: &str, office: &Office) -> Result<()> {
    let world = &deployment.world;
    let dir = world.dir();
    let mut copy = Command::new("cp");
    copy.arg("-r")
        .arg(dir.join("catalog"))
        .arg(dir.join("candidate"));
    run(&mut copy)?.exited(0)?;
    let agreement = "candidate/agreements/g01-h26-population.toml";
    let changed: String = fs::read_to_string(dir.join(agreement))?
        .lines()
        .map(|line| match line {
            line if line.starts_with("procedures = ") => {
                format!("{line}\ndossier = \"required\"\n")
            }
            line if line.starts_with("expect = ") => format!("dossier = true\n{line}\n"),
            line => format!("{line}\n"),
        })
        .collect();
    world.write(agreement, &changed)?;
    let text = fs::read_to_string(world.config())?;
    let folder = "folder = \"ledger\"";
    let text = text.replace(folder, &format!("{folder}\nwitnesses_min = 1"));
    let Office { url, key, away, .. } = office;
    let text = format!(
        "{text}
[state]
file = \"state.redb\"

[shadow]
catalog = \"candidate\"

[telemetry]
log = \"trace\"
otlp = \"{collector}\"

[[witness]]
url = \"{url}\"
key = \"{key}\"

[[witness]]
url = \"http://127.0.0.1:9\"
key = \"{away}\"
"
    );
    world.write("motlan.toml", &text)?;
    Ok(())
}

/// A witness of the log, and the key of one who never answers.
struct Office {
    url: String,
    key: String,
    away: String,
    _process: Process,
}

impl Office {
    fn open(deployment: &Deployment) -> Result<Self> {
        let dir = deployment.world.dir();
        let (key_file, state) = (dir.join("witness.key"), dir.join("witness.state"));
        let key = witness(&key_file, &state, "witness.example")?;
        let away = witness(
            &dir.join("away.key"),
            &dir.join("away.state"),
            "away.example",
        )?;
        let mut serve = Command::new(binary("motlan-audit")?);
        serve.args(["witness", "serve", "--listen", "127.0.0.1:0"]);
        serve.arg("--key").arg(key_file).arg("--state").arg(state);
        serve.arg("--log").arg(deployment.key.to_string());
        let mut process = Process::spawn(&mut serve)?;
        let line = process.first_line(PATIENCE)?.context("no witness")?;
        let told: Value = serde_json::from_str(&line)?;
        let address = told.get("listen").and_then(Value::as_str);
        Ok(Self {
            url: format!("http://{}", address.context("no address")?),
            key,
            away,
            _process: process,
        })
    }
}

/// Makes a witness; the key that checks its signatures.
fn witness(key: &Path, state: &Path, name: &str) -> Result<String> {
    let mut init = Command::new(binary("motlan-audit")?);
    init.args(["witness", "init", "--name", name]);
    init.arg("--key").arg(key).arg("--state").arg(state);
    let made = run(&mut init)?.exited(0)?.out;
    let key = made.lines().find_map(|line| line.strip_prefix("verifier"));
    let key = key.and_then(|rest| rest.split_whitespace().next());
    key.map(str::to_owned).context("no key of the witness")
}

/// A set that is refused, and then the one that is in force again.
async fn reload(deployment: &Deployment, gateway: &Gateway) -> Result<()> {
    let world = &deployment.world;
    let file = "catalog/endpoints.toml";
    let right = fs::read_to_string(world.dir().join(file))?;
    let verbose = || anyhow::Ok(get(&gateway.admin, "/readyz?verbose")?.1);
    world.write(file, "[population]\naddresses = 7\n")?;
    gateway.process.signal("HUP")?;
    eventually("a refusal", PATIENCE, async || {
        Ok(verbose()?.contains("refused").then_some(()))
    })
    .await?;
    world.write(file, &right)?;
    gateway.process.signal("HUP")?;
    eventually("a set in force", PATIENCE, async || {
        Ok((!verbose()?.contains("refused")).then_some(()))
    })
    .await
}

/// The leaves of the newest log, as anyone may have them.
fn leaves(admin: &str) -> Result<Vec<u8>> {
    let (_, checkpoint) = get(admin, "/log/checkpoint")?;
    let size = checkpoint.lines().nth(1).context("no size")?;
    let size: usize = size.parse()?;
    ensure!(size < 256, "the log is longer than one bundle: {size}");
    fetch(admin, &format!("/log/tile/entries/000.p/{size}"), "*/*")
}

/// The body of a page, whatever its bytes.
pub(super) fn fetch(admin: &str, path: &str, accept: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {admin}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    ensure!(response.starts_with(b"HTTP/1.1 200"), "{path}");
    let end = response.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.context("no HTTP response")?;
    Ok(response.split_off(end + 4))
}
