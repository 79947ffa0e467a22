//! The ledger: a handle on a log that one committer thread writes.

mod append;
mod committer;
mod create;
mod erase;
mod ground;
mod heard;
mod known;
mod links;
mod open;
mod opened;
mod queue;
mod read;
mod recover;
mod shared;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use motlan_api::audit::v1::{Receipt, Record};
use thiserror::Error;

use crate::disk::{self, Disk, LocalDisk};
use crate::frame::Part;
use crate::identity::{Identity, IdentityError};
use crate::note::{SignerKey, VerifierKey};
use crate::origin::{Origin, RecordId};
use crate::sealing::{Opened, Sealer, Sealing};
use crate::store::Store;
use crate::tree::{Hash, Tiles};
use crate::verify::ReadEntry;
use shared::Shared;

use append::Preparation;
pub(crate) use append::SALT_BYTES;
pub use append::{AppendError, Durable, Entry};
pub(crate) use committer::with_sources;
pub use create::CreateError;
pub(crate) use erase::block_on;
pub(crate) use erase::is_line;
pub use erase::{EraseError, Erased, Erasure, Holding, Whose};
pub use heard::OnCommit;
pub(crate) use known::is_inside;
pub(crate) use links::Links;
pub use open::OpenError;
pub use read::ReadError;

/// The length of a segment file, unless set otherwise.
const SEGMENT_BYTES: u64 = 64 << 20;
/// How many entries wait for the committer at most; the next one's caller waits for room.
const QUEUE_RECORDS_MAX: usize = 4096;
/// How long the file `checkpoint` may be behind the log.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How much must be free on the disk of the ledger: four segments.
const FREE_BYTES_MIN: u64 = 256 << 20;

/// How to open a ledger.
#[derive(Debug)]
pub struct Settings {
    /// The folder that [`Ledger::create`] made.
    pub folder: PathBuf,
    /// The key that it was created with.
    pub key: Arc<SignerKey>,
    /// The length of each new segment file; 64 MiB if not changed, at least 1 KiB. It bounds a
    /// frame and so a record.
    pub segment_bytes: u64,
    /// How many entries may wait for the committer; 4,096 if not changed.
    pub queue_records_max: usize,
    /// How often the file `checkpoint` is replaced at most; every second if not changed.
    pub checkpoint_every: Duration,
    /// A file outside the folder, best on another disk, that is replaced together with the file
    /// `checkpoint`. A log that is behind it, or is another, is not opened; nor is any log while it
    /// is missing. None if not set.
    pub known_checkpoint: Option<PathBuf>,
    /// Below so many free bytes [`Room::is_low`]; 256 MiB if not changed.
    pub free_bytes_min: u64,
    /// The file with the secrets that seal and open the sealed parts, outside the folder;
    /// `<folder>.sealing` if not changed. Made with the ledger.
    pub sealing: PathBuf,
    /// Hears of each commit; nobody if not changed.
    pub on_commit: Option<OnCommit>,
    /// What files are changed and read with; the system's disk if not changed.
    pub disk: Arc<dyn Disk>,
}

impl Settings {
    /// The settings of the ledger in `folder`, all else as usual.
    pub fn new(folder: impl Into<PathBuf>, key: impl Into<Arc<SignerKey>>) -> Settings {
        let folder = folder.into();
        Settings {
            sealing: beside(&folder),
            folder,
            key: key.into(),
            segment_bytes: SEGMENT_BYTES,
            queue_records_max: QUEUE_RECORDS_MAX,
            checkpoint_every: CHECKPOINT_EVERY,
            known_checkpoint: None,
            free_bytes_min: FREE_BYTES_MIN,
            on_commit: None,
            disk: Arc::new(LocalDisk),
        }
    }
}

/// The usual name of a sealing file: beside the ledger's folder.
fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".sealing");
    name.into()
}

