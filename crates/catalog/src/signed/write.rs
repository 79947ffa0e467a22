//! Signing an agreement, and sealing a set.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::accepted::{Accepted, replace};
use super::agreements::{self, beside, missing, read, signed};
use super::jws::{Header, Payload, Signature};
use super::key::{PrivateKey, PrivateKeyError};
use super::manifest::{self, MANIFEST, MANIFEST_SIGNATURE, Manifest};
use super::signer::{Signer, SignerRole};
use crate::agreement::Agreement;
use crate::catalog::Catalog;
use crate::document::DOCUMENT_BYTES_MAX;
use crate::fault::Faults;
use crate::load::{self, Files, Reading, Snapshot};
use crate::name::{AgencyCode, AgreementId};

/// What signing an agreement led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// Which agreement was signed.
    pub agreement: AgreementId,
    /// Whose signatures are still to come.
    pub missing: Vec<(AgencyCode, SignerRole)>,
}

/// Why an agreement was not signed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The file is no agreement of the catalogue.
    #[error("`{}` is no agreement of the catalogue", .0.display())]
    NoAgreement(PathBuf),
    /// The agency does not have the role in this agreement.
    #[error("`{given}` does not sign this agreement as `{role}`: that is `{expected}`")]
    Agency {
        /// The role.
        role: SignerRole,
        /// The agency that was given.
        given: AgencyCode,
        /// The agency that has the role.
        expected: AgencyCode,
    },
    /// The key is not registered.
    #[error("there is no `{0}` in the catalogue: put the public key there first")]
    NotRegistered(String),
    /// The private key is another than the registered one.
    #[error("the private key is not that of `{0}`")]
    OtherKey(String),
    /// The signatures that are there cannot be read.
    #[error("`{}` {what}: remove it, and have the agreement signed again", file.display())]
    Signatures {
        /// Their file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file cannot be read or written.
    #[error("`{}` cannot be read or written", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] PrivateKeyError),
}

/// Signs the agreement in `file`, in place of a signature of the same role. Signatures that are not
/// of the agreement as it stands are left out.
///
/// # Errors
/// [`SignError`], upon which nothing was written.
pub fn sign(
    catalog: &Catalog,
    file: &Path,
    signer: &Signer,
    key: &PrivateKey,
    at: SystemTime,
) -> Result<Signing, SignError> {
    let agreement = find(catalog, file)?;
    let expected = signer.role.agency(agreement);
    if *expected != signer.agency {
        return Err(SignError::Agency {
            role: signer.role,
            given: signer.agency.clone(),
            expected: expected.clone(),
        });
    }
    let registered = catalog.signers.key(signer);
    let registered = registered.ok_or_else(|| SignError::NotRegistered(signer.file()))?;
    if key.public().is_none_or(|own| own.der() != registered.der()) {
        return Err(SignError::OtherKey(signer.file()));
    }
    let content = Files::Disk.read(&agreement.file, DOCUMENT_BYTES_MAX);
    let content = content.map_err(failed(&agreement.file))?;
    let beside = beside(&agreement.file);
    let mut signatures = match read(&Files::Disk, &beside) {
        Ok(found) => found.unwrap_or_default(),
        Err(what) => return Err(SignError::Signatures { file: beside, what }),
    };
    signatures.retain(|one| {
        let alone = std::slice::from_ref(one);
        let by = signed(alone, &content, agreement, &catalog.signers).by;
        !by.is_empty() && !by.contains(&signer.role)
    });
    signatures.push(signature(&content, signer, key, at)?);
    let text = Signature::write(&signatures);
    replace(&beside, text.as_bytes()).map_err(failed(&beside))?;
    let by = signed(&signatures, &content, agreement, &catalog.signers).by;
    Ok(Signing {
        agreement: agreement.id.clone(),
        missing: missing(&by)
            .map(|role| (role.agency(agreement).clone(), role))
            .collect(),
    })
}

/// The agreement that was read from `file`, however the way there is written.
fn find<'c>(catalog: &'c Catalog, file: &Path) -> Result<&'c Agreement, SignError> {
    let wanted = file.canonicalize().map_err(failed(file))?;
    let mut agreements = catalog.agreements.iter();
    let found = agreements.find(|one| {
        let is_named_so = one.file.file_name() == wanted.file_name();
        is_named_so && one.file.canonicalize().is_ok_and(|own| own == wanted)
    });
    found.ok_or_else(|| SignError::NoAgreement(file.to_owned()))
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> SignError {
    let file = file.to_owned();
    |source| SignError::File { file, source }
}

/// Whole seconds since the Unix epoch.
fn unix_s(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn signature(
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

/// Why a set was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It has faults, or agreements that are not signed.
    #[error("the set has faults:\n{0}")]
    Faults(Faults),
    /// A file cannot be written.
    #[error("`{}` cannot be written", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] PrivateKeyError),
}

/// Seals a set whose agreements are all signed, under the revision after the last. Gives the set as
/// it will be known where it was in force.
///
/// # Errors
/// [`SealError`], with all that is wrong.
pub fn seal(folder: &Path, key: &PrivateKey, at: SystemTime) -> Result<Accepted, SealError> {
    let mut faults = Faults::new();
    let snapshot = Snapshot::take(folder, &mut faults);
    let mut revision = 1;
    if let Some(content) = snapshot.files().get(MANIFEST) {
        match Manifest::read(content) {
            Ok(last) => revision = last.revision.saturating_add(1),
            Err(what) => {
                let remedy = "put the last manifest back: the next revision follows on its own";
                faults.push(&folder.join(MANIFEST), None, what, remedy);
            }
        }
    }
    let manifest = Manifest::of(&snapshot, revision, unix_s(at));
    let reading = Reading {
        files: Arc::new(Files::Snapshot(snapshot)),
        draft: None,
        is_signed: true,
    };
    if let Err(found) = load::load(folder, reading) {
        faults.merge(found);
    }
    faults.or(()).map_err(SealError::Faults)?;
    write(folder, &manifest, key)
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
fn write(folder: &Path, manifest: &Manifest, key: &PrivateKey) -> Result<Accepted, SealError> {
    let text = manifest.write();
    let signature = manifest::sign(&text, manifest.issued_s, key)?;
    for (name, text) in [(MANIFEST_SIGNATURE, &signature), (MANIFEST, &text)] {
        let file = folder.join(name);
        replace(&file, text.as_bytes()).map_err(|source| SealError::File { file, source })?;
    }
    Ok(Accepted::of(manifest.revision, text.as_bytes()))
}
