use proptest::prelude::*;

use super::*;

/// How deep the small trees lie: 256 keys.
const DEPTH: usize = 2;

fn root() -> Key {
    Key::new([5; KEY_BYTES])
}

fn paths() -> Vec<[u8; DEPTH]> {
    (0..=255_u8).map(|n| [n >> 4, n & 15]).collect()
}

/// One key, from nothing remembered.
fn derive(tree: &KeyTree, path: &[u8]) -> Option<Key> {
    Walker::default().derive(tree, path)
}

/// The slow, obvious twin: a map of all keys.
struct Twin(BTreeMap<[u8; DEPTH], Key>);

impl Twin {
    fn new() -> Twin {
        let key = |[a, b]: [u8; DEPTH]| child(&child(&root(), a), b);
        Twin(paths().into_iter().map(|path| (path, key(path))).collect())
    }

    fn holds(&self, prefix: &[u8]) -> bool {
        self.0.keys().any(|path| path.starts_with(prefix))
    }

    fn puncture(&mut self, prefix: &[u8]) -> bool {
        let count = self.0.len();
        self.0.retain(|path, _| !path.starts_with(prefix));
        self.0.len() < count
    }
}

proptest! {
    #[test]
    fn exactly_what_was_not_punctured_is_derived_and_is_what_it_was(
        punctures in prop::collection::vec(prop::collection::vec(0..16_u8, 0..=DEPTH), 0..60),
        order in any::<[u8; 16]>(),
    ) {
        let (mut tree, mut twin) = (KeyTree::new(root()), Twin::new());
        let mut walker = Walker::default();
        for puncture in punctures {
            // The empty path is everything: once in a while is enough.
            let puncture = if puncture.is_empty() && order[0] > 9 { vec![0, 0] } else { puncture };
            prop_assert_eq!(tree.holds(&puncture), twin.holds(&puncture));
            prop_assert_eq!(tree.puncture(&puncture), twin.puncture(&puncture));
            prop_assert!(!tree.holds(&puncture));
            same(&tree, &twin, &mut walker, order.iter().map(|n| [n >> 4, n & 15]))?;
        }
        same(&tree, &twin, &mut walker, paths().into_iter())?;
    }
}

/// Whether tree and walker derive what the twin holds.
fn same(
    tree: &KeyTree,
    twin: &Twin,
    walker: &mut Walker,
    paths: impl Iterator<Item = [u8; DEPTH]>,
) -> Result<(), TestCaseError> {
    for path in paths {
        let due = twin.0.get(&path).cloned();
        prop_assert_eq!(&derive(tree, &path), &due);
        prop_assert_eq!(&walker.derive(tree, &path), &due);
    }
    Ok(())
}

#[test]
fn all_keys_differ_from_each_other_and_from_all_nodes() {
    let tree = KeyTree::new(root());
    let inner = (0..16_u8).map(|digit| vec![digit]).chain([Vec::new()]);
    let all = inner.chain(paths().into_iter().map(Vec::from));
    let keys: std::collections::BTreeSet<_> = all
        .map(|path| derive(&tree, &path).unwrap().to_vec())
        .collect();
    assert_eq!(keys.len(), 256 + 16 + 1);
}

#[test]
fn no_node_that_is_left_lies_above_a_destroyed_key() {
    let mut tree = KeyTree::new(root());
    tree.puncture(&[3, 7]);
    assert_eq!(tree.nodes().len(), 30);
    assert!(tree.nodes().keys().all(|place| ![3, 7].starts_with(place)));
    tree.puncture(&[3]);
    assert_eq!(tree.nodes().len(), 15);
}

#[test]
fn thousands_are_destroyed_one_by_one() {
    let mut tree = KeyTree::new(root());
    let path = |n: u32| n.to_be_bytes().into_iter().flat_map(|b| [b >> 4, b & 15]);
    let path = |n: u32| path(n).collect::<Vec<_>>();
    let kept = derive(&tree, &path(500)).unwrap();
    for n in (1..=5_000).map(|n| n * 503) {
        assert!(tree.puncture(&path(n)));
    }
    for n in (1..=5_000).map(|n| n * 503) {
        assert_eq!(derive(&tree, &path(n)), None);
        assert!(derive(&tree, &path(n + 1)).is_some());
    }
    assert_eq!(derive(&tree, &path(500)), Some(kept));
    // About 15 nodes for each level that a destroyed key does not share with another.
    assert!(tree.nodes().len() < 5_000 * 40, "{}", tree.nodes().len());
}
