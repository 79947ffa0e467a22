//! Proofs from the files of a ledger alone: for whoever has the folder, and not the gateway.
//!
//! What is proven stands under a checkpoint that the log signed, so the files need no trust: where
//! they are not those of the checkpoint, no proof comes out.

mod error;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motlan_api::audit::v1::Receipt;

use crate::checkpoint::{self, Checkpoint};
use crate::disk::{self, Disk, LocalDisk};
use crate::format;
use crate::frame::Part;
use crate::identity::Identity;
use crate::leaves::Leaves;
use crate::ledger::ReadError;
use crate::origin::RecordId;
use crate::proof::ConsistencyProof;
use crate::segment::{self, Header};
use crate::store::Position;
use crate::tree::{
    Hash, Nodes, TILE_HASHES, TILE_HEIGHT, Tile, Tiles, consistency, earlier_root, fold, inclusion,
    is_consistent, is_included, leaf_hash, root,
};

pub use error::ProveError;

/// Makes proofs from the files of a ledger, which may be open meanwhile. Changes nothing.
#[derive(Debug)]
pub struct Prover {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    identity: Identity,
    /// How many records the folder's own checkpoint speaks for.
    size: u64,
    note: String,
    /// `None` once they were found wrong.
    tiles: Option<Tiles>,
    /// The tile of each level that was had last.
    read: Vec<(Tile, Vec<Hash>)>,
    /// Where each segment begins.
    segments: Vec<Position>,
    /// The frame that was read last.
    last: Option<Position>,
}

/// One of the two trees of a consistency proof.
#[derive(Clone, Copy, Debug)]
pub enum TreeAt<'a> {
    /// The log when it had that many records.
    Size(u64),
    /// The log of this checkpoint, a signed note.
    Checkpoint(&'a str),
}

/// A tree that was found to be the log's.
struct KnownTree {
    size: u64,
    root: Hash,
    note: Option<String>,
}

impl Prover {
    /// Reads which log the folder holds, and its checkpoint.
    pub fn open(folder: &Path) -> Result<Prover, ProveError> {
        Prover::open_through(Arc::new(LocalDisk), folder)
    }

    /// As [`Prover::open`], reading through `disk`.
    pub fn open_through(disk: Arc<dyn Disk>, folder: &Path) -> Result<Prover, ProveError> {
        let identity = Identity::read_through(&*disk, folder)?;
        let note = checkpoint::read(&*disk, folder).map_err(|source| ReadError::Io {
            file: folder.join(checkpoint::FILE),
            source,
        })?;
        // R107: all of it or nothing.
        format::look(&*disk, folder, identity.id).map_err(ReadError::from)?;
        let mut prover = Prover {
            segments: segments(&*disk, folder, &identity)?,
            tiles: Some(Tiles::through(Arc::clone(&disk), folder)),
            folder: folder.to_owned(),
            disk,
            identity,
            size: 0,
            note: String::new(),
            read: Vec::new(),
            last: None,
        };
        prover.size = prover.believe(&note)?.size;
        prover.note = note;
        Ok(prover)
    }

    /// The checkpoint in the folder.
    pub fn checkpoint(&self) -> &str {
        &self.note
    }

    /// The name of record `index`, whether there is one or not.
    pub fn record_id(&self, index: u64) -> RecordId {
        self.identity.origin.record_id(index)
    }

    /// Which log it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How many records the folder's own checkpoint speaks for.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of the first `size` records, whether a checkpoint speaks for them or
    /// not.
    pub(crate) fn root(&mut self, size: u64) -> Result<Hash, ReadError> {
        root(self, size)
    }

