//! The certificate of a connection: its URI SAN names the system.

use std::sync::Arc;

use aws_lc_rs::digest;
use motlan_catalog::{Catalog, System};
use rustls::pki_types::UnixTime;
use webpki::EndEntityCert;

use crate::tls::{Cause, Presented};

/// The length of a certificate's thumbprint, SHA-256.
pub const THUMBPRINT_BYTES: usize = 32;

/// What the certificate of a connection says, whatever is registered.
pub struct Certificate {
    /// Its one URI SAN.
    name: String,
    thumbprint: [u8; THUMBPRINT_BYTES],
    presented: Presented,
}

/// The system on the other end of one connection, by its verified certificate, as one set in force
/// has it registered.
#[derive(Clone)]
pub struct Peer {
    /// The registered system.
    pub system: Arc<System>,
    /// SHA-256 of the certificate, to which tokens are bound (RFC 8705).
    pub thumbprint: [u8; THUMBPRINT_BYTES],
}

/// Why a verified certificate is no registered system's.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It cannot be read.
    #[error("the client certificate cannot be read")]
    Unreadable,
    /// It does not hold exactly one URI SAN.
    #[error("the client certificate has {0} URI names instead of one")]
    UriNames(usize),
    /// Its URI SAN is no registered system.
    #[error("no registered system has the name `{0}`")]
    Unregistered(String),
}

impl Certificate {
    /// Reads a certificate that the handshake has verified.
    ///
    /// # Errors
    /// [`PeerError`] where the certificate can be no registered system's.
    pub(crate) fn of(presented: Presented) -> Result<Self, PeerError> {
        let certificate = presented.leaf().ok_or(PeerError::Unreadable)?;
        let parsed = EndEntityCert::try_from(certificate).map_err(|_| PeerError::Unreadable)?;
        let names: Vec<&str> = parsed.valid_uri_names().collect();
        // R2: exactly one name, and a registered one.
        let [name] = names.as_slice() else {
            return Err(PeerError::UriNames(names.len()));
        };
        let mut thumbprint = [0; THUMBPRINT_BYTES];
        thumbprint.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Ok(Self {
            name: (*name).to_owned(),
            thumbprint,
            presented,
        })
    }

    /// R105: whether a connection would be made with it now. Costs two comparisons, unless
    /// something has changed.
    pub(crate) fn stands(&self) -> Result<(), Cause> {
        self.presented.stands(UnixTime::now())
    }

    /// Waits until that may have changed.
    pub(crate) async fn unsettled(&self) {
        self.presented.unsettled().await;
    }
}

impl Peer {
    /// Finds the system of a certificate.
    ///
    /// # Errors
    /// [`PeerError`] where the certificate names no registered system.
    pub fn of(certificate: &Certificate, catalog: &Catalog) -> Result<Self, PeerError> {
        let system = catalog
            .system_by_uri(&certificate.name)
            .ok_or_else(|| PeerError::Unregistered(certificate.name.clone()))?;
        Ok(Self {
            system: Arc::clone(system),
            thumbprint: certificate.thumbprint,
        })
    }
}
