//! `motlan policy sign`: one of the three signatures of an agreement.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use motlan_catalog::AgencyCode;
use motlan_catalog::signed::{PrivateKey, Signer, SignerRole, Signing};

use super::{Place, print, unsealed};

/// Sign an agreement, in place of an earlier signature of the same role.
#[derive(clap::Args)]
pub(crate) struct Sign {
    /// The agreement's file.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// As whom: `owner`, `data_protection` or `consumer`.
    #[arg(long)]
    role: SignerRole,
    /// Of which agency.
    #[arg(long)]
    agency: AgencyCode,
    /// The name of the key, as its public half is registered: `signers/<agency>/<role>/<kid>.pem`.
    #[arg(long)]
    kid: String,
    /// The private key: PKCS #8 in PEM, readable by its owner only.
    #[arg(long)]
    key: PathBuf,
}

impl Sign {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let key = PrivateKey::read(&self.key)?;
        let Some(folder) = self.place.folder() else {
            return Ok(ExitCode::FAILURE);
        };
        // What is signed was tried: an agreement that does not hold its own tests is not.
        let Some(set) = unsealed(&folder)? else {
            return Ok(ExitCode::FAILURE);
        };
        let signer = Signer {
            agency: self.agency,
            role: self.role,
            kid: self.kid,
        };
        let now = SystemTime::now();
        let Signing { agreement, missing } = set.sign(&self.file, &signer, &key, now)?;
        let missing: Vec<String> = missing
            .iter()
            .map(|(agency, role)| format!("{agency} as {role}"))
            .collect();
        let rest = match missing.as_slice() {
            [] => "all have signed".to_owned(),
            missing => format!("still to sign: {}", missing.join(", ")),
        };
        let Signer { agency, role, .. } = signer;
        print(&format!(
            "{agreement}: signed by {agency} as {role}; {rest}\n"
        ))
    }
}
