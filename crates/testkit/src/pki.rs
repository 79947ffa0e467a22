//! A throwaway certificate authority, the certificates of a deployment, and wrong ones for tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

mod revocation;
mod tls;

pub use tls::{client_config, server_config};

/// How long a certificate lives, from now: long enough that nobody is warned of its end.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// A certificate is valid from this long ago, so that clocks a little behind accept it.
const HEAD_START: Duration = Duration::from_secs(3600);

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The certificate or its key could not be made.
    #[error("the certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// The PEM text does not hold what it should.
    #[error("the PEM text cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The certificate is not what X.509 says.
    #[error("the certificate cannot be read")]
    Odd(#[source] webpki::Error),
    /// The TLS library does not take the certificate or the key.
    #[error("the certificate cannot be used for TLS")]
    Tls(#[from] rustls::Error),
    /// The client verifier cannot be built from the authority.
    #[error("the authority cannot be used to verify clients")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// A certificate with its private key, both in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key, PKCS #8.
    pub key_pem: String,
}

impl Identity {
    /// The certificate in DER.
    ///
    /// # Errors
    /// Where `certificate_pem` is no certificate.
    pub fn certificate(&self) -> Result<CertificateDer<'static>, PkiError> {
        Ok(CertificateDer::from_pem_slice(
            self.certificate_pem.as_bytes(),
        )?)
    }

    /// The private key in DER.
    ///
    /// # Errors
    /// Where `key_pem` is no private key.
    pub fn key(&self) -> Result<PrivateKeyDer<'static>, PkiError> {
        Ok(PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())?)
    }

    /// The certificate's `x5t#S256` (RFC 8705): base64url of the SHA-256 of its DER form.
    ///
    /// # Errors
    /// Where `certificate_pem` is no certificate.
    pub fn thumbprint(&self) -> Result<String, PkiError> {
        Ok(thumbprint(&self.certificate()?))
    }
}

/// The `x5t#S256` (RFC 8705) of a certificate in DER form.
#[must_use]
pub fn thumbprint(certificate: &CertificateDer<'_>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate))
}

/// The URI that names a system in its certificate, e.g.
/// `spiffe://vn.example/agency/H26/system/one-stop` for `H26/one-stop`. A `system` without a slash
/// gives a URI that no system has.
#[must_use]
pub fn system_uri(trust_domain: &str, system: &str) -> String {
    match system.split_once('/') {
        Some((agency, name)) => format!("spiffe://{trust_domain}/agency/{agency}/system/{name}"),
        None => format!("spiffe://{trust_domain}/{system}"),
    }
}

/// What a certificate is to say.
#[derive(Clone)]
pub struct Leaf {
    common_name: String,
    names: Vec<String>,
    uris: Vec<String>,
    usage: ExtendedKeyUsagePurpose,
    from: SystemTime,
    until: SystemTime,
}

impl Leaf {
    /// A server on this machine: `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn server(common_name: &str) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        Self::new(common_name, ExtendedKeyUsagePurpose::ServerAuth).names(names)
    }

    /// A client with one URI name.
    #[must_use]
    pub fn client(common_name: &str, uri: &str) -> Self {
        Self::new(common_name, ExtendedKeyUsagePurpose::ClientAuth).uris(vec![uri.to_owned()])
    }

    /// The client certificate of a system such as `H26/one-stop`.
    #[must_use]
    pub fn system(trust_domain: &str, system: &str) -> Self {
        Self::client(system, &system_uri(trust_domain, system))
    }

    fn new(common_name: &str, usage: ExtendedKeyUsagePurpose) -> Self {
        let now = SystemTime::now();
        Self {
            common_name: common_name.to_owned(),
            names: Vec::new(),
            uris: Vec::new(),
            usage,
            from: now - HEAD_START,
            until: now + LIFETIME,
        }
    }

    /// With these DNS names and addresses.
    #[must_use]
    pub fn names(mut self, names: Vec<String>) -> Self {
        self.names = names;
        self
    }

    /// With these URI names: none, or several, is what tests want.
    #[must_use]
    pub fn uris(mut self, uris: Vec<String>) -> Self {
        self.uris = uris;
        self
    }

    /// Valid from and until.
    #[must_use]
    pub fn valid(mut self, from: SystemTime, until: SystemTime) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// Valid until an hour ago.
    #[must_use]
    pub fn expired(self) -> Self {
        let now = SystemTime::now();
        self.valid(now - LIFETIME, now - HEAD_START)
    }

    /// Valid from tomorrow on.
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600);
        self.valid(tomorrow, tomorrow + LIFETIME)
    }

    fn params(&self) -> Result<CertificateParams, PkiError> {
        let mut params = CertificateParams::new(self.names.clone())?;
        params
            .distinguished_name
            .push(DnType::CommonName, self.common_name.clone());
        for uri in &self.uris {
            params
                .subject_alt_names
                .push(SanType::URI(uri.as_str().try_into()?));
        }
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.insert_extended_key_usage(self.usage.clone());
        params.use_authority_key_identifier_extension = true;
        params.not_before = self.from.into();
        params.not_after = self.until.into();
        Ok(params)
    }
}

/// A certificate authority that nobody should trust for long.
pub struct Authority {
    certificate_pem: String,
    key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority with a new key.
    ///
    /// # Errors
    /// Where the key or the certificate cannot be made.
    pub fn new(common_name: &str) -> Result<Self, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = Self::params(common_name);
        let certificate_pem = params.self_signed(&key)?.pem();
        let key_pem = key.serialize_pem();
        Ok(Self {
            certificate_pem,
            key_pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority again from what [`Authority::certificate_pem`] and [`Authority::key_pem`]
    /// gave, and the name it was made with.
    ///
    /// # Errors
    /// Where `key_pem` is no private key.
    pub fn from_pem(
        common_name: &str,
        certificate_pem: &str,
        key_pem: &str,
    ) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(key_pem)?;
        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            issuer: Issuer::new(Self::params(common_name), key),
        })
    }

    fn params(common_name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let now = SystemTime::now();
        params.not_before = (now - LIFETIME).into();
        params.not_after = (now + LIFETIME * 2).into();
        params
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's private key.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Issues a certificate for a new key.
    ///
    /// # Errors
    /// Where a name cannot stand in a certificate, or the key cannot be made.
    pub fn issue(&self, leaf: &Leaf) -> Result<Identity, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = leaf.params()?.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// The TLS settings of a client that trusts this authority and shows `identity`, if any.
    ///
    /// # Errors
    /// Where the certificates cannot be used for TLS.
    pub fn client_config(
        &self,
        identity: Option<&Identity>,
    ) -> Result<Arc<rustls::ClientConfig>, PkiError> {
        client_config(&self.certificate_pem, identity)
    }

    /// The TLS settings of a server that demands a client certificate of this authority.
    ///
    /// # Errors
    /// Where the certificates cannot be used for TLS.
    pub fn server_config(
        &self,
        identity: &Identity,
    ) -> Result<Arc<rustls::ServerConfig>, PkiError> {
        server_config(&self.certificate_pem, identity)
    }
}
