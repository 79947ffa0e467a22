//! Where the files of the folder are read from: the disk, or what was read of it at one time.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::folder::{FILE_BYTES_MAX, FILES_MAX, FOLDER_BYTES_MAX};
use crate::fault::Faults;

/// Where files are read from.
pub(crate) enum Files {
    /// The disk, each when it is asked for.
    Disk,
    /// What lay in the folder when it was read; nothing else exists.
    Snapshot(Snapshot),
}

/// What lies in a folder.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_folder: bool,
}

impl Files {
    /// The content of a file of at most `bytes_max` bytes.
    pub(crate) fn read(&self, file: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        let Self::Snapshot(snapshot) = self else {
            return bounded(file, bytes_max);
        };
        let content = snapshot.key(file).and_then(|key| snapshot.files.get(&key));
        let content = content.ok_or(io::ErrorKind::NotFound)?;
        if content.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        Ok(content.clone())
    }

    pub(crate) fn is_snapshot(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }

    pub(crate) fn is_file(&self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_file(),
            Self::Snapshot(snapshot) => snapshot
                .key(path)
                .is_some_and(|key| snapshot.files.contains_key(&key)),
        }
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_dir(),
            Self::Snapshot(snapshot) => snapshot.below(path).next().is_some(),
        }
    }

    /// What lies in a folder, in any order, up to one more than there may be.
    pub(super) fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let Self::Snapshot(snapshot) = self else {
            let entries = fs::read_dir(folder)?.take(FILES_MAX.saturating_add(1));
            return entries
                .map(|entry| {
                    let entry = entry?;
                    Ok(Entry {
                        name: entry.file_name().to_string_lossy().into_owned(),
                        is_folder: entry.path().is_dir(),
                    })
                })
                .collect();
        };
        if self.is_file(folder) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut entries: Vec<Entry> = Vec::new();
        for rest in snapshot.below(folder) {
            let (name, is_folder) = match rest.split_once('/') {
                Some((folder, _)) => (folder, true),
                None => (rest, false),
            };
            // What lies in one folder follows on each other.
            if entries.last().is_none_or(|last| last.name != name) {
                let name = name.to_owned();
                entries.push(Entry { name, is_folder });
            }
        }
        Ok(entries)
    }
}

/// All files of a folder, each read once.
pub(crate) struct Snapshot {
    root: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

impl Snapshot {
    /// Reads every file below `root`, within limits. What starts with a dot is left out: no part of
    /// a catalogue does. A link, or whatever else is no file, is a fault.
    pub(crate) fn take(root: &Path, faults: &mut Faults) -> Self {
        let mut snapshot = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
        };
        let mut bytes: usize = 0;
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = root.join(&folder);
            let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let entries = entries.unwrap_or_else(|error| {
                let remedy = "check that it is a folder and can be read";
                faults.push(&path, None, format!("cannot be listed: {error}"), remedy);
                Vec::new()
            });
            for entry in entries {
                let Some(name) = name(&entry, &folder, faults) else {
                    continue;
                };
                match snapshot.add(&entry, name, faults) {
                    Some(Found::Folder(name)) => folders.push(name),
                    Some(Found::File(length)) => bytes = bytes.saturating_add(length),
                    None => {}
                }
                if snapshot.files.len() > FILES_MAX || bytes > FOLDER_BYTES_MAX {
                    let what = format!("more than {FILES_MAX} files or {FOLDER_BYTES_MAX} bytes");
                    faults.push(root, None, what, "remove what is no part of the catalogue");
                    return snapshot;
                }
            }
        }
        snapshot
    }

    fn add(&mut self, entry: &DirEntry, name: String, faults: &mut Faults) -> Option<Found> {
        let path = entry.path();
        let read = entry.file_type().and_then(|kind| {
            if kind.is_dir() {
                return Ok(Some(None));
            }
            if !kind.is_file() {
                return Ok(None);
            }
            bounded(&path, FILE_BYTES_MAX).map(|content| Some(Some(content)))
        });
        match read {
            Ok(Some(None)) => Some(Found::Folder(name)),
            Ok(Some(Some(content))) => {
                let length = content.len();
                self.files.insert(name, content);
                Some(Found::File(length))
            }
            Ok(None) => {
                let remedy = "put the file itself here: links are not followed";
                faults.push(&path, None, "is no file", remedy);
                None
            }
            Err(error) => {
                let what = format!("cannot be read: {error}");
                faults.push(&path, None, what, "check that it can be read");
                None
            }
        }
    }

    /// All files by their paths from the folder, with `/` between the steps.
    pub(crate) fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// What `path` is called here, if it lies in the folder.
    fn key(&self, path: &Path) -> Option<String> {
        let mut steps = Vec::new();
        for step in path.strip_prefix(&self.root).ok()?.components() {
            match step {
                Component::CurDir => {}
                Component::Normal(step) => steps.push(step.to_str()?),
                _ => return None,
            }
        }
        Some(steps.join("/"))
    }

    /// What lies below `folder`, by the paths from there.
    fn below(&self, folder: &Path) -> impl Iterator<Item = &str> {
        let key = self.key(folder);
        let prefix = key.map(|key| if key.is_empty() { key } else { key + "/" });
        let from = prefix.clone().unwrap_or_default();
        let files = self.files.range(from..);
        files.map_while(move |(name, _)| name.strip_prefix(prefix.as_deref()?))
    }
}

/// What an entry of a folder turned out to be.
enum Found {
    Folder(String),
    /// A file, of so many bytes.
    File(usize),
}

/// The path of an entry, unless it is hidden or no text.
fn name(entry: &DirEntry, folder: &str, faults: &mut Faults) -> Option<String> {
    let name = entry.file_name();
    let Some(name) = name.to_str() else {
        let remedy = "give it a name in UTF-8";
        faults.push(&entry.path(), None, "has a name that is no text", remedy);
        return None;
    };
    let is_hidden = name.starts_with('.');
    let within = || match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    (!is_hidden).then(within)
}

/// The content of a file of at most `bytes_max` bytes.
pub(crate) fn bounded(file: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    let mut reader = File::open(file)?.take(limit.saturating_add(1));
    reader.read_to_end(&mut content)?;
    if content.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(content)
}

fn too_large(bytes_max: usize) -> io::Error {
    let error = format!("larger than {bytes_max} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, error)
}
