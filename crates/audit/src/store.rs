//! The store behind the committer: a trait with one method, and the files that it is by default.

mod files;
mod positions;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::disk;
use crate::frame::{Part, Parts, Place};

pub(crate) use files::{Files, SPARE};
pub(crate) use positions::{Position, Positions};

/// Where records are kept.
pub trait Store: Send {
    /// Returns once `batch` would survive a power cut. After an error the ledger is never written
    /// again: it is not known how much of the batch lasts, and a second try could be believed
    /// wrongly. Not trusted with order: the tree catches a store that shuffles.
    fn commit(&mut self, batch: &Batch) -> Result<Ack, StoreError>;
}

/// What one commit writes: consecutive records, at least one.
#[derive(Debug)]
pub struct Batch {
    pub(crate) place: Place,
    pub(crate) count: u32,
    /// The records as they stand in a frame's body.
    pub(crate) body: Vec<u8>,
}

impl Batch {
    /// The index of the first record.
    pub fn first(&self) -> u64 {
        self.place.first
    }

    /// How many records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The root of the tree before the first record: what these records were written after.
    pub fn root_before(&self) -> &[u8; 32] {
        &self.place.root
    }

    /// The records in order, each as its leaf and its encoded sealed part.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Parts(&self.body)
            .flatten()
            .map(|Part { leaf, sealed }| (leaf, sealed))
    }

    /// The size of the log with this batch.
    pub(crate) fn size_after(&self) -> u64 {
        self.place.first + u64::from(self.count)
    }
}

/// A store's word that a batch would survive a power cut.
#[must_use]
#[derive(Debug)]
pub struct Ack {
    size: u64,
}

impl Ack {
    /// States that every record up to the last of `batch` would survive a power cut. Only for
    /// stores: this is what nobody can check for them.
    pub fn assertion(batch: &Batch) -> Ack {
        Ack {
            size: batch.size_after(),
        }
    }

    /// How many records the store answers for.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// Why a store did not commit.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk, or our share of it, is full.
    #[error(
        "cannot write `{}`: the disk is full; make room, then start again: all that was \
         acknowledged is there",
        file.display()
    )]
    Full {
        /// The file.
        file: PathBuf,
    },
    /// Writing or syncing failed.
    #[error("cannot write `{}`", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No new segment could be made.
    #[error("cannot make the segment `{}`", file.display())]
    Segment {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file that is being written is no longer under its name.
    #[error(
        "`{}` was deleted or replaced while the ledger was writing it: put it back, then start \
         again",
        file.display()
    )]
    Gone {
        /// The file.
        file: PathBuf,
    },
    /// Another store's reason.
    #[error("the store failed")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// A write or sync of `file` that failed.
    pub(crate) fn write(file: PathBuf, source: io::Error) -> StoreError {
        match disk::is_full(&source) {
            true => StoreError::Full { file },
            false => StoreError::Write { file, source },
        }
    }

    /// The segment `file` could not be made or opened.
    pub(crate) fn segment(file: PathBuf, source: io::Error) -> StoreError {
        match disk::is_full(&source) {
            true => StoreError::Full { file },
            false => StoreError::Segment { file, source },
        }
    }
}
