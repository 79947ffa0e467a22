//! A deployment whose gateway and owners' systems run apart, each in a container of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{KNOWN_REVISION, World, WorldError, catalog, config};
use crate::contracts;
use crate::endpoints::Endpoints;
use crate::pki::{Identity, Leaf, server_config};
use crate::provider::{Holdings, Provider};
use crate::sample::Sample;

/// Where the gateway of such a deployment listens for callers.
pub const GATEWAY_PORT: u16 = 8443;
/// Where it listens for its operator.
pub const ADMIN_PORT: u16 = 9464;
/// Where an owner's system listens.
pub const OWNER_PORT: u16 = 9443;

/// How the parts of such a deployment find each other.
#[derive(Debug, Clone)]
pub struct Apart {
    /// The gateway's names beside `localhost`, for its certificate.
    pub gateway: Vec<String>,
    /// Where the gateway writes; must be there.
    pub data: PathBuf,
    /// Where the gateway's traces go, if anywhere.
    pub otlp: Option<String>,
}

impl Apart {
    /// Lays a deployment into `dir`: certificates and keys for the gateway, for callers and for the
    /// owners, whose systems are expected at a host of their dataset's name, with `-` for `_`, and
    /// at [`OWNER_PORT`]. Nothing is started.
    ///
    /// # Errors
    /// [`WorldError`]; what was written by then stays.
    pub fn lay(&self, dir: &Path, seed: u64) -> Result<World, WorldError> {
        let gateway = Leaf::server("gateway").names(names(&self.gateway));
        let (world, reference) = World::found(dir, seed, &gateway)?;
        for dataset in reference.datasets.keys() {
            let leaf = Leaf::server(dataset).names(names(&[host(dataset)]));
            let identity = world.authority.issue(&leaf)?;
            world.folder.write_identity(&stem(dataset), &identity)?;
        }
        let datasets = reference.datasets.keys();
        let addresses = datasets.map(|id| (id, format!("{}:{OWNER_PORT}", host(id))));
        let endpoints = config::endpoints_toml(addresses);
        world.folder.write("catalog/endpoints.toml", &endpoints)?;
        world.seal()?;
        self.move_known_revision(dir)?;
        let listen = (GATEWAY_PORT, ADMIN_PORT);
        let text = config::apart_toml(listen, &self.data, self.otlp.as_deref());
        world.folder.write("motlan.toml", &text)?;
        Ok(world)
    }

    /// What `endpoints.json` says, once the ledger has its key.
    ///
    /// # Errors
    /// Where the reference catalogue is broken.
    pub fn endpoints(&self, world: &World, ledger_key: &str) -> Result<Endpoints, WorldError> {
        let services = catalog::services()?.into_iter();
        Ok(Endpoints {
            providers: services
                .map(|(dataset, service)| (service, format!("{}:{OWNER_PORT}", host(&dataset))))
                .collect(),
            ledger: self.data.join("ledger").display().to_string(),
            ..world.endpoints(GATEWAY_PORT, ADMIN_PORT, ledger_key)
        })
    }

    /// The gateway must be able to write it. Copied, as it may be on another volume.
    fn move_known_revision(&self, dir: &Path) -> Result<(), WorldError> {
        let from = dir.join(KNOWN_REVISION);
        let to = self.data.join(KNOWN_REVISION);
        let fault = |path: &Path, source| WorldError::File {
            path: path.to_owned(),
            source,
        };
        std::fs::copy(&from, &to).map_err(|source| fault(&to, source))?;
        std::fs::remove_file(&from).map_err(|source| fault(&from, source))
    }
}

