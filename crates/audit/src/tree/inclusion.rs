//! Inclusion proofs, made and checked.

use super::climb::climb;
use super::nodes::{Nodes, split, subtree};
use super::{Hash, node_hash};

/// The inclusion proof of leaf `index` in the tree of the first `size` leaves: the siblings from
/// the leaf upward (RFC 6962 section 2.1.1). `index` must be below the size.
pub(crate) fn inclusion<N: Nodes>(
    nodes: &mut N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, N::Error> {
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::with_capacity(40);
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(subtree(nodes, middle, high)?);
            high = middle;
        } else {
            proof.push(subtree(nodes, low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Whether `proof` leads from `leaf` at `index` to the `root` of a tree of `size` leaves
/// (RFC 9162 section 2.1.3.2).
pub(crate) fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let mut hash = *leaf;
    let arrives = climb(index, size - 1, proof, |sibling, is_left| {
        hash = match is_left {
            true => node_hash(sibling, &hash),
            false => node_hash(&hash, sibling),
        };
    });
    arrives && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Kept, Tiles, Tree, leaf_hash};

    /// The hash of a tree as the RFC defines it, with no state and no cleverness.
    fn slow_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [one] => *one,
            many => {
                let mut k = 1;
                while k * 2 < many.len() {
                    k *= 2;
                }
                node_hash(&slow_root(&many[..k]), &slow_root(&many[k..]))
            }
        }
    }

    /// The root that a proof leads to, walking down from the top as the RFC writes PATH.
    fn slow_lead(leaf: Hash, index: usize, size: usize, proof: &[Hash]) -> Option<Hash> {
        if size == 1 {
            return proof.is_empty().then_some(leaf);
        }
        let (top, rest) = proof.split_last()?;
        let mut k = 1;
        while k * 2 < size {
            k *= 2;
        }
        if index < k {
            Some(node_hash(&slow_lead(leaf, index, k, rest)?, top))
        } else {
            Some(node_hash(top, &slow_lead(leaf, index - k, size - k, rest)?))
        }
    }

    #[test]
    fn every_proof_up_to_300_leaves_leads_to_the_root_by_two_ways() {
        let folder = tempfile::tempdir().unwrap();
        let tiles = Tiles::new(folder.path());
        let leaves: Vec<Hash> = (0..300_u32).map(|n| leaf_hash(&n.to_le_bytes())).collect();
        let mut tree = Tree::default();
        for size in 1..=leaves.len() {
            tree.push(leaves[size - 1]);
            tiles.keep(&mut tree).unwrap();
            let root = slow_root(&leaves[..size]);
            assert_eq!(tree.root(), root, "size {size}");
            let mut kept = Kept::new(tree.edge(), &tiles);
            for (index, leaf) in leaves[..size].iter().enumerate() {
                let proof = inclusion(&mut kept, index as u64, size as u64).unwrap();
                assert_eq!(
                    slow_lead(*leaf, index, size, &proof),
                    Some(root),
                    "{index} of {size}"
                );
                assert!(is_included(leaf, index as u64, size as u64, &proof, &root));
            }
        }
    }

    #[test]
    fn a_proof_for_another_place_leaf_size_or_root_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let tiles = Tiles::new(folder.path());
        let mut tree = Tree::default();
        let leaves: Vec<Hash> = (0..13_u32).map(|n| leaf_hash(&n.to_le_bytes())).collect();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        let root = tree.root();
        let proof = inclusion(&mut Kept::new(tree.edge(), &tiles), 5, 13).unwrap();
        assert!(is_included(&leaves[5], 5, 13, &proof, &root));
        assert!(!is_included(&leaves[5], 4, 13, &proof, &root));
        assert!(!is_included(&leaves[4], 5, 13, &proof, &root));
        assert!(!is_included(&leaves[5], 5, 8, &proof, &root));
        assert!(!is_included(&leaves[5], 13, 13, &proof, &root));
        assert!(!is_included(&leaves[5], 5, 13, &proof[1..], &root));
        assert!(!is_included(
            &leaves[5],
            5,
            13,
            &[&proof[..], &[root]].concat(),
            &root
        ));
        assert!(!is_included(&leaves[5], 5, 13, &proof, &leaves[0]));
        assert!(!is_included(&leaves[5], 5, 0, &proof, &root));
    }
}
