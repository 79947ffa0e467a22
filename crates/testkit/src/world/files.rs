//! Files of a deployment.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::WorldError;
use crate::pki::Identity;

/// Only the owner reads and writes a private key.
const SECRET_MODE: u32 = 0o600;
const PLAIN_MODE: u32 = 0o644;

/// The folder of a deployment.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, and those above it.
    pub(super) fn make(path: &Path) -> Result<Self, WorldError> {
        fs::create_dir_all(path).map_err(|source| WorldError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self(path.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file below the folder, in place of what was there.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<(), WorldError> {
        self.put(path, text.as_bytes(), PLAIN_MODE)
    }

    /// As [`Folder::write`], for bytes.
    pub(super) fn write_bytes(&self, path: &str, bytes: &[u8]) -> Result<(), WorldError> {
        self.put(path, bytes, PLAIN_MODE)
    }

    /// Writes a private key, which nobody else may read.
    pub(super) fn write_secret(&self, path: &str, text: &str) -> Result<(), WorldError> {
        self.put(path, text.as_bytes(), SECRET_MODE)
    }

    /// Writes `stem.pem` and `stem.key`.
    pub(super) fn write_identity(&self, stem: &str, one: &Identity) -> Result<(), WorldError> {
        self.write(&format!("{stem}.pem"), &one.certificate_pem)?;
        self.write_secret(&format!("{stem}.key"), &one.key_pem)
    }

    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), WorldError> {
        let path = self.0.join(path);
        write(&path, bytes, mode).map_err(|source| WorldError::File { path, source })
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    // A file that was there keeps its own mode otherwise.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)
}
