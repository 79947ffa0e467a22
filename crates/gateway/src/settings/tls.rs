//! `[tls]` and `[provider_tls]`: the files of each side; `[reload]`: how often they are looked at.

use std::path::PathBuf;
use std::time::Duration;

use motlan_catalog::Faults;
use motlan_catalog::document::Table;

/// How often files are looked at where nothing else is said.
pub(super) const WATCH_MS: i64 = 5_000;
/// Nobody means to look less often than daily.
pub(super) const WATCH_MS_MAX: i64 = 86_400_000;

/// The files of one side's TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// `certificate`: our chain, leaf first.
    pub certificate: PathBuf,
    /// `key`: our private key, PKCS #8.
    pub key: PathBuf,
    /// `client_ca` or `ca`: who may sign the other side's certificate.
    pub authority: PathBuf,
    /// `client_crl` or `crl`: which of those certificates are revoked; a list of each authority,
    /// and of each intermediate one. Nothing is held to be revoked without it.
    pub revocation: Option<PathBuf>,
}

/// The names of a side's keys that differ from the other's.
pub(super) struct Names {
    pub(super) authority: &'static str,
    pub(super) revocation: &'static str,
}

pub(super) fn read(mut table: Table<'_>, names: &Names, faults: &mut Faults) -> Option<TlsFiles> {
    let certificate = table.path("certificate", faults);
    let key = table.path("key", faults);
    let authority = table.path(names.authority, faults);
    let revocation = table.opt_path(names.revocation, faults);
    table.finish(faults);
    Some(TlsFiles {
        certificate: certificate?.value,
        key: key?.value,
        authority: authority?.value,
        revocation: revocation.map(|found| found.value),
    })
}

/// `[reload]`, `watch_ms`: how often the files of TLS and the catalogue's manifest are looked at.
pub(super) fn watch(table: Option<Table<'_>>, faults: &mut Faults) -> Duration {
    let found = table.and_then(|mut table| {
        let found = table.opt_integer("watch_ms", 1..=WATCH_MS_MAX, faults);
        table.finish(faults);
        found
    });
    let ms = found.map_or(WATCH_MS, |found| found.value);
    Duration::from_millis(ms.unsigned_abs())
}
