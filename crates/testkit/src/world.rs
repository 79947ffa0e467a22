//! A whole throwaway deployment in a folder, with its owners' systems running.
//!
//! What lies there: `motlan.toml`; `catalog/`, the reference catalogue with its contracts, keys,
//! endpoints and signatures; `pki/`, the certificates and the private keys, those of the agencies'
//! signers included; `known-revision.json`. The ledger and its key do not: the
//! gateway's own command makes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use motlan_catalog::signed::{AcceptError, SealError};

use crate::contracts;
use crate::pki::{Authority, Identity, Leaf, PkiError};
use crate::provider::{Holdings, Provider};
use crate::sample::{Sample, SampleError};
use crate::token::{KeyType, SigningKey, Token, TokenError};

mod apart;
mod catalog;
mod config;
mod files;
mod signing;

use crate::endpoints::{Endpoints, SystemFiles};
pub use apart::{ADMIN_PORT, Apart, GATEWAY_PORT, OWNER_PORT, owner};
use catalog::Reference;
use files::Folder;
use signing::Notary;

/// What tokens name as `aud`.
pub const AUDIENCE: &str = "https://gateway.motlan.example";
/// The gateway instance's name.
pub const INSTANCE: &str = "demo";
/// The name of each system's token key.
pub const TOKEN_KID: &str = "2026-1";
/// The official in a token unless told otherwise.
pub const OFFICIAL: &str = "official-0001";
/// The file that says which catalogue was in force last.
const KNOWN_REVISION: &str = "known-revision.json";
/// The name of the authority.
const AUTHORITY_NAME: &str = "Mot Lan throwaway CA";

