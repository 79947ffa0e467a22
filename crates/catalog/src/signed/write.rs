//! Writing signatures, of agreements and of a whole set.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::accepted::{Accepted, replace};
use super::agreements;
use super::jws::{Header, Payload, Signature};
use super::key::{PrivateKey, PrivateKeyError};
use super::manifest::{self, MANIFEST, MANIFEST_SIGNATURE, Manifest};
use super::signer::Signer;
use super::unsealed::SealError;
use crate::fault::Faults;
use crate::load::Snapshot;

/// Whole seconds since the Unix epoch.
pub(super) fn unix_s(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(super) fn signature(
    content: &[u8],
    signer: &Signer,
    key: &PrivateKey,
    at: SystemTime,
) -> Result<Signature, PrivateKeyError> {
    let header = Header {
        alg: String::new(),
        kid: signer.kid.clone(),
        typ: agreements::TYP.to_owned(),
        iat: unix_s(at),
        party: Some((signer.role.to_string(), signer.agency.to_string())),
    };
    Signature::make(header, &Payload::of(content), key)
}

/// The file of signatures of an agreement whose text is `content`, by whoever is given. Nothing is
/// checked: this makes signatures that are wrong as well as ones that are right.
///
/// # Errors
/// Where a key does not sign.
pub fn signatures<'k>(
    content: &[u8],
    signers: impl IntoIterator<Item = (&'k Signer, &'k PrivateKey)>,
    at: SystemTime,
) -> Result<String, PrivateKeyError> {
    let signers = signers.into_iter();
    let signatures = signers.map(|(signer, key)| signature(content, signer, key, at));
    Ok(Signature::write(
        &signatures.collect::<Result<Vec<_>, _>>()?,
    ))
}

/// Seals whatever lies in the folder under `revision`. Nothing is checked: this makes sets that no
/// gateway takes as well as ones that it does.
///
/// # Errors
/// [`SealError`], never with faults.
pub fn seal_unchecked(
    folder: &Path,
    revision: u64,
    key: &PrivateKey,
    at: SystemTime,
) -> Result<Accepted, SealError> {
    let snapshot = Snapshot::take(folder, &mut Faults::new());
    write(folder, &Manifest::of(&snapshot, revision, unix_s(at)), key)
}

/// Writes the signature first: a manifest without its own is what a crash leaves at worst, and that
/// is sealed again.
pub(super) fn write(
    folder: &Path,
    manifest: &Manifest,
    key: &PrivateKey,
) -> Result<Accepted, SealError> {
    let text = manifest.write();
    let signature = manifest::sign(&text, manifest.issued_s, key)?;
    for (name, text) in [(MANIFEST_SIGNATURE, &signature), (MANIFEST, &text)] {
        let file = folder.join(name);
        replace(&file, text.as_bytes()).map_err(|source| SealError::File { file, source })?;
    }
    Ok(Accepted::of(manifest.revision, text.as_bytes()))
}
