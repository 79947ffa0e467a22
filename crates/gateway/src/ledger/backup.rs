//! Backups of the ledger, and putting one back.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use motlan_api::audit::v1::Receipt;
use motlan_audit::{
    BackedUp, Ledger, Restored, Restoring, SignerKey, Taking, VerifierKey, back_up, backup_layout,
    restore,
};
use prost::Message as _;

use super::{LedgerError, keys, named, now_us, read_key, unusable};
use crate::settings::Settings;

/// What the signing key and the state are called in a backup.
const KEY: &str = "key";
const STATE: &str = "state";
/// The longest file that is read as a checkpoint or receipt.
const CHECKPOINT_BYTES_MAX: u64 = 256 * 1024;

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    /// Its logs.
    pub logs: BackedUp,
    /// What became of the state.
    pub state: StateTaken,
}

/// What became of the state file in a backup.
#[derive(Debug, PartialEq, Eq)]
pub enum StateTaken {
    /// There is none.
    None,
    /// It is in the backup.
    Copied,
    /// The gateway has it open: nobody else can read it as a whole.
    InUse(PathBuf),
}

/// A backup that was put back.
#[derive(Debug)]
pub struct PutBack {
    /// The logs, and what vouches for them.
    pub logs: Restored,
    /// Which files beside them were put back.
    pub beside: Vec<PathBuf>,
}

/// R108: takes a backup, while the gateway runs or not. Blocking: it reads all logs.
///
/// # Errors
/// [`LedgerError`], upon which there is no new backup.
pub fn backup(settings: &Settings, to: &Path, with_key: bool) -> Result<Taken, LedgerError> {
    let ledger = &settings.ledger;
    named(&settings.instance, ledger)?;
    let verifiers = [read_key(ledger)?.verifier().clone()];
    let mut beside = Vec::new();
    if with_key {
        let files = keys::files(&ledger.key).into_iter();
        beside.extend(files.map(|(ending, file)| (format!("{KEY}{ending}"), file)));
    }
    let held = settings.state.as_deref().map(hold_state).transpose()?;
    let state = match (&settings.state, &held) {
        (Some(file), Some(Some(_held))) => {
            beside.push((STATE.to_owned(), file.clone()));
            StateTaken::Copied
        }
        (Some(file), _) => StateTaken::InUse(file.clone()),
        (None, _) => StateTaken::None,
    };
    let layout = ledger.layout();
    let mut taking = Taking::new(&layout, &settings.instance, &verifiers, to);
    taking.beside = beside;
    taking.time_s = now_us() / 1_000_000;
    let logs = back_up(&taking)?;
    Ok(Taken { logs, state })
}

/// Keeps others from opening the state, as long as the file lives; `None` where the gateway has it.
fn hold_state(file: &Path) -> Result<Option<File>, LedgerError> {
    let failed = |source| LedgerError::State {
        file: file.to_owned(),
        source,
    };
    let held = File::open(file).map_err(failed)?;
    match held.try_lock_shared() {
        Ok(()) => Ok(Some(held)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// R109: puts a backup back where the configuration says, if nothing was recorded after it. What of
/// the signing key and the state is there stays. Blocking: it reads all logs, and signs nothing.
///
/// # Errors
/// [`LedgerError`], upon which no gateway starts on what was put back.
pub fn put_back(
    settings: &Settings,
    from: &Path,
    checkpoint: Option<&Path>,
) -> Result<PutBack, LedgerError> {
    let (ledger, backup) = (&settings.ledger, from.join(&settings.instance));
    let kept_key = backup.join(KEY);
    let verifiers = [verifier(&ledger.key, &kept_key)?];
    must_be_ours(settings, &backup)?;
    let known = checkpoint.map(|file| Ok::<_, LedgerError>((file, note(file)?)));
    let known = known.transpose()?;
    let layout = ledger.layout();
    let mut restoring = Restoring::new(&backup, &layout, &verifiers);
    restoring.checkpoint = known.as_ref().map(|(file, note)| (*file, note.as_str()));
    restoring.has_witnesses = ledger.quorum.required_at_start > 0;
    let logs = restore(&restoring)?;
    super::reserve(ledger)?;
    let mut beside = Vec::new();
    let state = settings.state.clone();
    let state = state.map(|file| (backup.join(STATE), file));
    let keys = keys::files(&kept_key).into_iter().map(|(ending, kept)| {
        let mut file = ledger.key.clone().into_os_string();
        file.push(ending);
        (kept, PathBuf::from(file))
    });
    for (kept, file) in keys.chain(state) {
        if kept.exists() && !file.exists() {
            copy(&kept, &file).map_err(|source| unusable(&file, source))?;
            beside.push(file);
        }
    }
    Ok(PutBack { logs, beside })
}

/// The key that checks the logs: of the configured file, or of the one in the backup.
fn verifier(configured: &Path, kept: &Path) -> Result<VerifierKey, LedgerError> {
    let file = match (configured.exists(), kept.exists()) {
        (true, _) => configured,
        (false, true) => kept,
        (false, false) => {
            let file = configured.to_owned();
            return Err(LedgerError::KeyLost { file });
        }
    };
    let key = SignerKey::read(file).map_err(|source| LedgerError::Key {
        file: file.to_owned(),
        source,
    })?;
    Ok(key.verifier().clone())
}

/// Refuses the backup of another instance.
fn must_be_ours(settings: &Settings, backup: &Path) -> Result<(), LedgerError> {
    let layout = backup_layout(backup);
    let Some(newest) = layout.quarters()?.last().copied() else {
        // Told of by whoever restores.
        return Ok(());
    };
    let folder = layout.ledger(newest);
    let (found, _) = Ledger::named_in(&folder)?;
    let (prefix, instance) = (&settings.ledger.origin, &settings.instance);
    match found.instance() == format!("{prefix}/{instance}") {
        true => Ok(()),
        false => Err(LedgerError::Other {
            folder,
            found,
            prefix: prefix.clone(),
            instance: instance.clone(),
        }),
    }
}

/// The checkpoint in a file: a signed note, or the one that a receipt ends with.
fn note(file: &Path) -> Result<String, LedgerError> {
    let failed = |source| LedgerError::Checkpoint {
        file: file.to_owned(),
        source,
    };
    let length = fs::metadata(file).map_err(failed)?.len();
    if length > CHECKPOINT_BYTES_MAX {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    let bytes = fs::read(file).map_err(failed)?;
    let text = String::from_utf8(bytes.clone()).ok();
    if let Some(text) = text.as_ref().filter(|text| text.contains("\n\n")) {
        return Ok(text.clone());
    }
    let decoded = text.and_then(|text| BASE64_STANDARD.decode(text.trim()).ok());
    let receipt = Receipt::decode(decoded.unwrap_or(bytes).as_slice());
    let receipt = receipt.map_err(|_| failed(io::ErrorKind::InvalidData.into()))?;
    Ok(receipt.checkpoint)
}

/// Copies a secret file to where nothing is, for its owner alone.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut source = File::open(from)?;
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    let mut target = options.open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    super::sync_name(to)
}
