//! Where contracts come from: motlan's own, the well-known ones, import paths, descriptor sets.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;
use protox::Error;
use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::load::folder::{FILE_BYTES_MAX, FILES_MAX, bounded, tidy};

/// A file that was read.
pub(super) struct Origin {
    pub(super) file: PathBuf,
    pub(super) content: Vec<u8>,
}

/// Finds files by the names under which they are imported. Motlan's own come from this build,
/// whatever the import paths hold: an owner's edition of the options could otherwise mark fields
/// differently. Then come the well-known types, the import paths in their order, and descriptor
/// sets.
pub(super) struct Sources {
    import_paths: Vec<PathBuf>,
    own: BTreeMap<String, Vec<u8>>,
    sets: BTreeMap<String, (PathBuf, Vec<u8>)>,
    google: GoogleFileResolver,
    origins: Arc<Mutex<BTreeMap<String, Origin>>>,
}

/// `google.protobuf.FileDescriptorSet` with its files left encoded: decoding them would lose the
/// options.
#[derive(Clone, PartialEq, prost::Message)]
struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// As much of `google.protobuf.FileDescriptorProto` as names the file.
#[derive(Clone, PartialEq, prost::Message)]
struct RawFile {
    #[prost(string, tag = "1")]
    name: String,
}

/// The files of a descriptor set by their names.
fn unpack(set: &[u8]) -> Result<Vec<(String, Vec<u8>)>, prost::DecodeError> {
    let files = RawSet::decode(set)?.file.into_iter();
    files
        .map(|file| Ok((RawFile::decode(file.as_slice())?.name, file)))
        .collect()
}

impl Sources {
    pub(super) fn new(
        import_paths: &[PathBuf],
        origins: Arc<Mutex<BTreeMap<String, Origin>>>,
    ) -> Self {
        let own = unpack(motlan_api::FILE_DESCRIPTOR_SET).unwrap_or_default();
        Self {
            import_paths: import_paths.to_vec(),
            own: own
                .into_iter()
                .filter(|(name, _)| name.starts_with("motlan/"))
                .collect(),
            sets: BTreeMap::new(),
            google: GoogleFileResolver::new(),
            origins,
        }
    }

    /// The names of motlan's own files.
    pub(super) fn own_files(&self) -> Vec<String> {
        self.own.keys().cloned().collect()
    }

    /// Adds the files of a descriptor set, and gives the names of those that are the owner's.
    pub(super) fn add_set(&mut self, name: &str) -> Result<Vec<String>, String> {
        let found = self.find(name).map_err(|error| error.to_string())?;
        let (path, content) =
            found.ok_or_else(|| format!("`{name}` is not found under any import path"))?;
        let files = unpack(&content)
            .map_err(|error| format!("`{name}` is not a descriptor set: {error}"))?;
        let mut names = Vec::new();
        for (file, content) in files {
            if self.own.contains_key(&file) || file.starts_with("google/protobuf/") {
                continue;
            }
            names.push(file.clone());
            let entry = self.sets.entry(file.clone());
            let (first, known) = entry.or_insert((path.clone(), content.clone()));
            if *known != content {
                let first = first.display();
                return Err(format!(
                    "`{name}` holds another edition of `{file}` than `{first}`"
                ));
            }
        }
        self.remember(name, path, content);
        Ok(names)
    }

    /// The file under the first import path that has it.
    fn find(&self, name: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Error> {
        let relative = Path::new(name);
        if !relative
            .components()
            .all(|step| matches!(step, Component::Normal(_)))
        {
            return Ok(None);
        }
        for folder in &self.import_paths {
            let path = folder.join(relative);
            if path.is_file() {
                let content = bounded(&path, FILE_BYTES_MAX).map_err(Error::new)?;
                return Ok(Some((tidy(&path), content)));
            }
        }
        Ok(None)
    }

    fn remember(&self, name: &str, file: PathBuf, content: Vec<u8>) {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.insert(name.to_owned(), Origin { file, content });
    }

    fn is_full(&self) -> bool {
        self.origins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
            >= FILES_MAX
    }
}

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        if let Some(content) = self.own.get(name) {
            return File::decode_file_descriptor_proto(content.as_slice()).map_err(Error::new);
        }
        if let Ok(file) = self.google.open_file(name) {
            return Ok(file);
        }
        if self.is_full() {
            return Err(Error::new(format!(
                "more than {FILES_MAX} files are imported"
            )));
        }
        if let Some((path, content)) = self.find(name)? {
            self.remember(name, path, content.clone());
            let text = String::from_utf8(content);
            let text = text.map_err(|_| Error::new(format!("`{name}` is not UTF-8")))?;
            return File::from_source(name, &text);
        }
        let Some((path, content)) = self.sets.get(name) else {
            return Err(Error::file_not_found(name));
        };
        self.remember(name, path.clone(), content.clone());
        File::decode_file_descriptor_proto(content.as_slice()).map_err(Error::new)
    }
}
