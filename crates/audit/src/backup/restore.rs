//! Putting a backup back, so that the ledger goes on from it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::extent::segments;
use super::folder::{copy_secret, read_note};
use super::known::{Held, UnknownError, given_says_so, kept_says_so};
use super::take::sound;
use super::{BackupError, LogTaken, backup_layout};
use crate::checkpoint::{self, Checkpoint};
use crate::disk::{self, Disk, LocalDisk};
use crate::identity::{self, Identity};
use crate::note::VerifierKey;
use crate::origin::Quarter;
use crate::sealing::{Sealing, SealingError};
use crate::segment;
use crate::shards::{Layout, LayoutError, verify_shards};
use crate::verify::VerifyError;

/// The file in the ledger's folder while a backup is being put back.
const MARK: &str = "restoring";
const MARK_BYTES_MAX: usize = 256 * 1024;

/// Which backup to put back, and to where.
#[derive(Debug)]
pub struct Restoring<'a> {
    /// The backup: a folder that [`back_up`](super::back_up) made.
    pub backup: &'a Path,
    /// Where the logs are to lie.
    pub layout: &'a Layout,
    /// The keys that check the logs.
    pub keys: &'a [VerifierKey],
    /// A checkpoint that somebody else holds, with the file that it comes from.
    pub checkpoint: Option<(&'a Path, &'a str)>,
    /// Whether nothing is served before witnesses have confirmed the log: they know its size.
    pub has_witnesses: bool,
    /// What it is written with.
    pub disk: Arc<dyn Disk>,
}

impl<'a> Restoring<'a> {
    /// All else as usual: nothing is known but what `layout` keeps.
    pub fn new(backup: &'a Path, layout: &'a Layout, keys: &'a [VerifierKey]) -> Restoring<'a> {
        Restoring {
            backup,
            layout,
            keys,
            checkpoint: None,
            has_witnesses: false,
            disk: Arc::new(LocalDisk),
        }
    }
}

/// A ledger that was put back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Restored {
    /// Its logs, the oldest first.
    pub logs: Vec<LogTaken>,
    /// What vouches for it that nothing was recorded after the backup.
    pub vouched: Vouched,
}

/// What says that a backup holds all that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// The known checkpoint.
    Known,
    /// The checkpoint that was given.
    Given,
    /// Witnesses, when the gateway starts: nothing yet.
    Witnesses,
}

/// Why a backup was not put back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is no backup.
    #[error("`{}` holds no backup, or one that was not finished", backup.display())]
    None {
        /// The folder.
        backup: PathBuf,
    },
    /// The backup is not sound.
    #[error("the backup cannot be put back")]
    Backup(#[source] BackupError),
    /// It could not be verified.
    #[error("the backup could not be verified")]
    Verify(#[from] VerifyError),
    /// The ledger went on after it, or nobody knows.
    #[error("the ledger must not go on from this backup")]
    Unknown(#[from] UnknownError),
    /// A ledger is there.
    #[error(
        "`{}` holds the log of `{quarter}`: nothing is put in the place of a ledger that is \
         there. Move it away first, and keep it: it may hold more than the backup",
        folder.display()
    )]
    There {
        /// The ledger's folder.
        folder: PathBuf,
        /// The quarter of a log in it.
        quarter: Quarter,
    },
    /// Half of another restoring lies there.
    #[error(
        "`{}` holds half of another backup: go on with that one, or move the folder away",
        folder.display()
    )]
    Half {
        /// The ledger's folder.
        folder: PathBuf,
    },
    /// Something lies in a log's place.
    #[error("`{}` is in the place of a log: move it away", folder.display())]
    Taken {
        /// What lies there.
        folder: PathBuf,
    },
    /// The sealing file that is there is another log's.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// It is not known which logs there are.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A file could not be read or written.
    #[error("cannot use `{}`; run it again once that is mended", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn failed(file: &Path) -> impl Fn(io::Error) -> RestoreError {
    let file = file.to_owned();
    move |source| RestoreError::Io {
        file: file.clone(),
        source,
    }
}

