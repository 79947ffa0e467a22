//! Where contracts come from: motlan's own, the well-known ones, import paths, descriptor sets.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use motlan_mask::editions::lower;
use prost::Message as _;
use protox::Error;
use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::load::draft::Drafted;
use crate::load::files::Files;
use crate::load::folder::{FILE_BYTES_MAX, FILES_MAX, tidy};

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
    files: Arc<Files>,
    import_paths: Vec<PathBuf>,
    /// Comes before the import paths, and so do the files of its set.
    draft: Option<Drafted>,
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

/// Files of this folder come from this build and from no owner: what is in them needs no marks.
const WELL_KNOWN: &str = "google/protobuf/";

/// A well-known file that this build lacks. Those with the features of a language are imported for
/// options that mean nothing here: of them the name is enough.
fn missing(name: &str) -> Result<File, Error> {
    let name = format!("{WELL_KNOWN}{name}");
    if !name.ends_with("_features.proto") {
        return Err(Error::file_not_found(&name));
    }
    let file = RawFile { name }.encode_to_vec();
    File::decode_file_descriptor_proto(file.as_slice()).map_err(Error::new)
}

/// Whether a contract's source is in an edition of protobuf, which `protox` does not read.
pub(super) fn is_in_edition(source: &[u8]) -> bool {
    let mut rest = source.trim_ascii_start();
    loop {
        let comment = match rest {
            [b'/', b'/', comment @ ..] => after(comment, b"\n"),
            [b'/', b'*', comment @ ..] => after(comment, b"*/"),
            _ => break,
        };
        rest = comment.trim_ascii_start();
    }
    let sign = rest.strip_prefix(b"edition").map(<[u8]>::trim_ascii_start);
    sign.is_some_and(|sign| sign.starts_with(b"="))
}

/// What comes after the first `end`, or nothing.
fn after<'a>(text: &'a [u8], end: &[u8]) -> &'a [u8] {
    let at = text.windows(end.len()).position(|part| part == end);
    let rest = at.and_then(|at| text.get(at.saturating_add(end.len())..));
    rest.unwrap_or_default()
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
        files: Arc<Files>,
        import_paths: &[PathBuf],
        draft: Option<Drafted>,
        origins: Arc<Mutex<BTreeMap<String, Origin>>>,
    ) -> Self {
        let own = unpack(motlan_api::FILE_DESCRIPTOR_SET).unwrap_or_default();
        Self {
            files,
            import_paths: import_paths.to_vec(),
            draft,
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
        let is_draft = self.is_draft(&path);
        for (file, content) in files {
            if self.own.contains_key(&file) || file.starts_with(WELL_KNOWN) {
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
            if is_draft {
                first.clone_from(&path);
            }
        }
        self.remember(name, path, content);
        Ok(names)
    }

    /// The file under the first import path that has it.
    fn find(&self, name: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Error> {
        if let Some(draft) = self.draft.as_ref().filter(|draft| draft.name == name) {
            return Ok(Some((draft.file.clone(), draft.content.clone())));
        }
        let relative = Path::new(name);
        if !relative
            .components()
            .all(|step| matches!(step, Component::Normal(_)))
        {
            return Ok(None);
        }
        for folder in &self.import_paths {
            let path = folder.join(relative);
            if self.files.is_file(&path) {
                let content = self.files.read(&path, FILE_BYTES_MAX).map_err(Error::new)?;
                return Ok(Some((tidy(&path), content)));
            }
        }
        Ok(None)
    }

    fn remember(&self, name: &str, file: PathBuf, content: Vec<u8>) {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.insert(name.to_owned(), Origin { file, content });
    }

    fn is_draft(&self, path: &Path) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.file == path)
    }

    /// A file of a descriptor set.
    fn decode(&self, name: &str, set: &Path, content: &[u8]) -> Result<File, Error> {
        self.remember(name, set.to_owned(), content.to_vec());
        let lowered = lower(content).map_err(Error::new)?;
        File::decode_file_descriptor_proto(lowered.as_ref()).map_err(Error::new)
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
        if let Some(name) = name.strip_prefix(WELL_KNOWN) {
            return missing(name);
        }
        if self.is_full() {
            return Err(Error::new(format!(
                "more than {FILES_MAX} files are imported"
            )));
        }
        if let Some((path, content)) = self.sets.get(name).filter(|(path, _)| self.is_draft(path)) {
            return self.decode(name, path, content);
        }
        let set = self.sets.get(name);
        let source = self.find(name)?;
        // A source that cannot be read does not stand in the way of a set that was made from it.
        let source = source.filter(|(path, content)| {
            set.is_none() || self.is_draft(path) || !is_in_edition(content)
        });
        if let Some((path, content)) = source {
            self.remember(name, path, content.clone());
            let text = String::from_utf8(content);
            let text = text.map_err(|_| Error::new(format!("`{name}` is not UTF-8")))?;
            return File::from_source(name, &text);
        }
        let (path, content) = set.ok_or_else(|| Error::file_not_found(name))?;
        self.decode(name, path, content)
    }
}
