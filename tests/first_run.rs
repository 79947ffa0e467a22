//! R111: the first run, as the guide for operators has it: each command works as it stands there,
//! and in the end a desk asks and is answered.

mod process {
    pub(crate) mod command;
    pub(crate) mod gateway;
}

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use motlan_testkit::client::Call;
use motlan_testkit::pki::{Authority, Identity, Leaf, client_config};
use motlan_testkit::provider::Holdings;
use motlan_testkit::token::SigningKey;
use motlan_testkit::{Client, Provider, Sample, Token, contracts};
use process::command::{Ended, How, binary, run};
use process::gateway::Gateway;
use prost::Message as _;
use tempfile::TempDir;
use tonic::Code;

const GUIDE: &str = "docs/operator/install.md";
const LAND: &str = "vn.land.v1.LandRegistry";
const DEV_AUTHORITY: &str = "Mot Lan DEVELOPMENT authority, not for use";
const DESK: &str = "gateway/pki/systems/H26/one-stop";

/// A place like the root of the repository, with ports that are free.
struct Place {
    dir: TempDir,
    ports: [(&'static str, String); 2],
    /// The owner's system, once there is an authority for its certificate.
    owner: Option<Provider>,
}

impl Place {
    fn new() -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-first-run-")?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .canonicalize()?;
        for folder in ["proto", "deploy"] {
            std::os::unix::fs::symlink(root.join(folder), dir.path().join(folder))?;
        }
        let ports = ["127.0.0.1:8443", "127.0.0.1:9464"].map(|written| (written, free()));
        let ports = ports.map(|(written, free)| Ok((written, free?)));
        let [gateway, admin]: [Result<_>; 2] = ports;
        Ok(Self {
            dir,
            ports: [gateway?, admin?],
            owner: None,
        })
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.path(file)).with_context(|| file.to_owned())
    }

    /// Runs what a block says.
    fn follow(&self, block: &str) -> Result<Ended> {
        let motlan = binary("motlan")?;
        let own = motlan.parent().context("no folder")?.to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(own).chain(std::env::split_paths(&path));
        let mut text = block.to_owned();
        for (written, free) in &self.ports {
            text = text.replace(written, free);
        }
        let owner = self.owner.as_ref().map(|it| it.address().to_string());
        let mut command = Command::new("bash");
        command
            .args(["-euc", &text])
            .env("PATH", std::env::join_paths(paths)?)
            .env("OWNER", owner.unwrap_or_default())
            .current_dir(self.dir.path());
        run(&mut command)
    }

    fn authority(&self) -> Result<Authority> {
        let (pem, key) = (
            self.read("gateway/pki/ca.pem")?,
            self.read("gateway/pki/ca.key")?,
        );
        Ok(Authority::from_pem(DEV_AUTHORITY, &pem, &key)?)
    }

    /// Starts the owner of the land register, whose certificate the same authority signed.
    async fn open_owner(&mut self, sample: &Sample) -> Result<()> {
        let authority = self.authority()?;
        let tls = authority.server_config(&authority.issue(&Leaf::server("land"))?)?;
        let pool = contracts::pool()?;
        let holdings = Holdings::of(&pool).only(LAND).stock(&sample.held());
        self.owner = Some(Provider::start(tls, holdings).await?);
        Ok(())
    }

    /// What the desk is told of a parcel.
    async fn ask(&self, gateway: &Gateway, certificate: &str) -> Result<Code> {
        let identity = Identity {
            certificate_pem: self.read(&format!("{DESK}.pem"))?,
            key_pem: self.read(&format!("{DESK}.key"))?,
        };
        let key = SigningKey::from_pem("dev-1", &self.read(&format!("{DESK}.token.key"))?)?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let token = Token::new("H26/one-stop", i64::try_from(now_s)?)?
            .audience("https://gateway.example")
            .official("official-0001")
            .bound_to_identity(&identity)?
            .procedure("1.004222")
            .sign(&key)?;
        let tls = client_config(&self.read("gateway/pki/ca.pem")?, Some(&identity))?;
        let request = contracts::land::v1::GetParcelRequest {
            certificate_no: certificate.to_owned(),
        };
        let call = Call::new(&format!("/{LAND}/GetParcel"), &request.encode_to_vec())?;
        let desk = Client::connect(&gateway.address, tls).await?;
        let reply = desk.call(&call.bearer(&token)?).await?;
        Ok(reply.code())
    }
}

/// An address that was free a moment ago.
fn free() -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.to_string())
}

