//! TLS on both sides: 1.3 only, a certificate required of everybody, post-quantum key exchange
//! preferred.
//!
//! What one side is made from is one immutable value, [`ServerTls`] or [`ClientTls`], loaded whole
//! or not at all; [`Credentials`] holds the one in force. A handshake takes the newest. What was
//! verified on a connection is `Presented`, which is asked again at each call.
//!
//! Out of scope: online status (OCSP), and fetching revocation lists.

mod cause;
mod credentials;
mod expiry;
mod files;
mod presented;
mod side;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::UnixTime;

use crate::settings::Settings;
use crate::telemetry::with_sources;
pub(crate) use cause::Cause;
pub(crate) use credentials::warn;
pub use credentials::{Credentials, Failed, Standing};
pub use expiry::{Expiry, WARNED_S};
pub(crate) use expiry::{due_s, time};
pub(crate) use presented::Presented;
pub use side::{ClientTls, ServerTls, Side};

const ALPN: &[u8] = b"h2";

/// What callers meet, as it is in force.
pub type ServerCredentials = Credentials<ServerTls>;
/// What owners meet, as it is in force.
pub type ClientCredentials = Credentials<ClientTls>;

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
    /// What lies in a file is not what X.509 says.
    #[error("`{}` holds something that cannot be read; have it made anew", file.display())]
    Odd {
        /// The file.
        file: PathBuf,
    },
    /// Our certificate is out of date.
    #[error("the certificate `{}` expired at {at}; put a new one in its place", file.display())]
    Expired {
        /// The certificate.
        file: PathBuf,
        /// When.
        at: String,
    },
    /// Our certificate is not valid yet.
    #[error(
        "the certificate `{}` is not valid before {at}; check the clock, or wait", file.display()
    )]
    NotYetValid {
        /// The certificate.
        file: PathBuf,
        /// From when on it is.
        at: String,
    },
    /// A revocation list is out of date.
    #[error(
        "a revocation list in `{}` expired at {at}; fetch the newest from its authority",
        file.display()
    )]
    ListExpired {
        /// The lists.
        file: PathBuf,
        /// When.
        at: String,
    },
    /// An authority has no revocation list.
    #[error(
        "no revocation list in `{}` is signed by the authority `{authority}`; add its list, or \
         take the authority away",
        file.display()
    )]
    Unlisted {
        /// The lists.
        file: PathBuf,
        /// Whose is missing.
        authority: String,
    },
    /// An authority has several lists.
    #[error(
        "`{}` holds more than one revocation list of `{authority}`, of which only one would count; \
         leave the newest", file.display()
    )]
    Twofold {
        /// The lists.
        file: PathBuf,
        /// Whose they are.
        authority: String,
    },
    /// The ledger did not take the record of the change.
    #[error("the change cannot be recorded, so it is not taken in force")]
    Unrecorded(#[source] motlan_audit::AppendError),
    /// The check itself broke off.
    #[error("the gateway could not check the files to their end")]
    Lost,
}

impl TlsError {
    /// With all that stands behind it.
    pub(crate) fn told(&self) -> String {
        with_sources(self)
    }
}

/// What is out of date within [`WARNED_S`], a revocation list within a day, each with its file: for
/// an operator to read. Files that
/// cannot be loaded are left out: they are faults, and told as such.
#[must_use]
pub fn warnings(settings: &Settings) -> Vec<String> {
    let server = ServerTls::load(&settings.tls).map(|side| side.expiries().to_vec());
    let client = ClientTls::load(&settings.provider_tls).map(|side| side.expiries().to_vec());
    let now_s = now_s();
    let expiries = server.into_iter().chain(client).flatten();
    let near = expiries.filter(|expiry| expiry.is_near(now_s));
    near.map(|expiry| expiry.told(now_s)).collect()
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
        .with_root_certificates(files::authorities(authority)?);
    Ok(config.with_no_client_auth())
}

/// aws-lc-rs, with X25519MLKEM768 first (the feature `prefer-post-quantum`).
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Now, in seconds since the Unix epoch, as certificates count.
pub(crate) fn now_s() -> i64 {
    i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX)
}
