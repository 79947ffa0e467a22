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
