//! A set that people work on: tried, signed and sealed as it was read.

use std::collections::BTreeMap;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::accepted::{Accepted, replace};
use super::agreements::{self, beside, missing, read, signed};
use super::jws::Signature;
use super::key::{PrivateKey, PrivateKeyError};
use super::manifest::{MANIFEST, Manifest, hashes};
use super::signer::{Signer, SignerRole};
use super::write::{signature, unix_s, write};
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

/// Why a set was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It has faults, or agreements that are not signed.
    #[error("the set has faults:\n{0}")]
    Faults(Faults),
    /// The manifest is of a later revision than the one that the next was to follow.
    #[error(
        "the set is sealed as revision {sealed} already: `--after {after}` would go back; leave it \
         out, and the next follows"
    )]
    Sealed {
        /// Its manifest's revision.
        sealed: u64,
        /// The one that was given.
        after: u64,
    },
    /// No number is left.
    #[error("revision {0} is the last that there is: no set can follow it")]
    Last(u64),
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

/// A set as it lay in its folder at one time, each file read once, whether it is signed or not.
/// Whoever tries it, and then signs or seals it, signs and seals what was tried.
#[must_use]
pub struct Unsealed {
    folder: PathBuf,
    files: Arc<Files>,
    hashes: BTreeMap<String, String>,
    /// The revision of the manifest that is there, or what is wrong with that.
    last: Option<Result<u64, String>>,
    catalog: Catalog,
}

impl Unsealed {
    /// Reads each file of the folder once, and checks all but the signatures.
    ///
    /// # Errors
    /// All that is wrong in the files.
    pub fn load(folder: &Path) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let snapshot = Snapshot::take(folder, &mut faults);
        let hashes = hashes(&snapshot);
        let last = snapshot.files().get(MANIFEST);
        let last = last.map(|content| Manifest::read(content).map(|last| last.revision));
        let files = Arc::new(Files::Snapshot(snapshot));
        let reading = Reading {
            files: Arc::clone(&files),
            draft: None,
            is_signed: false,
        };
        match load::load(folder, reading) {
            Ok(catalog) => faults.or(Self {
                folder: folder.to_owned(),
                files,
                hashes,
                last,
                catalog,
            }),
            Err(found) => {
                faults.merge(found);
                Err(faults)
            }
        }
    }

    /// Signs the agreement in `file`, in place of a signature of the same role. Signatures that are
    /// not of the agreement as it was read are left out.
    ///
    /// # Errors
    /// [`SignError`], upon which nothing was written.
    pub fn sign(
        &self,
        file: &Path,
        signer: &Signer,
        key: &PrivateKey,
        at: SystemTime,
    ) -> Result<Signing, SignError> {
        let agreement = find(&self.catalog, file)?;
        self.check_signer(agreement, signer, key)?;
        // R84: what was read and tried, whatever lies there by now.
        let content = self.files.read(&agreement.file, DOCUMENT_BYTES_MAX);
        let content = content.map_err(failed(&agreement.file))?;
        let beside = beside(&agreement.file);
        let mut signatures = match read(&Files::Disk, &beside) {
            Ok(found) => found.unwrap_or_default(),
            Err(what) => return Err(SignError::Signatures { file: beside, what }),
        };
        let signers = &self.catalog.signers;
        signatures.retain(|one| {
            let alone = std::slice::from_ref(one);
            let by = signed(alone, &content, agreement, signers).by;
            !by.is_empty() && !by.contains(&signer.role)
        });
        signatures.push(signature(&content, signer, key, at)?);
        let text = Signature::write(&signatures);
        replace(&beside, text.as_bytes()).map_err(failed(&beside))?;
        let by = signed(&signatures, &content, agreement, signers).by;
        Ok(Signing {
            agreement: agreement.id.clone(),
            missing: missing(&by)
                .map(|role| (role.agency(agreement).clone(), role))
                .collect(),
        })
    }

    /// That the signer has the role in the agreement, and the key is theirs.
    fn check_signer(
        &self,
        agreement: &Agreement,
        signer: &Signer,
        key: &PrivateKey,
    ) -> Result<(), SignError> {
        let expected = signer.role.agency(agreement);
        if *expected != signer.agency {
            return Err(SignError::Agency {
                role: signer.role,
                given: signer.agency.clone(),
                expected: expected.clone(),
            });
        }
        let registered = self.catalog.signers.key(signer);
        let registered = registered.ok_or_else(|| SignError::NotRegistered(signer.file()))?;
        if key.public().is_none_or(|own| own.der() != registered.der()) {
            return Err(SignError::OtherKey(signer.file()));
        }
        Ok(())
    }

    /// Seals the set as it was read, if its agreements are all signed, under the revision that
    /// follows on that of its manifest, or on `after`, where the manifest was lost. Gives the set
    /// as it will be known where it was in force.
    ///
    /// # Errors
    /// [`SealError`], with all that is wrong.
    pub fn seal(
        self,
        after: Option<u64>,
        key: &PrivateKey,
        at: SystemTime,
    ) -> Result<Accepted, SealError> {
        let mut faults = Faults::new();
        let last = self.last(after, &mut faults)?;
        let Catalog {
            agreements,
            signers,
            ..
        } = &self.catalog;
        agreements::check(&self.files, agreements, signers, &mut faults);
        faults.or(()).map_err(SealError::Faults)?;
        let revision = last.checked_add(1).ok_or(SealError::Last(last))?;
        let manifest = Manifest {
            revision,
            issued_s: unix_s(at),
            files: self.hashes,
        };
        write(&self.folder, &manifest, key)
    }

    /// The revision on which the next one follows; 0 before the first.
    fn last(&self, after: Option<u64>, faults: &mut Faults) -> Result<u64, SealError> {
        match (&self.last, after) {
            (Some(Ok(sealed)), Some(after)) if *sealed > after => {
                let sealed = *sealed;
                Err(SealError::Sealed { sealed, after })
            }
            (_, Some(after)) => Ok(after),
            (None, None) => Ok(0),
            (Some(Ok(sealed)), None) => Ok(*sealed),
            (Some(Err(what)), None) => {
                let remedy = "put the last manifest back, or tell its revision: `motlan policy \
                              seal --after …`";
                faults.push(&self.folder.join(MANIFEST), None, what, remedy);
                Ok(0)
            }
        }
    }
}

impl Deref for Unsealed {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        &self.catalog
    }
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
