//! What the handles and the committer share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::State;
use super::queue::Queue;
use crate::checkpoint::Checkpoint;
use crate::identity::Identity;
use crate::note::SignerKey;
use crate::store::Positions;
use crate::tree::{Hash, TileError, Tiles, Tree};

pub(super) struct Shared {
    pub(super) identity: Identity,
    pub(super) queue: Queue,
    pub(super) positions: Arc<Positions>,
    head: Mutex<Head>,
    /// The size of the tree in `head`, to be read without the lock.
    size: AtomicU64,
    failure: OnceLock<Arc<str>>,
    closed: AtomicBool,
}

/// The tree and the checkpoint over it: they change together.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) tree: Tree,
    pub(super) root: Hash,
    /// The signed checkpoint for the tree's size and root.
    pub(super) note: String,
}

impl Shared {
    pub(super) fn new(
        identity: Identity,
        queue: Queue,
        positions: Arc<Positions>,
        head: Head,
    ) -> Shared {
        let size = AtomicU64::new(head.tree.size());
        let (failure, closed) = (OnceLock::new(), AtomicBool::new(false));
        Shared {
            identity,
            queue,
            positions,
            head: Mutex::new(head),
            size,
            failure,
            closed,
        }
    }

    /// Looks at tree and checkpoint. `look` must be quick: the committer waits for it.
    pub(super) fn head<T>(&self, look: impl FnOnce(&Head) -> T) -> T {
        look(&self.head.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds leaves that last, and signs the new size.
    pub(super) fn grow(&self, leaves: impl Iterator<Item = Hash>, key: &SignerKey) {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        leaves.for_each(|leaf| head.tree.push(leaf));
        head.root = head.tree.root();
        head.note = sign(&self.identity, head.tree.size(), head.root, key);
        self.size.store(head.tree.size(), Ordering::Release);
    }

    /// Moves the tiles that have become full from memory to files.
    pub(super) fn keep_tiles(&self, tiles: &Tiles) -> Result<(), TileError> {
        // Written under no lock: only the committer changes the tree, and readers may go on.
        let full = self.head(|head| {
            head.tree
                .full_tiles()
                .map(|(tile, hashes)| (tile, hashes.to_vec()))
                .collect::<Vec<_>>()
        });
        if full.is_empty() {
            return Ok(());
        }
        for (tile, hashes) in &full {
            tiles.write(*tile, hashes)?;
        }
        self.head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tree
            .drop_full_tiles();
        Ok(())
    }

    pub(super) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Fails the ledger for good. The first reason stays, and is given back.
    pub(super) fn fail(&self, reason: &str) -> Arc<str> {
        Arc::clone(self.failure.get_or_init(|| reason.into()))
    }

    pub(super) fn failure(&self) -> Option<Arc<str>> {
        self.failure.get().cloned()
    }

    /// Takes nothing more; what is queued is still committed.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.queue.close();
    }

    pub(super) fn state(&self) -> State {
        match self.failure() {
            Some(reason) => State::Failed(reason),
            None if self.closed.load(Ordering::Acquire) => State::Closed,
            None => State::Writing,
        }
    }
}

impl Head {
    /// A tree with a fresh checkpoint over it.
    pub(super) fn new(identity: &Identity, tree: Tree, key: &SignerKey) -> Head {
        let root = tree.root();
        let note = sign(identity, tree.size(), root, key);
        Head { tree, root, note }
    }
}

fn sign(identity: &Identity, size: u64, root: Hash, key: &SignerKey) -> String {
    Checkpoint {
        origin: identity.origin.clone(),
        size,
        root,
    }
    .sign(key)
}
