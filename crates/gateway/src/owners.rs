//! The way to the owners' systems: pooled HTTP/2 connections over mutual TLS.

mod address;
mod connection;
mod endpoint;
mod response;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use motlan_catalog::{Catalog, DatasetId};
use motlan_exchange::{Enquiry, Fetched, Provider, ProviderFault};
use rustls::pki_types::InvalidDnsNameError;

use crate::frames::FrameLimits;
use crate::tls::ClientTls;
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
    /// Locked for the time that a pointer is copied in.
    endpoints: RwLock<Arc<Endpoints>>,
}

type Endpoints = HashMap<DatasetId, Arc<Endpoint>>;

impl Owners {
    /// Takes the addresses from the catalogue. Connections are made when they are first needed;
    /// those that are there `before` go on where nothing about them has changed, so that no more
    /// enquiries are under way on one than may be.
    ///
    /// # Errors
    /// Where an address cannot stand in a certificate.
    pub fn new(
        catalog: &Catalog,
        tls: &Arc<ClientTls>,
        limits: OwnerLimits,
        before: Option<&Self>,
    ) -> Result<Self, InvalidDnsNameError> {
        let before = before.map(Self::endpoints);
        let mut endpoints = HashMap::new();
        for dataset in catalog.datasets() {
            let known = before.as_ref().and_then(|before| before.get(&dataset.id));
            let endpoint = match known.filter(|known| known.is_of(dataset, tls)) {
                Some(known) => Arc::clone(known),
                None => Arc::new(Endpoint::new(dataset, tls, limits)?),
            };
            endpoints.insert(dataset.id.clone(), endpoint);
        }
        let endpoints = RwLock::new(Arc::new(endpoints));
        Ok(Self { endpoints })
    }

    /// R105: from now on everybody is asked over new connections, made with these credentials. What
    /// is under way ends on the old ones.
    pub(crate) fn renew(&self, tls: &Arc<ClientTls>) {
        let endpoints = self.endpoints();
        let renewed = endpoints
            .iter()
            .map(|(id, endpoint)| (id.clone(), Arc::new(endpoint.renewed(tls))));
        let renewed = Arc::new(renewed.collect());
        *self
            .endpoints
            .write()
            .unwrap_or_else(PoisonError::into_inner) = renewed;
    }

    fn endpoints(&self) -> Arc<Endpoints> {
        let endpoints = self.endpoints.read();
        Arc::clone(&endpoints.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Provider for Owners {
    async fn ask(&self, enquiry: Enquiry) -> Result<Fetched, ProviderFault> {
        let endpoints = self.endpoints();
        let endpoint = endpoints
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
    use crate::settings::Settings;
    use crate::tls::Side as _;

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
        let settings = Settings::read(&world.config()).unwrap();
        let load = || Arc::new(ClientTls::load(&settings.provider_tls).unwrap());
        let tls = load();
        let folder = world.dir().join("catalog");
        let catalog = || Catalog::load(&folder).unwrap();
        let before = Owners::new(&catalog(), &tls, LIMITS, None).unwrap();

        let endpoints = std::fs::read_to_string(folder.join("endpoints.toml")).unwrap();
        let (others, land) = endpoints.split_once("[land]").unwrap();
        let land = land.replacen("addresses = [", "addresses = [\"land.example:443\", ", 1);
        let changed = format!("{others}[land]{land}");
        world.write("catalog/endpoints.toml", &changed).unwrap();
        let after = Owners::new(&catalog(), &tls, LIMITS, Some(&before)).unwrap();
        let same = |one: &Owners, other: &Owners| {
            let (one, other) = (one.endpoints(), other.endpoints());
            assert_eq!(one.len(), other.len());
            let same = one.iter().filter(|it| Arc::ptr_eq(it.1, &other[it.0]));
            let mut same: Vec<String> = same.map(|it| it.0.to_string()).collect();
            same.sort_unstable();
            same
        };
        let kept = same(&before, &after);
        assert!(kept.len() + 1 == before.endpoints().len() && !kept.contains(&"land".to_owned()));

        // R105: none is dialled by credentials that are not in force.
        let others = Owners::new(&catalog(), &load(), LIMITS, Some(&after)).unwrap();
        assert!(same(&after, &others).is_empty());
        let old = after.endpoints();
        after.renew(&load());
        let renewed = after.endpoints();
        assert_eq!(old.len(), renewed.len());
        assert!(old.iter().all(|(id, it)| !Arc::ptr_eq(it, &renewed[id])));
    }
}
