//! `motlan policy seal`: the next revision of a set whose agreements are all signed.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use motlan_catalog::signed::{PrivateKey, SealError};

use super::{print, told, unsealed};

/// Seal a set under its next revision. Refuses one whose agreements are not all signed.
#[derive(clap::Args)]
pub(crate) struct Seal {
    /// The catalogue's folder.
    #[arg(long, value_name = "DIR")]
    catalog: PathBuf,
    /// The revision that it follows, where the manifest that said so was lost.
    #[arg(long, value_name = "REVISION")]
    after: Option<u64>,
    /// The private key: PKCS #8 in PEM, readable by its owner only.
    #[arg(long)]
    key: PathBuf,
}

impl Seal {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let key = PrivateKey::read(&self.key)?;
        let Some(set) = unsealed(&self.catalog)? else {
            return Ok(ExitCode::FAILURE);
        };
        match set.seal(self.after, &key, SystemTime::now()) {
            Ok(set) => print(&format!("sealed as revision {}\n", set.revision)),
            Err(SealError::Faults(faults)) => {
                let _nothing: Option<()> = told(&faults);
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error.into()),
        }
    }
}
