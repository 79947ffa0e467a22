//! What one side is made from: loaded whole or not at all, and immutable.

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig};

use super::expiry::{self, Expiry, Whats};
use super::files::Content;
use super::{ALPN, TlsError, now_s, provider};
use crate::reload::What;
use crate::settings::TlsFiles;

/// One of the two sides.
pub trait Side: Sized + Send + Sync + 'static {
    /// Which it is.
    const WHAT: What;

    /// Loads and checks all its files.
    ///
    /// # Errors
    /// [`TlsError`], naming the file.
    fn load(files: &TlsFiles) -> Result<Self, TlsError>;

    /// SHA-256 over what is public of it, in lower-case hexadecimal digits.
    fn digest(&self) -> &str;

    /// When the first of each of its files goes out of date.
    fn expiries(&self) -> &[Expiry];
}

/// What callers meet.
pub struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    facts: Facts,
}

/// What owners meet.
pub struct ClientTls {
    pub(crate) config: Arc<ClientConfig>,
    facts: Facts,
}

/// What both sides tell of themselves.
struct Facts {
    digest: String,
    expiries: Vec<Expiry>,
    /// From which second on one of the revocation lists is out of date.
    lists_s: Option<u64>,
}

const SERVER: Whats = Whats {
    certificate: "server_certificate",
    authority: "client_ca",
    revocation: "client_crl",
};
const CLIENT: Whats = Whats {
    certificate: "client_certificate",
    authority: "provider_ca",
    revocation: "provider_crl",
};

impl Side for ServerTls {
    const WHAT: What = What::ServerTls;

    fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let content = Content::read(files)?;
        let facts = Facts::checked(&content, files, SERVER)?;
        let roots = Arc::new(content.roots(files)?);
        // R105: unknown status is denied over the whole chain, and so is a list that has expired.
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .with_crls(content.lists)
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| verifier_fault(files, &error))?;
        let unusable = |source| unusable(files, source);
        // R1: TLS 1.3 only, and a client certificate is required.
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_single_cert(content.chain, content.key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A resumed session would take over the client's certificate without verifying it again.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            config: Arc::new(config),
            verifier,
            facts,
        })
    }

    fn digest(&self) -> &str {
        &self.facts.digest
    }

    fn expiries(&self) -> &[Expiry] {
        &self.facts.expiries
    }
}

impl Side for ClientTls {
    const WHAT: What = What::ClientTls;

    fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let content = Content::read(files)?;
        let facts = Facts::checked(&content, files, CLIENT)?;
        let roots = Arc::new(content.roots(files)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .with_crls(content.lists)
            .enforce_revocation_expiration()
            .build()
            .map_err(|error| verifier_fault(files, &error))?;
        let unusable = |source| unusable(files, source);
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(content.chain, content.key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // As above: an owner's certificate is verified at each handshake.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            facts,
        })
    }

    fn digest(&self) -> &str {
        &self.facts.digest
    }

    fn expiries(&self) -> &[Expiry] {
        &self.facts.expiries
    }
}

impl ServerTls {
    /// From which second on its revocation lists are out of date.
    pub(super) fn lists_s(&self) -> Option<u64> {
        self.facts.lists_s
    }
}

impl ClientTls {
    /// From which second on its revocation lists are out of date.
    pub(crate) fn lists_s(&self) -> Option<u64> {
        self.facts.lists_s
    }
}

impl Facts {
    fn checked(content: &Content, files: &TlsFiles, whats: Whats) -> Result<Self, TlsError> {
        let lists = content.lists.iter().filter_map(expiry::next_update).min();
        Ok(Self {
            expiries: expiry::checked(content, files, whats, now_s())?,
            digest: content.digest(),
            lists_s: lists.map(|at_s| u64::try_from(at_s).unwrap_or(0)),
        })
    }
}

fn unusable(files: &TlsFiles, source: rustls::Error) -> TlsError {
    TlsError::Unusable {
        file: files.certificate.clone(),
        source,
    }
}

fn verifier_fault(files: &TlsFiles, error: &rustls::server::VerifierBuilderError) -> TlsError {
    let file = match error {
        rustls::server::VerifierBuilderError::InvalidCrl(_) => files.revocation.as_ref(),
        _ => None,
    };
    TlsError::Authority {
        file: file.unwrap_or(&files.authority).clone(),
        what: error.to_string(),
    }
}
