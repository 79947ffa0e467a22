//! The disk: the operations by which a ledger changes its folder and reads what is in it. It uses
//! no others, so that a test can put in their place a disk that fails. All files and folders are
//! their owner's alone.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use rustix::fs::{Advice, AtFlags, CWD, OFlags, Statx, StatxFlags, fadvise, statvfs, statx};

/// Files of the ledger: the sealed parts are personal.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// How much of zeroes is written at once.
const ZEROES_BYTES: usize = 1 << 18;

/// Work that is done beside the committer.
pub type Work = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// What a ledger changes and reads files with. Each method does what the system does; a test
/// overrides what is to fail. Whoever implements it is trusted as the disk is: with bytes that were
/// synced, and with nothing else.
pub trait Disk: Debug + Send + Sync {
    /// Makes one folder.
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(FOLDER_MODE).create(folder)
    }

    /// Opens a file for writing, empty, and makes it where it is not there.
    fn create(&self, file: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(file)
    }

    /// Opens a file that is there.
    fn open(&self, file: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(file)
    }

    /// Opens a file that is there so that each write to it returns once it would survive a power
    /// cut (`O_DSYNC`).
    fn open_synced(&self, file: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::DSYNC.bits().cast_signed())
            .open(file)
    }

    /// Writes all of `bytes` at `offset`.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Gives a file its length; what is new of it is zero.
    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    /// Returns once what was written to the file would survive a power cut. After an error it is
    /// not known what of it does.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Has the next reading of the file come from the disk: after a failed sync the system's cache
    /// may hold what the disk does not.
    fn forget(&self, file: &File) -> io::Result<()> {
        Ok(fadvise(file, 0, None, Advice::DontNeed)?)
    }

    /// Gives a file another name, in place of what had that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file.
    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    /// Returns once the names in a folder would survive a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// Opens a file that is there for reading.
    fn open_to_read(&self, file: &Path) -> io::Result<File> {
        File::open(file)
    }

    /// Reads at `offset` into `bytes` and gives how much it read: less than there is room for where
    /// the system has no more at hand, and nothing at the end of the file.
    fn read(&self, file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(bytes, offset)
    }

    /// What is in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    }

    /// Begins `work` in a thread of its own.
    fn beside(&self, work: Work) -> io::Result<JoinHandle<io::Result<()>>> {
        thread::Builder::new()
            .name("ledger-spare".to_owned())
            .spawn(work)
    }
}

/// The disk that the system offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {}

/// Makes `file`, for its owner alone; an error if it is there.
pub(crate) fn create_new(file: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(file)
}

/// Makes a folder with those above it, where they are not there yet, so that they last.
pub(crate) fn create_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder);
    create_folders(disk, above)?;
    match disk.create_folder(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => disk.sync_folder(above),
    }
}

/// The folder that a path lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    }
}

/// Puts `text` in the place of `file`. Whoever reads meanwhile, or after a power cut, finds the old
/// text or the new one, whole.
pub(crate) fn replace(disk: &dyn Disk, file: &Path, text: &str) -> io::Result<()> {
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = Path::new(&fresh);
    let opened = disk.create(fresh)?;
    disk.write(&opened, text.as_bytes(), 0)?;
    disk.sync(&opened)?;
    disk.rename(fresh, file)?;
    disk.sync_folder(parent(file))
}

/// Writes zeroes over the bytes of a file from `from` to `to`.
pub(crate) fn blank(disk: &dyn Disk, file: &File, from: u64, to: u64) -> io::Result<()> {
    // Not a static: that would lie in the binary.
    let zeroes = vec![0; ZEROES_BYTES];
    let mut at = from;
    while at < to {
        let length = (to - at).min(ZEROES_BYTES as u64);
        let piece = usize::try_from(length).ok().and_then(|n| zeroes.get(..n));
        disk.write(file, piece.unwrap_or_default(), at)?;
        at += length;
    }
    Ok(())
}

/// Reads as much as `bytes` has room for; an error where the file ends before.
pub(crate) fn read_exact(
    disk: &dyn Disk,
    file: &File,
    bytes: &mut [u8],
    offset: u64,
) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match disk.read(file, rest, offset.saturating_add(done as u64)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The text of a small file, at most `bytes_max` of it; an error where it ends before its length.
pub(crate) fn read_text(disk: &dyn Disk, file: &Path, bytes_max: usize) -> io::Result<String> {
    let file = disk.open_to_read(file)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(bytes_max);
    let mut bytes = vec![0; length.min(bytes_max)];
    read_exact(disk, &file, &mut bytes, 0)?;
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// How many bytes are free for us on the file system that `path` lies on.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Which file it is, whatever stands under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    device: (u32, u32),
    number: u64,
}

impl Inode {
    /// The one under `path`. Asks for nothing beside: where a file's times were asked for, the
    /// kernel takes down the next write's to the nanosecond (Linux 6.13), and has the inode to sync
    /// as well as the data.
    pub(crate) fn named(path: &Path) -> io::Result<Inode> {
        Ok(statx(CWD, path, AtFlags::empty(), StatxFlags::INO)?.into())
    }

    /// That of an open file, whatever stands under its name by now.
    pub(crate) fn of(file: &File) -> io::Result<Inode> {
        Ok(statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::INO)?.into())
    }
}

impl From<Statx> for Inode {
    fn from(found: Statx) -> Inode {
        Inode {
            device: (found.stx_dev_major, found.stx_dev_minor),
            number: found.stx_ino,
        }
    }
}

/// The length of a file. Asks for nothing beside, as [`Inode::named`].
pub(crate) fn length(file: &File) -> io::Result<u64> {
    Ok(statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::SIZE)?.stx_size)
}

/// Whether an error says that there is no room, or none for us.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}
