//! Every check over a whole tree.

use super::finding::Finding;
use super::manifest::Manifest;
use super::source::Source;
use super::tree::Tree;
use super::{layout, machine, manners, proofs, requirements, sizes, walls};

/// All that is to be said of a tree, by file and line.
pub(crate) fn findings(tree: &Tree) -> Vec<Finding> {
    let files: Vec<_> = tree
        .files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let sources: Vec<_> = rust.map(|(path, text)| Source::new(path, text)).collect();
    let text = |name: &str| {
        files
            .iter()
            .find(|(path, _)| *path == name)
            .map(|(_, text)| *text)
    };
    let root = Manifest::parse(text("Cargo.toml").unwrap_or_default());
    let manifests: Vec<_> = files
        .iter()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .copied()
        .collect();

    let mut findings = layout::top(&tree.top);
    findings.extend(walls::manifests(&root, &manifests));
    findings.extend(proofs::sources(&sources));
    findings.extend(requirements::check(text(requirements::PAGE), &files));
    for source in &sources {
        findings.extend(walls::source(source));
        findings.extend(sizes::source(source));
        findings.extend(manners::source(source, &manners::POLLING));
    }
    for (path, text) in &files {
        findings.extend(machine::file(path, text));
    }
    findings.sort();
    findings
}

mod tests {
    use super::*;
    use crate::tidy::finding::printed;

    /// What is found in a tree that holds one requirement, once a file with a breach in it is
    /// added, and was not before.
    fn found_with(path: &str, text: &str) -> Vec<String> {
        let page = (requirements::PAGE.to_owned(), "| R1 | One. |\n".to_owned());
        let mut tree = Tree {
            top: Vec::new(),
            files: vec![page],
        };
        let before = findings(&tree);
        tree.top
            .extend((!path.contains('/')).then(|| path.to_owned()));
        tree.files.push((path.to_owned(), text.to_owned()));
        let after = findings(&tree).into_iter();
        printed(&after.filter(|it| !before.contains(it)).collect::<Vec<_>>())
    }

    #[test]
    fn every_check_is_asked_about_the_tree() {
        let root = concat!("/ro", "ot/");
        let manifest = "[package]\nname = \"motlan-mask\"\n[dependencies]\nmotlan-audit = \"1\"\n";
        let long = format!("fn a() {{{}}}\n", "\n".repeat(70));
        let planted = [
            (
                "crates/mask/Cargo.toml",
                manifest,
                4,
                "`mask` may not use `audit`",
            ),
            (
                "crates/mask/src/planted.rs",
                "use std::fs;",
                1,
                "`mask` may not name `std::fs`",
            ),
            (
                "crates/mask/src/planted.rs",
                &long,
                1,
                "`fn a` has 71 lines, at most 70",
            ),
            ("crates/mask/src/planted.rs", "\ndbg!(1);", 2, "`dbg!`"),
            (
                "crates/mask/src/planted.rs",
                "// R999",
                1,
                "`R999` is not in `docs/REQUIREMENTS.md`",
            ),
            ("docs/planted.md", root, 1, "names `TRACE`, of some machine"),
            (
                "planted.txt",
                "",
                1,
                "has no place at the top of the repository",
            ),
        ];
        for (path, text, line, what) in planted {
            let what = what.replace("TRACE", root);
            assert_eq!(found_with(path, text), [format!("{path}:{line}: {what}")]);
        }
        let copied = "#[must_use]\n#[derive(Clone)]\npub struct Permit;";
        let found = found_with("crates/policy/src/planted.rs", copied);
        assert_eq!(
            found,
            ["crates/policy/src/planted.rs:2: the proof `Permit` derives `Clone`"]
        );
    }
}
