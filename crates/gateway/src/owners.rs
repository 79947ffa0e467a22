//! The way to the owners' systems: pooled HTTP/2 connections over mutual TLS.

mod address;
mod connection;
mod endpoint;
mod response;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use motlan_catalog::{Catalog, DatasetId};
use motlan_exchange::{Enquiry, Fetched, Provider, ProviderFault};
use rustls::ClientConfig;
use rustls::pki_types::InvalidDnsNameError;

use crate::frames::FrameLimits;
use endpoint::Endpoint;

/// How much may be asked of an owner's system, and how much it may answer.
#[derive(Debug, Clone, Copy)]
pub struct OwnerLimits {
    /// Connections kept to each dataset's system.
    pub connections: usize,
    /// Enquiries under way on one connection; one more is refused.
    pub streams_max: usize,
    /// From dialling to the HTTP/2 handshake.
    pub dial_max: Duration,
    /// How much one answer may hold.
    pub answer: FrameLimits,
}

/// All owners' systems, by dataset.
pub struct Owners {
    endpoints: HashMap<DatasetId, Arc<Endpoint>>,
}

impl Owners {
    /// Takes the addresses from the catalogue. Connections are made when they are first needed;
    /// those that are there `before` go on where nothing about them has changed, so that no more
    /// enquiries are under way on one than may be.
    ///
    /// # Errors
    /// Where an address cannot stand in a certificate.
    pub fn new(
        catalog: &Catalog,
        tls: &Arc<ClientConfig>,
        limits: OwnerLimits,
        before: Option<&Self>,
    ) -> Result<Self, InvalidDnsNameError> {
        let mut endpoints = HashMap::new();
        for dataset in catalog.datasets() {
            let known = before.and_then(|before| before.endpoints.get(&dataset.id));
            let endpoint = match known.filter(|known| known.is_of(dataset)) {
                Some(known) => Arc::clone(known),
                None => Arc::new(Endpoint::new(dataset, tls, limits)?),
            };
            endpoints.insert(dataset.id.clone(), endpoint);
        }
        Ok(Self { endpoints })
    }
}

impl Provider for Owners {
    async fn ask(&self, enquiry: Enquiry) -> Result<Fetched, ProviderFault> {
        let endpoint = self
            .endpoints
            .get(&enquiry.method.dataset)
            .ok_or(ProviderFault::Unreachable)?;
        let deadline = enquiry.deadline.into();
        tokio::time::timeout_at(deadline, endpoint.ask(&enquiry))
            .await
            .map_err(|_| ProviderFault::Silent)?
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use motlan_testkit::World;

    use super::*;

    const LIMITS: OwnerLimits = OwnerLimits {
        connections: 2,
        streams_max: 8,
        dial_max: Duration::from_secs(1),
        answer: FrameLimits {
            body_bytes_max: 1024,
            messages_max: 1,
        },
    };

    #[tokio::test]
    async fn connections_go_on_from_one_set_to_the_next_unless_their_address_is_another() {
        // R87: else as many enquiries again could be under way at each owner.
        let dir = tempfile::TempDir::with_prefix("motlan-owners-").unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let tls = world.authority().client_config(None).unwrap();
        let folder = world.dir().join("catalog");
        let load = || Catalog::load(&folder).unwrap();
        let before = Owners::new(&load(), &tls, LIMITS, None).unwrap();

        let endpoints = std::fs::read_to_string(folder.join("endpoints.toml")).unwrap();
        let (others, land) = endpoints.split_once("[land]").unwrap();
        let land = land.replacen("addresses = [", "addresses = [\"land.example:443\", ", 1);
        let changed = format!("{others}[land]{land}");
        world.write("catalog/endpoints.toml", &changed).unwrap();
        let after = Owners::new(&load(), &tls, LIMITS, Some(&before)).unwrap();
        assert_eq!(after.endpoints.len(), before.endpoints.len());
        for (dataset, endpoint) in &after.endpoints {
            let is_same = Arc::ptr_eq(endpoint, &before.endpoints[dataset]);
            assert_eq!(is_same, dataset.as_str() != "land", "{dataset}");
        }
    }
}
