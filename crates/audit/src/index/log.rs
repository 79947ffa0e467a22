//! The log that an index is of: a running ledger, or the folder of one.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use motlan_api::audit::v1::{Record, RecordKind};
use prost::Message as _;

use crate::format::is_leaf_of;
use crate::frame::Part;
use crate::identity::Identity;
use crate::ledger::{Ledger, ReadError};
use crate::prove::{ProveError, Prover};
use crate::sealing::{Bound, Opened, Sealing, SealingError};
use crate::tree::{Hash, leaf_hash};
use crate::verify::ReadEntry;

/// How many records are read before it is asked whether there is need of more.
const RECORDS_AT_ONCE: u64 = 1024;

/// What an index needs of its log.
pub(super) trait Log: Send + Sync {
    fn identity(&self) -> &Identity;

    /// How many records there are to be indexed.
    fn size(&self) -> u64;

    /// The root of the tree of the first `size` records; [`ReadError::Unknown`] or
    /// [`ReadError::Damaged`] where they are not there.
    fn root(&self, size: u64) -> Result<Hash, ReadError>;

    /// Gives the records `first..end` as they stand on disk to `visit`.
    fn parts(&self, first: u64, end: u64, visit: &mut dyn FnMut(Part<'_>))
    -> Result<(), ReadError>;

    /// What opens the sealed parts, if it is there.
    fn sealing(&self) -> Option<&Sealing>;
}

impl Log for Ledger {
    fn identity(&self) -> &Identity {
        self.identity()
    }

    fn size(&self) -> u64 {
        self.size()
    }

    fn root(&self, size: u64) -> Result<Hash, ReadError> {
        self.root(size)
    }

    fn parts(
        &self,
        first: u64,
        end: u64,
        visit: &mut dyn FnMut(Part<'_>),
    ) -> Result<(), ReadError> {
        self.parts(first, end, visit)
    }

    fn sealing(&self) -> Option<&Sealing> {
        Some(self.sealing())
    }
}

/// The folder of a ledger, read without the gateway: the records that its checkpoint speaks for.
#[derive(Debug)]
pub struct LogFolder {
    identity: Identity,
    size: u64,
    prover: Mutex<Prover>,
    sealing: Option<Sealing>,
}

/// Why a folder was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It holds no ledger, or its checkpoint is not believed.
    #[error(transparent)]
    Log(#[from] ProveError),
    /// The sealing file is another log's.
    #[error(transparent)]
    Sealing(#[from] SealingError),
}

impl LogFolder {
    /// Opens the ledger in `folder`, which may be in use, for reading; with its secrets, if
    /// subjects are to be found.
    pub fn open(folder: &Path, sealing: Option<Sealing>) -> Result<LogFolder, FolderError> {
        let prover = Prover::open(folder)?;
        let identity = prover.identity().clone();
        let of_log = sealing.as_ref().map(|known| known.must_be_of(identity.id));
        of_log.unwrap_or(Ok(()))?;
        let size = prover.size();
        let prover = Mutex::new(prover);
        Ok(LogFolder {
            identity,
            size,
            prover,
            sealing,
        })
    }

    fn prover(&self) -> MutexGuard<'_, Prover> {
        self.prover.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for LogFolder {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn root(&self, size: u64) -> Result<Hash, ReadError> {
        self.prover().root(size)
    }

    fn parts(
        &self,
        first: u64,
        end: u64,
        visit: &mut dyn FnMut(Part<'_>),
    ) -> Result<(), ReadError> {
        self.prover().parts(first, end, visit)
    }

    fn sealing(&self) -> Option<&Sealing> {
        self.sealing.as_ref()
    }
}

/// Gives the records `first..end`, their sealed parts opened where that can be, to `visit` until it
/// breaks. `is_wanted` says of which leaves.
pub(super) fn entries(
    log: &dyn Log,
    first: u64,
    end: u64,
    is_wanted: &dyn Fn(&[u8]) -> bool,
    visit: &mut dyn FnMut(ReadEntry) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut opener = log.sealing().map(Sealing::opener);
    let mut at = first;
    while at < end {
        let until = end.min(at + RECORDS_AT_ONCE);
        let mut next = Ok(ControlFlow::Continue(()));
        log.parts(at, until, &mut |part| {
            let index = at;
            at += 1;
            if !is_wanted(part.leaf) || !matches!(next, Ok(ControlFlow::Continue(()))) {
                return;
            }
            let Ok(record) = Record::decode(part.leaf) else {
                next = Err(ReadError::Damaged { index });
                return;
            };
            let bound = Bound {
                log: log.identity().id,
                leaf: leaf_hash(part.leaf),
            };
            let sealed = opener.as_mut().map_or(Opened::NoKey, |opener| {
                opener.open(&record, &bound, part.sealed)
            });
            next = match sealed {
                Opened::Damaged => Err(ReadError::Damaged { index }),
                sealed => Ok(visit(ReadEntry {
                    id: log.identity().origin.record_id(index),
                    record,
                    sealed,
                })),
            };
        })?;
        if next?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Whether a leaf is of an erasure.
pub(super) fn is_erasure(leaf: &[u8]) -> bool {
    is_leaf_of(leaf, RecordKind::Erasure)
}
