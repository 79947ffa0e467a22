//! One dataset's system: its addresses, and the request that an enquiry becomes.

use std::sync::Arc;
use std::time::Instant;

use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, header};
use motlan_catalog::Dataset;
use motlan_exchange::{Enquiry, Fetched, ProviderFault};
use rustls::pki_types::{InvalidDnsNameError, ServerName};

use super::OwnerLimits;
use super::address::Address;
use super::connection::Connection;
use super::response;
use crate::frames::framed;
use crate::headers::{insert, insert_passing};
use crate::tls::ClientTls;
use crate::workers::Here;

const USER_AGENT: &str = concat!("motlan/", env!("CARGO_PKG_VERSION"));
/// `grpc-timeout` has at most eight digits.
const TIMEOUT_MS_MAX: u128 = 99_999_999;
/// A connection is used before the next one of its address until it has so many more under way.
const TOGETHER: usize = 32;

/// The system of one dataset.
pub(super) struct Endpoint {
    addresses: Vec<String>,
    server_name: Option<String>,
    /// What requests name; none where the first address cannot stand in one.
    authority: Option<Authority>,
    connections: Vec<Arc<Connection>>,
    tls: Arc<ClientTls>,
    limits: OwnerLimits,
}

impl Endpoint {
    pub(super) fn new(
        dataset: &Dataset,
        tls: &Arc<ClientTls>,
        limits: OwnerLimits,
    ) -> Result<Self, InvalidDnsNameError> {
        let mut connections = Vec::new();
        for text in &dataset.addresses {
            let host = text
                .rsplit_once(':')
                .map_or(text.as_str(), |(host, _port)| host);
            let name = dataset.server_name.as_deref().unwrap_or(host);
            let name = ServerName::try_from(name.trim_matches(['[', ']']))?.to_owned();
            let address = Arc::new(Address::new(text.clone()));
            connections.extend((0..limits.connections).map(|number| {
                let (address, name) = (Arc::clone(&address), name.clone());
                Arc::new(Connection::new(number, address, name, tls, limits.dial_max))
            }));
        }
        Ok(Self {
            addresses: dataset.addresses.clone(),
            server_name: dataset.server_name.clone(),
            authority: dataset.addresses.first().and_then(|it| it.parse().ok()),
            connections,
            tls: Arc::clone(tls),
            limits,
        })
    }

    /// The same, to be dialled with other credentials. How an address fared with the ones before
    /// says nothing of these.
    pub(super) fn renewed(&self, tls: &Arc<ClientTls>) -> Self {
        let of_one_address = self.connections.chunks(self.limits.connections.max(1));
        let connections = of_one_address.flat_map(|connections| {
            let text = connections.first().map(|one| one.address().as_str());
            let address = Arc::new(Address::new(text.unwrap_or_default().to_owned()));
            let renew = move |one: &Arc<Connection>| Arc::new(one.renewed(&address, tls));
            connections.iter().map(renew)
        });
        Self {
            addresses: self.addresses.clone(),
            server_name: self.server_name.clone(),
            authority: self.authority.clone(),
            connections: connections.collect(),
            tls: Arc::clone(tls),
            limits: self.limits,
        }
    }

    /// Whether this is where `dataset` is to be asked, with these credentials.
    pub(super) fn is_of(&self, dataset: &Dataset, tls: &Arc<ClientTls>) -> bool {
        self.addresses == dataset.addresses
            && self.server_name == dataset.server_name
            && Arc::ptr_eq(&self.tls, tls)
    }

    /// Puts an enquiry to the connection with the fewest under way; where that cannot be reached,
    /// to one of another address. An address that failed lately comes last, and is dialled in the
    /// background while another one answers.
    pub(super) async fn ask(&self, enquiry: &Enquiry) -> Result<Fetched, ProviderFault> {
        let mut fault = ProviderFault::Unreachable;
        let by_load = self.by_load();
        self.probe_troubled(&by_load);
        for connection in by_load {
            if connection.address().is_resting() {
                continue;
            }
            let Some(_place) = connection.place(self.limits.streams_max) else {
                fault = ProviderFault::Busy;
                continue;
            };
            let message = framed(std::slice::from_ref(&enquiry.request));
            match connection.send(|| self.head(enquiry), message).await {
                Ok(response) => {
                    let streaming = enquiry.method.streaming;
                    return response::whole(response, self.limits.answer, streaming).await;
                }
                // The request did not go out: another connection may take it.
                Err(ProviderFault::Unreachable) => fault = ProviderFault::Unreachable,
                Err(other) => return Err(other),
            }
        }
        Err(fault)
    }

    /// Where one address answers, dials another that failed and has rested, so that no lookup waits
    /// for it.
    fn probe_troubled(&self, by_load: &[&Arc<Connection>]) {
        let troubled = |one: &&&Arc<Connection>| one.address().is_troubled();
        if by_load.first().filter(troubled).is_none()
            && let Some(last) = by_load.last().filter(troubled)
            && !last.address().is_resting()
        {
            // It rests again until the probe has come through: one at a time.
            last.address().failed();
            last.probe();
        }
    }

    /// Those of this thread come first: an answer that arrives on another has to be brought over.
    /// Of these the fewest under way, but few go together: what is on its way at once shares a
    /// packet and a call of the system.
    fn by_load(&self) -> Vec<&Arc<Connection>> {
        let here = Here::now();
        let mut by_load: Vec<&Arc<Connection>> = self.connections.iter().collect();
        by_load.sort_by_key(|one| {
            let (is_foreign, place) = Here::place(here, one.number(), self.limits.connections);
            let load = one.in_flight() + place * TOGETHER;
            (one.address().is_troubled(), is_foreign, load)
        });
        by_load
    }

    /// R40: what the owner's system gets: what DESIGN.md names, and nothing else of the caller's
    /// metadata.
    fn head(&self, enquiry: &Enquiry) -> Result<Request<()>, ProviderFault> {
        let mut uri = Parts::default();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority.clone_from(&self.authority);
        uri.path_and_query = PathAndQuery::try_from(enquiry.method.path.as_str()).ok();
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = Uri::from_parts(uri).map_err(|_| ProviderFault::Unreachable)?;
        let headers = request.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        insert_passing(headers, "grpc-timeout", &timeout(enquiry.deadline));
        insert(headers, "motlan-caller", &enquiry.caller);
        insert(headers, "motlan-procedure", &enquiry.procedure);
        insert_passing(headers, "motlan-record", &enquiry.record);
        insert(headers, "motlan-token", &enquiry.token);
        if let Some(dossier) = &enquiry.dossier {
            insert(headers, "motlan-dossier", dossier);
        }
        if let Some(trace_parent) = &enquiry.trace_parent {
            insert(headers, "traceparent", trace_parent);
        }
        Ok(request)
    }
}

fn timeout(deadline: Instant) -> String {
    let left = deadline.saturating_duration_since(Instant::now());
    format!("{}m", left.as_millis().clamp(1, TIMEOUT_MS_MAX))
}
