//! The reserve: a file beside the logs that holds room on their disk, and gives it back when
//! somebody else has filled that. Then what is under way can be recorded to its end, and the
//! gateway can be drained and closed; without it the ledger fails at the next file that it makes.
//!
//! It is given back once. Only what can be begun anew is tried again then: making a file or a
//! folder, and writing one that nobody has been told of. A write to a segment is never repeated.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::fs::{FallocateFlags, OFlags, fallocate, fcntl_getfl};

use crate::disk::{self, Disk, LocalDisk, Work};

/// The name of the file in the folder of the logs.
const FILE: &str = "reserve";

/// The reserve of an instance's logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    file: PathBuf,
}

impl Reserve {
    /// That of the logs in a folder, whether it is there or not.
    pub fn of(ledgers: &Path) -> Reserve {
        let file = ledgers.join(FILE);
        Reserve { file }
    }

    /// Where it lies.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// How much it holds: nothing, once it was given back.
    pub fn bytes(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |it| it.len())
    }

    /// Makes it, that long, or removes it where that is nothing. While there is no room for it, it
    /// is not there, or as it was.
    ///
    /// # Errors
    /// What the system said.
    pub fn make(&self, bytes: u64) -> io::Result<()> {
        if self.bytes() == bytes {
            return Ok(());
        }
        let fresh = self.file.with_extension("new");
        let folder = disk::parent(&self.file);
        let made = match bytes {
            0 => fs::remove_file(&self.file),
            _ => fill(&fresh, bytes).and_then(|()| fs::rename(&fresh, &self.file)),
        };
        made.inspect_err(|_| {
            // Half of it would hold room that nobody knows of.
            let _left = fs::remove_file(&fresh);
        })?;
        File::open(folder)?.sync_all()
    }

    /// Removes it; whether there was one.
    fn give_back(&self) -> bool {
        let bytes = self.bytes();
        let given = fs::remove_file(&self.file).is_ok();
        if given {
            tracing::error!(
                file = %self.file.display(),
                bytes,
                "the disk of the ledger is full: its reserve was given back. Make room, then run \
                 `motlan ledger reserve`"
            );
        }
        given
    }
}

/// Makes a file for which there is room on the disk.
fn fill(file: &Path, bytes: u64) -> io::Result<()> {
    let opened = LocalDisk.create(file)?;
    match fallocate(&opened, FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => disk::blank(&LocalDisk, &opened, 0, bytes)?,
        reserved => reserved?,
    }
    opened.sync_all()
}

/// A disk that gives its reserve back when it is full.
#[derive(Debug)]
pub(crate) struct Reserving {
    disk: Arc<dyn Disk>,
    reserve: Reserve,
}

impl Reserving {
    pub(crate) fn new(disk: Arc<dyn Disk>, reserve: Reserve) -> Reserving {
        Reserving { disk, reserve }
    }

    /// Does it, and once more if the reserve made room for that.
    fn again<T>(&self, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if disk::is_full(&error) && self.reserve.give_back() => work(),
            done => done,
        }
    }
}

impl Disk for Reserving {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.again(|| self.disk.create_folder(folder))
    }

    fn create(&self, file: &Path) -> io::Result<File> {
        self.again(|| self.disk.create(file))
    }

    fn open(&self, file: &Path) -> io::Result<File> {
        self.disk.open(file)
    }

    fn open_synced(&self, file: &Path) -> io::Result<File> {
        self.disk.open_synced(file)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        // What failed may have been the sync, and of that it is not known what the disk holds.
        match fcntl_getfl(file)?.contains(OFlags::DSYNC) {
            true => self.disk.write(file, bytes, offset),
            false => self.again(|| self.disk.write(file, bytes, offset)),
        }
    }

    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.again(|| self.disk.set_len(file, bytes))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.disk.sync(file)
    }

    fn forget(&self, file: &File) -> io::Result<()> {
        self.disk.forget(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.again(|| self.disk.rename(from, to))
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.disk.remove(file)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn open_to_read(&self, file: &Path) -> io::Result<File> {
        self.disk.open_to_read(file)
    }

    fn read(&self, file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.read(file, bytes, offset)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(folder)
    }

    fn beside(&self, work: Work) -> io::Result<JoinHandle<io::Result<()>>> {
        self.disk.beside(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Full for as long as the reserve is there.
    #[derive(Debug)]
    struct Full(Reserve);

    impl Full {
        fn check(&self) -> io::Result<()> {
            match self.0.bytes() {
                0 => Ok(()),
                _ => Err(io::ErrorKind::StorageFull.into()),
            }
        }
    }

    impl Disk for Full {
        fn create(&self, file: &Path) -> io::Result<File> {
            self.check()?;
            LocalDisk.create(file)
        }

        fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            self.check()?;
            LocalDisk.write(file, bytes, offset)
        }
    }

    fn laid() -> (tempfile::TempDir, Reserve, Reserving) {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(dir.path());
        reserve.make(4096).unwrap();
        let disk = Reserving::new(Arc::new(Full(reserve.clone())), reserve.clone());
        (dir, reserve, disk)
    }

    #[test]
    fn a_full_disk_gets_its_reserve_back_once_and_goes_on() {
        let (dir, reserve, disk) = laid();
        let file = dir.path().join("checkpoint");
        disk::replace(&disk, &file, "signed").unwrap();
        assert_eq!(reserve.bytes(), 0);
        reserve.make(8192).unwrap();
        assert_eq!(reserve.bytes(), 8192);
        reserve.make(0).unwrap();
        assert!(!reserve.file().exists());
    }

    #[test]
    fn a_write_that_is_synced_is_never_tried_again() {
        let (dir, reserve, disk) = laid();
        let file = dir.path().join("segment");
        LocalDisk.create(&file).unwrap();
        let opened = disk.open_synced(&file).unwrap();
        assert!(disk::is_full(
            &disk.write(&opened, b"frame", 0).unwrap_err()
        ));
        assert_eq!(reserve.bytes(), 4096);
    }
}
