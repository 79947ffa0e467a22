//! Receipts, checked offline.

use motlan_api::audit::v1::{Receipt, Record};
use prost::Message as _;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::format::{FORMAT, leaf_format};
use crate::note::VerifierKey;
use crate::origin::{Origin, RecordId};
use crate::proof::PROOF_HASHES_MAX;
use crate::tree::{Hash, is_included, leaf_hash};

/// What a receipt proves: that this record stands in the log at this place.
#[must_use]
#[derive(Debug)]
#[non_exhaustive]
pub struct Proven {
    /// The record.
    pub record: Record,
    /// Its name, of which the index is proven and the log is that of the checkpoint.
    pub id: RecordId,
    /// The log, as the checkpoint names it.
    pub origin: Origin,
    /// How many records the checkpoint speaks for.
    pub size: u64,
}

/// Why a receipt proves nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Its checkpoint is not believed.
    #[error("the receipt's checkpoint is not believed")]
    Checkpoint(#[from] CheckpointError),
    /// Its proof is not made of hashes.
    #[error("the receipt's proof is not a list of at most 64 hashes of 32 bytes")]
    Proof,
    /// The proof does not lead from the record to the root.
    #[error(
        "the proof does not lead to the checkpoint: the record, its index or the proof was changed"
    )]
    NotIncluded,
    /// The record is proven, and of a newer version.
    #[error(
        "the receipt is for a record of format {0}, written by a newer motlan: use that version or \
         a later one to read it"
    )]
    Newer(u32),
    /// What is proven to stand in the log is no record.
    #[error("the receipt is for something that is no record")]
    NoRecord,
}

/// Checks that the log of `key` holds the receipt's record at its index. Needs neither gateway nor
/// network.
pub fn verify_receipt(receipt: &Receipt, key: &VerifierKey) -> Result<Proven, ReceiptError> {
    // R36: from the receipt and the key alone.
    let checkpoint = Checkpoint::open(&receipt.checkpoint, key)?;
    if receipt.proof.len() > PROOF_HASHES_MAX {
        return Err(ReceiptError::Proof);
    }
    let hash = |bytes: &Vec<u8>| Hash::try_from(bytes.as_slice());
    let proof: Result<Vec<Hash>, _> = receipt.proof.iter().map(hash).collect();
    let proof = proof.map_err(|_| ReceiptError::Proof)?;
    let leaf = leaf_hash(&receipt.leaf);
    if !is_included(
        &leaf,
        receipt.index,
        checkpoint.size,
        &proof,
        &checkpoint.root,
    ) {
        return Err(ReceiptError::NotIncluded);
    }
    // Only behind the proof: a changed byte is a number too.
    if let Some(format) = leaf_format(&receipt.leaf).filter(|format| *format > FORMAT) {
        return Err(ReceiptError::Newer(format));
    }
    let record = Record::decode(receipt.leaf.as_slice()).map_err(|_| ReceiptError::NoRecord)?;
    let id = checkpoint.origin.record_id(receipt.index);
    Ok(Proven {
        record,
        id,
        origin: checkpoint.origin,
        size: checkpoint.size,
    })
}
