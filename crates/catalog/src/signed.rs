//! Signatures: who signed each agreement, and which set of files may be in force.
//!
//! An agreement is signed by its provider's owner and data-protection officer and by its consumer,
//! each with a key of their own that the catalogue registers. The set of all files has a manifest
//! with a hash of each, under a revision that only grows, signed by a key that the gateway's
//! configuration names. A [`SignedCatalog`] is the proof that all of it was verified.
//!
//! In scope: verifying, signing, sealing, and remembering what was in force last. Out of scope:
//! what an agreement may say (`load`), and who may hold a key.

mod accepted;
mod agreements;
mod json;
mod jws;
mod key;
mod manifest;
mod signer;
mod survey;
mod unsealed;
mod write;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::fault::Faults;
use crate::load::{self, Files, Reading, Snapshot};
pub use accepted::{AcceptError, Accepted};
pub(crate) use agreements::check as check_agreements;
pub(crate) use key::PublicKey;
pub use key::{PrivateKey, PrivateKeyError};
use manifest::{MANIFEST, MANIFEST_SIGNATURE, Manifest};
pub(crate) use signer::Signers;
pub use signer::{Signer, SignerRole, SignerRoleError};
pub use survey::Survey;
pub use unsealed::{SealError, SignError, Signing, Unsealed};
pub use write::{seal_unchecked, signatures};

/// A catalogue that is to be in force, and by what it is told whether it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFolder {
    /// The catalogue's folder.
    pub folder: PathBuf,
    /// The public key that its manifest is signed with.
    pub manifest_key: PathBuf,
    /// The file that says which set was in force last.
    pub known_revision: PathBuf,
}

/// A catalogue whose agreements are all signed, whose files are those of a manifest that is signed,
/// and which is not older than what was in force. Only verification makes one.
#[must_use]
#[derive(Debug)]
pub struct SignedCatalog {
    catalog: Catalog,
    accepted: Accepted,
    known_revision: PathBuf,
}

impl SignedCatalog {
    /// Reads each file of the folder once, and verifies what was read.
    ///
    /// # Errors
    /// All that is wrong: in the files, in their signatures, in the manifest and its revision.
    pub fn load(place: &SignedFolder) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let known = Accepted::read(&place.known_revision);
        if let Err(error) = &known {
            report_known(&place.known_revision, error, &mut faults);
        }
        let signed = verify(place, known.ok().as_ref(), faults)?;
        Ok(signed)
    }

    /// As [`Catalog::without_cases`].
    pub fn without_cases(mut self) -> Self {
        self.catalog = self.catalog.without_cases();
        self
    }

    /// The set's number.
    #[must_use]
    pub fn sealed_revision(&self) -> u64 {
        self.accepted.revision
    }

    /// R86: remembers that this set is in force, so that no older one will be. Returns once that
    /// would survive a power cut. Asked again, it writes nothing.
    ///
    /// # Errors
    /// [`AcceptError`], where a later set was in force by now, or the file cannot be written.
    pub fn remember(&self) -> Result<(), AcceptError> {
        self.accepted.advance(&self.known_revision)
    }
}

impl Deref for SignedCatalog {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        &self.catalog
    }
}

/// A set that was verified, and that may be made the one that was in force last: so whoever does it
/// can try first what was verified, and not what lies in the folder by then.
#[must_use]
pub struct Acceptable(SignedCatalog);

impl Acceptable {
    /// As [`SignedCatalog::load`], but nothing needs to have been in force before.
    ///
    /// # Errors
    /// As [`SignedCatalog::load`].
    pub fn load(place: &SignedFolder) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let known = match Accepted::read(&place.known_revision) {
            Ok(known) => Some(known),
            Err(AcceptError::Missing { .. }) => None,
            Err(error) => {
                report_known(&place.known_revision, &error, &mut faults);
                None
            }
        };
        verify(place, known.as_ref(), faults).map(Self)
    }

    /// R86: makes it the one that was in force last, unless a later one is by now; makes the file
    /// where there is none. Returns once that would survive a power cut.
    ///
    /// # Errors
    /// One fault, in the file.
    pub fn accept(self) -> Result<Accepted, Faults> {
        let SignedCatalog {
            accepted,
            known_revision,
            ..
        } = self.0;
        let mut faults = Faults::new();
        if let Err(error) = accepted.begin(&known_revision) {
            report_known(&known_revision, &error, &mut faults);
        }
        faults.or(accepted)
    }
}

impl Deref for Acceptable {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        &self.0
    }
}

