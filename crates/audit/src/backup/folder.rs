//! The folder of an instance's backup: what lies where in it, the note of what it holds, and how a
//! new one takes the place of the one before.

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{BackupError, LogTaken};
use crate::disk::{self, Disk, LocalDisk};
use crate::shards::Layout;

/// The file that makes a folder a backup.
const NOTE: &str = "backup";
const FIRST_LINE: &str = "motlan backup 1";
/// The longest such file: a line for each of 400 quarters.
const NOTE_BYTES_MAX: usize = 256 * 1024;
/// The longest secret file that is copied.
const SECRET_BYTES_MAX: u64 = 1 << 30;

/// Where the logs of a backup lie, for reading it with the same means as a ledger.
pub fn backup_layout(backup: &Path) -> Layout {
    Layout {
        ledgers: backup.join("ledger"),
        sealings: backup.join("sealing"),
        indexes: backup.join("index"),
        known_checkpoints: None,
    }
}

/// The folder for backups, locked.
#[derive(Debug)]
pub(super) struct Place<'a> {
    disk: &'a dyn Disk,
    /// The folder for backups.
    to: &'a Path,
    /// The backup.
    pub(super) whole: PathBuf,
    /// The one that is made.
    pub(super) fresh: PathBuf,
    /// The one before, while the new one gets its name.
    old: PathBuf,
    _lock: File,
}

impl<'a> Place<'a> {
    /// Takes the folder, which is made where it is not there, and ends what a crash left.
    pub(super) fn take(
        disk: &'a dyn Disk,
        to: &'a Path,
        name: &str,
    ) -> Result<Place<'a>, BackupError> {
        let failed = |source| BackupError::io(to, source);
        disk::create_folders(disk, to).map_err(failed)?;
        let lock = File::open(to).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy { to: to.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let place = Place {
            disk,
            to,
            whole: to.join(name),
            fresh: to.join(format!("{name}.new")),
            old: to.join(format!("{name}.old")),
            _lock: lock,
        };
        place.tidy().map_err(failed)?;
        Ok(place)
    }

    /// A crash between the two renamings leaves the one before under its other name.
    fn tidy(&self) -> io::Result<()> {
        if !fs::exists(&self.whole)? && fs::exists(&self.old)? {
            self.disk.rename(&self.old, &self.whole)?;
            self.disk.sync_folder(self.to)?;
        }
        wipe(self.disk, &self.old)
    }

    /// Makes an empty folder for the new one.
    pub(super) fn begin(&self) -> io::Result<()> {
        wipe(self.disk, &self.fresh)?;
        self.disk.create_folder(&self.fresh)
    }

    /// Gives the new one its name, and wipes the one before.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.disk.sync_folder(&self.fresh)?;
        if fs::exists(&self.whole)? {
            self.disk.rename(&self.whole, &self.old)?;
        }
        self.disk.rename(&self.fresh, &self.whole)?;
        self.disk.sync_folder(self.to)?;
        // R108: the keys of whom was erased since must not be left.
        wipe(self.disk, &self.old)
    }

    /// Wipes what was not finished.
    pub(super) fn abandon(&self) -> io::Result<()> {
        wipe(self.disk, &self.fresh)
    }
}

/// Removes a backup, and writes zeroes over what was secret in it. Segments may be shared with
/// another backup.
fn wipe(disk: &dyn Disk, backup: &Path) -> io::Result<()> {
    if !fs::exists(backup)? {
        return Ok(());
    }
    // From here on it is no backup.
    remove_if_there(disk, &backup.join(NOTE))?;
    let sealings = backup_layout(backup).sealings;
    for folder in [backup, &sealings] {
        if !fs::exists(folder)? {
            continue;
        }
        for file in disk.list(folder)? {
            if fs::symlink_metadata(&file)?.is_file() {
                let opened = disk.open(&file)?;
                disk::blank(disk, &opened, 0, disk::length(&opened)?)?;
                disk.sync(&opened)?;
            }
        }
    }
    fs::remove_dir_all(backup)?;
    disk.sync_folder(disk::parent(backup))
}

fn remove_if_there(disk: &dyn Disk, file: &Path) -> io::Result<()> {
    match disk.remove(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Copies a file with secrets in it, so that the copy lasts.
pub(super) fn copy_secret(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    write_secret(disk, &read_secret(disk, from)?, to)
}

/// Reads a file with secrets in it.
pub(super) fn read_secret(disk: &dyn Disk, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let opened = disk.open_to_read(file)?;
    let length = disk::length(&opened)?.min(SECRET_BYTES_MAX);
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(length).unwrap_or(0)]);
    disk::read_exact(disk, &opened, &mut bytes, 0)?;
    Ok(bytes)
}

/// Writes a file with secrets in it, so that it lasts once its folder was synced.
pub(super) fn write_secret(disk: &dyn Disk, bytes: &[u8], to: &Path) -> io::Result<()> {
    let opened = disk.create(to)?;
    disk.write(&opened, bytes, 0)?;
    disk.sync(&opened)
}

/// Writes the note of what a backup holds.
pub(super) fn write_note(
    disk: &dyn Disk,
    backup: &Path,
    time_s: i64,
    logs: &[LogTaken],
) -> io::Result<()> {
    let mut text = format!("{FIRST_LINE}\ntaken {time_s}\n");
    for LogTaken {
        origin, records, ..
    } in logs
    {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "log {origin} {records}");
    }
    disk::replace(disk, &backup.join(NOTE), &text)
}

/// The note of what a backup holds; `None` where there is no backup of a kind that is known.
pub(super) fn read_note(backup: &Path) -> io::Result<Option<String>> {
    match disk::read_text(&LocalDisk, &backup.join(NOTE), NOTE_BYTES_MAX) {
        Ok(text) => Ok(text.starts_with(&format!("{FIRST_LINE}\n")).then_some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
