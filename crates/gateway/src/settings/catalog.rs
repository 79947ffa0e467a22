//! `[catalog]`: what is to be in force, and by what it is told whether it may.

use std::path::{Component, Path, PathBuf};

use motlan_catalog::document::Table;
use motlan_catalog::{Faults, SignedFolder};

pub(super) fn read(root: &mut Table<'_>, faults: &mut Faults) -> Option<SignedFolder> {
    if let Some(folder) = root.older_text("catalog") {
        let what = "`catalog` is a folder, as it was before sets were sealed";
        let remedy = format!(
            "write a table `[catalog]` with `folder = \"{}\"`, `manifest_key = \"…\"` and \
             `known_revision = \"…\"`",
            folder.value
        );
        root.fault(folder.line, what, remedy, faults);
        return None;
    }
    let mut table = root.table("catalog", faults)?;
    let folder = table.path("folder", faults);
    let manifest_key = table.path("manifest_key", faults);
    let known_revision = table.path("known_revision", faults);
    table.finish(faults);
    let (folder, known_revision) = (folder?, known_revision?);
    if resolved(&known_revision.value).starts_with(resolved(&folder.value)) {
        let what = "`catalog.known_revision` lies in the catalogue's folder";
        let remedy = "put it elsewhere: it must not go back with the set that it is about";
        root.fault(known_revision.line, what, remedy, faults);
    }
    Some(SignedFolder {
        folder: folder.value,
        manifest_key: manifest_key?.value,
        known_revision: known_revision.value,
    })
}

/// The path without links and `..`, as far as it exists: where a file really lies or would lie.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some((there.canonicalize().ok()?, rest))
    });
    let Some((mut resolved, rest)) = found else {
        return path;
    };
    for step in rest.components() {
        match step {
            Component::ParentDir => drop(resolved.pop()),
            step => resolved.push(step),
        }
    }
    resolved
}
