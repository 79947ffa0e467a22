//! The Merkle tree of RFC 6962 over the records' leaf hashes.
//!
//! [`Tree`] holds in memory what the next append and the next root need, and the tiles of the right
//! edge that are not on disk yet: at most 256 hashes for each of eight levels, plus the full tiles
//! of the batch under way. Everything left of that lies in tile files, see [`tiles`].

mod climb;
mod consistency;
mod inclusion;
mod nodes;
mod tiles;

use aws_lc_rs::digest::{Context, SHA256, digest};

pub(crate) use consistency::{consistency, earlier_root, is_consistent};
pub(crate) use inclusion::{inclusion, is_included};
pub(crate) use nodes::{Nodes, root};
pub(crate) use tiles::{Kept, NodeError, Tile, TileError, Tiles, fold};

/// SHA-256, as everywhere in the log.
pub type Hash = [u8; 32];

/// How many hashes a full tile holds (C2SP tlog-tiles).
pub(crate) const TILE_HASHES: usize = 256;
/// How many levels of the tree a tile spans.
pub(crate) const TILE_HEIGHT: u8 = 8;

/// Few leaves are longer.
const SHORT_LEAF_BYTES: usize = 1023;

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The hash of a leaf: SHA-256(0x00 ‖ leaf), RFC 6962 section 2.1.
pub(crate) fn leaf_hash(leaf: &[u8]) -> Hash {
    // Copying a leaf is quicker than a hash in two steps, which needs memory of its own.
    let mut bytes = [0; 1 + SHORT_LEAF_BYTES];
    if let Some(place) = bytes.get_mut(1..=leaf.len()) {
        place.copy_from_slice(leaf);
        return sha256(bytes.get(..=leaf.len()).unwrap_or_default());
    }
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(leaf);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    let (head, tail) = bytes.split_at_mut(33);
    if let Some((_, slot)) = head.split_first_mut() {
        slot.copy_from_slice(left);
    }
    tail.copy_from_slice(right);
    sha256(&bytes)
}

/// A tree that grows at its right edge.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    size: u64,
    /// The roots of the perfect subtrees that make up the tree, widest first: one per set bit of
    /// `size`.
    peaks: Vec<Hash>,
    /// The hashes at heights 0, 8, 16 …, from the first that no tile file is known to hold.
    levels: Vec<Level>,
}

/// The right edge of one tile level.
#[derive(Clone, Debug, Default)]
struct Level {
    /// The index of the first hash in `hashes`; a multiple of 256.
    start: u64,
    hashes: Vec<Hash>,
}

impl Tree {
    /// How many leaves it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.keep(0, leaf);
        let mut hash = leaf;
        let mut height = 0;
        // Each trailing one of the size is a perfect subtree that the new leaf completes to a wider
        // one.
        while (self.size >> height) & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            height += 1;
            if height % TILE_HEIGHT == 0 {
                self.keep(usize::from(height / TILE_HEIGHT), hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    fn keep(&mut self, level: usize, hash: Hash) {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
        if let Some(level) = self.levels.get_mut(level) {
            level.hashes.push(hash);
        }
    }

    /// The root; of the empty tree SHA-256 of nothing.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(narrowest) = peaks.next() else {
            return sha256(&[]);
        };
        peaks.fold(*narrowest, |right, left| node_hash(left, &right))
    }

    /// The full tiles that are still held in memory, lowest level first.
    pub(crate) fn full_tiles(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        self.levels.iter().zip(0..).flat_map(|(edge, level)| {
            let first = edge.start / TILE_HASHES as u64;
            edge.hashes
                .chunks_exact(TILE_HASHES)
                .zip(first..)
                .map(move |(hashes, index)| (Tile { level, index }, hashes))
        })
    }

    /// Lets go of the full tiles, once they lie in files.
    pub(crate) fn drop_full_tiles(&mut self) {
        for edge in &mut self.levels {
            let full = edge.hashes.len() / TILE_HASHES * TILE_HASHES;
            edge.hashes.drain(..full);
            edge.start += full as u64;
        }
    }

    /// A copy of the right edge, with which proofs for this size can be made while the tree grows
    /// on.
    pub(crate) fn edge(&self) -> Edge {
        Edge {
            size: self.size,
            levels: self.levels.clone(),
        }
    }
}

/// The right edge of a tree at one size.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Level>,
}

impl Edge {
    /// The size of the tree it was taken from.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How many hashes a tile level has in the whole tree.
    pub(crate) fn hashes_at(&self, level: u8) -> u64 {
        let shift = u32::from(level) * u32::from(TILE_HEIGHT);
        self.size.checked_shr(shift).unwrap_or(0)
    }

    /// `count` hashes of a tile level from `first` on, if they are held here.
    fn hashes(&self, level: u8, first: u64, count: usize) -> Option<&[Hash]> {
        let edge = self.levels.get(usize::from(level))?;
        let from = usize::try_from(first.checked_sub(edge.start)?).ok()?;
        edge.hashes.get(from..from.checked_add(count)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves of the reference test vectors of RFC 6962's authors.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn leaves_of_any_length_are_hashed_alike() {
        for length in [0, 1, 1022, 1023, 1024, 1025, 65_535] {
            let leaf = vec![7; length];
            let due = sha256(&[&[0], leaf.as_slice()].concat());
            assert_eq!(leaf_hash(&leaf), due, "{length}");
        }
    }

    #[test]
    fn the_empty_tree_has_the_hash_of_nothing_as_root() {
        let root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Tree::default().root().to_vec(), hex(root));
    }

    #[test]
    fn roots_are_those_of_the_published_test_vectors() {
        let mut tree = Tree::default();
        for (leaf, root) in LEAVES.iter().zip(ROOTS) {
            tree.push(leaf_hash(&hex(leaf)));
            assert_eq!(tree.root().to_vec(), hex(root), "size {}", tree.size());
        }
    }

    #[test]
    fn memory_stays_flat_when_full_tiles_are_let_go() {
        let mut tree = Tree::default();
        for n in 0..70_000_u64 {
            tree.push(leaf_hash(&n.to_le_bytes()));
            if n % 1000 == 0 {
                tree.drop_full_tiles();
            }
        }
        let held: usize = tree.levels.iter().map(|edge| edge.hashes.len()).sum();
        assert!(held < 3 * TILE_HASHES + 1000, "{held} hashes in memory");
    }
}
