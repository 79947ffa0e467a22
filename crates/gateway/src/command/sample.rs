//! `motlan sample`: a throwaway deployment for a first try in containers, where the gateway and the
//! owners' systems run apart. Nothing of it is for use: its keys lie open, its people are made up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use motlan_gateway::state::State;
use motlan_gateway::{Settings, ledger};
use motlan_testkit::endpoints;
use motlan_testkit::world::{self, Apart};

/// What the people, companies and parcels are made from: owners and callers must mean the same.
const SEED: u64 = 661_177;

/// Lay and run a sample deployment in containers. Not for use.
#[derive(clap::Subcommand)]
pub(crate) enum Sample {
    /// Lay a sample deployment: configuration, catalogue, keys of everybody, and an empty ledger.
    /// Does nothing where one is laid already.
    Lay(Lay),
    /// Run the sample system of one dataset's owner, until SIGTERM or SIGINT.
    Owner(Owner),
}

/// What to lay.
#[derive(clap::Args)]
pub(crate) struct Lay {
    /// Where to: a folder that is empty or does not exist yet. The gateway and the owners read it.
    #[arg(long)]
    dir: PathBuf,
    /// Where the gateway writes, ledger included; a folder outside DIR.
    #[arg(long, default_value = "/var/lib/motlan")]
    data: PathBuf,
    /// A name under which callers reach the gateway, beside `localhost`; can be repeated.
    #[arg(long)]
    host: Vec<String>,
    /// Where the gateway sends traces, e.g. `http://otel-collector:4317`.
    #[arg(long)]
    otlp: Option<String>,
}

/// Which owner.
#[derive(clap::Args)]
pub(crate) struct Owner {
    /// The folder that was laid.
    #[arg(long)]
    dir: PathBuf,
    /// Whose: e.g. `population`. The gateway expects it at a host of this name, with `-` for `_`.
    #[arg(long)]
    dataset: String,
    /// Where to listen.
    #[arg(long, default_value_t = SocketAddr::from(([0, 0, 0, 0], world::OWNER_PORT)))]
    listen: SocketAddr,
}

impl Sample {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Lay(lay) => lay.run(),
            Self::Owner(owner) => super::runtime()?.block_on(owner.run()),
        }
    }
}

impl Lay {
    fn run(self) -> anyhow::Result<ExitCode> {
        let dir = self.dir.display();
        if self.dir.join(endpoints::FILE).exists() {
            println!("`{dir}` is laid already; left as it is");
            return Ok(ExitCode::SUCCESS);
        }
        let make = |folder: &PathBuf| {
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::read_dir(folder))
                .with_context(|| format!("`{}` cannot be made or read", folder.display()))
        };
        for folder in [&self.dir, &self.data] {
            if make(folder)?.next().is_some() {
                bail!(
                    "`{}` is not empty; give a new folder, or a new volume",
                    folder.display()
                );
            }
        }
        let apart = Apart {
            gateway: self.host,
            data: self.data.canonicalize()?,
            otlp: self.otlp,
        };
        let world = apart.lay(&self.dir, SEED)?;
        let settings = Settings::read(&world.config());
        let settings = settings.map_err(|faults| anyhow::anyhow!("\n{faults}"))?;
        let made = ledger::init(&settings.instance, &settings.ledger)?;
        if let Some(file) = &settings.state {
            State::init(file)?;
        }
        // Last: what is there without it was broken off.
        let endpoints = apart.endpoints(&world, &made.verifier.to_string())?;
        endpoints.write(&self.dir)?;
        println!("sample  {dir}/motlan.toml");
        println!("ledger  {}", settings.ledger.folder.display());
        println!("key     {}", made.verifier);
        Ok(ExitCode::SUCCESS)
    }
}

impl Owner {
    async fn run(self) -> anyhow::Result<ExitCode> {
        // Listened for before anything else: to the first process of a container no signal comes
        // that it does not ask for.
        let mut signals = super::StopSignals::listen()?;
        let owner = world::owner(&self.dir, SEED, &self.dataset, self.listen).await?;
        let address = owner.address().to_string();
        println!(
            "{}",
            serde_json::json!({ "owner": self.dataset, "address": address })
        );
        signals.any().await;
        Ok(ExitCode::SUCCESS)
    }
}
