//! What stands at the top of the repository.

use super::finding::Finding;

const TOP: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE",
    "proto",
    "crates",
    "deploy",
    "tests",
    "docs",
    "target",
];

/// `names` are those of the files and folders at the top.
pub(crate) fn top(names: &[String]) -> Vec<Finding> {
    let strange = names
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()));
    strange
        .map(|name| Finding::new(name, 1, "has no place at the top of the repository"))
        .collect()
}

mod tests {
    use super::*;
    use crate::tidy::finding::printed;

    #[test]
    fn what_has_no_place_at_the_top_is_found() {
        let names =
            ["Cargo.toml", "notes.txt", ".gitignore", "target", "scripts"].map(str::to_owned);
        let what = [
            "notes.txt:1: has no place at the top of the repository",
            "scripts:1: has no place at the top of the repository",
        ];
        assert_eq!(printed(&top(&names)), what);
    }

    #[test]
    fn what_has_its_place_at_the_top_is_clean() {
        assert!(top(&TOP.map(str::to_owned)).is_empty());
        assert!(top(&[".ci".to_owned(), ".clippy.toml".to_owned()]).is_empty());
    }
}
