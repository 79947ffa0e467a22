//! The key tree: one secret, from which each sealed part has a key of its own, and from which any
//! of these keys can be destroyed without touching the others (a puncturable pseudorandom function
//! after Goldreich, Goldwasser and Micali).
//!
//! A key's place is a path of hexadecimal digits; a node's child for a digit is HMAC-SHA-256 of the
//! digit under the node. The tree holds the nodes from which all that was not destroyed can be
//! derived: at first the root. To destroy what lies below a path, the nodes along it are replaced
//! by the siblings beside it. No one way leads back from them.
//!
//! Sixteen children and not 256: a destroyed key leaves 15 nodes a level, not 255, and so costs 1.8
//! KB instead of 15 when one in 500 is destroyed. Not two either: a key far from the last one would
//! take four times the steps.

use std::collections::BTreeMap;
use std::ops::Bound;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// The length of a key, and of a node.
pub(super) const KEY_BYTES: usize = 32;
/// How many children a node has.
const CHILDREN: u8 = 16;

/// A key or a node. Overwritten when it is dropped.
pub(super) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// The nodes that are left. No node lies below another.
#[derive(Clone)]
pub(super) struct KeyTree {
    /// By path, one digit a byte. In this order a node stands right before what lies below it.
    nodes: BTreeMap<Box<[u8]>, Key>,
    /// Changes whenever something is destroyed.
    version: u64,
}

impl KeyTree {
    /// The whole tree of `root`.
    pub(super) fn new(root: Key) -> KeyTree {
        KeyTree::of_nodes([(Box::default(), root)].into())
    }

    /// The tree of these nodes, of which none may lie below another.
    pub(super) fn of_nodes(nodes: BTreeMap<Box<[u8]>, Key>) -> KeyTree {
        KeyTree { nodes, version: 0 }
    }

    /// The nodes in the order of their paths.
    pub(super) fn nodes(&self) -> &BTreeMap<Box<[u8]>, Key> {
        &self.nodes
    }

    /// Whether any key at or below `path` is left.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        let from = (Bound::Included(path), Bound::Unbounded);
        let next = self.nodes.range::<[u8], _>(from).next();
        let below = next.is_some_and(|(place, _)| place.starts_with(path));
        below || self.above(path).is_some()
    }

    /// Destroys all keys at or below `path`. Whether there were any.
    pub(super) fn puncture(&mut self, path: &[u8]) -> bool {
        let Some((above, _)) = self.above(path) else {
            return self.remove_below(path);
        };
        let depth = above.len();
        let above = Box::from(above);
        let Some(mut node) = self.nodes.remove::<Box<[u8]>>(&above) else {
            return false;
        };
        for (at, digit) in path.iter().enumerate().skip(depth) {
            let way = path.get(..at).unwrap_or_default();
            for sibling in (0..CHILDREN).filter(|sibling| sibling != digit) {
                let place = [way, &[sibling]].concat().into();
                self.nodes.insert(place, child(&node, sibling));
            }
            node = child(&node, *digit);
        }
        self.version += 1;
        true
    }

    /// The node at `path` or above it.
    fn above(&self, path: &[u8]) -> Option<(&[u8], &Key)> {
        let up_to = (Bound::Unbounded, Bound::Included(path));
        let (place, node) = self.nodes.range::<[u8], _>(up_to).next_back()?;
        path.starts_with(place).then_some((place, node))
    }

    fn remove_below(&mut self, path: &[u8]) -> bool {
        let count = self.nodes.len();
        self.nodes.retain(|place, _| !place.starts_with(path));
        let removed = self.nodes.len() < count;
        self.version += u64::from(removed);
        removed
    }
}

/// Derives keys one after the other, from the nodes that they have in common: one step for a key
/// that follows the last one.
#[derive(Default)]
pub(super) struct Walker {
    version: u64,
    path: Vec<u8>,
    /// The nodes along `path`, the deepest last; the first is one of the tree's.
    nodes: Vec<Key>,
}

impl Walker {
    /// The key at `path` of `tree`, which must be the same tree each time; `None` where it was
    /// destroyed.
    pub(super) fn derive(&mut self, tree: &KeyTree, path: &[u8]) -> Option<Key> {
        if self.version != tree.version {
            // A node that is remembered would bring back what was destroyed.
            self.forget();
        }
        let in_common = self.path.iter().zip(path).take_while(|(a, b)| a == b);
        let in_common = in_common.count();
        // The first node lies this deep.
        let top = (self.path.len() + 1).saturating_sub(self.nodes.len());
        if self.nodes.is_empty() || top > in_common {
            let (above, node) = tree.above(path)?;
            self.path = above.to_vec();
            self.nodes = vec![node.clone()];
            self.version = tree.version;
        } else {
            self.path.truncate(in_common);
            self.nodes.truncate(in_common - top + 1);
        }
        for digit in path.iter().skip(self.path.len()) {
            let next = child(self.nodes.last()?, *digit);
            self.path.push(*digit);
            self.nodes.push(next);
        }
        self.nodes.last().cloned()
    }

    /// Forgets all nodes.
    pub(super) fn forget(&mut self) {
        self.path.clear();
        self.nodes.clear();
    }
}

fn child(node: &Key, digit: u8) -> Key {
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, node.as_slice()),
        &[digit],
    );
    let mut child = Key::default();
    child.copy_from_slice(tag.as_ref());
    child
}

#[cfg(test)]
mod tests;
