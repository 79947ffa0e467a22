//! The tree that is checked: what Git tracks, or would.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// Paths are relative to the root, with `/` between their parts.
pub(crate) struct Tree {
    /// The names at the top of the repository, tracked or not.
    pub(crate) top: Vec<String>,
    /// Every text file with its path, ordered by it.
    pub(crate) files: Vec<(String, String)>,
}

/// Folders that a tree without Git is not read into.
const UNTRACKED: [&str; 3] = [".git", "target", "__pycache__"];

impl Tree {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut top = Vec::new();
        for entry in fs::read_dir(root)? {
            top.push(entry?.file_name().to_string_lossy().into_owned());
        }
        top.sort();
        let mut paths = match tracked(root) {
            Some(paths) => paths,
            None => walked(root)?,
        };
        paths.sort();
        paths.dedup();
        let mut files = Vec::new();
        for path in paths {
            match fs::read_to_string(root.join(&path)) {
                Ok(text) => files.push((path, text)),
                // Removed and not yet committed, or no text.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { top, files })
    }
}

/// What Git tracks, with what is new and not ignored; none where Git cannot tell, as in an export.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ])
    .current_dir(root);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let names = String::from_utf8(output.stdout).ok()?;
    let paths = names.split('\0').filter(|path| !path.is_empty());
    Some(paths.map(str::to_owned).collect())
}

fn walked(root: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let kind = entry.file_type()?;
            if kind.is_dir() && !UNTRACKED.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

mod tests {
    use super::*;
    use crate::root;

    #[test]
    fn this_file_is_in_the_tree_with_git_and_without() {
        let this = "tests/tidy/tree.rs".to_owned();
        assert!(walked(&root()).unwrap().contains(&this));
        let tree = Tree::read(&root()).unwrap();
        assert!(
            tree.files
                .iter()
                .any(|(path, text)| *path == this && text.contains("mod tests"))
        );
        assert!(tree.top.contains(&"Cargo.toml".to_owned()));
        assert!(
            tree.files
                .iter()
                .all(|(path, _)| !path.starts_with("target/"))
        );
    }
}
