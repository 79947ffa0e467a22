//! `motlan token`: a token for a command-line client, from the folder of `motlan demo --keep`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::builder::ArgPredicate;
use motlan_catalog::{ProcedureCode, VariantCode};
use motlan_testkit::Endpoints;
use motlan_testkit::pki::Identity;
use motlan_testkit::token::{SigningKey, Token as Minted};

/// Mint a token for a command-line client.
#[derive(clap::Args)]
pub(crate) struct Token {
    /// The folder of a demo that is kept.
    #[arg(long)]
    dir: PathBuf,
    /// The calling system.
    #[arg(long, default_value = "H26/one-stop")]
    system: String,
    /// The procedure that the lookup serves; 1.004222 where no legal basis is given either.
    #[arg(
        long,
        default_value = "1.004222",
        default_value_if("basis", ArgPredicate::IsPresent, None)
    )]
    procedure: Option<ProcedureCode>,
    /// The variant of the procedure, where it has several; collecting a dossier needs it.
    #[arg(long)]
    variant: Option<VariantCode>,
    /// The legal basis, which a call of the audit trail needs.
    #[arg(long)]
    basis: Option<String>,
    /// The dossier that the lookup serves.
    #[arg(long)]
    dossier: Option<String>,
    /// The official who asks.
    #[arg(long, default_value = "canbo.demo")]
    official: String,
    /// How long it lives, in seconds; the gateway takes at most 600.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(i64).range(1..=600))]
    seconds: i64,
}

impl Token {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        println!("{}", self.mint()?);
        Ok(ExitCode::SUCCESS)
    }

    fn mint(&self) -> anyhow::Result<String> {
        let endpoints = Endpoints::read(&self.dir)
            .with_context(|| format!("`{}` is no folder of a kept demo", self.dir.display()))?;
        let files = endpoints.systems.get(&self.system).with_context(|| {
            let known: Vec<&str> = endpoints.systems.keys().map(String::as_str).collect();
            format!(
                "the demo has no system `{}`; it has {}",
                self.system,
                known.join(", ")
            )
        })?;
        let read = |file: &str| {
            let file = self.dir.join(file);
            std::fs::read_to_string(&file).with_context(|| format!("`{}`", file.display()))
        };
        let key = SigningKey::from_pem(&files.token_kid, &read(&files.token_key)?)?;
        let identity = Identity {
            certificate_pem: read(&files.cert)?,
            key_pem: read(&files.key)?,
        };
        let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let mut token = Minted::new(&self.system, now_s)?
            .audience(&endpoints.audience)
            .expires_s(now_s.saturating_add(self.seconds))
            .official(&self.official)
            .bound_to_identity(&identity)?;
        if let Some(procedure) = &self.procedure {
            token = token.procedure(procedure.as_str());
        }
        if let Some(variant) = &self.variant {
            token = token.variant(variant.as_str());
        }
        if let Some(basis) = &self.basis {
            token = token.basis(basis);
        }
        if let Some(dossier) = &self.dossier {
            token = token.dossier(dossier);
        }
        Ok(token.sign(&key)?)
    }
}
