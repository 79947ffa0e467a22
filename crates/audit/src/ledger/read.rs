//! Reading a record, and proving its place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use motlan_api::audit::v1::{Receipt, Record};
use prost::Message as _;
use thiserror::Error;

use super::Handle;
use crate::frame::{self, Header, Parts};
use crate::segment;
use crate::tree::{Kept, NodeError, TileError, inclusion, is_included, leaf_hash};

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
    /// The record on disk is not the one that was written.
    #[error("record {index} is not what was written: verify the ledger")]
    Damaged {
        /// Which.
        index: u64,
    },
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
    let proof = inclusion(&mut kept, index)?;
    // Nothing goes out that the receiver would find wrong, e.g. after a tile was changed on disk.
    if !is_included(&leaf_hash(&leaf), index, kept.size(), &proof, &root) {
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

/// The leaf of record `index`, as it stands on disk.
fn leaf(ledger: &Handle, index: u64) -> Result<Vec<u8>, ReadError> {
    let size = ledger.shared.size();
    if index >= size {
        return Err(ReadError::Unknown { index, size });
    }
    let damaged = || ReadError::Damaged { index };
    let near = ledger.shared.positions.before(index).ok_or_else(damaged)?;
    let path = segment::path(&ledger.folder, near.segment);
    let failed = |source| ReadError::Io {
        file: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(failed)?;
    let mut offset = near.offset;
    let header = loop {
        let mut bytes = [0; frame::HEADER_BYTES];
        file.read_exact_at(&mut bytes, offset).map_err(failed)?;
        let header = Header::decode(&bytes).ok_or_else(damaged)?;
        if header.place.first > index || header.place.log != ledger.shared.identity.id {
            return Err(damaged());
        }
        if !header.ends_before(index) {
            break header;
        }
        offset += header.frame_len();
    };
    let mut body = vec![0; header.body_len()];
    file.read_exact_at(&mut body, offset + frame::HEADER_BYTES as u64)
        .map_err(failed)?;
    if !header.fits(&body) {
        return Err(damaged());
    }
    let nth = usize::try_from(index - header.place.first).map_err(|_| damaged())?;
    let part = Parts(&body).nth(nth).flatten().ok_or_else(damaged)?;
    Ok(part.leaf.to_vec())
}
