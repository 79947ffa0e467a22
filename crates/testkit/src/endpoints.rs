//! `endpoints.json`: where everything of a demo that stays up can be found.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The name of the file within the demo's folder.
pub const FILE: &str = "endpoints.json";

/// Why `endpoints.json` could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum EndpointsError {
    /// The file could not be read or written.
    #[error("`{FILE}` cannot be read or written")]
    File(#[from] std::io::Error),
    /// It is not what it should be.
    #[error("`{FILE}` does not have the form it must have")]
    Form(#[from] serde_json::Error),
}

/// The content of `endpoints.json`. Paths are relative to the folder that it lies in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// The gateway, as `localhost:port`.
    pub gateway: String,
    /// The admin listener, as `http://127.0.0.1:port`.
    pub admin: String,
    /// What tokens must name as `aud`.
    pub audience: String,
    /// The authority that issued every certificate.
    pub ca: String,
    /// The systems, e.g. `H26/one-stop`.
    pub systems: BTreeMap<String, SystemFiles>,
    /// The owners' systems by service, e.g. `vn.population.v1.PopulationRegistry`, as
    /// `localhost:port`.
    pub providers: BTreeMap<String, String>,
    /// Keys to ask for: `person`, `unknown_person`, `enterprise`, `procedure` and more.
    pub samples: BTreeMap<String, String>,
    /// The ledger's folder.
    pub ledger: String,
    /// The key that verifies the ledger's checkpoints.
    pub ledger_key: String,
}

/// Where the credentials of one system lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemFiles {
    /// The client certificate.
    pub cert: String,
    /// Its private key.
    pub key: String,
    /// The private key that signs tokens.
    pub token_key: String,
    /// That key's name.
    pub token_kid: String,
}

impl Endpoints {
    /// Reads `folder/endpoints.json`.
    ///
    /// # Errors
    /// Where it is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self, EndpointsError> {
        Ok(serde_json::from_slice(&std::fs::read(folder.join(FILE))?)?)
    }

    /// Writes `folder/endpoints.json`: first beside it, then moved into place, so that who waits
    /// for the file never reads half of it.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), EndpointsError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        let draft = folder.join(".endpoints.json.draft");
        std::fs::write(&draft, text)?;
        Ok(std::fs::rename(&draft, folder.join(FILE))?)
    }
}
