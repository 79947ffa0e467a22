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
use super::queue::Queue;
use super::recover::{Log, Reader};
use super::shared::{Head, Shared};
use super::{Handle, Ledger, Settings};
use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::disk;
use crate::frame;
use crate::identity::{Identity, IdentityError};
use crate::note::VerifierKey;
use crate::segment;
use crate::store::{Files, Positions, Store, StoreError};
use crate::tree::{TileError, Tiles};

/// The file whose lock says that the ledger is open.
const LOCK_FILE: &str = "lock";
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
    /// The file `checkpoint` is not believed.
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
    /// The store could not go on after the last record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no thread.
    #[error("cannot start the committer")]
    Thread(#[source] io::Error),
}

impl From<TileError> for OpenError {
    fn from(TileError { file, source }: TileError) -> OpenError {
        OpenError::Io { file, source }
    }
}

pub(super) fn open(
    settings: Settings,
    wrap: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>,
) -> Result<Ledger, OpenError> {
    let Settings {
        folder,
        key,
        segment_bytes,
        ..
    } = settings;
    if segment_bytes < SEGMENT_BYTES_MIN {
        let bytes_min = SEGMENT_BYTES_MIN;
        return Err(OpenError::SegmentBytes {
            bytes: segment_bytes,
            bytes_min,
        });
    }
    let identity = Identity::read(&folder)?;
    if identity.key != *key.verifier() {
        let (due, given) = (Box::new(identity.key), Box::new(key.verifier().clone()));
        return Err(OpenError::Key { due, given });
    }
    let lock = lock(&folder)?;
    let tiles = Tiles::new(&folder);
    let positions = Arc::new(Positions::default());
    let log = read(&folder, &identity, &tiles, &positions)?;
    let (log_id, last) = (identity.id, log.last);
    let files = Files::open(&folder, log_id, segment_bytes, last, Arc::clone(&positions))?;
    let head = Head::new(&identity, log.tree, &key);
    let file = folder.join(checkpoint::FILE);
    disk::replace(&folder, checkpoint::FILE, &head.note)
        .map_err(|source| OpenError::Io { file, source })?;
    let published = (Instant::now(), head.tree.size());
    let queue = Queue::new(settings.queue_records_max, body_bytes_max(segment_bytes));
    let shared = Arc::new(Shared::new(identity, queue, positions, head));
    let committer = Committer {
        shared: Arc::clone(&shared),
        store: wrap(Box::new(files)),
        key,
        folder: folder.clone(),
        tiles: tiles.clone(),
        checkpoint_every: settings.checkpoint_every,
        published,
        lock,
    };
    let thread = thread::Builder::new().name("ledger-committer".to_owned());
    let thread = thread
        .spawn(move || committer.run())
        .map_err(OpenError::Thread)?;
    let committer = Mutex::new(Some(thread));
    Ok(Ledger(Arc::new(Handle {
        shared,
        tiles,
        folder,
        committer,
    })))
}

/// Reads the log, compares it with the stored checkpoint, and only then cuts what a crash left.
fn read(
    folder: &Path,
    identity: &Identity,
    tiles: &Tiles,
    positions: &Positions,
) -> Result<Log, OpenError> {
    let Checkpoint {
        size: signed_size,
        root,
        ..
    } = stored_checkpoint(folder, identity)?;
    let log = Reader {
        folder,
        identity,
        tiles,
        positions,
        signed_size,
    }
    .read()?;
    if log.tree.size() < signed_size {
        return Err(OpenError::Behind {
            signed: signed_size,
            found: log.tree.size(),
        });
    }
    if log.signed_root != Some(root) {
        return Err(OpenError::Forked {
            signed: signed_size,
        });
    }
    if let Some(repair) = &log.repair {
        repair.apply()?;
    }
    Ok(log)
}

/// A frame never spans segments.
fn body_bytes_max(segment_bytes: u64) -> usize {
    let around = (segment::HEADER_BYTES + frame::HEADER_BYTES + 1) as u64;
    usize::try_from(segment_bytes - around)
        .unwrap_or(usize::MAX)
        .min(frame::BODY_BYTES_MAX)
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let file = folder.join(LOCK_FILE);
    let failed = |source| OpenError::Io {
        file: file.clone(),
        source,
    };
    let lock = disk::create(&file).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn stored_checkpoint(folder: &Path, identity: &Identity) -> Result<Checkpoint, OpenError> {
    let file = folder.join(checkpoint::FILE);
    let note = checkpoint::read(folder).map_err(|source| OpenError::Io {
        file: file.clone(),
        source,
    })?;
    let signed = Checkpoint::open(&note, &identity.key).and_then(|signed| {
        if signed.origin == identity.origin {
            return Ok(signed);
        }
        let (key, origin) = (identity.key.name().to_owned(), signed.origin.to_string());
        Err(CheckpointError::Name { key, origin })
    });
    signed.map_err(|source| OpenError::Checkpoint { file, source })
}
