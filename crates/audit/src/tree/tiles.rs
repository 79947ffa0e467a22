//! Tile files: the hashes of the tree at heights 0, 8, 16 …, 256 to a file, in the layout of C2SP
//! tlog-tiles. They are derived from the segments: never synced, and rebuilt when the ledger opens.
//! Only full tiles are written; a partial one is a prefix of the full one and is held in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::{Edge, Hash, Nodes, TILE_HASHES, TILE_HEIGHT, Tree, node_hash};
use crate::disk::{self, Disk};

/// The size of a full tile.
const TILE_BYTES: usize = TILE_HASHES * 32;

/// The name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// 0 holds leaf hashes, 1 the roots of 256 leaves each, and so on.
    pub(crate) level: u8,
    /// Counted from the left within its level.
    pub(crate) index: u64,
}

/// A tile's file that could not be read or written.
#[derive(Debug, Error)]
#[error("cannot use the tile `{}`", file.display())]
pub(crate) struct TileError {
    /// The file.
    pub(crate) file: PathBuf,
    pub(crate) source: io::Error,
}

impl TileError {
    /// Whether there is no such tile: none, or a file of another length.
    pub(crate) fn is_missing(&self) -> bool {
        use io::ErrorKind::{InvalidData, NotFound};
        matches!(self.source.kind(), NotFound | InvalidData)
    }
}

/// Why a node of the tree could not be had.
#[derive(Debug, Error)]
pub(crate) enum NodeError {
    /// The tile that holds it could not be read.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The tree does not have such a node.
    #[error("the tree has no node {index} at height {height}")]
    Missing { height: u8, index: u64 },
}

/// The folder of tile files.
#[derive(Clone, Debug)]
pub(crate) struct Tiles {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl Tiles {
    /// The tiles of the ledger in `ledger`.
    #[cfg(test)]
    pub(crate) fn new(ledger: &Path) -> Tiles {
        Tiles::through(Arc::new(disk::LocalDisk), ledger)
    }

    /// The tiles of the ledger in `ledger`, written and read through `disk`.
    pub(crate) fn through(disk: Arc<dyn Disk>, ledger: &Path) -> Tiles {
        Tiles {
            disk,
            folder: ledger.join("tile"),
        }
    }

    /// Where `tile` lies: `<level>/x001/x234/067` for index 1,234,067.
    pub(crate) fn path(&self, tile: Tile) -> PathBuf {
        let mut groups = vec![format!("{:03}", tile.index % 1000)];
        let mut rest = tile.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        let mut path = self.folder.join(tile.level.to_string());
        path.extend(groups.iter().rev());
        path
    }

    /// Writes the full tiles of `tree` and lets the tree forget them. A tile that is there and
    /// right stays; one that is there and wrong is told of and replaced.
    pub(crate) fn keep(&self, tree: &mut Tree) -> Result<(), TileError> {
        for (tile, hashes) in tree.full_tiles() {
            match self.read(tile) {
                Ok(read) if read == hashes => continue,
                Ok(_) => {
                    let file = self.path(tile);
                    tracing::warn!(file = %file.display(), "replaced a tile that was wrong");
                }
                Err(_) => {}
            }
            self.write(tile, hashes)?;
        }
        tree.drop_full_tiles();
        Ok(())
    }

    /// Writes a full tile; whoever reads meanwhile finds none or the whole.
    pub(crate) fn write(&self, tile: Tile, hashes: &[Hash]) -> Result<(), TileError> {
        let file = self.path(tile);
        let write = || {
            if let Some(folder) = file.parent() {
                disk::create_folders(&*self.disk, folder)?;
            }
            let fresh = file.with_extension("new");
            let opened = self.disk.create(&fresh)?;
            self.disk.write(&opened, hashes.as_flattened(), 0)?;
            self.disk.rename(&fresh, &file)
        };
        write().map_err(|source| TileError {
            file: file.clone(),
            source,
        })
    }

