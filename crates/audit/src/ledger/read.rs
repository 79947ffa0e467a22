//! Reading a record, and proving its place.

use std::io;
use std::path::PathBuf;

use motlan_api::audit::v1::{Receipt, Record};
use prost::Message as _;
use thiserror::Error;

use super::Handle;
use crate::format::{Newer, Unread};
use crate::leaves::Leaves;
use crate::tree::{
    self, Hash, Kept, NodeError, Nodes as _, TILE_HASHES, TILE_HEIGHT, TileError, fold, inclusion,
    is_included, leaf_hash,
};

/// Why a record was not read, or not proven.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The caller's: there is no such record.
    #[error("there is no record {index}: the ledger holds {size}")]
    Unknown {
        /// Which.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is of a newer version.
    #[error("the ledger is newer than this program")]
    Newer(#[from] Newer),
    /// The record on disk is not the one that was written.
    #[error("record {index} is not what was written: verify the ledger")]
    Damaged {
        /// Which.
        index: u64,
    },
    /// The tiles on disk are not those of the log.
    #[error("a tile was changed or is missing: opening the ledger anew makes it again")]
    Tiles,
}

impl From<Unread> for ReadError {
    fn from(unread: Unread) -> ReadError {
        match unread {
            Unread::Newer(newer) => newer.into(),
            Unread::Read { file, source } => ReadError::Io { file, source },
        }
    }
}

impl From<NodeError> for ReadError {
    fn from(error: NodeError) -> ReadError {
        match error {
            NodeError::Tile(TileError { file, source }) => ReadError::Io { file, source },
            NodeError::Missing { index, .. } => ReadError::Damaged { index },
        }
    }
}

pub(super) fn record(ledger: &Handle, index: u64) -> Result<Record, ReadError> {
    let leaf = leaf(ledger, index)?;
    Record::decode(leaf.as_slice()).map_err(|_| ReadError::Damaged { index })
}

pub(super) fn receipt(ledger: &Handle, index: u64) -> Result<Receipt, ReadError> {
    let leaf = leaf(ledger, index)?;
    let (edge, root, note) = ledger
        .shared
        .head(|head| (head.tree.edge(), head.root, head.note.clone()));
    let mut kept = Kept::new(edge, &ledger.tiles);
    let size = kept.size();
    let proof = inclusion(&mut kept, index, size)?;
    // Nothing goes out that the receiver would find wrong, e.g. after a tile was changed on disk.
    if !is_included(&leaf_hash(&leaf), index, size, &proof, &root) {
        return Err(ReadError::Damaged { index });
    }
    let proof = proof.iter().map(|hash| hash.to_vec()).collect();
    Ok(Receipt {
        leaf,
        index,
        proof,
        checkpoint: note,
    })
}

/// The root of the tree of the first `size` records.
pub(super) fn root(ledger: &Handle, size: u64) -> Result<Hash, ReadError> {
    let edge = ledger.shared.head(|head| head.tree.edge());
    if size > edge.size() {
        let (index, size) = (size - 1, edge.size());
        return Err(ReadError::Unknown { index, size });
    }
    Ok(tree::root(&mut Kept::new(edge, &ledger.tiles), size)?)
}

/// The proof that the first `size` records begin with the first `old`.
pub(super) fn consistency(ledger: &Handle, old: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
    let (edge, root) = ledger.shared.head(|head| (head.tree.edge(), head.root));
    let held = edge.size();
    if old > size || size > held {
        let index = old.max(size) - 1;
        return Err(ReadError::Unknown { index, size: held });
    }
    let mut kept = Kept::new(edge, &ledger.tiles);
    let proof = tree::consistency(&mut kept, old, size)?;
    // A witness would take a wrong proof for a second history.
    let old_root = tree::root(&mut kept, old)?;
    let root = tree::earlier_root(&mut kept, size, (held, &root))?;
    let root = root.ok_or(ReadError::Tiles)?;
    if !tree::is_consistent((old, &old_root), (size, &root), &proof) {
        return Err(ReadError::Tiles);
    }
    Ok(proof)
}

/// The first `width` hashes of a tile.
pub(super) fn tile(
    ledger: &Handle,
    level: u8,
    index: u64,
    width: usize,
) -> Result<Vec<Hash>, ReadError> {
    let edge = ledger.shared.head(|head| head.tree.edge());
    let size = edge.size();
    let (first, _) = range(edge.hashes_at(level), index, width, size)?;
    let mut kept = Kept::new(edge, &ledger.tiles);
    let hashes = kept.hashes(level, first, width)?.to_vec();
    // Nothing goes out that the receiver would find wrong, e.g. after a tile was changed on disk.
    if width == TILE_HASHES && fold(&hashes) != Some(kept.node((level + 1) * TILE_HEIGHT, index)?) {
        return Err(ReadError::Tiles);
    }
    Ok(hashes)
}

/// The leaves of the first `width` records of a bundle.
pub(super) fn bundle(
    ledger: &Handle,
    index: u64,
    width: usize,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), ReadError> {
    let edge = ledger.shared.head(|head| head.tree.edge());
    let size = edge.size();
    let (first, end) = range(size, index, width, size)?;
    let mut kept = Kept::new(edge, &ledger.tiles);
    let mut due = kept.hashes(0, first, width)?.iter();
    let mut damaged = None;
    let mut at = first;
    leaves(ledger, first, end, &mut |leaf| {
        if due.next() != Some(&leaf_hash(leaf)) {
            damaged = damaged.or(Some(at));
        }
        at += 1;
        visit(leaf);
    })?;
    match damaged {
        Some(index) => Err(ReadError::Damaged { index }),
        None => Ok(()),
    }
}

/// Which of a level's `held` hashes a tile of `width` has, if all are there.
fn range(held: u64, index: u64, width: usize, size: u64) -> Result<(u64, u64), ReadError> {
    let first = index.checked_mul(TILE_HASHES as u64);
    let range = first.and_then(|first| Some((first, first.checked_add(width as u64)?)));
    let fits = (1..=TILE_HASHES).contains(&width);
    range
        .filter(|(_, end)| fits && *end <= held)
        .ok_or(ReadError::Unknown { index, size })
}

/// The leaf of record `index`, as it stands on disk.
fn leaf(ledger: &Handle, index: u64) -> Result<Vec<u8>, ReadError> {
    let size = ledger.shared.size();
    if index >= size {
        return Err(ReadError::Unknown { index, size });
    }
    let mut leaf = Vec::new();
    leaves(ledger, index, index + 1, &mut |read| leaf = read.to_vec())?;
    Ok(leaf)
}

fn leaves(
    ledger: &Handle,
    first: u64,
    end: u64,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), ReadError> {
    let leaves = Leaves {
        disk: &*ledger.disk,
        folder: &ledger.folder,
        log: ledger.shared.identity.id,
    };
    let near = |index| ledger.shared.positions.before(index);
    leaves.read(first, end, near, visit).map(|_| ())
}
