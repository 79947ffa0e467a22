//! What lies in the files of one side, each read once.

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::TlsError;
use crate::settings::TlsFiles;

/// The content of one side's files. Nothing of it is held against anything else yet.
pub(super) struct Content {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) lists: Vec<CertificateRevocationListDer<'static>>,
}

impl Content {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let lists = files.revocation.as_deref();
        let lists = lists.map(|file| all(file, "revocation list")).transpose()?;
        Ok(Self {
            chain: certificates(&files.certificate)?,
            key: key(&files.key)?,
            authorities: certificates(&files.authority)?,
            lists: lists.unwrap_or_default(),
        })
    }

    /// SHA-256 over all that is public, in hexadecimal digits. Of the key that is what the first
    /// certificate says of it: another key does not go with it.
    pub(super) fn digest(&self) -> String {
        let mut context = Context::new(&SHA256);
        let mut add = |kind: u8, items: &mut dyn Iterator<Item = &[u8]>| {
            for item in items {
                context.update(&[kind]);
                context.update(&(item.len() as u64).to_be_bytes());
                context.update(item);
            }
        };
        add(1, &mut self.chain.iter().map(AsRef::as_ref));
        add(2, &mut self.authorities.iter().map(AsRef::as_ref));
        add(3, &mut self.lists.iter().map(AsRef::as_ref));
        let digest = context.finish();
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }

    /// The authorities, as certificates are held against them.
    pub(super) fn roots(&self, files: &TlsFiles) -> Result<RootCertStore, TlsError> {
        roots(&self.authorities, &files.authority)
    }
}

/// The authorities of a file.
pub(super) fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    roots(&certificates(file)?, file)
}

fn roots(authorities: &[CertificateDer<'static>], file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in authorities {
        let added = roots.add(certificate.clone());
        added.map_err(|error| TlsError::Authority {
            file: file.to_owned(),
            what: error.to_string(),
        })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    all(file, "certificate")
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "private key";
    let text = read(file, what)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| unreadable(file, what, source))
}

/// All of one kind that a file holds, which is one at least.
fn all<T: PemObject>(file: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let text = read(file, what)?;
    let found: Result<Vec<T>, PemError> = T::pem_slice_iter(&text).collect();
    let found = found.map_err(|source| unreadable(file, what, source))?;
    match found.is_empty() {
        true => Err(unreadable(file, what, PemError::NoItemsFound)),
        false => Ok(found),
    }
}

fn read(file: &Path, what: &'static str) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|error| unreadable(file, what, PemError::Io(error)))
}

fn unreadable(file: &Path, what: &'static str, source: PemError) -> TlsError {
    TlsError::Pem {
        file: file.to_owned(),
        what,
        source,
    }
}