/// A handle on an open ledger. Cheap to clone; all clones are the same ledger. When the last is
/// dropped, what is queued is committed first, as by [`Ledger::close`].
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    tiles: Tiles,
    folder: PathBuf,
    free_bytes_min: u64,
    sealer: Sealer,
    /// The committer's, for grounds: nothing else signs.
    key: Arc<SignerKey>,
    /// What it says of other logs.
    links: Mutex<Links>,
    /// Held by the erasure under way.
    erasing: Mutex<()>,
    disk: Arc<dyn Disk>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl Ledger {
    /// Makes an empty ledger in `folder`, which must be empty or not there yet, and its sealing
    /// file `<folder>.sealing`. `key` must be named after the origin or a leading part of it.
    pub fn create(
        folder: &std::path::Path,
        origin: &Origin,
        key: &SignerKey,
    ) -> Result<(), CreateError> {
        create::create(&LocalDisk, folder, None, &beside(folder), origin, key)
    }

    /// As [`Ledger::create`], with the sealing file that is set, and makes the file
    /// `known_checkpoint` as well, if one is set.
    pub fn create_with(settings: &Settings, origin: &Origin) -> Result<(), CreateError> {
        let Settings {
            folder,
            key,
            sealing,
            ..
        } = settings;
        let known = settings.known_checkpoint.as_deref();
        create::create(&*settings.disk, folder, known, sealing, origin, key)
    }

    /// Makes the file `known_checkpoint` for a ledger that has been without, and gives the size
    /// that it speaks for. Blocking: opens the ledger for it, as [`Ledger::open`] does. A file that
    /// is there stays as it is.
    pub fn make_known(settings: Settings) -> Result<u64, OpenError> {
        known::make(settings)
    }

    /// Which ledger a folder holds, and the key that checks it, without opening it.
    ///
    /// # Errors
    /// Where the folder holds none, or its description cannot be read.
    pub fn named_in(folder: &Path) -> Result<(Origin, VerifierKey), IdentityError> {
        Identity::read(folder).map(|identity| (identity.origin, identity.key))
    }

    /// Whether `file` is the sealing file of the ledger in `folder`, without opening it.
    ///
    /// # Errors
    /// Where it is not, or one of them cannot be read.
    pub fn check_sealing(folder: &Path, file: &Path) -> Result<(), OpenError> {
        let identity = Identity::read(folder)?;
        Ok(Sealing::find(&LocalDisk, file, identity.id).map(|_| ())?)
    }

    /// Opens an existing ledger. Blocking: it reads the whole log and checks every checksum and the
    /// tree against the signed checkpoint. It cuts what a crash left of the last write, and refuses
    /// all else that it cannot explain.
    ///
    /// Carries out what an erasure on record says and the sealing file does not know of yet.
    pub fn open(settings: Settings) -> Result<Ledger, OpenError> {
        Ledger::open_through(settings, |files| files)
    }

    /// As [`Ledger::open`], with a store of the caller's around the store of files.
    pub fn open_through(
        settings: Settings,
        wrap: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>,
    ) -> Result<Ledger, OpenError> {
        let ledger = open::open(settings, wrap)?;
        erase::settle(&ledger.0).map_err(|error| OpenError::Unsettled(Box::new(error)))?;
        Ok(ledger)
    }

    /// Writes an entry. Resolves once the record would survive a power cut and stands under a
    /// signed checkpoint. Waits while the queue is full. An entry that is queued is written even if
    /// the caller stops waiting.
    pub async fn append(&self, entry: Entry) -> Result<Durable, AppendError> {
        entry.check()?;
        // Asserted here as well as kept by whoever turns the quarter.
        if self.has_successor() && entry.record.question.is_none() {
            return Err(AppendError::Ended);
        }
        self.0.append(entry).await
    }

    /// Makes sealed parts unreadable for good, and records that. The leaves, the tree and all
    /// proofs stay as they are. What is recorded meanwhile of the same subject stays readable.
    /// Blocking: it reads the whole log.
    pub fn erase(&self, erasure: &Erasure) -> Result<Erased, EraseError> {
        erase::erase(&self.0, erasure)
    }

    /// How much of each dataset can be read, and how old that is. Blocking: it reads the whole log.
    pub fn holdings(&self) -> Result<BTreeMap<String, Holding>, ReadError> {
        erase::holdings(&self.0)
    }

    /// The proof of a record's place under the newest checkpoint. Blocking: reads a few KiB from
    /// disk.
    pub fn receipt(&self, index: u64) -> Result<Receipt, ReadError> {
        read::receipt(&self.0, index)
    }

    /// The proof that the log of the first `new_size` records begins with the first `old_size`
    /// (RFC 6962 section 2.1.2); empty where the sizes are the same or the older is 0. Blocking:
    /// reads a few KiB from disk.
    pub fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, ReadError> {
        read::consistency(&self.0, old_size, new_size)
    }

    /// The first `width` hashes of a tile of C2SP tlog-tiles, 256 for a full one. Blocking: reads
    /// two or three tiles from disk.
    pub fn tile(&self, level: u8, index: u64, width: usize) -> Result<Vec<Hash>, ReadError> {
        read::tile(&self.0, level, index, width)
    }

    /// Gives the leaves of the first `width` records of an entry bundle of C2SP tlog-tiles to
    /// `visit`, 256 for a full one. Blocking: reads them from the segments. An error may come after
    /// some were given: nothing that was given is to be used then.
    pub fn bundle(
        &self,
        index: u64,
        width: usize,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<(), ReadError> {
        read::bundle(&self.0, index, width, &mut visit)
    }

    /// A record. Blocking: reads from disk.
    pub fn record(&self, index: u64) -> Result<Record, ReadError> {
        read::record(&self.0, index)
    }

    /// The sealed part of a record: [`Opened::Sealed`] or [`Opened::Erased`]. Blocking: reads from
    /// disk.
    pub fn opened(&self, index: u64) -> Result<Opened, ReadError> {
        let mut read = Opened::NoKey;
        opened::entries(&self.0, index, index.saturating_add(1), &mut |entry| {
            read = entry.sealed;
            ControlFlow::Continue(())
        })?;
        Ok(read)
    }

    /// Gives the records from `first` on to `visit`, with their sealed parts, until it breaks or
    /// there are no more. Blocking: reads from disk. An error may come after some were given.
    pub fn entries(
        &self,
        first: u64,
        mut visit: impl FnMut(ReadEntry) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        opened::entries(&self.0, first, self.size(), &mut visit)
    }

    /// The secrets of its sealed parts, for the tags of a search index.
    pub fn sealing(&self) -> &Sealing {
        self.0.sealer.sealing()
    }

    /// The name of record `index`, whether there is one or not.
    pub fn record_id(&self, index: u64) -> RecordId {
        self.0.shared.identity.origin.record_id(index)
    }

    /// How many records wait for the committer, those that it is writing apart.
    pub fn queued(&self) -> usize {
        self.0.shared.queue.len()
    }

    /// Whether it can write. Once it is [`State::Failed`] it stays so.
    pub fn state(&self) -> State {
        self.0.shared.state()
    }

    /// Fails it for good, as an error of its disk would: for a reason that only its holder can
    /// know, e.g. that a witness saw another history. What waits to be written hears the reason.
    pub fn fail(&self, reason: &str) {
        let reason = self.0.shared.fail(reason);
        committer::answer_all(self.0.shared.queue.abandon().into_iter(), &reason);
    }

    /// How much room its disk has left.
    pub fn room(&self) -> io::Result<Room> {
        let free_bytes = disk::free_bytes(&self.0.folder)?;
        let free_bytes_min = self.0.free_bytes_min;
        Ok(Room {
            free_bytes,
            free_bytes_min,
        })
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

    /// The key that signs it.
    pub(crate) fn key(&self) -> &Arc<SignerKey> {
        &self.0.key
    }

    /// Which log it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.0.shared.identity
    }

    /// The root of the tree of its first `size` records.
    pub(crate) fn root(&self, size: u64) -> Result<Hash, ReadError> {
        read::root(&self.0, size)
    }

    /// Gives the records `first..end` as they stand on disk to `visit`.
    pub(crate) fn parts(
        &self,
        first: u64,
        end: u64,
        visit: &mut dyn FnMut(Part<'_>),
    ) -> Result<(), ReadError> {
        opened::parts(&self.0, first, end, &mut |_, part| {
            visit(part);
            Ok(ControlFlow::Continue(()))
        })
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
    async fn append(&self, entry: Entry) -> Result<Durable, AppendError> {
        let queue = &self.shared.queue;
        let (pending, receiver) = entry.prepare(&Preparation {
            log: self.shared.identity.id,
            sealer: &self.sealer,
            part_bytes_max: queue.part_bytes_max(),
        })?;
        if queue.push(pending).await.is_err() {
            return Err(self.ended());
        }
        receiver.await.unwrap_or_else(|_| {
            // The committer answers everybody, unless it panics.
            Err(AppendError::Failed(self.shared.fail(committer::PANICKED)))
        })
    }

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

/// How much room the disk of a ledger has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
    /// So many bytes are free for us.
    pub free_bytes: u64,
    /// So many should be.
    pub free_bytes_min: u64,
}

impl Room {
    /// Whether it is time to make room: on a full disk the ledger fails.
    pub fn is_low(self) -> bool {
        self.free_bytes < self.free_bytes_min
    }
}

/// The ledger had failed, or failed while it was closing. Entries that were not acknowledged may be
/// lost.
#[derive(Debug, Error)]
#[error("the ledger has failed: {0}")]
pub struct CloseError(Arc<str>);