/// Starts the owner's system of `dataset` of a deployment that [`Apart::lay`] laid into `dir` from
/// the same `seed`, in tasks of the current runtime.
///
/// # Errors
/// Where there is no such dataset, `dir` lacks its certificate, or it cannot listen.
pub async fn owner(
    dir: &Path,
    seed: u64,
    dataset: &str,
    listen: SocketAddr,
) -> Result<Provider, WorldError> {
    let pool = contracts::pool()?;
    let services = catalog::services()?;
    let service = services
        .get(dataset)
        .filter(|service| pool.get_service_by_name(service).is_some());
    let Some(service) = service else {
        return Err(WorldError::UnknownDataset {
            asked: dataset.to_owned(),
            known: services.into_keys().collect(),
        });
    };
    let stem = stem(dataset);
    let identity = Identity {
        certificate_pem: text(dir, &format!("{stem}.pem"))?,
        key_pem: text(dir, &format!("{stem}.key"))?,
    };
    let tls = server_config(&text(dir, "pki/ca.pem")?, &identity)?;
    let sample = Sample::from_seed(seed)?;
    let holdings = Holdings::of(&pool).only(service).stock(&sample.held());
    let provider = Provider::start_at(listen, tls, holdings).await;
    let provider = provider.map_err(|source| WorldError::Listen {
        dataset: dataset.to_owned(),
        source,
    })?;
    // Nobody looks at what it was asked, and it is to stay up.
    provider.record(false);
    Ok(provider)
}

/// The name of the machine or container where the owner's system of `dataset` runs, e.g.
/// `civil-status` for `civil_status`: an underscore cannot stand in a host's name.
fn host(dataset: &str) -> String {
    dataset.replace('_', "-")
}

/// Where the owner's certificate and key lie, without `.pem` and `.key`.
fn stem(dataset: &str) -> String {
    format!("pki/owners/{dataset}")
}

/// With the names under which a service is reached on its own machine.
fn names(more: &[String]) -> Vec<String> {
    let own = ["localhost", "127.0.0.1"].map(str::to_owned);
    own.into_iter().chain(more.iter().cloned()).collect()
}

fn text(dir: &Path, file: &str) -> Result<String, WorldError> {
    let path = dir.join(file);
    std::fs::read_to_string(&path).map_err(|source| WorldError::File { path, source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rustls::pki_types::ServerName;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::*;

    #[tokio::test]
    async fn an_owner_that_stands_apart_answers_under_the_name_that_the_catalogue_has() {
        let dir = tempfile::TempDir::with_prefix("motlan-apart-").unwrap();
        let data = tempfile::TempDir::with_prefix("motlan-apart-data-").unwrap();
        let apart = Apart {
            gateway: vec!["gateway".to_owned()],
            data: data.path().to_owned(),
            otlp: Some("http://otel-collector:4317".to_owned()),
        };
        let world = apart.lay(dir.path(), 7).unwrap();
        let endpoints = text(dir.path(), "catalog/endpoints.toml").unwrap();
        assert!(endpoints.contains("[civil_status]\naddresses = [\"civil-status:9443\"]"));
        let config = text(dir.path(), "motlan.toml").unwrap();
        assert!(config.contains("otlp = \"http://otel-collector:4317\""));
        assert!(data.path().join(KNOWN_REVISION).is_file());
        let key = dir.path().join("pki/owners/civil_status.key");
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let owner = super::owner(dir.path(), 7, "civil_status", listen)
            .await
            .unwrap();
        let client = world
            .authority()
            .client_config(Some(world.gateway_client()));
        let connector = TlsConnector::from(client.unwrap());
        for (name, is_owners) in [("civil-status", true), ("population", false)] {
            let tcp = TcpStream::connect(owner.address()).await.unwrap();
            let name = ServerName::try_from(name).unwrap();
            assert_eq!(connector.connect(name, tcp).await.is_ok(), is_owners);
        }
    }

    #[tokio::test]
    async fn a_dataset_that_is_not_there_is_told_with_those_that_are() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let error = owner(Path::new("/nowhere"), 7, "weather", listen).await;
        let error = error.err().map(|error| error.to_string());
        assert!(
            error
                .unwrap()
                .contains("`weather` with a sample; it has business_registration")
        );
    }
}
