//! What lies in the files, as far as it takes to see that it is something else.

use std::fs::{self, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest::{Context, SHA256};

use crate::settings::{Settings, TlsFiles};

/// The manifest of a set, and what it is signed with: whoever changes a set changes these.
const MANIFEST: [&str; 2] = ["manifest.json", "manifest.json.jws.json"];
/// Of a set that is not in force yet, so many files are looked at.
const FILES_MAX: usize = 100_000;
/// More of one of the files is not read: it is none that can be loaded.
const BYTES_MAX: u64 = 256 << 20;

/// One content, told from others. Kept in memory only: it goes over private keys as well.
pub(crate) type Print = [u8; 32];

/// Where the files lie.
#[derive(Clone)]
pub(crate) struct Watched {
    server: TlsFiles,
    client: TlsFiles,
    catalog: PathBuf,
}

/// What lay there at one look.
#[derive(Clone, Copy)]
pub(crate) struct Laid {
    server: Print,
    client: Print,
    catalog: Print,
    /// That of the manifest alone.
    manifest: Print,
    /// Whether `manifest` is that of the set in force.
    is_good: bool,
}

impl Watched {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            server: settings.tls.clone(),
            client: settings.provider_tls.clone(),
            catalog: settings.catalog.folder.clone(),
        }
    }

    /// Looks at all of it. Blocking. Beside the set in force nothing but its manifest is looked at;
    /// of another one all files, by length and time, so that it is seen when a copy goes on.
    pub(crate) fn look(&self, settled: Option<&Laid>) -> Laid {
        let manifest = manifest(&self.catalog);
        let is_good = settled.is_none_or(|it| it.is_good && it.manifest == manifest);
        let catalog = match is_good {
            true => manifest,
            false => set(&self.catalog, manifest),
        };
        Laid {
            server: side(&self.server),
            client: side(&self.client),
            catalog,
            manifest,
            is_good,
        }
    }
}

impl Laid {
    /// With the manifest of the set that was read, which may be another than lies there by now.
    pub(crate) fn of_set(self, manifest: Print) -> Self {
        Self {
            catalog: manifest,
            manifest,
            ..self
        }
    }

    pub(super) fn server(&self) -> Print {
        self.server
    }

    pub(super) fn client(&self) -> Print {
        self.client
    }

    pub(super) fn catalog(&self) -> Print {
        self.catalog
    }

    pub(super) fn server_is(&mut self, other: Self) {
        self.server = other.server;
    }

    pub(super) fn client_is(&mut self, other: Self) {
        self.client = other.client;
    }

    /// The set there was dealt with, whatever came of it.
    pub(super) fn catalog_is(&mut self, other: Self) {
        (self.catalog, self.manifest) = (other.catalog, other.manifest);
        self.is_good = false;
    }

    /// The set there is in force.
    pub(super) fn catalog_is_good(&mut self, other: Self) {
        (self.catalog, self.manifest) = (other.manifest, other.manifest);
        self.is_good = true;
    }
}

/// The manifest of the set in a folder.
pub(crate) fn manifest(folder: &Path) -> Print {
    let mut context = Context::new(&SHA256);
    for name in MANIFEST {
        add_file(&mut context, &folder.join(name));
    }
    finish(context)
}

fn side(files: &TlsFiles) -> Print {
    let mut context = Context::new(&SHA256);
    for file in [&files.certificate, &files.key, &files.authority] {
        add_file(&mut context, file);
    }
    if let Some(file) = &files.revocation {
        add_file(&mut context, file);
    }
    finish(context)
}

/// A file that cannot be read is another content than any that can.
fn add_file(context: &mut Context, file: &Path) {
    let mut content = Vec::new();
    let opened = fs::File::open(file);
    match opened.and_then(|file| file.take(BYTES_MAX).read_to_end(&mut content)) {
        Ok(bytes) => context.update(&(bytes as u64).to_be_bytes()),
        Err(_) => context.update(&u64::MAX.to_be_bytes()),
    }
    context.update(&content);
}

/// All files of a folder by name, length and time.
fn set(folder: &Path, manifest: Print) -> Print {
    let mut context = Context::new(&SHA256);
    context.update(&manifest);
    let mut folders = vec![folder.to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort_unstable();
        for path in paths {
            count += 1;
            if count > FILES_MAX {
                return manifest;
            }
            // Links are followed, as when it is loaded; one that leads back ends at the limit.
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => folders.push(path),
                Ok(found) => add_found(&mut context, &path, &found),
                Err(_) => {}
            }
        }
    }
    finish(context)
}

fn add_found(context: &mut Context, path: &Path, found: &Metadata) {
    let modified = found.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    context.update(path.as_os_str().as_encoded_bytes());
    context.update(&found.len().to_be_bytes());
    context.update(&modified.unwrap_or_default().as_nanos().to_be_bytes());
}

fn finish(context: Context) -> Print {
    let mut print = [0; 32];
    print.copy_from_slice(context.finish().as_ref());
    print
}