/// Verifies a set and makes it the one that was in force last, its agreements' tests not tried: for
/// whoever made it.
///
/// # Errors
/// As [`Acceptable::load`] and [`Acceptable::accept`].
pub fn accept(place: &SignedFolder) -> Result<Accepted, Faults> {
    Acceptable::load(place)?.accept()
}

fn verify(
    place: &SignedFolder,
    known: Option<&Accepted>,
    mut faults: Faults,
) -> Result<SignedCatalog, Faults> {
    let root = &place.folder;
    let key = PublicKey::read(&place.manifest_key, &mut faults);
    let snapshot = Snapshot::take(root, &mut faults);
    let accepted = check_manifest(root, &snapshot, key.as_ref(), known, &mut faults);
    let reading = Reading {
        files: Arc::new(Files::Snapshot(snapshot)),
        draft: None,
        is_signed: true,
    };
    let catalog = match load::load(root, reading) {
        Ok(catalog) => catalog,
        Err(found) => {
            faults.merge(found);
            return Err(faults);
        }
    };
    report_shared_key(place, &catalog, key.as_ref(), &mut faults);
    // Without a manifest there was a fault.
    let Some(accepted) = accepted else {
        return Err(faults);
    };
    faults.or(SignedCatalog {
        catalog,
        accepted,
        known_revision: place.known_revision.clone(),
    })
}

/// Holds the folder against its manifest, and the manifest against its signature and what was in
/// force. Nothing, with a fault, where there is no manifest.
fn check_manifest(
    root: &Path,
    snapshot: &Snapshot,
    key: Option<&PublicKey>,
    known: Option<&Accepted>,
    faults: &mut Faults,
) -> Option<Accepted> {
    let file = root.join(MANIFEST);
    let seal = "seal the set with `motlan policy seal`";
    let Some(content) = snapshot.files().get(MANIFEST) else {
        faults.push(&file, None, "is not there: the set is not sealed", seal);
        return None;
    };
    let signature = root.join(MANIFEST_SIGNATURE);
    match snapshot.files().get(MANIFEST_SIGNATURE) {
        None => faults.push(&signature, None, "is not there", seal),
        Some(found) => {
            if let Some(Err(what)) = key.map(|key| manifest::verify(content, found, key)) {
                faults.push(&signature, None, what, seal);
            }
        }
    }
    let manifest = match Manifest::read(content) {
        Ok(manifest) => manifest,
        Err(what) => {
            faults.push(&file, None, what, seal);
            return None;
        }
    };
    manifest.compare(root, snapshot, faults);
    let accepted = Accepted::of(manifest.revision, content);
    if let Some(known) = known
        && let Err(error) = accepted.follows(known)
    {
        let remedy = format!(
            "take the newest set, or seal this one with `motlan policy seal --after {}`",
            known.revision
        );
        faults.push(&file, None, error.to_string(), remedy);
    }
    Some(accepted)
}

/// Who seals the set signs nothing else, no agreement and no token: each key has one holder.
fn report_shared_key(
    place: &SignedFolder,
    catalog: &Catalog,
    key: Option<&PublicKey>,
    faults: &mut Faults,
) {
    let Some(key) = key else { return };
    let signers = catalog.signers.ders().filter(|(_, der)| *der == key.der());
    let signers = signers.map(|(signer, _)| signer.file());
    let systems = catalog.systems().flat_map(|system| {
        let keys = system.token_keys.iter();
        let keys = keys.filter(|token| load::der(&token.pem).is_some_and(|der| der == key.der()));
        keys.map(|token| format!("keys/{}/{}.pem", system.id, token.kid))
    });
    if let Some(file) = signers.chain(systems).next() {
        let what = format!("is the same key as `{file}`");
        let remedy = "make a key of its own for the manifest";
        faults.push(&place.manifest_key, None, what, remedy);
    }
}

fn report_known(file: &Path, error: &AcceptError, faults: &mut Faults) {
    let (what, remedy) = match error {
        AcceptError::Missing { .. } => (
            "is not there, so that nothing tells an older set from a newer one".to_owned(),
            "see that the set is the newest, then make it with `motlan policy accept`",
        ),
        AcceptError::File { source, .. } => (
            format!("cannot be read or written: {source}"),
            "check the folder and its permissions",
        ),
        AcceptError::Content { what, .. } => (
            what.clone(),
            "put it back, or see that the set is the newest, remove the file and make it with \
             `motlan policy accept`",
        ),
        error => (error.to_string(), "take the newest set"),
    };
    faults.push(file, None, what, remedy);
}
