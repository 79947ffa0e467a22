//! `[tls]` and `[provider_tls]`: the files of each side.

use std::path::PathBuf;

use motlan_catalog::Faults;
use motlan_catalog::document::Table;

/// The files of one side's TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// `certificate`: our chain, leaf first.
    pub certificate: PathBuf,
    /// `key`: our private key, PKCS #8.
    pub key: PathBuf,
    /// `client_ca` or `ca`: who may sign the other side's certificate.
    pub authority: PathBuf,
}

pub(super) fn read(mut table: Table<'_>, authority: &str, faults: &mut Faults) -> Option<TlsFiles> {
    let certificate = table.path("certificate", faults);
    let key = table.path("key", faults);
    let authority = table.path(authority, faults);
    table.finish(faults);
    Some(TlsFiles {
        certificate: certificate?.value,
        key: key?.value,
        authority: authority?.value,
    })
}
