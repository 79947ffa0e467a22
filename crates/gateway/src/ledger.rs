//! The gateway's ledger: made by a command, never silently at start; opened only if it is the one
//! that is configured.

mod erase;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use motlan_audit::{
    CloseError, CreateError, EraseError, IdentityError, KeyError, Ledger, OpenError, Origin,
    OriginError, Quarter, ReadError, SearchError, SignerKey, VerifierKey,
};

use crate::settings::LedgerSettings;

pub use erase::{Retained, erase, retain};

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
    /// Nothing was erased, or not for good.
    #[error("the erasure was not completed")]
    Erase(#[from] EraseError),
    /// The search index was not taken on to the erasure.
    #[error(
        "the erasure is done, and the search index `{}` may still tell whom the records were \
         about: `motlan-audit index rebuild` makes it anew", file.display()
    )]
    Index {
        /// The index.
        file: PathBuf,
        /// Why.
        source: SearchError,
    },
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    /// The ledger did not close well.
    #[error(transparent)]
    Close(#[from] CloseError),
}

/// Makes the ledger that is configured. An existing key is kept. An existing ledger is refused,
/// unless only its known checkpoint is missing: then that is made. What an interrupted making left
/// is finished.
///
/// # Errors
/// [`LedgerError`], upon which no ledger was made.
pub fn init(instance: &str, settings: &LedgerSettings) -> Result<Made, LedgerError> {
    let origin = origin(instance, settings)?;
    let there = Ledger::named_in(&settings.folder).ok();
    let (key, draft) = match settings.key.exists() {
        true => (read_key(settings)?, None),
        false => draft_key(settings, &origin)?,
    };
    let verifier = key.verifier().clone();
    if draft.is_none() && there.is_none() && verifier.name() == origin.as_str() {
        let file = settings.key.clone();
        return Err(LedgerError::KeyUsed { file, origin });
    }
    let known = settings.known_checkpoint.as_ref();
    let lacks_known = known.is_some_and(|file| !file.exists());
    match there {
        // All but the key's name was made.
        Some((_, made_with)) if draft.is_some() && made_with == verifier => {}
        Some((origin, _)) if draft.is_none() && lacks_known => {
            check_key(settings, &key, named(instance, settings)?)?;
            Ledger::make_known(with_key(settings, key))?;
            return Ok(Made { origin, verifier });
        }
        _ => Ledger::create_with(&with_key(settings, key), &origin)?,
    }
    if let Some(draft) = draft {
        let named = fs::rename(draft, &settings.key).and_then(|()| sync_name(&settings.key));
        named.map_err(|source| unusable(&settings.key, source))?;
    }
    Ok(Made { origin, verifier })
}

/// A new key under the name that it has until its ledger is made: under its own, nobody could tell
/// an interrupted making from a ledger that was lost.
fn draft_key(
    settings: &LedgerSettings,
    origin: &Origin,
) -> Result<(SignerKey, Option<PathBuf>), LedgerError> {
    let mut draft = settings.key.clone().into_os_string();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    if let Ok(key) = SignerKey::read(&draft)
        && key.verifier().name() == origin.as_str()
    {
        return Ok((key, Some(draft)));
    }
    // Half of a key: nothing was made with it.
    if draft.exists() {
        fs::remove_file(&draft).map_err(|source| unusable(&draft, source))?;
    }
    let failed = |source| LedgerError::Key {
        file: draft.clone(),
        source,
    };
    let key = SignerKey::generate(origin.as_str()).map_err(failed)?;
    key.write(&draft).map_err(failed)?;
    // Before anything is made with it.
    sync_name(&draft).map_err(|source| unusable(&draft, source))?;
    Ok((key, Some(draft)))
}

fn unusable(file: &Path, source: io::Error) -> LedgerError {
    let file = file.to_owned();
    LedgerError::Key {
        file: file.clone(),
        source: KeyError::Io { file, source },
    }
}

/// Makes the name of a file last.
fn sync_name(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|it| *it != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Opens the ledger that is configured. Blocking: it reads the whole log.
///
/// # Errors
/// [`LedgerError`] where it is another's, or cannot be opened.
pub fn open(instance: &str, settings: &LedgerSettings) -> Result<Ledger, LedgerError> {
    let key = read_key(settings)?;
    check_key(settings, &key, named(instance, settings)?)?;
    Ok(Ledger::open(with_key(settings, key))?)
}

/// The ledger's own settings.
fn with_key(settings: &LedgerSettings, key: SignerKey) -> motlan_audit::Settings {
    let mut own = motlan_audit::Settings::new(&settings.folder, key);
    own.sealing.clone_from(&settings.sealing);
    own.known_checkpoint.clone_from(&settings.known_checkpoint);
    own.free_bytes_min = settings.free_bytes_min;
    own
}

/// Everything that can be found wrong with the ledger that is configured without opening it.
#[must_use]
pub fn faults(instance: &str, settings: &LedgerSettings) -> Vec<LedgerError> {
    let mut faults = Vec::new();
    let known = settings.known_checkpoint.clone();
    if let Some(file) = known.filter(|file| !file.exists()) {
        faults.push(OpenError::KnownMissing { file }.into());
    }
    faults.extend(origin(instance, settings).err().map(LedgerError::from));
    match (named(instance, settings), read_key(settings)) {
        (Ok(due), Ok(key)) => {
            faults.extend(check_key(settings, &key, due).err());
            let sealing = Ledger::check_sealing(&settings.folder, &settings.sealing);
            faults.extend(sealing.err().map(LedgerError::from));
        }
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
