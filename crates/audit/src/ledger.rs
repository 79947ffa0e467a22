//! The ledger: a handle on a log that one committer thread writes.

mod append;
mod committer;
mod create;
mod open;
mod queue;
mod read;
mod recover;
mod shared;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use motlan_api::audit::v1::{Receipt, Record};
use thiserror::Error;

use crate::identity::{Identity, IdentityError};
use crate::note::{SignerKey, VerifierKey};
use crate::origin::{Origin, RecordId};
use crate::store::Store;
use crate::tree::Tiles;
use shared::Shared;

pub use append::{AppendError, Durable, Entry};
pub(crate) use append::{FORMAT, SALT_BYTES};
pub use create::CreateError;
pub use open::OpenError;
pub use read::ReadError;

/// The length of a segment file, unless set otherwise.
const SEGMENT_BYTES: u64 = 64 << 20;
/// How many entries wait for the committer at most; the next one's caller waits for room.
const QUEUE_RECORDS_MAX: usize = 4096;
/// How long the file `checkpoint` may be behind the log.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// How to open a ledger.
#[derive(Debug)]
pub struct Settings {
    /// The folder that [`Ledger::create`] made.
    pub folder: PathBuf,
    /// The key that it was created with.
    pub key: SignerKey,
    /// The length of each new segment file; 64 MiB if not changed, at least 1 KiB. It bounds a
    /// frame and so a record.
    pub segment_bytes: u64,
    /// How many entries may wait for the committer; 4,096 if not changed.
    pub queue_records_max: usize,
    /// How often the file `checkpoint` is replaced at most; every second if not changed.
    pub checkpoint_every: Duration,
}

impl Settings {
    /// The settings of the ledger in `folder`, all else as usual.
    pub fn new(folder: impl Into<PathBuf>, key: SignerKey) -> Settings {
        Settings {
            folder: folder.into(),
            key,
            segment_bytes: SEGMENT_BYTES,
            queue_records_max: QUEUE_RECORDS_MAX,
            checkpoint_every: CHECKPOINT_EVERY,
        }
    }
}

/// A handle on an open ledger. Cheap to clone; all clones are the same ledger. When the last is
/// dropped, what is queued is committed first, as by [`Ledger::close`].
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    tiles: Tiles,
    folder: PathBuf,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl Ledger {
    /// Makes an empty ledger in `folder`, which must be empty or not there yet. `key` must be named
    /// after the origin or a leading part of it.
    pub fn create(
        folder: &std::path::Path,
        origin: &Origin,
        key: &SignerKey,
    ) -> Result<(), CreateError> {
        create::create(folder, origin, key)
    }

    /// Which ledger a folder holds, and the key that checks it, without opening it.
    ///
    /// # Errors
    /// Where the folder holds none, or its description cannot be read.
    pub fn named_in(folder: &Path) -> Result<(Origin, VerifierKey), IdentityError> {
        Identity::read(folder).map(|identity| (identity.origin, identity.key))
    }

    /// Opens an existing ledger. Blocking: it reads the whole log and checks every checksum and the
    /// tree against the signed checkpoint. It cuts what a crash left of the last write, and refuses
    /// all else that it cannot explain.
    pub fn open(settings: Settings) -> Result<Ledger, OpenError> {
        open::open(settings, |files| files)
    }

    /// As [`Ledger::open`], with a store of the caller's around the store of files.
    pub fn open_through(
        settings: Settings,
        wrap: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>,
    ) -> Result<Ledger, OpenError> {
        open::open(settings, wrap)
    }

    /// Writes an entry. Resolves once the record would survive a power cut and stands under a
    /// signed checkpoint. Waits while the queue is full. An entry that is queued is written even if
    /// the caller stops waiting.
    pub async fn append(&self, entry: Entry) -> Result<Durable, AppendError> {
        let queue = &self.0.shared.queue;
        let (pending, receiver) = entry.prepare(queue.part_bytes_max())?;
        if queue.push(pending).await.is_err() {
            return Err(self.0.ended());
        }
        receiver.await.unwrap_or_else(|_| {
            // The committer answers everybody, unless it panics.
            Err(AppendError::Failed(self.0.shared.fail(committer::PANICKED)))
        })
    }

    /// The proof of a record's place under the newest checkpoint. Blocking: reads a few KiB from
    /// disk.
    pub fn receipt(&self, index: u64) -> Result<Receipt, ReadError> {
        read::receipt(&self.0, index)
    }

    /// A record. Blocking: reads from disk.
    pub fn record(&self, index: u64) -> Result<Record, ReadError> {
        read::record(&self.0, index)
    }

    /// The name of record `index`, whether there is one or not.
    pub fn record_id(&self, index: u64) -> RecordId {
        self.0.shared.identity.origin.record_id(index)
    }

    /// Whether it can write. Once it is [`State::Failed`] it stays so.
    pub fn state(&self) -> State {
        self.0.shared.state()
    }

    /// How many records it holds, all of them durable.
    pub fn size(&self) -> u64 {
        self.0.shared.size()
    }

    /// The newest signed checkpoint, a C2SP signed note. It speaks for [`Ledger::size`] records or
    /// more.
    pub fn checkpoint(&self) -> String {
        self.0.shared.head(|head| head.note.clone())
    }

    /// The log's origin.
    pub fn origin(&self) -> &Origin {
        &self.0.shared.identity.origin
    }

    /// The key that checks the log's checkpoints.
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.shared.identity.key
    }

    /// Commits what is queued, replaces the file `checkpoint` and stops the committer; the folder
    /// is free for others then. Blocking. Other handles on the ledger can read on, and append
    /// nothing more.
    pub fn close(self) -> Result<(), CloseError> {
        self.0.stop();
        match self.0.shared.failure() {
            Some(reason) => Err(CloseError(reason)),
            None => Ok(()),
        }
    }
}

impl Handle {
    fn stop(&self) {
        self.shared.close();
        let mut committer = self
            .committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = committer.take() {
            // A panic of the thread has become a failure of the ledger.
            let _ = thread.join();
        }
    }

    /// Why nothing more is taken.
    fn ended(&self) -> AppendError {
        self.shared
            .failure()
            .map_or(AppendError::Closed, AppendError::Failed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} with {} records",
            self.shared.identity.origin,
            self.shared.size()
        )
    }
}

/// Whether a ledger can write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It can.
    Writing,
    /// It cannot, and will not until it is opened anew; why.
    Failed(Arc<str>),
    /// It was closed.
    Closed,
}

/// The ledger had failed, or failed while it was closing. Entries that were not acknowledged may be
/// lost.
#[derive(Debug, Error)]
#[error("the ledger has failed: {0}")]
pub struct CloseError(Arc<str>);
