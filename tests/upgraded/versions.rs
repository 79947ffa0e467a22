//! The programs as they are, and as a later version would be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::process::command::{Ended, binary, run};
use crate::process::deployment::Deployment;
use crate::process::gateway::Gateway;

/// Two programs of one version.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    motlan: &'static str,
    audit: &'static str,
}

/// Those that are tested everywhere else.
pub(crate) const USUAL: Version = Version {
    motlan: "motlan",
    audit: "motlan-audit",
};
/// The same with a later number of the ledger's format.
pub(crate) const NEXT: Version = Version {
    motlan: "motlan-next",
    audit: "motlan-audit-next",
};

impl Version {
    /// A command of `motlan` on the deployment's configuration.
    pub(crate) fn motlan(self, deployment: &Deployment, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(program(self.motlan)?);
        let config = deployment.world.config();
        command.args(words).arg("--config").arg(config);
        Ok(command)
    }

    pub(crate) fn serve(self, deployment: &Deployment) -> Result<Gateway> {
        Gateway::start(&mut self.motlan(deployment, &["serve"])?)
    }

    /// Runs a command of `motlan-audit` on the deployment's log.
    pub(crate) fn audit(self, deployment: &Deployment, words: &[&str]) -> Result<Ended> {
        let mut command = Command::new(program(self.audit)?);
        let ledger = deployment.ledger();
        run(command.args(words).arg("--ledger").arg(ledger))
    }

    /// Verifies a receipt as it came in the metadata.
    pub(crate) fn receipt(self, deployment: &Deployment, receipt: &str) -> Result<Ended> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), receipt)?;
        let mut command = Command::new(program(self.audit)?);
        command.args(["receipt", "verify"]).arg(file.path());
        run(command.args(["--key", &deployment.key.to_string()]))
    }
}

fn program(name: &str) -> Result<PathBuf> {
    binary(name).context("`tests/setup-next` makes the programs of the next version")
}

/// Each file below a folder: what it holds, and when it was written.
pub(crate) fn fingerprint(folder: &Path) -> Result<BTreeMap<PathBuf, (Vec<u8>, SystemTime)>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            match metadata.is_dir() {
                true => folders.push(path),
                false => {
                    let content = std::fs::read(&path)?;
                    files.insert(path, (content, metadata.modified()?));
                }
            }
        }
    }
    Ok(files)
}