/// Why a deployment could not be laid.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A file cannot be written or read.
    #[error("`{}` cannot be written or read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A provider cannot start or be stopped.
    #[error("the stand-in of `{dataset}` cannot listen")]
    Listen {
        /// Of which dataset.
        dataset: String,
        /// Why.
        source: std::io::Error,
    },
    /// The reference catalogue lacks what a deployment is laid from.
    #[error("`{file}` of the reference catalogue {what}")]
    Catalog {
        /// The file, from the catalogue's folder.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// No system has this id.
    #[error("the catalogue has no system `{0}`")]
    UnknownSystem(String),
    /// The catalogue cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The catalogue cannot be made the one that is known.
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// No dataset has this id.
    #[error("the catalogue has no dataset `{asked}` with a sample; it has {}", known.join(", "))]
    UnknownDataset {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A certificate cannot be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A token or its key cannot be made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The sample cannot be made.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The contracts as built cannot be read.
    #[error("the contracts cannot be read")]
    Contracts(#[from] prost_reflect::DescriptorError),
}

/// A registered system with its credentials.
#[derive(Clone)]
pub struct System {
    /// Its id, e.g. `H26/one-stop`.
    pub id: String,
    /// Its client certificate.
    pub identity: Identity,
    /// Its token key.
    pub token_key: SigningKey,
    files: SystemFiles,
}

impl System {
    /// A token as this system would sign it now, bound to its certificate: right in everything, for
    /// `procedure`. Sign it with [`System::sign`], or spoil it first.
    ///
    /// # Errors
    /// Where there is no randomness or no clock.
    pub fn token(&self, procedure: &str) -> Result<Token, WorldError> {
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        Ok(
            Token::new(&self.id, i64::try_from(now_s).unwrap_or(i64::MAX))?
                .audience(AUDIENCE)
                .official(OFFICIAL)
                .bound_to_identity(&self.identity)?
                .procedure(procedure),
        )
    }

    /// Signs a token with this system's key.
    ///
    /// # Errors
    /// Where the key cannot sign.
    pub fn sign(&self, token: &Token) -> Result<String, WorldError> {
        Ok(token.sign(&self.token_key)?)
    }

    /// A right token, signed.
    ///
    /// # Errors
    /// As [`System::token`] and [`System::sign`].
    pub fn signed(&self, procedure: &str) -> Result<String, WorldError> {
        self.sign(&self.token(procedure)?)
    }
}

/// A deployment. Its providers stop when it is dropped; the folder stays.
pub struct World {
    folder: Folder,
    notary: Notary,
    trust_domain: String,
    authority: Authority,
    gateway: Identity,
    gateway_client: Identity,
    systems: BTreeMap<String, System>,
    datasets: BTreeMap<String, Dataset>,
    sample: Sample,
}

/// A dataset whose owner's system stands in this process.
struct Dataset {
    service: String,
    provider: Provider,
}

impl World {
    /// Lays a deployment into `dir`, which is made where it does not exist, and starts the owners'
    /// systems in tasks of the current runtime. `seed` decides the sample; keys are always new.
    ///
    /// # Errors
    /// [`WorldError`]; what was written by then stays.
    pub async fn lay(dir: &Path, seed: u64) -> Result<Self, WorldError> {
        let (mut world, reference) = Self::found(dir, seed, &Leaf::server("gateway"))?;
        let pool = contracts::pool()?;
        let held = world.sample.held();
        for (dataset, service) in &reference.datasets {
            if pool.get_service_by_name(service).is_some() {
                let holdings = Holdings::of(&pool).only(service).stock(&held);
                world.open(dataset, service, holdings).await?;
            }
        }
        world.write_endpoints()?;
        world.seal()?;
        world.write("motlan.toml", config::MOTLAN_TOML)?;
        Ok(world)
    }

    /// The catalogue, not sealed yet, and everybody's certificates and keys but the owners'.
    fn found(dir: &Path, seed: u64, gateway: &Leaf) -> Result<(Self, Reference), WorldError> {
        let folder = Folder::make(dir)?;
        let sample = Sample::from_seed(seed)?;
        let reference = catalog::copy(&folder)?;
        let authority = Authority::new(AUTHORITY_NAME)?;
        folder.write("pki/ca.pem", authority.certificate_pem())?;
        let gateway = authority.issue(gateway)?;
        folder.write_identity("pki/gateway", &gateway)?;
        let uri = format!("spiffe://{}/gateway/{INSTANCE}", reference.trust_domain);
        let gateway_client = authority.issue(&Leaf::client("gateway", &uri))?;
        folder.write_identity("pki/gateway-client", &gateway_client)?;
        let mut systems = BTreeMap::new();
        for (number, id) in reference.systems.iter().enumerate() {
            let key_type = if number % 2 == 0 {
                KeyType::Es256
            } else {
                KeyType::EdDsa
            };
            let system = enrol(&folder, &authority, &reference.trust_domain, id, key_type)?;
            systems.insert(id.clone(), system);
        }
        let notary = Notary::new(&folder)?;
        let world = Self {
            folder,
            notary,
            trust_domain: reference.trust_domain.clone(),
            authority,
            gateway,
            gateway_client,
            systems,
            datasets: BTreeMap::new(),
            sample,
        };
        Ok((world, reference))
    }

    /// Starts the owner's system of one more dataset and enters it into `catalog/endpoints.toml`.
    /// The dataset's contract and agreements are the caller's to write.
    ///
    /// # Errors
    /// Where it cannot listen, or the file cannot be written.
    pub async fn add_provider(
        &mut self,
        dataset: &str,
        service: &str,
        holdings: Holdings,
    ) -> Result<(), WorldError> {
        self.open(dataset, service, holdings).await?;
        self.write_endpoints()?;
        self.seal()
    }

    async fn open(
        &mut self,
        dataset: &str,
        service: &str,
        holdings: Holdings,
    ) -> Result<(), WorldError> {
        let identity = self.authority.issue(&Leaf::server(dataset))?;
        let tls = self.authority.server_config(&identity)?;
        let provider =
            Provider::start(tls, holdings)
                .await
                .map_err(|source| WorldError::Listen {
                    dataset: dataset.to_owned(),
                    source,
                })?;
        let service = service.to_owned();
        self.datasets
            .insert(dataset.to_owned(), Dataset { service, provider });
        Ok(())
    }

    fn write_endpoints(&self) -> Result<(), WorldError> {
        let addresses = self
            .datasets
            .iter()
            .map(|(id, one)| (id, one.provider.address()));
        self.folder
            .write("catalog/endpoints.toml", &config::endpoints_toml(addresses))
    }

    /// Writes a file, in place of what was there. Signs and seals the catalogue anew where the file
    /// is of it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<(), WorldError> {
        self.folder.write(path, text)?;
        if path.starts_with("catalog/") {
            self.seal()?;
        }
        Ok(())
    }

    /// Signs every agreement and seals the catalogue as it lies there, faults included, under the
    /// next revision.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn seal(&self) -> Result<(), WorldError> {
        self.notary.seal(&self.folder)
    }

    /// The deployment's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// The gateway's configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir().join("motlan.toml")
    }

    /// What stands before the slash in every system's URI.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// What tokens name as `aud`.
    #[must_use]
    pub fn audience(&self) -> &'static str {
        AUDIENCE
    }

    /// The authority that issued everything: to issue more, right or wrong.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What the gateway shows to callers.
    #[must_use]
    pub fn gateway(&self) -> &Identity {
        &self.gateway
    }

    /// What the gateway shows to owners.
    #[must_use]
    pub fn gateway_client(&self) -> &Identity {
        &self.gateway_client
    }

    /// What the owners' systems hold.
    #[must_use]
    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// All registered systems, the suspended ones too.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values()
    }

    /// A registered system, e.g. `H26/one-stop`.
    ///
    /// # Errors
    /// Where the catalogue has none of this id.
    pub fn system(&self, id: &str) -> Result<&System, WorldError> {
        self.systems
            .get(id)
            .ok_or_else(|| WorldError::UnknownSystem(id.to_owned()))
    }

    /// The TLS settings of a client that is this system.
    ///
    /// # Errors
    /// Where the catalogue has none of this id.
    pub fn client_config(&self, id: &str) -> Result<Arc<rustls::ClientConfig>, WorldError> {
        Ok(self
            .authority
            .client_config(Some(&self.system(id)?.identity))?)
    }

    /// The owners' systems by dataset, e.g. `population`.
    pub fn providers(&self) -> impl Iterator<Item = (&str, &Provider)> {
        self.datasets
            .iter()
            .map(|(id, one)| (id.as_str(), &one.provider))
    }

    /// The owner's system of a dataset.
    #[must_use]
    pub fn provider(&self, dataset: &str) -> Option<&Provider> {
        self.datasets.get(dataset).map(|one| &one.provider)
    }

    /// The owner's system of a dataset, to stop and start it.
    #[must_use]
    pub fn provider_mut(&mut self, dataset: &str) -> Option<&mut Provider> {
        self.datasets.get_mut(dataset).map(|one| &mut one.provider)
    }

    /// What `endpoints.json` says once the gateway listens at `gateway` and `admin` (ports) and its
    /// ledger has its key.
    #[must_use]
    pub fn endpoints(&self, gateway: u16, admin: u16, ledger_key: &str) -> Endpoints {
        let datasets = self.datasets.values();
        let providers = datasets
            .map(|one| {
                let port = one.provider.address().port();
                (one.service.clone(), format!("localhost:{port}"))
            })
            .collect();
        Endpoints {
            gateway: format!("localhost:{gateway}"),
            admin: format!("http://127.0.0.1:{admin}"),
            audience: AUDIENCE.to_owned(),
            ca: "pki/ca.pem".to_owned(),
            systems: self
                .systems
                .iter()
                .map(|(id, one)| (id.clone(), one.files.clone()))
                .collect(),
            providers,
            samples: config::samples(&self.sample.roles),
            ledger: "ledger/".to_owned(),
            ledger_key: ledger_key.to_owned(),
        }
    }
}

/// Makes the credentials of one system and registers its token key.
fn enrol(
    folder: &Folder,
    authority: &Authority,
    trust_domain: &str,
    id: &str,
    key_type: KeyType,
) -> Result<System, WorldError> {
    let identity = authority.issue(&Leaf::system(trust_domain, id))?;
    let token_key = SigningKey::generate(TOKEN_KID, key_type)?;
    let stem = format!("pki/systems/{id}");
    folder.write_identity(&stem, &identity)?;
    let files = SystemFiles {
        cert: format!("{stem}.pem"),
        key: format!("{stem}.key"),
        token_key: format!("{stem}.token.key"),
        token_kid: TOKEN_KID.to_owned(),
    };
    folder.write_secret(&files.token_key, token_key.private_pem())?;
    let registered = format!("catalog/keys/{id}/{TOKEN_KID}.pem");
    folder.write(&registered, token_key.public_pem())?;
    Ok(System {
        id: id.to_owned(),
        identity,
        token_key,
        files,
    })
}