    /// The proof that record `index` stands in the log of the checkpoint `note`.
    pub fn inclusion(&mut self, index: u64, note: &str) -> Result<Receipt, ProveError> {
        let Checkpoint { size, root, .. } = self.believe(note)?;
        if index >= size {
            return Err(ProveError::NoRecord { index, size });
        }
        self.proven(size, |prover| {
            let mut leaf = Vec::new();
            prover.leaves(index, index + 1, &mut |read| leaf = read.to_vec())?;
            let proof = inclusion(prover, index, size)?;
            let holds = is_included(&leaf_hash(&leaf), index, size, &proof, &root);
            Ok(holds.then(|| Receipt {
                leaf,
                index,
                proof: proof.iter().map(|hash| hash.to_vec()).collect(),
                checkpoint: note.to_owned(),
            }))
        })
    }

    /// The proof that the log of `new` begins with all records of `old`.
    pub fn consistency(
        &mut self,
        old: TreeAt<'_>,
        new: TreeAt<'_>,
    ) -> Result<ConsistencyProof, ProveError> {
        let (old, new) = (self.known(old)?, self.known(new)?);
        let (old_size, new_size) = (old.size, new.size);
        if old_size > new_size {
            return Err(ProveError::Order { old_size, new_size });
        }
        let hashes = self.proven(new_size, |prover| {
            let hashes = consistency(prover, old_size, new_size)?;
            let (old, new) = ((old_size, &old.root), (new_size, &new.root));
            Ok(is_consistent(old, new, &hashes).then_some(hashes))
        })?;
        Ok(ConsistencyProof::new(old_size, hashes, new.note))
    }

    /// A tree that the folder's log has or had.
    fn known(&mut self, tree: TreeAt<'_>) -> Result<KnownTree, ProveError> {
        let (own, signed) = (self.note.clone(), self.size);
        let note = match tree {
            TreeAt::Checkpoint(note) => note.to_owned(),
            TreeAt::Size(size) if size > signed => return Err(ProveError::Size { size, signed }),
            TreeAt::Size(_) => own,
        };
        let checkpoint = self.believe(&note)?;
        let signed = (checkpoint.size, &checkpoint.root);
        let (size, note) = match tree {
            TreeAt::Size(size) if size < signed.0 => (size, None),
            _ => (signed.0, Some(note)),
        };
        let root = self.proven(signed.0, |prover| match note {
            Some(_) => Ok(Some(root(prover, size)?).filter(|root| root == signed.1)),
            None => earlier_root(prover, size, signed),
        })?;
        Ok(KnownTree { size, root, note })
    }

    /// What `make` makes, if it leads to the root of the first `size` records. A tile that was
    /// changed is no evidence against the log, so it is tried a second time with the records alone.
    fn proven<T>(
        &mut self,
        size: u64,
        make: impl Fn(&mut Prover) -> Result<Option<T>, ReadError>,
    ) -> Result<T, ProveError> {
        if let Some(made) = make(self).map_err(|error| self.dropped(size, error))? {
            return Ok(made);
        }
        self.tiles = None;
        self.read.clear();
        let made = make(self).map_err(|error| self.dropped(size, error))?;
        made.ok_or(ProveError::OtherRecords { size })
    }

    /// Tells records that are not there from damage. The folder's own checkpoint is a little behind
    /// the newest one while the gateway runs, so it alone does not say what is there.
    fn dropped(&self, size: u64, error: ReadError) -> ProveError {
        let signed = self.size;
        match error {
            ReadError::Damaged { index } if index >= signed => ProveError::Ahead { size, signed },
            other => other.into(),
        }
    }

    fn believe(&self, note: &str) -> Result<Checkpoint, ProveError> {
        let checkpoint = Checkpoint::open(note, &self.identity.key)?;
        if checkpoint.origin == self.identity.origin {
            return Ok(checkpoint);
        }
        Err(ProveError::OtherLog {
            folder: self.identity.origin.to_string(),
            checkpoint: checkpoint.origin.to_string(),
        })
    }

    fn leaves(
        &mut self,
        first: u64,
        end: u64,
        visit: &mut dyn FnMut(&[u8]),
    ) -> Result<(), ReadError> {
        self.parts(first, end, &mut |part| visit(part.leaf))
    }

