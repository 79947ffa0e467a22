//! Opening a ledger: reading the whole log, cutting what a crash left of the last write, and
//! refusing all else that cannot be explained.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use thiserror::Error;

use super::committer::Committer;
use super::erase::EraseError;
use super::known::Known;
use super::queue::Queue;
use super::recover::{Log, Reader};
use super::shared::{Head, Shared};
use super::{Handle, Ledger, Settings};
use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::disk::{self, Disk};
use crate::format::{self, Newer, Unread};
use crate::frame;
use crate::identity::{Identity, IdentityError};
use crate::note::VerifierKey;
use crate::sealing::{Sealer, Sealing, SealingError};
use crate::segment;
use crate::store::{Files, Positions, Store, StoreError};
use crate::tree::{TileError, Tiles};

/// The shortest segments that are made.
const SEGMENT_BYTES_MIN: u64 = 1024;

/// Why a ledger was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder holds no ledger.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Another process, or another handle, has it open.
    #[error("the ledger in `{}` is open elsewhere: one process may write it", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The key is not the one that the ledger was created with.
    #[error("the ledger was created with the key `{due}`, and `{given}` was given")]
    Key {
        /// The ledger's.
        due: Box<VerifierKey>,
        /// The one given.
        given: Box<VerifierKey>,
    },
    /// The segments are set too short.
    #[error("segments of {bytes} bytes are too short: {bytes_min} is the least")]
    SegmentBytes {
        /// What was set.
        bytes: u64,
        /// The limit.
        bytes_min: u64,
    },
    /// A file could not be read or written.
    #[error("cannot use `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk, or our share of it, is full.
    #[error("cannot write `{}`: the disk is full; make room, then start again", file.display())]
    Full {
        /// The file.
        file: PathBuf,
    },
    /// It is of a newer version.
    #[error("the ledger is newer than this program")]
    Newer(#[from] Newer),
    /// Something stands in the log that no crash explains.
    #[error(
        "`{}` at offset {offset}: {what}; no crash leaves this, so nothing was changed: \
         verify the log, and restore the folder from a copy",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What stands there.
        what: String,
    },
    /// The file `checkpoint`, or the known one, is not believed.
    #[error("the file `{}` is not believed", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// Records are missing that were signed for.
    #[error(
        "the signed checkpoint speaks for {signed} records, and the log holds {found}: \
         records were lost; restore the folder from a copy that has them"
    )]
    Behind {
        /// The checkpoint's size.
        signed: u64,
        /// The log's.
        found: u64,
    },
    /// The records are not those that were signed for.
    #[error("the first {signed} records are not those that the signed checkpoint speaks for")]
    Forked {
        /// The checkpoint's size.
        signed: u64,
    },
    /// The file of the known checkpoint is not there.
    #[error(
        "`{}` is not there, and should keep the newest checkpoint: put it back. Only for a ledger \
         that never had one, `motlan ledger init` makes it",
        file.display()
    )]
    KnownMissing {
        /// The file.
        file: PathBuf,
    },
    /// The file of the known checkpoint lies in the ledger's own folder.
    #[error(
        "`{}` lies in the ledger's own folder, and would be put back together with it: name a file \
         outside",
        file.display()
    )]
    KnownInside {
        /// The file.
        file: PathBuf,
    },
    /// The folder was put back from an earlier day.
    #[error(
        "`{}` speaks for {known} records, and the log holds {found}: the folder was put back \
         from an earlier day; restore it from a copy that has all {known}, for whoever was told of \
         the rest holds proofs of them",
        file.display()
    )]
    Restored {
        /// The file of the checkpoint.
        file: PathBuf,
        /// The checkpoint's size.
        known: u64,
        /// The log's.
        found: u64,
    },
    /// The records are not those of a checkpoint that is kept outside the folder.
    #[error(
        "`{}` speaks for {known} records, and the first {known} of the {found} in the log are \
         others: this is a second history; restore the folder from a copy of the first",
        file.display()
    )]
    Contradicted {
        /// The file of the checkpoint.
        file: PathBuf,
        /// The checkpoint's size.
        known: u64,
        /// The log's.
        found: u64,
    },
    /// The sealing file is missing, or is not this ledger's.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// An erasure that is on record was not carried out, and could not be now.
    #[error("an erasure that is on record could not be carried out")]
    Unsettled(#[source] Box<EraseError>),
    /// The store could not go on after the last record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no thread.
    #[error("cannot start the committer")]
    Thread(#[source] io::Error),
}

impl From<TileError> for OpenError {
    fn from(TileError { file, source }: TileError) -> OpenError {
        OpenError::io(file, source)
    }
}

impl From<Unread> for OpenError {
    fn from(unread: Unread) -> OpenError {
        match unread {
            Unread::Newer(newer) => newer.into(),
            Unread::Read { file, source } => OpenError::Io { file, source },
        }
    }
}

impl OpenError {
    /// `file` could not be read or written.
    pub(super) fn io(file: PathBuf, source: io::Error) -> OpenError {
        match disk::is_full(&source) {
            true => OpenError::Full { file },
            false => OpenError::Io { file, source },
        }
    }
}

pub(super) fn open(
    settings: Settings,
    wrap: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>,
) -> Result<Ledger, OpenError> {
    let segment_bytes = settings.segment_bytes;
    let identity = identity(&settings)?;
    let lock = lock(&settings.folder)?;
    // R107: before anything is changed.
    format::look(&*settings.disk, &settings.folder, identity.id)?;
    let sealing = Sealing::open(&*settings.disk, &settings.sealing, identity.id)?;
    let tiles = Tiles::through(Arc::clone(&settings.disk), &settings.folder);
    let positions = Arc::new(Positions::default());
    let log = read(&settings, &identity, &tiles, &positions)?;
    let Settings {
        folder, key, disk, ..
    } = settings;
    let files = Files::open(
        Arc::clone(&disk),
        &folder,
        identity.id,
        segment_bytes,
        log.last,
        Arc::clone(&positions),
    )?;
    let head = Head::new(&identity, log.tree, &key);
    let own = folder.join(checkpoint::FILE);
    let checkpoint_files: Vec<_> = [own].into_iter().chain(settings.known_checkpoint).collect();
    for file in &checkpoint_files {
        disk::replace(&*disk, file, &head.note)
            .map_err(|source| OpenError::io(file.clone(), source))?;
    }
    let published = (Instant::now(), head.tree.size());
    let queue = Queue::new(settings.queue_records_max, body_bytes_max(segment_bytes));
    let sealer = Sealer::new(Arc::new(sealing), head.tree.size());
    let shared = Arc::new(Shared::new(identity, queue, positions, head));
    let committer = Committer {
        shared: Arc::clone(&shared),
        store: wrap(Box::new(files)),
        key: Arc::clone(&key),
        disk: Arc::clone(&disk),
        checkpoint_files,
        tiles: tiles.clone(),
        checkpoint_every: settings.checkpoint_every,
        on_commit: settings.on_commit,
        published,
        lock,
    };
    let thread = thread::Builder::new().name("ledger-committer".to_owned());
    let thread = thread
        .spawn(move || committer.run())
        .map_err(OpenError::Thread)?;
    Ok(Ledger(Arc::new(Handle {
        shared,
        tiles,
        folder,
        free_bytes_min: settings.free_bytes_min,
        sealer,
        key,
        links: Mutex::new(log.links),
        erasing: Mutex::default(),
        disk,
        committer: Mutex::new(Some(thread)),
    })))
}

/// Which log it is, if it can be opened with these settings.
fn identity(settings: &Settings) -> Result<Identity, OpenError> {
    let bytes = settings.segment_bytes;
    if bytes < SEGMENT_BYTES_MIN {
        let bytes_min = SEGMENT_BYTES_MIN;
        return Err(OpenError::SegmentBytes { bytes, bytes_min });
    }
    let identity = Identity::read_through(&*settings.disk, &settings.folder)?;
    if identity.key != *settings.key.verifier() {
        let given = settings.key.verifier().clone();
        let (due, given) = (Box::new(identity.key), Box::new(given));
        return Err(OpenError::Key { due, given });
    }
    Ok(identity)
}

/// Reads the log, compares it with all checkpoints of it, and only then cuts what a crash left.
fn read(
    settings: &Settings,
    identity: &Identity,
    tiles: &Tiles,
    positions: &Positions,
) -> Result<Log, OpenError> {
    let (folder, disk) = (&settings.folder, &*settings.disk);
    let Checkpoint { size, root, .. } = stored_checkpoint(disk, folder, identity)?;
    let known = Known::read(settings, identity)?;
    let sizes = known.iter().map(|known| known.checkpoint.size);
    let log = Reader {
        disk,
        folder,
        identity,
        tiles,
        positions,
        sizes: sizes.chain([size]).collect(),
    }
    .read()?;
    if log.tree.size() < size {
        return Err(OpenError::Behind {
            signed: size,
            found: log.tree.size(),
        });
    }
    if log.roots.get(&size) != Some(&root) {
        return Err(OpenError::Forked { signed: size });
    }
    known.iter().try_for_each(|known| known.check(&log))?;
    if let Some(repair) = &log.repair {
        repair.apply(disk)?;
    }
    // A crash may have left a name that is there and would not survive a power cut.
    let segments = segment::folder(folder);
    disk.sync_folder(&segments)
        .map_err(|source| OpenError::io(segments, source))?;
    Ok(log)
}

/// A frame never spans segments.
fn body_bytes_max(segment_bytes: u64) -> usize {
    let around = (segment::HEADER_BYTES + frame::HEADER_BYTES + 1) as u64;
    usize::try_from(segment_bytes - around)
        .unwrap_or(usize::MAX)
        .min(frame::BODY_BYTES_MAX)
}

/// Locks the folder itself: a file in it could be deleted, and a second process lock another.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Io {
        file: folder.to_owned(),
        source,
    };
    let lock = File::open(folder).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn stored_checkpoint(
    disk: &dyn Disk,
    folder: &Path,
    identity: &Identity,
) -> Result<Checkpoint, OpenError> {
    let file = folder.join(checkpoint::FILE);
    let note = checkpoint::read(disk, folder).map_err(|source| OpenError::Io {
        file: file.clone(),
        source,
    })?;
    believed(&note, identity).map_err(|source| OpenError::Checkpoint { file, source })
}

/// A checkpoint of this very log.
pub(super) fn believed(note: &str, identity: &Identity) -> Result<Checkpoint, CheckpointError> {
    let signed = Checkpoint::open(note, &identity.key)?;
    if signed.origin == identity.origin {
        return Ok(signed);
    }
    let (key, origin) = (identity.key.name().to_owned(), signed.origin.to_string());
    Err(CheckpointError::Name { key, origin })
}
