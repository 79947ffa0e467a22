//! An authority for development.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use motlan_testkit::pki::{Authority, Identity, Leaf};
use motlan_testkit::token::{KeyType, SigningKey};

use super::{Draft, Names, beside, write};

/// Who would take it for another's authority.
const AUTHORITY: &str = "Mot Lan DEVELOPMENT authority, not for use";
/// As long as the authority itself, less a day.
const LIFETIME: Duration = Duration::from_secs(59 * 24 * 3600);
const HEAD_START: Duration = Duration::from_secs(3600);
const TOKEN_KID: &str = "dev-1";

#[derive(clap::Args)]
pub(in crate::command) struct Dev {
    /// The folder to write to.
    dir: PathBuf,
    #[command(flatten)]
    names: Names,
}

#[derive(clap::Args)]
pub(in crate::command) struct DevSystem {
    /// The folder of `motlan pki dev`.
    dir: PathBuf,
    /// The system, as in the catalogue, e.g. `H26/one-stop`.
    system: String,
    /// As in the catalogue.
    #[arg(long, default_value = "gateway.example")]
    trust_domain: String,
}

impl Dev {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (dir, authority) = (&self.dir, Authority::new(AUTHORITY)?);
        let server = Leaf::server("gateway").names(self.names.names.clone());
        let client = Leaf::client("gateway", &self.names.uri());
        let mut drafts = vec![
            Draft::plain(dir.join("ca.pem"), authority.certificate_pem()),
            Draft::secret(dir.join("ca.key"), authority.key_pem()),
        ];
        drafts.extend(identity(dir, "server", &authority.issue(&lasting(server))?));
        drafts.extend(identity(dir, "client", &authority.issue(&lasting(client))?));
        write(&drafts)?;
        println!("for development only, and over in 59 days: the authority's key lies beside them");
        Ok(ExitCode::SUCCESS)
    }
}

impl DevSystem {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let is_name = |part: &str| {
            let is_sign = |sign: char| sign.is_ascii_alphanumeric() || ".-".contains(sign);
            !part.is_empty() && part.chars().all(is_sign) && !part.starts_with('.')
        };
        let split = self.system.split_once('/');
        ensure!(
            split.is_some_and(|(agency, name)| is_name(agency) && is_name(name)),
            "`{}` is no system: write agency and name, as in `H26/one-stop`",
            self.system
        );
        let read = |name: &str| {
            let file = self.dir.join(name);
            fs::read_to_string(&file).with_context(|| {
                format!(
                    "`{}` cannot be read; `motlan pki dev` makes it",
                    file.display()
                )
            })
        };
        let authority = Authority::from_pem(AUTHORITY, &read("ca.pem")?, &read("ca.key")?)?;
        let issued = authority.issue(&lasting(Leaf::system(&self.trust_domain, &self.system)))?;
        let token = SigningKey::generate(TOKEN_KID, KeyType::Es256)?;
        let folder = self.dir.join("systems");
        let mut drafts = Vec::from(identity(&folder, &self.system, &issued));
        let (private, public) = (token.private_pem(), token.public_pem());
        drafts.push(Draft::secret(
            beside(&folder, &self.system, "token.key"),
            private,
        ));
        drafts.push(Draft::plain(
            beside(&folder, &self.system, "token.pem"),
            public,
        ));
        write(&drafts)?;
        println!(
            "register the token key: put `token.pem` at `catalog/keys/{}/{TOKEN_KID}.pem`",
            self.system
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn lasting(leaf: Leaf) -> Leaf {
    let now = SystemTime::now();
    leaf.valid(now - HEAD_START, now + LIFETIME)
}

fn identity(folder: &Path, stem: &str, one: &Identity) -> [Draft; 2] {
    [
        Draft::plain(beside(folder, stem, "pem"), one.certificate_pem.clone()),
        Draft::secret(beside(folder, stem, "key"), one.key_pem.clone()),
    ]
}
