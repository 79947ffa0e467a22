//! The files that keys name: there, of the right kind, and where they are secret, closed to others.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustls::pki_types::pem::{PemObject as _, SectionKind};

use super::findings::Findings;
use crate::settings::{LedgerSettings, TlsFiles};

/// Longer than any file of certificates, keys or revocation lists.
const PEM_BYTES_MAX: u64 = 64 << 20;
/// What others may not do with a secret file of ours.
const OTHERS: u32 = 0o077;
/// What may not be done with one of the system's: the group may read it. So a secret is mounted
/// that an orchestrator owns, and so databases take their keys.
const OTHERS_OF_ROOTS: u32 = 0o037;

/// What a PEM file is to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Certificate,
    Key,
    Revocation,
}

impl Kind {
    fn of(section: SectionKind) -> Option<Self> {
        match section {
            SectionKind::Certificate => Some(Self::Certificate),
            SectionKind::Crl => Some(Self::Revocation),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                Some(Self::Key)
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Key => "private key",
            Self::Revocation => "revocation list",
        }
    }
}

/// The keys of the configuration by which the files of one side of TLS are named.
pub(super) struct Side {
    pub(super) certificate: &'static str,
    pub(super) key: &'static str,
    pub(super) authority: &'static str,
    pub(super) revocation: &'static str,
}

pub(super) const CALLERS: Side = Side {
    certificate: "tls.certificate",
    key: "tls.key",
    authority: "tls.client_ca",
    revocation: "tls.client_crl",
};

pub(super) const OWNERS: Side = Side {
    certificate: "provider_tls.certificate",
    key: "provider_tls.key",
    authority: "provider_tls.ca",
    revocation: "provider_tls.crl",
};

/// Looks at each file of one side; whether all hold what they must.
pub(super) fn side(names: &Side, files: &TlsFiles, findings: &mut Findings) -> bool {
    let mut all = vec![
        (names.certificate, &files.certificate, Kind::Certificate),
        (names.key, &files.key, Kind::Key),
        (names.authority, &files.authority, Kind::Certificate),
    ];
    let lists = files.revocation.iter();
    all.extend(lists.map(|file| (names.revocation, file, Kind::Revocation)));
    let mut good = true;
    for (key, file, kind) in all {
        good &= pem(key, file, kind, findings);
    }
    secret(names.key, &files.key, findings);
    good
}

/// The secrets of the ledger: the key that signs it, and those of the sealed parts.
pub(super) fn ledger(settings: &LedgerSettings, findings: &mut Findings) {
    secret("ledger.key", &settings.key, findings);
    // What is missing is told with the ledger.
    let listed = fs::read_dir(&settings.sealing).into_iter().flatten();
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
    files.sort_unstable();
    for file in files.iter().filter(|file| file.is_file()) {
        secret("ledger.sealing", file, findings);
    }
}

/// R110: a secret that others can read is one no longer.
pub(super) fn secret(key: &str, file: &Path, findings: &mut Findings) {
    // What is not there is told by whoever needs it.
    let found = fs::metadata(file).ok();
    let Some(metadata) = found.filter(|found| !found.is_dir()) else {
        return;
    };
    let own = rustix::process::geteuid().as_raw();
    if let Some((what, remedy)) = exposed(file, &metadata, own) {
        findings.fault(key, what, remedy);
    }
}

fn exposed(file: &Path, metadata: &Metadata, own: u32) -> Option<(String, String)> {
    let (mode, owner, file) = (metadata.mode() & 0o777, metadata.uid(), file.display());
    if owner != own && owner != 0 {
        let what = format!("`{file}` belongs to the user {owner}, who can read and replace it");
        return Some((what, format!("give it to us: `chown {own} {file}`")));
    }
    let closed = if owner == own {
        OTHERS
    } else {
        OTHERS_OF_ROOTS
    };
    (mode & closed != 0).then(|| {
        let what = format!("others may read `{file}` (mode {mode:04o})");
        let right = if owner == own { "600" } else { "640" };
        (
            what,
            format!("take that right from them: `chmod {right} {file}`"),
        )
    })
}

fn pem(key: &str, file: &Path, kind: Kind, findings: &mut Findings) -> bool {
    let (wanted, shown) = (kind.name(), file.display());
    let bytes = match read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = format!("{}, and should hold a PEM {wanted}", unread(file, &error));
            let remedy = match kind {
                Kind::Revocation => "put the newest one of the authority there",
                Kind::Certificate | Kind::Key => {
                    "name the file that holds it, or make it: `motlan pki`"
                }
            };
            findings.fault(key, what, remedy);
            return false;
        }
    };
    let mut found = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&bytes) {
        match section {
            Ok((section, _)) => found.extend(Kind::of(section)),
            Err(_) => {
                let what = format!("`{shown}` is no PEM {wanted}: its PEM is damaged");
                findings.fault(key, what, "put the file there again, whole");
                return false;
            }
        }
    }
    if found.contains(&kind) {
        return true;
    }
    let instead = match found.first() {
        Some(other) => format!("it holds a {}", other.name()),
        None => "it holds nothing of PEM".to_owned(),
    };
    let what = format!("`{shown}` holds no PEM {wanted}: {instead}");
    findings.fault(key, what, format!("name a file that holds a {wanted}"));
    false
}

/// The whole file, if that is of any size that such files have.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(PEM_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why a file cannot be read, in words.
fn unread(file: &Path, error: &io::Error) -> String {
    let file = file.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("`{file}` is not there"),
        io::ErrorKind::IsADirectory => format!("`{file}` is a folder"),
        io::ErrorKind::PermissionDenied => format!("`{file}` may not be read by us"),
        _ => format!("`{file}` cannot be read: {error}"),
    }
}