    /// Gives the records `first..end` as they stand on disk to `visit`.
    pub(crate) fn parts(
        &mut self,
        first: u64,
        end: u64,
        visit: &mut dyn FnMut(Part<'_>),
    ) -> Result<(), ReadError> {
        let (segments, last) = (&self.segments, self.last);
        let near = |index| {
            let after = segments.partition_point(|segment| segment.first <= index);
            let segment = segments.get(after.checked_sub(1)?).copied()?;
            // Whoever reads from front to back need not begin each time with the segment.
            let last = last.filter(|last| last.segment == segment.segment && last.first <= index);
            Some(last.unwrap_or(segment))
        };
        let leaves = Leaves {
            disk: &*self.disk,
            folder: &self.folder,
            log: self.identity.id,
        };
        let last = leaves.parts(first, end, near, visit)?;
        self.last = last.or(self.last);
        Ok(())
    }

    /// The first hashes of a tile, at least `least`: from its file, or, where that is missing or
    /// not full, from what lies below it.
    fn tile(&mut self, tile: Tile, least: usize) -> Result<Vec<Hash>, ReadError> {
        let known = self.read.iter().find(|(read, _)| *read == tile);
        if let Some((_, hashes)) = known.filter(|(_, hashes)| hashes.len() >= least) {
            return Ok(hashes.clone());
        }
        let on_disk = self.tiles.as_ref().and_then(|tiles| tiles.read(tile).ok());
        let hashes = match on_disk {
            Some(hashes) => hashes,
            None => self.rebuild(tile, least)?,
        };
        self.read.retain(|(read, _)| read.level != tile.level);
        self.read.push((tile, hashes.clone()));
        Ok(hashes)
    }

    fn rebuild(&mut self, tile: Tile, least: usize) -> Result<Vec<Hash>, ReadError> {
        let first = tile.index * TILE_HASHES as u64;
        let end = first + least as u64;
        let mut hashes = Vec::with_capacity(least);
        let Some(level) = tile.level.checked_sub(1) else {
            self.leaves(first, end, &mut |leaf| hashes.push(leaf_hash(leaf)))?;
            return Ok(hashes);
        };
        for index in first..end {
            let below = self.tile(Tile { level, index }, TILE_HASHES)?;
            hashes.extend(fold(&below));
        }
        Ok(hashes)
    }
}

impl Nodes for Prover {
    type Error = ReadError;

    fn node(&mut self, height: u8, index: u64) -> Result<Hash, ReadError> {
        let (level, within) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let first = index << within;
        let tile = Tile {
            level,
            index: first / TILE_HASHES as u64,
        };
        let damaged = || ReadError::Damaged { index: first };
        let from = usize::try_from(first % TILE_HASHES as u64).map_err(|_| damaged())?;
        let end = from + (1 << within);
        let hashes = self.tile(tile, end)?;
        hashes.get(from..end).and_then(fold).ok_or_else(damaged)
    }
}

/// Where each segment begins, by its header.
fn segments(
    disk: &dyn Disk,
    folder: &Path,
    identity: &Identity,
) -> Result<Vec<Position>, ReadError> {
    let failed = |file: PathBuf| move |source: io::Error| ReadError::Io { file, source };
    let listed = segment::list(disk, folder);
    let (numbers, _) = listed.map_err(failed(segment::folder(folder)))?;
    let mut segments: Vec<Position> = Vec::new();
    for number in numbers {
        let path = segment::path(folder, number);
        let mut bytes = [0; segment::HEADER_BYTES];
        disk.open_to_read(&path)
            .and_then(|file| disk::read_exact(disk, &file, &mut bytes, 0))
            .map_err(failed(path))?;
        let index = segments.last().map_or(0, |last| last.first);
        let right = |header: &Header| {
            header.log == identity.id && header.number == number && header.first >= index
        };
        let header = Header::decode(&bytes).filter(right);
        segments.push(Position {
            first: header.ok_or(ReadError::Damaged { index })?.first,
            segment: number,
            offset: segment::HEADER_BYTES as u64,
        });
    }
    Ok(segments)
}
