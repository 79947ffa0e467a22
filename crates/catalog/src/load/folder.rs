//! The files of the folder, read once each, within limits, and digested into the revision.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use super::files::{Entry, Files};
use crate::catalog::Revision;
use crate::document::{DOCUMENT_BYTES_MAX, Document, nearest};
use crate::fault::Faults;

/// The largest file that is not a TOML document, in bytes.
pub const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most files that are read, contracts and their imports included.
pub const FILES_MAX: usize = 65_536;

/// The most bytes that are read in all.
pub const FOLDER_BYTES_MAX: usize = 128 * 1024 * 1024;

const README: &str = "README.md";
/// What follows the name of a file in that of its signatures.
pub(crate) const SIGNATURE: &str = ".jws.json";

/// The folder of the catalogue, and what was read of it.
pub(super) struct Folder {
    root: PathBuf,
    files: Arc<Files>,
    bytes: usize,
    digests: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    pub(super) fn new(root: &Path, files: Arc<Files>) -> Self {
        Self {
            root: root.to_owned(),
            files,
            bytes: 0,
            digests: BTreeMap::new(),
        }
    }

    /// The path of something in the folder.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where its files are read from.
    pub(super) fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// Whether there is such a file.
    pub(super) fn has_file(&self, relative: &str) -> bool {
        self.files.is_file(&self.path(relative))
    }

    /// Whether there is such a folder.
    pub(super) fn has_folder(&self, relative: &str) -> bool {
        self.files.is_folder(&self.path(relative))
    }

    /// The content of a file, or nothing and a fault.
    pub(super) fn read(
        &mut self,
        relative: &str,
        bytes_max: usize,
        faults: &mut Faults,
    ) -> Option<Vec<u8>> {
        let file = self.path(relative);
        match self.files.read(&file, bytes_max) {
            Ok(content) => self
                .count(relative, &file, &content, faults)
                .then_some(content),
            Err(error) => {
                let what = format!("cannot be read: {error}");
                faults.push(&file, None, what, "check that it is there and can be read");
                None
            }
        }
    }

    /// The TOML document in a file, or nothing and a fault.
    pub(super) fn document(&mut self, relative: &str, faults: &mut Faults) -> Option<Document> {
        let content = self.read(relative, DOCUMENT_BYTES_MAX, faults)?;
        Document::from_bytes(&self.path(relative), content, faults)
    }

    /// Takes a file that was read into account. False, with a fault, where that is one too many.
    pub(super) fn count(
        &mut self,
        name: &str,
        file: &Path,
        content: &[u8],
        faults: &mut Faults,
    ) -> bool {
        let digest = aws_lc_rs::digest::digest(&SHA256, content);
        self.digests
            .insert(name.to_owned(), digest.as_ref().to_vec());
        self.bytes = self.bytes.saturating_add(content.len());
        let within = self.digests.len() <= FILES_MAX && self.bytes <= FOLDER_BYTES_MAX;
        if !within {
            let what = format!("more than {FILES_MAX} files or {FOLDER_BYTES_MAX} bytes");
            faults.push(
                &self.root,
                None,
                what,
                format!("the first beyond is `{}`", file.display()),
            );
        }
        within
    }

    /// The files in a folder whose names end in `.extension`, in order. Anything else there is a
    /// fault, but for a README and what starts with a dot. A folder that is not there holds
    /// nothing.
    pub(super) fn list(&self, relative: &str, extension: &str, faults: &mut Faults) -> Vec<String> {
        self.list_of(relative, &[extension], faults)
    }

    /// As [`Self::list`], where names may end in several ways.
    pub(super) fn list_of(
        &self,
        relative: &str,
        extensions: &[&str],
        faults: &mut Faults,
    ) -> Vec<String> {
        let mut files = Vec::new();
        for Entry { name, is_folder } in self.entries(relative, faults) {
            let path = format!("{relative}/{name}");
            let found = Path::new(&name).extension();
            let ends = found.is_some_and(|found| extensions.iter().any(|one| found == *one));
            if !is_folder && ends {
                files.push(path);
            } else if let Some(signed) = signed(relative, &path) {
                if !self.has_file(signed) {
                    let what = format!("signs `{signed}`, which is not there");
                    faults.push(&self.path(&path), None, what, "remove it");
                }
            } else {
                let extensions = extensions.join("` and `.");
                let remedy = format!("keep only `.{extensions}` files and a `{README}` here");
                faults.push(&self.path(&path), None, "does not belong here", remedy);
            }
        }
        files
    }

    /// The folders in a folder, in order. Anything else there is a fault.
    pub(super) fn folders(&self, relative: &str, faults: &mut Faults) -> Vec<String> {
        let mut folders = Vec::new();
        for Entry { name, is_folder } in self.entries(relative, faults) {
            if is_folder {
                folders.push(name);
            } else {
                let file = self.path(&format!("{relative}/{name}"));
                let remedy = "put it into the folder it belongs to, or out of the catalogue";
                faults.push(&file, None, "does not belong here", remedy);
            }
        }
        folders
    }

    /// Reports what lies in the folder and is no part of a catalogue: a folder with a misspelt name
    /// would otherwise be left out in silence.
    pub(super) fn check_entries(&self, parts: &[&str], contracts: &[String], faults: &mut Faults) {
        for Entry { name, .. } in self.entries(".", faults) {
            let leads = |path: &String| {
                let mut steps = Path::new(path)
                    .components()
                    .filter(|s| *s != Component::CurDir);
                steps
                    .next()
                    .is_some_and(|first| first.as_os_str() == name.as_str())
            };
            if parts.contains(&name.as_str()) || contracts.iter().any(leads) {
                continue;
            }
            let remedy = match nearest(&name, parts.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("remove it; known are `{}`", parts.join("`, `")),
            };
            faults.push(&self.path(&name), None, "is no part of a catalogue", remedy);
        }
    }

    /// What tells the files that were read from any others.
    pub(super) fn revision(&self) -> Revision {
        let mut context = Context::new(&SHA256);
        for (name, digest) in &self.digests {
            context.update(&name.len().to_be_bytes());
            context.update(name.as_bytes());
            context.update(digest);
        }
        Revision::of(context.finish().as_ref())
    }

    fn entries(&self, relative: &str, faults: &mut Faults) -> Vec<Entry> {
        let folder = self.path(relative);
        if relative != "." && !self.files.is_folder(&folder) && !self.files.is_file(&folder) {
            return Vec::new();
        }
        let read = self.files.entries(&folder);
        let mut entries = read.unwrap_or_else(|error| {
            let remedy = "check that it is a folder and can be read";
            faults.push(&folder, None, format!("cannot be listed: {error}"), remedy);
            Vec::new()
        });
        if entries.len() > FILES_MAX {
            faults.push(
                &folder,
                None,
                format!("holds more than {FILES_MAX} files"),
                "remove some",
            );
        }
        entries.retain(|entry| !entry.name.starts_with('.') && entry.name != README);
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        entries
    }
}

/// What a file of signatures is for, in the one folder where these belong.
fn signed<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    path.strip_suffix(SIGNATURE)
        .filter(|_| folder == "agreements")
}

/// The path without `.` and, as far as the text of it tells, without `..`: for people to read.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}