/// Whether a backup is being put back into this folder of logs, or was, and that came to no end.
pub(crate) fn is_half_restored(ledgers: &Path) -> bool {
    fs::exists(ledgers.join(MARK)).unwrap_or(true)
}

/// R109: puts a backup back, if it is sound and holds all that was ever recorded as far as anybody
/// knows. Where it was interrupted it can be run again. Nothing is opened or signed. Blocking: it
/// reads the backup twice and what it wrote once.
///
/// # Errors
/// [`RestoreError`]. Before anything was written, or with a half that no gateway starts on.
pub fn restore(restoring: &Restoring<'_>) -> Result<Restored, RestoreError> {
    let (backup, layout) = (restoring.backup, restoring.layout);
    let note = read_note(backup).map_err(failed(backup))?;
    let note = note.ok_or_else(|| RestoreError::None {
        backup: backup.to_owned(),
    })?;
    let from = backup_layout(backup);
    verified(&from, restoring.keys)?;
    let (held, logs) = held(&from, &note, backup)?;
    let vouched = vouched(restoring, &held)?;
    let disk = &*restoring.disk;
    begin(disk, layout, &note)?;
    // The oldest first: until the newest is there, each says that another follows it, and no
    // gateway starts.
    for log in &held {
        put_back(disk, &from, layout, log)?;
    }
    verified(layout, restoring.keys)?;
    for log in &held {
        keep_known(disk, layout, log.quarter)?;
    }
    let mark = layout.ledgers.join(MARK);
    disk.remove(&mark)
        .and_then(|()| disk.sync_folder(&layout.ledgers))
        .map_err(failed(&mark))?;
    Ok(Restored { logs, vouched })
}

fn verified(layout: &Layout, keys: &[VerifierKey]) -> Result<(), RestoreError> {
    let sealings = Some(layout.sealings.as_path());
    let report = verify_shards(&layout.ledgers, keys, sealings, None, |_, _, _| {})?;
    sound(&report).map_err(RestoreError::Backup)
}

/// The logs of a backup, which must be those that its note names.
fn held(
    from: &Layout,
    note: &str,
    backup: &Path,
) -> Result<(Vec<Held>, Vec<LogTaken>), RestoreError> {
    let (mut held, mut logs) = (Vec::new(), Vec::new());
    for quarter in from.quarters()? {
        let folder = from.ledger(quarter);
        let own = Identity::read(&folder).map_err(VerifyError::from)?;
        let text = checkpoint::read(&LocalDisk, &folder).map_err(failed(&folder))?;
        let signed = Checkpoint::open(&text, &own.key);
        let size = signed.map_err(|source| UnknownError::Checkpoint {
            file: folder.join(checkpoint::FILE),
            source,
        })?;
        let size = size.size;
        held.push(Held {
            quarter,
            folder,
            size,
        });
        logs.push(LogTaken {
            origin: own.origin,
            records: size,
            checkpoint: text,
        });
    }
    let named = |log: &LogTaken| format!("log {} {}", log.origin, log.records);
    let due: Vec<_> = note.lines().filter(|it| it.starts_with("log ")).collect();
    let found: Vec<_> = logs.iter().map(named).collect();
    match due == found && !found.is_empty() {
        true => Ok((held, logs)),
        false => Err(RestoreError::None {
            backup: backup.to_owned(),
        }),
    }
}

fn vouched(restoring: &Restoring<'_>, held: &[Held]) -> Result<Vouched, UnknownError> {
    let given = restoring.checkpoint.map(|(file, note)| {
        let said = given_says_so(file, note, restoring.backup, held);
        said.map(|said| said.then_some(Vouched::Given))
    });
    // All that is there is compared, whichever is enough.
    let is_known = kept_says_so(restoring.layout, held)?;
    let known = is_known.then_some(Vouched::Known);
    let witnesses = restoring.has_witnesses.then_some(Vouched::Witnesses);
    let found = given.transpose()?.flatten().or(known).or(witnesses);
    found.ok_or(UnknownError::Nothing)
}

