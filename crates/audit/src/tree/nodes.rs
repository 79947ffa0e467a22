//! The nodes of a tree, wherever they lie, and the hashes that follow from them.

use super::{Hash, node_hash, sha256};

/// Where the nodes of a tree can be had.
pub(crate) trait Nodes {
    /// Why a node could not be had.
    type Error;

    /// The hash of the perfect subtree of `height`, the `index`th from the left.
    fn node(&mut self, height: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of the tree of the first `size` leaves.
pub(crate) fn root<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    match size {
        0 => Ok(sha256(&[])),
        _ => subtree(nodes, 0, size),
    }
}

/// The hash over the leaves `low..high`; `low` is a multiple of the smallest power of two that is
/// not below their number.
pub(super) fn subtree<N: Nodes>(nodes: &mut N, low: u64, high: u64) -> Result<Hash, N::Error> {
    let leaves = high - low;
    if leaves.is_power_of_two() {
        let height = leaves.trailing_zeros();
        return nodes.node(u8::try_from(height).unwrap_or(u8::MAX), low >> height);
    }
    let middle = low + split(leaves);
    let left = subtree(nodes, low, middle)?;
    Ok(node_hash(&left, &subtree(nodes, middle, high)?))
}

/// The largest power of two below `leaves`, which must be at least two.
pub(super) fn split(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}
