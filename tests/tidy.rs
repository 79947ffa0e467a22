//! Style and architecture as a test: what a machine can tell of `docs/STYLE.md` and of the walls in
//! `docs/ARCHITECTURE.md`.
//!
//! In scope: what stands in the files. Out of scope: what the compiler, clippy and rustfmt tell;
//! where the two overlap (`unsafe`, `todo!`), it is because a manifest can switch a lint off. Each
//! check takes text and returns findings, and is tried on a planted breach as well as on the tree.

use std::path::{Path, PathBuf};

use tidy::checks;
use tidy::finding::printed;
use tidy::tree::Tree;

mod tidy {
    pub(crate) mod checks;
    pub(crate) mod finding;
    pub(crate) mod layout;
    pub(crate) mod lexer;
    pub(crate) mod machine;
    pub(crate) mod manifest;
    pub(crate) mod manners;
    pub(crate) mod proofs;
    pub(crate) mod requirements;
    pub(crate) mod sizes;
    pub(crate) mod source;
    pub(crate) mod tree;
    pub(crate) mod walls;
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_tree_is_tidy() {
    let tree = Tree::read(&root()).expect("the tree can be read");
    let findings = printed(&checks::findings(&tree));
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}