/// Marks the folder: from here on no gateway starts on it until all is there.
fn begin(disk: &dyn Disk, layout: &Layout, note: &str) -> Result<(), RestoreError> {
    let folder = &layout.ledgers;
    let mark = folder.join(MARK);
    match disk::read_text(disk, &mark, MARK_BYTES_MAX) {
        Ok(begun) if begun == note => return Ok(()),
        Ok(_) => {
            let folder = folder.clone();
            return Err(RestoreError::Half { folder });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(failed(&mark)(source)),
    }
    if let Some(quarter) = layout.quarters()?.last().copied() {
        let folder = folder.clone();
        return Err(RestoreError::There { folder, quarter });
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_log = name.to_str().and_then(|it| it.parse::<Quarter>().ok());
        if is_log.is_some() {
            let folder = entry.path();
            return Err(RestoreError::Taken { folder });
        }
    }
    disk::create_folders(disk, folder)
        .and_then(|()| disk::replace(disk, &mark, note))
        .map_err(failed(&mark))
}

/// Puts one log back, with its sealing file. What an interrupted restoring left of it goes first.
fn put_back(
    disk: &dyn Disk,
    from: &Layout,
    layout: &Layout,
    log: &Held,
) -> Result<(), RestoreError> {
    let quarter = log.quarter;
    let (source, target) = (&log.folder, layout.ledger(quarter));
    put_sealing(disk, from, layout, log)?;
    let write = || {
        if fs::exists(&target)? {
            fs::remove_dir_all(&target)?;
        }
        disk::create_folders(disk, &segment::folder(&target))?;
        for (_, file, extent) in segments(disk, source, log.size)? {
            let copy = disk.create(&segment::path(&target, extent.header.number))?;
            extent.copy(disk, &file, &copy)?;
            // For real: a first write into a hole would take longer to sync.
            disk::blank(disk, &copy, extent.end, extent.header.bytes)?;
            disk.sync(&copy)?;
            disk.forget(&copy)?;
        }
        disk.sync_folder(&segment::folder(&target))?;
        copy_secret(
            disk,
            &source.join(checkpoint::FILE),
            &target.join(checkpoint::FILE),
        )?;
        let cosigned = from.cosigned(quarter);
        if fs::exists(&cosigned)? {
            copy_secret(disk, &cosigned, &layout.cosigned(quarter))?;
        }
        copy_secret(
            disk,
            &source.join(identity::FILE),
            &target.join(identity::FILE),
        )?;
        disk.sync_folder(&target)?;
        disk.sync_folder(&layout.ledgers)
    };
    write().map_err(failed(&target))
}

/// Puts a sealing file back, unless one is there in which as much is erased, or more.
fn put_sealing(
    disk: &dyn Disk,
    from: &Layout,
    layout: &Layout,
    log: &Held,
) -> Result<(), RestoreError> {
    let own = Identity::read(&log.folder).map_err(VerifyError::from)?;
    let (source, target) = (from.sealing(log.quarter), layout.sealing(log.quarter));
    let kept = Sealing::find(disk, &source, own.id)?;
    match Sealing::find(disk, &target, own.id) {
        // R109: what was erased stays so, whichever of the two is older.
        Ok(there) if there.settled() >= kept.settled() => return Ok(()),
        Ok(_) | Err(SealingError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    kept.put(disk, &target).map_err(failed(&target))
}

/// Makes the known checkpoint of a log that lacks one.
fn keep_known(disk: &dyn Disk, layout: &Layout, quarter: Quarter) -> Result<(), RestoreError> {
    let Some(known) = layout.known_checkpoint(quarter) else {
        return Ok(());
    };
    if fs::exists(&known).map_err(failed(&known))? {
        return Ok(());
    }
    let own = layout.ledger(quarter);
    let note = checkpoint::read(disk, &own).map_err(failed(&own))?;
    disk::create_folders(disk, disk::parent(&known))
        .and_then(|()| disk::replace(disk, &known, &note))
        .map_err(failed(&known))
}
