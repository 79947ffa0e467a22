//! `motlan demo`: a one-stop desk in Hà Nội handles real procedures and a whole dossier against
//! sample providers, through the same gateway as `motlan serve`, and the ledger is checked
//! afterwards.

mod check;
mod dossier;
mod play;
mod scenes;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use motlan_catalog::Catalog;
use motlan_gateway::state::State;
use motlan_gateway::{Gateway, Settings, ledger};
use motlan_testkit::World;
use tempfile::TempDir;

/// Play a one-stop desk against sample providers.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Where to put everything; a folder that does not exist yet or is empty. Without it, a
    /// temporary one.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Stay up afterwards, until Ctrl-C, for other clients; writes DIR/endpoints.json.
    #[arg(long, requires = "dir")]
    keep: bool,
    /// What the sample people, companies and parcels are generated from.
    #[arg(long, default_value_t = 661_177)]
    seed: u64,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let temporary = TempDir::with_prefix("motlan-demo-")?;
        let dir = match &self.dir {
            Some(dir) => own_folder(dir)?,
            None => temporary.path().to_owned(),
        };
        crate::command::runtime()?.block_on(self.play(&dir))
    }

    async fn play(&self, dir: &Path) -> anyhow::Result<ExitCode> {
        println!("Mot Lan: a citizen is asked once; after that, agencies ask each other.\n");
        let world = World::lay(dir, self.seed)
            .await
            .context("the demo could not be laid out")?;
        // What others sign, and what must be reviewed, is part of what there is to be tried.
        let text = std::fs::read_to_string(world.config())?;
        world.write(
            "motlan.toml",
            &format!("{text}\n[state]\nfile = \"state.redb\"\n"),
        )?;
        let settings =
            Settings::read(&world.config()).map_err(|faults| anyhow::anyhow!("\n{faults}"))?;
        let made = ledger::init(&settings.instance, &settings.ledger)?;
        if let Some(file) = &settings.state {
            State::init(file)?;
        }
        let gateway = Gateway::start(settings.clone()).await?;
        let verifier = made.verifier.to_string();
        let (port, admin_port) = (gateway.address().port(), gateway.admin_address().port());

        let catalog = Catalog::load(&settings.catalog.folder);
        let catalog = catalog.map_err(|faults| anyhow::anyhow!("\n{faults}"))?;
        let played = play::all(&world, port).await?;
        let as_told = table::print(&world, &catalog, &played)?;
        dossier::play(&world, &catalog, port, &made.verifier).await?;
        let sound = check::ledger(
            &settings.ledger.layout().ledger(made.origin.quarter()),
            &made.verifier,
            &played,
            dir,
        )?;
        if self.keep {
            // Last, and once signals are listened for: who waits for the file can rely on the rest.
            let mut signals = crate::command::StopSignals::listen()?;
            world.endpoints(port, admin_port, &verifier).write(dir)?;
            next_steps_kept(dir, port, admin_port, &verifier);
            signals.any().await;
        }
        gateway.stop().await?;
        if !self.keep {
            next_steps();
        }
        Ok(if as_told && sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Takes `dir` if nothing in it could be lost.
fn own_folder(dir: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("`{}` cannot be made", dir.display()))?;
    if std::fs::read_dir(dir)?.next().is_some() {
        bail!(
            "`{}` is not empty; name a folder that does not exist yet",
            dir.display()
        );
    }
    Ok(dir.canonicalize()?)
}

fn next_steps() {
    println!("Next:");
    println!("  cargo run --release -- demo --keep --dir DIR   stays up, for your own client");
    println!(
        "  README.md                                      a call with grpcurl and with Python"
    );
    println!("  docs/once/collect.md                           a dossier from your own client");
    println!("  deploy/catalog/                                the agreements that decided");
}

fn next_steps_kept(dir: &Path, port: u16, admin_port: u16, verifier: &str) {
    let dir = dir.display();
    println!("The gateway stays up at localhost:{port}; Ctrl-C stops it. In another terminal:");
    println!("  cat {dir}/endpoints.json");
    println!("  cargo run --release -- token --dir {dir}");
    println!("  curl http://127.0.0.1:{admin_port}/metrics");
    println!("  cargo run --release -p motlan-auditor -- verify --ledger {dir}/ledger \\");
    println!("    --key '{verifier}'");
}
