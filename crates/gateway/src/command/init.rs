//! `motlan init`: a folder to begin with: the configuration with every key in it, an empty
//! catalogue, and the folders that are written to. It makes no key, no certificate and no ledger.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use motlan_gateway::settings::configuration_template;

const README: &str = "README.md";

/// What to make.
#[derive(clap::Args)]
pub(super) struct Init {
    /// The folder, which must not be there yet, or be empty.
    dir: PathBuf,
}

/// A folder, with its mode and what its README says, if it has one.
type Folder = (&'static str, u32, Option<&'static str>);

/// What is the set stands open; what is secret, or written to, does not.
const FOLDERS: [Folder; 11] = [
    ("catalog", 0o755, None),
    (
        "catalog/agreements",
        0o755,
        Some(
            "One file for each agreement; `motlan policy new` writes a draft. Their signatures lie \
             beside them.\n",
        ),
    ),
    (
        "catalog/datasets",
        0o755,
        Some("One file for each dataset: its service, owner and legal basis.\n"),
    ),
    (
        "catalog/systems",
        0o755,
        Some("Files with the agencies' systems: `[[system]]` with `id` and what it may do.\n"),
    ),
    (
        "catalog/keys",
        0o755,
        Some(
            "Public keys that tokens are signed with, at \
             `<agency>/<system>/<name of the key>.pem`.\n",
        ),
    ),
    (
        "catalog/signers",
        0o755,
        Some(
            "Public keys that agreements are signed with, at \
             `<agency>/<role>/<name of the key>.pem`.\n",
        ),
    ),
    (
        "catalog/procedures",
        0o755,
        Some("Administrative procedures by their national codes.\n"),
    ),
    (
        "catalog/contracts",
        0o755,
        Some("The .proto files of the datasets, with what they import.\n"),
    ),
    ("pki", 0o700, None),
    ("data", 0o700, None),
    ("data/sealing", 0o700, None),
];

const NEXT: &str = "\
next, in that folder, with `motlan check` telling at any time what is still missing:
  1  edit `motlan.toml`: `instance`, `audience`, `listen`, `ledger.origin`
  2  motlan pki request pki        for a real authority, or `motlan pki dev pki` for a try
  3  fill `catalog/`, have its agreements signed, and seal it: docs/owner/signing.md
  4  motlan policy accept          to make that set the oldest that may be in force
  5  motlan ledger init            and `motlan state init`, where `[state]` is set
  6  motlan check, motlan serve, motlan health
";

impl Init {
    /// R111: touches nothing that is there.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let dir = &self.dir;
        let listed = fs::read_dir(dir).map(|mut listed| listed.next().is_some());
        ensure!(
            !listed.unwrap_or(false),
            "`{}` is not empty; name a folder that is, or that is not there yet",
            dir.display()
        );
        folder(dir, 0o755)?;
        for (name, mode, says) in FOLDERS {
            folder(&dir.join(name), mode)?;
            if let Some(says) = says {
                write(&dir.join(name).join(README), says)?;
            }
        }
        for (name, text) in catalog() {
            write(&dir.join("catalog").join(name), text)?;
        }
        write(&dir.join("motlan.toml"), &configuration_template())?;
        println!("made `{}`", dir.display());
        print!("{NEXT}");
        Ok(ExitCode::SUCCESS)
    }
}

/// The files without which there is no catalogue.
fn catalog() -> [(&'static str, &'static str); 2] {
    [("catalog.toml", CATALOG), ("agencies.csv", AGENCIES)]
}

const CATALOG: &str = "\
# What stands before the slash in every system's URI: `spiffe://<trust_domain>/agency/…/system/…`.
trust_domain = \"gateway.example\"
# Where contracts and what they import are looked for.
contracts = [\"contracts\"]
";

const AGENCIES: &str = "code,name_vi,status,checked,note\n";

fn folder(path: &Path, mode: u32) -> anyhow::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.with_context(|| format!("`{}` cannot be made", path.display()))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("`{}` cannot be written", path.display()))
}