    /// The hashes of a full tile.
    pub(crate) fn read(&self, tile: Tile) -> Result<Vec<Hash>, TileError> {
        let file = self.path(tile);
        let read = || {
            let opened = self.disk.open_to_read(&file)?;
            if opened.metadata()?.len() != TILE_BYTES as u64 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = vec![0; TILE_BYTES];
            disk::read_exact(&*self.disk, &opened, &mut bytes, 0)?;
            let (hashes, _) = bytes.as_chunks::<32>();
            Ok(hashes.to_vec())
        };
        read().map_err(|source| TileError {
            file: file.clone(),
            source,
        })
    }
}

/// All nodes of a tree at one size: the right edge from memory, the rest from tile files.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    edge: Edge,
    tiles: &'a Tiles,
    /// The tile of each level that was read last: one proof asks the same one several times.
    read: Vec<(Tile, Vec<Hash>)>,
}

impl<'a> Kept<'a> {
    /// The tree whose right edge is `edge` and whose full tiles lie in `tiles`.
    pub(crate) fn new(edge: Edge, tiles: &'a Tiles) -> Kept<'a> {
        Kept {
            edge,
            tiles,
            read: Vec::new(),
        }
    }

    /// How many leaves the tree has.
    pub(crate) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// `count` hashes of a tile level from `first` on, all of one tile.
    pub(crate) fn hashes(
        &mut self,
        level: u8,
        first: u64,
        count: usize,
    ) -> Result<&[Hash], NodeError> {
        let Kept { edge, tiles, read } = self;
        match edge.hashes(level, first, count) {
            Some(hashes) => Ok(hashes),
            None => on_disk(tiles, read, level, first, count),
        }
    }
}

/// The same from a file, or from `read`, which holds the tile of each level that was read last.
fn on_disk<'a>(
    tiles: &Tiles,
    read: &'a mut Vec<(Tile, Vec<Hash>)>,
    level: u8,
    first: u64,
    count: usize,
) -> Result<&'a [Hash], NodeError> {
    let tile = Tile {
        level,
        index: first / TILE_HASHES as u64,
    };
    if !read.iter().any(|(read, _)| *read == tile) {
        let hashes = tiles.read(tile)?;
        read.retain(|(read, _)| read.level != level);
        read.push((tile, hashes));
    }
    let hashes = read
        .iter()
        .find(|(read, _)| *read == tile)
        .map(|(_, hashes)| hashes);
    let from = usize::try_from(first % TILE_HASHES as u64).unwrap_or(usize::MAX);
    hashes
        .and_then(|hashes| hashes.get(from..from.checked_add(count)?))
        .ok_or(NodeError::Missing {
            height: level * TILE_HEIGHT,
            index: first,
        })
}

impl Nodes for Kept<'_> {
    type Error = NodeError;

    fn node(&mut self, height: u8, index: u64) -> Result<Hash, NodeError> {
        let (level, within) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let hashes = self.hashes(level, index << within, 1 << within)?;
        fold(hashes).ok_or(NodeError::Missing { height, index })
    }
}

/// The root over a power of two of hashes.
pub(crate) fn fold(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            Some(node_hash(&fold(left)?, &fold(right)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_where_tlog_tiles_puts_them() {
        let tiles = Tiles::new(Path::new("log"));
        let at = |level, index| tiles.path(Tile { level, index }).display().to_string();
        assert_eq!(at(0, 0), "log/tile/0/000");
        assert_eq!(at(1, 999), "log/tile/1/999");
        assert_eq!(at(0, 1_234_067), "log/tile/0/x001/x234/067");
        assert_eq!(at(2, 1000), "log/tile/2/x001/000");
    }

    #[test]
    fn proofs_over_many_tiles_come_out_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let tiles = Tiles::new(folder.path());
        let mut tree = Tree::default();
        let leaf = |n: u64| super::super::leaf_hash(&n.to_le_bytes());
        let size = 66_000;
        for n in 0..size {
            tree.push(leaf(n));
        }
        tiles.keep(&mut tree).unwrap();
        let root = tree.root();
        let mut kept = Kept::new(tree.edge(), &tiles);
        for index in [0, 1, 255, 256, 65_535, 65_536, 65_800, size - 1] {
            let proof = super::super::inclusion(&mut kept, index, size).unwrap();
            assert!(
                super::super::is_included(&leaf(index), index, size, &proof, &root),
                "{index}"
            );
        }
    }
}
