//! Those who sign the agreements of a deployment and seal its catalogue, all in one pair of hands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use motlan_catalog::AgencyCode;
use motlan_catalog::signed::{PrivateKey, Signer, SignerRole, seal_unchecked, signatures};

use super::files::Folder;
use super::{KNOWN_REVISION, WorldError};
use crate::token::{KeyType, SigningKey, TokenError};

/// The name of each signer's key.
const SIGNER_KID: &str = "2026";
/// The folder of the agreements.
const AGREEMENTS: &str = "catalog/agreements";

/// The keys of all who sign.
pub(super) struct Notary {
    manifest_key: PrivateKey,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    revision: u64,
    signers: BTreeMap<(AgencyCode, SignerRole), (Signer, PrivateKey)>,
}

impl Notary {
    /// With a new key for the manifest, which is written to `pki/manifest.pem` and `.key`.
    pub(super) fn new(folder: &Folder) -> Result<Self, WorldError> {
        let key = SigningKey::generate("manifest", KeyType::EdDsa)?;
        folder.write("pki/manifest.pem", key.public_pem())?;
        folder.write_secret("pki/manifest.key", key.private_pem())?;
        Ok(Self {
            manifest_key: private(&key)?,
            state: Mutex::default(),
        })
    }

    /// Signs every agreement that names its parties, and seals whatever lies in the catalogue under
    /// the next revision. The first is remembered as the one in force; after that, only the gateway
    /// does so.
    pub(super) fn seal(&self, folder: &Folder) -> Result<(), WorldError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let agencies = std::fs::read_to_string(folder.path().join("catalog/agencies.csv"));
        let agencies = agencies.unwrap_or_default();
        let at = SystemTime::now();
        for file in agreements(&folder.path().join(AGREEMENTS)) {
            let Ok(content) = std::fs::read(&file) else {
                continue;
            };
            let mut by = Vec::new();
            for (agency, role) in parties(&content) {
                let is_known = agencies
                    .lines()
                    .any(|line| line.split(',').next() == Some(agency.as_str()));
                if is_known {
                    by.push(state.signer(folder, agency, role)?);
                }
            }
            let keys = by.iter().filter_map(|party| state.signers.get(party));
            let signed = signatures(&content, keys.map(|(signer, key)| (signer, key)), at);
            let signed = signed.map_err(|_| TokenError::KeyType)?;
            if let Some(name) = file.file_name().and_then(|name| name.to_str()) {
                folder.write(&format!("{AGREEMENTS}/{name}.jws.json"), &signed)?;
            }
        }
        state.revision = state.revision.saturating_add(1);
        let catalog = folder.path().join("catalog");
        let sealed = seal_unchecked(&catalog, state.revision, &self.manifest_key, at)?;
        if state.revision == 1 {
            let known = folder.path().join(KNOWN_REVISION);
            sealed.write(&known)?;
        }
        Ok(())
    }
}

impl State {
    /// Registers a signer, if there is none yet, and gives its name.
    fn signer(
        &mut self,
        folder: &Folder,
        agency: AgencyCode,
        role: SignerRole,
    ) -> Result<(AgencyCode, SignerRole), WorldError> {
        let party = (agency.clone(), role);
        if !self.signers.contains_key(&party) {
            let key_type = match role {
                SignerRole::Consumer => KeyType::Es256,
                SignerRole::Owner | SignerRole::DataProtection => KeyType::EdDsa,
            };
            let key = SigningKey::generate(SIGNER_KID, key_type)?;
            let kid = SIGNER_KID.to_owned();
            let signer = Signer { agency, role, kid };
            folder.write(&format!("catalog/{}", signer.file()), key.public_pem())?;
            let secret = format!("pki/signers/{}/{role}.key", party.0);
            folder.write_secret(&secret, key.private_pem())?;
            self.signers.insert(party.clone(), (signer, private(&key)?));
        }
        Ok(party)
    }
}

fn private(key: &SigningKey) -> Result<PrivateKey, WorldError> {
    Ok(PrivateKey::from_pem(key.private_pem()).ok_or(TokenError::KeyType)?)
}

fn agreements(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    files
        .filter(|file| file.extension().is_some_and(|found| found == "toml"))
        .collect()
}

/// Who is to sign, as far as the text tells.
fn parties(content: &[u8]) -> Vec<(AgencyCode, SignerRole)> {
    let text = String::from_utf8_lossy(content);
    let table: toml::Table = text.parse().unwrap_or_default();
    let roles = SignerRole::ALL.into_iter().filter_map(|role| {
        let key = match role {
            SignerRole::Owner | SignerRole::DataProtection => "provider",
            SignerRole::Consumer => "consumer",
        };
        let agency = table.get(key)?.as_str()?.parse().ok()?;
        Some((agency, role))
    });
    roles.collect()
}
