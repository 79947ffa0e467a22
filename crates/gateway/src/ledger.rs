//! The gateway's ledger: made by a command, never silently at start; opened only if it is the one
//! that is configured.

mod backup;
mod drop;
mod erase;
mod keys;
mod room;
mod turning;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use motlan_audit::{
    BackupError, CloseError, CreateError, DropError, EraseAllError, EraseError, IdentityError,
    KeyError, LayoutError, Ledger, OpenError, OpenShardsError, Origin, OriginError, PastError,
    Quarter, ReadError, RestoreError, SearchError, ShardSettings, Shards, SignerKey, VerifierKey,
};

use crate::settings::LedgerSettings;
use crate::telemetry::Metrics;
use turning::this_quarter;

pub use backup::{PutBack, StateTaken, Taken, backup, put_back};
pub use drop::drop_log;
pub use erase::{AllRetained, Retained, erase, retain};
pub use keys::{Rotated, rotate_key};
pub use room::reserve;
pub(crate) use room::watch_room;
pub(crate) use turning::{Turning, now_us, turn as turn_at};

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
        "`{}` was made with a ledger that is not here; a second one of its name, such as \
         `{origin}`, signed by it, could contradict the first. Put that one back, or choose \
         another `instance`",
        file.display()
    )]
    KeyUsed {
        /// The key's file.
        file: PathBuf,
        /// The ledger's name.
        origin: Origin,
    },
    /// There is a ledger.
    #[error(
        "`{}` holds a ledger, up to `{newest}`: nothing is to be made. Its next quarter begins by \
         itself", folder.display()
    )]
    There {
        /// The folder.
        folder: PathBuf,
        /// Its newest log.
        newest: Origin,
    },
    /// The key is that of one quarter's log.
    #[error(
        "the key `{}` was made for one quarter, and cannot sign `{next}`: make a new ledger, whose \
         key is named after the instance", file.display()
    )]
    KeyOfQuarter {
        /// The key's file.
        file: PathBuf,
        /// The next log.
        next: Origin,
    },
    /// The ledger could not be made.
    #[error("the ledger was not made")]
    Create(#[from] CreateError),
    /// It is not known which logs there are.
    #[error(transparent)]
    Layout(#[from] LayoutError),
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
    /// The logs could not be opened.
    #[error("the ledger cannot be opened")]
    Shards(#[from] OpenShardsError),
    /// An earlier log could not be opened.
    #[error(transparent)]
    Past(#[from] PastError),
    /// Nothing was erased, or not for good.
    #[error("the erasure was not completed")]
    Erase(#[from] EraseError),
    /// Nothing was erased from some logs, or not for good.
    #[error("the erasure was not completed")]
    EraseAll(#[from] EraseAllError),
    /// A log was not dropped.
    #[error("no log was dropped")]
    Drop(#[from] DropError),
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
    /// It is not configured how long logs are kept.
    #[error(
        "`ledger.keep_quarters` does not say how long a log is kept: set it, or say \
         `--before-its-time`"
    )]
    NoTime,
    /// The log could not be read.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    /// No backup was taken.
    #[error("no backup was taken")]
    Backup(#[from] BackupError),
    /// The backup was not put back.
    #[error("the backup was not put back")]
    Restore(#[from] RestoreError),
    /// There is no signing key, neither here nor in the backup.
    #[error(
        "`{}` is not there, nor is a signing key in the backup: put your copy of it there. \
         Without it nobody can go on with this ledger: keep the backup for reading, and make a new \
         ledger under another `instance`", file.display()
    )]
    KeyLost {
        /// Where the key should be.
        file: PathBuf,
    },
    /// There is no room for the reserve.
    #[error("cannot make `{}` {bytes} bytes long: make room, or set `ledger.reserve_bytes`",
        file.display())]
    Reserve {
        /// The file.
        file: PathBuf,
        /// How long it is to be.
        bytes: u64,
        /// Why.
        source: io::Error,
    },
    /// The state could not be read.
    #[error("cannot read the state `{}`", file.display())]
    State {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The checkpoint that was given could not be read.
    #[error("`{}` is no checkpoint and no receipt", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The ledger did not close well.
    #[error(transparent)]
    Close(#[from] CloseError),
}

/// Makes the first log of the ledger that is configured. An existing key is kept. An existing
/// ledger is refused, unless only known checkpoints are missing: then those are made. What an
/// interrupted making left is finished.
///
/// # Errors
/// [`LedgerError`], upon which no ledger was made.
pub fn init(instance: &str, settings: &LedgerSettings) -> Result<Made, LedgerError> {
    let origin = Origin::new(&settings.origin, instance, this_quarter())?;
    let layout = settings.layout();
    let quarters = layout.quarters()?;
    let there = quarters
        .last()
        .map(|it| Ledger::named_in(&layout.ledger(*it)));
    let there = there.transpose()?;
    let (key, draft) = match settings.key.exists() {
        true => (read_key(settings)?, None),
        false => draft_key(settings, &origin)?,
    };
    let verifier = key.verifier().clone();
    let own = with_key(settings, key);
    match &there {
        None if draft.is_none() && verifier.name() == origin.instance() => {
            let file = settings.key.clone();
            return Err(LedgerError::KeyUsed { file, origin });
        }
        None => Shards::create(&own, &origin)?,
        // All but the key's name was made.
        Some((_, made_with)) if draft.is_some() && *made_with == verifier => {}
        Some((newest, _)) => {
            check(instance, settings, &own.key)?;
            let lacking = |quarter: &&Quarter| {
                let known = layout.known_checkpoint(**quarter);
                known.is_some_and(|file| !file.exists())
            };
            let lacking: Vec<_> = quarters.iter().filter(lacking).collect();
            if lacking.is_empty() {
                let (folder, newest) = (settings.folder.clone(), newest.clone());
                return Err(LedgerError::There { folder, newest });
            }
            for quarter in lacking {
                Ledger::make_known(own.of(*quarter))?;
            }
        }
    }
    if let Some(draft) = draft {
        let named = fs::rename(draft, &settings.key).and_then(|()| sync_name(&settings.key));
        named.map_err(|source| unusable(&settings.key, source))?;
    }
    room::reserve(settings)?;
    let origin = there.map_or(origin, |(newest, _)| newest);
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
        && key.verifier().name() == origin.instance()
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
    let key = SignerKey::generate(origin.instance()).map_err(failed)?;
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

/// Opens the ledger that is configured: its newest log. Blocking: it reads that log whole.
///
/// # Errors
/// [`LedgerError`] where it is another's, or cannot be opened.
pub fn open(instance: &str, settings: &LedgerSettings) -> Result<Shards, LedgerError> {
    let shards = Shards::open_newest(checked(instance, settings)?)?;
    shards.resume()?;
    Ok(shards)
}

/// As [`open`], and writes nothing: nothing may begin before `Shards::resume`. Its commits are
/// measured.
pub(crate) fn open_newest(
    instance: &str,
    settings: &LedgerSettings,
    metrics: &Metrics,
) -> Result<Shards, LedgerError> {
    let mut own = checked(instance, settings)?;
    own.on_commit = Some(metrics.on_commit());
    Ok(Shards::open_newest(own)?)
}

/// Turns to the quarter that it is, however far ahead of the newest log, while the gateway is
/// stopped; the newest log's origin then. Blocking, as [`open`].
///
/// # Errors
/// As [`open`].
pub fn turn(instance: &str, settings: &LedgerSettings) -> Result<Origin, LedgerError> {
    let shards = open(instance, settings)?;
    let turned = shards.turn_far(turning::now_us());
    let newest = shards.newest().origin().clone();
    shards.close()?;
    turned.map_err(OpenShardsError::from)?;
    Ok(newest)
}

/// The log of the next quarter, before there is one, for whoever must know it by then.
///
/// # Errors
/// [`LedgerError`] where the ledger is another's, or the key cannot sign that log.
pub fn next(instance: &str, settings: &LedgerSettings) -> Result<Made, LedgerError> {
    let own = checked(instance, settings)?;
    let newest = settings.layout().quarters()?.last().copied();
    let quarter = newest.unwrap_or_else(this_quarter).max(this_quarter());
    let next = keys::read_next(settings)?;
    Ok(Made {
        origin: Origin::new(&settings.origin, instance, quarter.after(1))?,
        verifier: next.map_or_else(|| own.key.verifier().clone(), |key| key.verifier().clone()),
    })
}

/// The settings of the logs, if they are this instance's and the key is theirs.
fn checked(instance: &str, settings: &LedgerSettings) -> Result<ShardSettings, LedgerError> {
    let mut own = with_key(settings, read_key(settings)?);
    check(instance, settings, &own.key)?;
    own.keys = keys::ring(settings)?;
    Ok(own)
}

/// The settings of the logs.
fn with_key(settings: &LedgerSettings, key: SignerKey) -> ShardSettings {
    let mut own = ShardSettings::new(settings.layout(), key);
    own.free_bytes_min = Some(settings.free_bytes_min);
    own
}

/// Everything that can be found wrong with the ledger that is configured without opening it.
#[must_use]
pub fn faults(instance: &str, settings: &LedgerSettings) -> Vec<LedgerError> {
    let mut faults = Vec::new();
    let origin = Origin::new(&settings.origin, instance, this_quarter());
    faults.extend(origin.err().map(LedgerError::from));
    let layout = settings.layout();
    let newest = layout.quarters().ok().and_then(|all| all.last().copied());
    if let Some(newest) = newest {
        let known = layout.known_checkpoint(newest);
        if let Some(file) = known.filter(|file| !file.exists()) {
            faults.push(OpenError::KnownMissing { file }.into());
        }
        let sealing = Ledger::check_sealing(&layout.ledger(newest), &layout.sealing(newest));
        // What is wrong with the folder is found below.
        if let Err(error @ OpenError::Sealing(_)) = sealing {
            faults.push(error.into());
        }
    }
    match read_key(settings) {
        Ok(key) => {
            faults.extend(check(instance, settings, &key).err());
            faults.extend(keys::ring(settings).err());
        }
        Err(error) => {
            faults.extend(named(instance, settings).err());
            faults.push(error);
        }
    }
    faults
}

/// Refuses another instance's ledger, and a key that is not its own or cannot sign the next log.
fn check(instance: &str, settings: &LedgerSettings, key: &SignerKey) -> Result<(), LedgerError> {
    let (newest, due) = named(instance, settings)?;
    let file = settings.key.clone();
    let next = keys::read_next(settings)?;
    let is_next = next.as_ref().is_some_and(|key| due == *key.verifier());
    if due != *key.verifier() && !is_next {
        return Err(LedgerError::OtherKey {
            file,
            folder: settings.layout().ledger(newest.quarter()),
            due: Box::new(due),
        });
    }
    let laid = next.as_ref().map(SignerKey::verifier);
    let verifier = laid.unwrap_or_else(|| key.verifier());
    let next = newest.in_quarter(newest.quarter().after(1));
    match verifier.speaks_for(&next) {
        true => Ok(()),
        false => Err(LedgerError::KeyOfQuarter { file, next }),
    }
}

/// The newest log, with the key that checks it, if that is the configured one.
fn named(instance: &str, settings: &LedgerSettings) -> Result<(Origin, VerifierKey), LedgerError> {
    let layout = settings.layout();
    let newest = layout.quarters()?.last().copied();
    let Some(newest) = newest else {
        return Err(OpenShardsError::None {
            folder: settings.folder.display().to_string(),
        }
        .into());
    };
    let folder = layout.ledger(newest);
    let (found, key) = Ledger::named_in(&folder)?;
    let configured = format!("{}/{instance}", settings.origin);
    if found.instance() == configured && found.quarter() == newest {
        return Ok((found, key));
    }
    Err(LedgerError::Other {
        folder,
        found,
        prefix: settings.origin.clone(),
        instance: instance.to_owned(),
    })
}

fn read_key(settings: &LedgerSettings) -> Result<SignerKey, LedgerError> {
    let file = &settings.key;
    SignerKey::read(file).map_err(|source| LedgerError::Key {
        file: file.clone(),
        source,
    })
}
