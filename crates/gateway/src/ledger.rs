//! The gateway's ledger: made by a command, never silently at start; opened only if it is the one
//! that is configured.

use std::path::PathBuf;

use motlan_audit::{
    CreateError, IdentityError, KeyError, Ledger, OpenError, Origin, OriginError, Quarter,
    SignerKey, VerifierKey,
};

use crate::settings::LedgerSettings;

/// A ledger that was made.
#[derive(Debug)]
pub struct Made {
    /// Its origin.
    pub origin: Origin,
    /// The key that checks it.
    pub verifier: VerifierKey,
}

/// Why the configured ledger was not made or not opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// `ledger.origin` and `instance` give no origin.
    #[error("`ledger.origin` and `instance` give no origin")]
    Origin(#[from] OriginError),
    /// The signing key could not be made or read.
    #[error("`{}` is no signing key of a log; `motlan ledger init` makes one", file.display())]
    Key {
        /// The key's file.
        file: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The key was made for a ledger of this very name.
    #[error(
        "`{}` was made with the ledger `{origin}`; a second ledger of that name, signed by it, \
         would contradict the first. Put that one back, or choose another `instance`",
        file.display()
    )]
    KeyUsed {
        /// The key's file.
        file: PathBuf,
        /// The ledger's name.
        origin: Origin,
    },
    /// The ledger could not be made.
    #[error("the ledger was not made")]
    Create(#[from] CreateError),
    /// The folder holds no ledger.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The folder holds another instance's ledger.
    #[error(
        "`{}` holds the ledger `{found}`, but the configuration says `{prefix}/{instance}`; \
         correct `ledger.folder`, `ledger.origin` or `instance`", folder.display()
    )]
    Other {
        /// The folder.
        folder: PathBuf,
        /// The ledger that it holds.
        found: Origin,
        /// `ledger.origin`.
        prefix: String,
        /// `instance`.
        instance: String,
    },
    /// The ledger was made with another key.
    #[error(
        "`{}` is not the key of the ledger in `{}`, which is checked by `{due}`; \
         correct `ledger.key` or `ledger.folder`", file.display(), folder.display()
    )]
    OtherKey {
        /// The key's file.
        file: PathBuf,
        /// The ledger's folder.
        folder: PathBuf,
        /// The key that checks the ledger.
        due: Box<VerifierKey>,
    },
    /// The ledger could not be opened.
    #[error("the ledger cannot be opened")]
    Open(#[from] OpenError),
}

/// Makes the ledger that is configured. An existing key is kept, an existing ledger is refused.
///
/// # Errors
/// [`LedgerError`], upon which no ledger was made.
pub fn init(instance: &str, settings: &LedgerSettings) -> Result<Made, LedgerError> {
    let origin = origin(instance, settings)?;
    let key = if settings.key.exists() {
        let key = read_key(settings)?;
        let is_there = Ledger::named_in(&settings.folder).is_ok();
        if !is_there && key.verifier().name() == origin.as_str() {
            let file = settings.key.clone();
            return Err(LedgerError::KeyUsed { file, origin });
        }
        key
    } else {
        let unusable = |source| LedgerError::Key {
            file: settings.key.clone(),
            source,
        };
        let key = SignerKey::generate(origin.as_str()).map_err(unusable)?;
        key.write(&settings.key).map_err(unusable)?;
        key
    };
    Ledger::create(&settings.folder, &origin, &key)?;
    Ok(Made {
        origin,
        verifier: key.verifier().clone(),
    })
}

/// Opens the ledger that is configured. Blocking: it reads the whole log.
///
/// # Errors
/// [`LedgerError`] where it is another's, or cannot be opened.
pub fn open(instance: &str, settings: &LedgerSettings) -> Result<Ledger, LedgerError> {
    let key = read_key(settings)?;
    check_key(settings, &key, named(instance, settings)?)?;
    let opened = Ledger::open(motlan_audit::Settings::new(&settings.folder, key))?;
    Ok(opened)
}

/// Everything that can be found wrong with the ledger that is configured without opening it.
#[must_use]
pub fn faults(instance: &str, settings: &LedgerSettings) -> Vec<LedgerError> {
    let mut faults = Vec::new();
    faults.extend(origin(instance, settings).err().map(LedgerError::from));
    match (named(instance, settings), read_key(settings)) {
        (Ok(due), Ok(key)) => faults.extend(check_key(settings, &key, due).err()),
        (named, key) => faults.extend(named.err().into_iter().chain(key.err())),
    }
    faults
}

/// The key that checks the ledger in the folder, if that is the configured one.
fn named(instance: &str, settings: &LedgerSettings) -> Result<VerifierKey, LedgerError> {
    let (found, key) = Ledger::named_in(&settings.folder)?;
    let configured = format!("{}/{instance}", settings.origin);
    let (without_quarter, _quarter) = found.as_str().rsplit_once('/').unwrap_or_default();
    if without_quarter == configured {
        return Ok(key);
    }
    Err(LedgerError::Other {
        folder: settings.folder.clone(),
        found,
        prefix: settings.origin.clone(),
        instance: instance.to_owned(),
    })
}

fn check_key(
    settings: &LedgerSettings,
    key: &SignerKey,
    due: VerifierKey,
) -> Result<(), LedgerError> {
    if due == *key.verifier() {
        return Ok(());
    }
    let (file, folder) = (settings.key.clone(), settings.folder.clone());
    Err(LedgerError::OtherKey {
        file,
        folder,
        due: Box::new(due),
    })
}

/// The origin of a ledger that begins now.
fn origin(instance: &str, settings: &LedgerSettings) -> Result<Origin, OriginError> {
    let quarter = Quarter::containing(jiff::Timestamp::now().as_microsecond());
    Origin::new(&settings.origin, instance, quarter)
}

fn read_key(settings: &LedgerSettings) -> Result<SignerKey, LedgerError> {
    let file = &settings.key;
    SignerKey::read(file).map_err(|source| LedgerError::Key {
        file: file.clone(),
        source,
    })
}
