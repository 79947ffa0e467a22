//! What a stand-in was asked.

use std::sync::Arc;

use http::HeaderMap;
use rustls::pki_types::CertificateDer;

/// One question as it came. Subjects are samples' here: it prints them.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The gRPC path.
    pub path: String,
    /// The subject in the request; empty where the request was malformed, or the method unknown.
    pub subject: String,
    /// All metadata, `grpc-timeout` and `traceparent` included.
    pub headers: HeaderMap,
    /// The certificate that the client showed.
    pub certificate: Arc<CertificateDer<'static>>,
}

impl Seen {
    /// One metadatum as text, the first where it stands twice.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The names of all metadata, sorted, each once.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }
}
