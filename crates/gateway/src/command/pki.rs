//! `motlan pki`: certificates for a try, or private keys with requests for a real authority. Never
//! writes over anything.

mod dev;
mod request;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

const SECRET: u32 = 0o600;
const PLAIN: u32 = 0o644;

/// What to make.
#[derive(clap::Subcommand)]
pub(super) enum Pki {
    /// Make an authority and the gateway's certificates, for development and for nothing else: its
    /// key lies beside them.
    Dev(dev::Dev),
    /// Make the certificate and the token key of a calling system, by the authority of `dev`.
    DevSystem(dev::DevSystem),
    /// Make private keys, and requests (PKCS #10) for an authority to sign.
    Request(request::Request),
}

/// Who the gateway is, in its certificates.
#[derive(clap::Args)]
struct Names {
    /// What stands before the slash in every URI, as in the catalogue.
    #[arg(long, default_value = "gateway.example")]
    trust_domain: String,
    /// The gateway's `instance`.
    #[arg(long, default_value = "north")]
    instance: String,
    /// A name or an address by which callers reach it; as often as there are.
    #[arg(long = "name", default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned()])]
    names: Vec<String>,
}

impl Names {
    /// What owners know the gateway by.
    fn uri(&self) -> String {
        format!("spiffe://{}/gateway/{}", self.trust_domain, self.instance)
    }
}

impl Pki {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Dev(dev) => dev.run(),
            Self::DevSystem(system) => system.run(),
            Self::Request(request) => request.run(),
        }
    }
}

/// A file that is to be written.
struct Draft {
    file: PathBuf,
    text: String,
    mode: u32,
}

impl Draft {
    fn plain(file: PathBuf, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            file,
            text,
            mode: PLAIN,
        }
    }

    fn secret(file: PathBuf, text: impl Into<String>) -> Self {
        let mode = SECRET;
        Self {
            mode,
            ..Self::plain(file, text)
        }
    }
}

/// R111: writes all of them, or none where one is there already.
fn write(drafts: &[Draft]) -> anyhow::Result<()> {
    for Draft { file, .. } in drafts {
        let there = file.display();
        ensure!(
            !file.exists(),
            "`{there}` is there already: nothing was made"
        );
    }
    for draft in drafts {
        let file = &draft.file;
        write_one(draft).with_context(|| format!("`{}` cannot be written", file.display()))?;
        println!("{}", file.display());
    }
    Ok(())
}

fn write_one(draft: &Draft) -> std::io::Result<()> {
    if let Some(folder) = draft.file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(draft.mode)
        .open(&draft.file)?;
    file.write_all(draft.text.as_bytes())
}

/// `stem.ending` in a folder.
fn beside(folder: &Path, stem: &str, ending: &str) -> PathBuf {
    folder.join(format!("{stem}.{ending}"))
}
