//! TLS on both sides: 1.3 only, a certificate required of everybody, post-quantum key exchange
//! preferred.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::settings::TlsFiles;

const ALPN: &[u8] = b"h2";

/// Why a side's TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file holds no PEM of the kind it must.
    #[error("`{}` holds no readable PEM {what}; name a file that does", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The files do not fit together.
    #[error("the certificate `{}` and its key cannot be used together", file.display())]
    Unusable {
        /// The certificate.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The authority's file cannot serve to verify certificates.
    #[error("the authority `{}` cannot be used: {what}", file.display())]
    Authority {
        /// The authority's file.
        file: PathBuf,
        /// Why.
        what: String,
    },
}

/// What callers meet.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn server(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let roots = Arc::new(roots(&files.authority)?);
    let authority = |what: String| TlsError::Authority {
        file: files.authority.clone(),
        what,
    };
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|error| authority(error.to_string()))?;
    let (chain, key) = identity(files)?;
    let unusable = |source| TlsError::Unusable {
        file: files.certificate.clone(),
        source,
    };
    // R1: TLS 1.3 only, and a client certificate is required.
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would take over the client's certificate without verifying it again.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// What owners meet.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn client(files: &TlsFiles) -> Result<ClientConfig, TlsError> {
    let (chain, key) = identity(files)?;
    let unusable = |source| TlsError::Unusable {
        file: files.certificate.clone(),
        source,
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots(&files.authority)?)
        .with_client_auth_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// What a witness meets: no certificate of ours, since what it is shown is public and signed.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn anonymous(authority: &Path) -> Result<ClientConfig, TlsError> {
    let unusable = |source| TlsError::Unusable {
        file: authority.to_owned(),
        source,
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots(authority)?);
    Ok(config.with_no_client_auth())
}

/// aws-lc-rs, with X25519MLKEM768 first (the feature `prefer-post-quantum`).
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn identity(
    files: &TlsFiles,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| TlsError::Pem {
        file: files.key.clone(),
        what: "private key",
        source,
    })?;
    Ok((chain, key))
}

fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::Authority {
                file: file.to_owned(),
                what: error.to_string(),
            })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |source| TlsError::Pem {
        file: file.to_owned(),
        what: "certificate",
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(pem)?
        .collect::<Result<_, _>>()
        .map_err(pem)?;
    if certificates.is_empty() {
        return Err(pem(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(certificates)
}