// R110, R111.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_run_goes_as_the_guide_has_it() -> Result<()> {
    let sample = Sample::from_seed(7)?;
    let mut place = Place::new()?;
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(GUIDE);
    let guide = fs::read_to_string(guide)?;
    let fenced = guide.split("\n```").skip(1).step_by(2);
    let mut gateway = None;
    let mut ran = 0;
    for (kind, block) in fenced.filter_map(|block| block.split_once('\n')) {
        match kind {
            "sh" => drop(
                place
                    .follow(block)?
                    .exited(0)
                    .with_context(|| block.to_owned())?,
            ),
            "sh refused" => {
                let told = place.follow(block)?.exited(1)?.err;
                for missing in [
                    "`tls.key`",
                    "`ledger.folder`",
                    "not sealed",
                    "publisher.pem",
                ] {
                    ensure!(told.contains(missing), "{missing} in\n{told}");
                }
            }
            "sh serve" => gateway = Some(serve(&place)?),
            "ini" => continue,
            other => anyhow::bail!("a block of an unknown kind, `{other}`"),
        }
        ran += 1;
        if place.owner.is_none() && place.path("gateway/pki/ca.key").exists() {
            place.open_owner(&sample).await?;
        }
    }
    ensure!(ran >= 10, "{ran} blocks");
    let gateway = gateway.context("nothing was started")?;
    let [_, (_, admin)] = &place.ports;
    ensure!(gateway.admin == *admin, "it listens at {}", gateway.admin);
    let code = place.ask(&gateway, &sample.roles.certificate).await?;
    ensure!(code == Code::Ok, "{code:?}: {}", gateway.process.log());

    // What a second run would take from the first is refused.
    let check = "motlan check --offline --config gateway/motlan.toml";
    let told = place.follow(check)?.exited(1)?.err;
    for held in [
        "`listen.gateway`",
        "`listen.admin`",
        "is held by another process",
    ] {
        ensure!(told.contains(held), "{held} in\n{told}");
    }
    let _fine = place.follow(&format!("{check} --running"))?.exited(0)?;
    gateway.stop()?;
    let unready = place.follow("motlan health --config gateway/motlan.toml")?;
    ensure!(unready.how == How::Exit(2), "{unready:?}");
    Ok(())
}

fn serve(place: &Place) -> Result<Gateway> {
    let mut command = Command::new(binary("motlan")?);
    command
        .args(["serve", "--config"])
        .arg(place.path("gateway/motlan.toml"));
    Gateway::start(&mut command)
}

// R111.
#[test]
fn nothing_that_is_there_is_written_over() -> Result<()> {
    let place = Place::new()?;
    let _made = place.follow("motlan init gateway")?.exited(0)?;
    let told = place.follow("motlan init gateway")?.exited(1)?.err;
    ensure!(told.contains("is not empty"), "{told}");
    for make in ["motlan pki dev pki", "motlan pki request asked"] {
        let _made = place.follow(make)?.exited(0)?;
        let told = place.follow(make)?.exited(1)?.err;
        ensure!(
            told.contains("is there already: nothing was made"),
            "{told}"
        );
    }
    let system = "motlan pki dev-system pki H26/../one-stop";
    let told = place.follow(system)?.exited(1)?.err;
    ensure!(told.contains("is no system"), "{told}");
    for (file, due) in [
        ("pki/ca.key", "600"),
        ("asked/server.key", "600"),
        ("gateway/pki", "700"),
    ] {
        let mode = place.follow(&format!("stat -c %a {file}"))?.exited(0)?.out;
        ensure!(mode.trim() == due, "{file}: {mode}");
    }
    let asked = "openssl req -in asked/client.csr -noout -verify -text";
    let request = place.follow(asked)?.exited(0)?.out;
    for due in [
        "URI:spiffe://gateway.example/gateway/north",
        "TLS Web Client Authentication",
    ] {
        ensure!(request.contains(due), "{due} in\n{request}");
    }
    Ok(())
}

// R111.
#[test]
fn a_gateway_that_takes_any_port_cannot_be_asked_for_its_health() -> Result<()> {
    let place = Place::new()?;
    let _made = place.follow("motlan init gateway")?.exited(0)?;
    let any = "sed -i 's|^admin = .*|admin = \"127.0.0.1:0\"|' gateway/motlan.toml; \
               motlan health --config gateway/motlan.toml";
    let told = place.follow(any)?.exited(2)?.err;
    ensure!(told.contains("takes a free port"), "{told}");
    let schema = place.follow("motlan config schema")?.exited(0)?.out;
    let schema: serde_json::Value = serde_json::from_str(&schema)?;
    let due = &schema["properties"]["limits"]["properties"]["lookup_ms_max"]["maximum"];
    ensure!(*due == 600_000, "{schema:#}");
    Ok(())
}
