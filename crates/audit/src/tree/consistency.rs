//! Consistency proofs, made and checked: that a tree begins with all leaves of an earlier one.

use super::climb::climb;
use super::nodes::{Nodes, root, split, subtree};
use super::{Hash, node_hash, sha256};

/// The proof that the tree of the first `size` leaves begins with that of the first `old`
/// (RFC 6962 section 2.1.2). Empty where nothing is to be proven: of the empty tree, and of the
/// same. `old` must not be above `size`.
pub(crate) fn consistency<N: Nodes>(
    nodes: &mut N,
    old: u64,
    size: u64,
) -> Result<Vec<Hash>, N::Error> {
    if old == 0 {
        return Ok(Vec::new());
    }
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::with_capacity(40);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(subtree(nodes, middle, high)?);
            high = middle;
        } else {
            proof.push(subtree(nodes, low, middle)?);
            low = middle;
        }
    }
    // The verifier has the old root, so it needs the last subtree only where that is not all of it.
    if low > 0 {
        proof.push(subtree(nodes, low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether `proof` shows that the tree of `size` leaves and `root` begins with all leaves of the
/// tree of `old_size` and `old_root` (RFC 9162 section 2.1.4.2; for the empty tree, C2SP
/// tlog-witness).
pub(crate) fn is_consistent(
    (old_size, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if old_size > size || (size == 0 && *root != sha256(&[])) {
        return false;
    }
    if old_size == size || old_size == 0 {
        let due = if old_size == 0 { sha256(&[]) } else { *root };
        return proof.is_empty() && *old_root == due;
    }
    let shift = (old_size - 1).trailing_ones();
    let (node, last) = ((old_size - 1) >> shift, (size - 1) >> shift);
    // A tree of a power of two is itself the first subtree, and the proof leaves it out.
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some(first_and_rest) => first_and_rest,
        None => return false,
    };
    let (mut old_hash, mut hash) = (*first, *first);
    let arrives = climb(node, last, rest, |sibling, is_left| {
        if is_left {
            old_hash = node_hash(sibling, &old_hash);
            hash = node_hash(sibling, &hash);
        } else {
            hash = node_hash(&hash, sibling);
        }
    });
    arrives && old_hash == *old_root && hash == *root
}

/// The root of the first `size` leaves, if it is one that the tree of `signed` began with: nodes
/// can come from files that were changed.
pub(crate) fn earlier_root<N: Nodes>(
    nodes: &mut N,
    size: u64,
    signed: (u64, &Hash),
) -> Result<Option<Hash>, N::Error> {
    let root = root(nodes, size)?;
    let proof = consistency(nodes, size, signed.0)?;
    Ok(is_consistent((size, &root), signed, &proof).then_some(root))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::{Kept, Tiles, Tree, leaf_hash};

    /// The leaves of a tree from which every node can be had, slowly.
    struct Slow(Vec<Hash>);

    impl Nodes for Slow {
        type Error = std::convert::Infallible;

        fn node(&mut self, height: u8, index: u64) -> Result<Hash, Self::Error> {
            let first = (index << height) as usize;
            Ok(slow_root(&self.0[first..first + (1 << height)]))
        }
    }

    /// The hash of a tree as the RFC defines it, with no state and no cleverness.
    fn slow_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [one] => *one,
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                node_hash(&slow_root(left), &slow_root(right))
            }
        }
    }

    /// PROOF(m, D[n]) as the RFC writes it.
    fn slow_proof(old: usize, leaves: &[Hash]) -> Vec<Hash> {
        fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
            if old == leaves.len() {
                return if known {
                    vec![]
                } else {
                    vec![slow_root(leaves)]
                };
            }
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            let (mut proof, sibling) = if old <= left.len() {
                (subproof(old, left, known), slow_root(right))
            } else {
                (subproof(old - left.len(), right, false), slow_root(left))
            };
            proof.push(sibling);
            proof
        }
        subproof(old, leaves, true)
    }

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_le_bytes())).collect()
    }

    #[test]
    fn every_proof_up_to_140_leaves_is_the_rfcs_and_holds() {
        let leaves = leaves(140);
        for size in 0..=leaves.len() {
            let root = slow_root(&leaves[..size]);
            let mut nodes = Slow(leaves[..size].to_vec());
            for old in 0..=size {
                let Ok(proof) = consistency(&mut nodes, old as u64, size as u64);
                if old > 0 {
                    assert_eq!(proof, slow_proof(old, &leaves[..size]), "{old} to {size}");
                }
                let old_root = slow_root(&leaves[..old]);
                let (old, new) = ((old as u64, &old_root), (size as u64, &root));
                assert!(is_consistent(old, new, &proof), "{} to {size}", old.0);
            }
        }
    }

    #[test]
    fn proofs_come_out_of_tiles_and_edge_at_any_two_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let tiles = Tiles::new(folder.path());
        let leaves = leaves(66_000);
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tiles.keep(&mut tree).unwrap();
        let mut kept = Kept::new(tree.edge(), &tiles);
        let sizes = [1, 2, 255, 256, 257, 4096, 65_535, 65_536, 65_537, 66_000];
        for (at, old) in sizes.into_iter().enumerate() {
            for size in &sizes[at..] {
                let proof = consistency(&mut kept, old, *size).unwrap();
                let due = slow_proof(old as usize, &leaves[..*size as usize]);
                assert_eq!(proof, due, "{old} to {size}");
            }
        }
    }

    #[test]
    fn where_nothing_is_to_be_proven_a_proof_holds_nothing() {
        let (none, root) = (sha256(&[]), slow_root(&leaves(5)));
        for (old, new, hold) in [
            ((0, &none), (0, &none), true),
            ((0, &none), (5, &root), true),
            ((5, &root), (5, &root), true),
            ((0, &root), (5, &root), false),
            ((0, &root), (0, &root), false),
            ((5, &none), (5, &root), false),
        ] {
            assert_eq!(is_consistent(old, new, &[]), hold, "{old:?} to {new:?}");
            assert!(!is_consistent(old, new, &[root]), "{old:?} to {new:?}");
        }
    }

    /// One change to what is checked, which must then not hold.
    fn change(kind: usize, at: usize, proof: &mut Vec<Hash>, old: &mut Hash, new: &mut Hash) {
        let len = proof.len();
        match kind {
            0 => old[at % 32] ^= 1 << (at % 8),
            1 => new[at % 32] ^= 1 << (at % 8),
            2 => proof.push([at as u8; 32]),
            3 => proof.insert(0, [at as u8; 32]),
            4 if len > 0 => drop(proof.remove(at % len)),
            5 if len > 1 => proof.swap(at % len, (at + 1) % len),
            _ if len > 0 => proof[at % len][at % 32] ^= 1 << (at % 8),
            _ => proof.push([0; 32]),
        }
    }

    proptest! {
        #[test]
        fn no_changed_proof_root_or_size_holds(
            size in 1_u32..700, part in 0.0..1.0, kind in 0_usize..7, at in 0_usize..4096,
        ) {
            let leaves = leaves(size);
            let (size, old_size) = (u64::from(size), 1 + (f64::from(size - 1) * part) as u64);
            let mut old = slow_root(&leaves[..old_size as usize]);
            let mut new = slow_root(&leaves);
            let Ok(mut proof) = consistency(&mut Slow(leaves), old_size, size);
            prop_assert!(is_consistent((old_size, &old), (size, &new), &proof));
            if old_size < size {
                prop_assert!(!is_consistent((old_size + 1, &old), (size, &new), &proof));
                prop_assert!(!is_consistent((old_size - 1, &old), (size, &new), &proof));
                prop_assert!(!is_consistent((size, &new), (old_size, &old), &proof));
            }
            change(kind, at, &mut proof, &mut old, &mut new);
            prop_assert!(!is_consistent((old_size, &old), (size, &new), &proof));
        }

        #[test]
        fn nothing_made_up_is_consistent(
            old_size: u64, size: u64, old: Hash, new: Hash,
            proof in prop::collection::vec(any::<Hash>(), 0..70),
        ) {
            prop_assert!(!is_consistent((old_size, &old), (size, &new), &proof));
        }
    }
}
