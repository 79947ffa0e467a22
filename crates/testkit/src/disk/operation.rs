//! What is done to a disk, and what can go wrong with it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// The smallest piece that a disk writes or loses whole.
const SECTOR_BYTES: u64 = 512;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after the operation of `Disk`")]
pub enum Verb {
    CreateFolder,
    Create,
    Open,
    Write,
    SetLen,
    Sync,
    Forget,
    Rename,
    Remove,
    SyncFolder,
    OpenToRead,
    Read,
    List,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CreateFolder => "create folder",
            Self::Create => "create",
            Self::Open => "open",
            Self::Write => "write",
            Self::SetLen => "set length",
            Self::Sync => "sync",
            Self::Forget => "forget",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::SyncFolder => "sync folder",
            Self::OpenToRead => "open to read",
            Self::Read => "read",
            Self::List => "list",
        })
    }
}

/// One thing that was done, whether it went well or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// What.
    pub verb: Verb,
    /// To what, from the root of the disk.
    pub path: PathBuf,
}

/// How an operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// An error, and nothing happened.
    Lost,
    /// An error, and yet all of it happened.
    Kept,
    /// An error; the system's cache shows it, and the disk never had it.
    Cached,
    /// An error, and only the first sectors were written.
    Front,
    /// An error, and only the last sectors were written.
    Back,
    /// The process is killed, or the power is cut, before it happened.
    Stops,
    /// The power is cut when only the first sectors were written.
    StopsAfterFront,
    /// The power is cut when only the last sectors were written.
    StopsAfterBack,
    /// An error that says that the disk is full, and nothing happened.
    Full,
    /// No error, and nothing happened.
    Lies,
    /// No error, and less was read than there was room for; the rest comes when it is asked for.
    Short,
    /// No error, and half of what was to be read; then it is as though the file ended there.
    Ends,
    /// No error, and zeroes in the place of what stands in the file.
    Blank,
    /// No error, but this write and the next one of its length change places.
    Swaps,
}

impl Trouble {
    /// What an honest disk can do.
    pub const HONEST: [Self; 8] = [
        Self::Lost,
        Self::Kept,
        Self::Cached,
        Self::Front,
        Self::Back,
        Self::Stops,
        Self::StopsAfterFront,
        Self::StopsAfterBack,
    ];

    /// What an honest disk can do to a reading.
    pub const HONEST_TO_READERS: [Self; 3] = [Self::Lost, Self::Short, Self::Ends];

    /// Whether it can happen to an operation. Lies leave something out, so only where nothing is
    /// handed back.
    #[must_use]
    pub fn can_befall(self, operation: &Operation) -> bool {
        let reads = matches!(operation.verb, Verb::OpenToRead | Verb::Read | Verb::List);
        match self {
            Self::Lost => true,
            Self::Short | Self::Ends | Self::Blank => operation.verb == Verb::Read,
            _ if reads => false,
            Self::Kept | Self::Stops | Self::Full => true,
            Self::Cached
            | Self::Front
            | Self::Back
            | Self::StopsAfterFront
            | Self::StopsAfterBack
            | Self::Swaps => operation.verb == Verb::Write,
            Self::Lies => !matches!(
                operation.verb,
                Verb::Create | Verb::Open | Verb::CreateFolder
            ),
        }
    }

    /// Whether nothing happens any more after it.
    pub(super) fn stops(self) -> bool {
        matches!(
            self,
            Self::Stops | Self::StopsAfterFront | Self::StopsAfterBack
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Lost => "lost",
            Self::Kept => "kept",
            Self::Cached => "cached",
            Self::Front => "front",
            Self::Back => "back",
            Self::Stops => "stop",
            Self::StopsAfterFront => "stop-front",
            Self::StopsAfterBack => "stop-back",
            Self::Full => "full",
            Self::Lies => "lie",
            Self::Swaps => "swap",
            Self::Short => "short",
            Self::Ends => "ends",
            Self::Blank => "blank",
        })
    }
}

/// Which part of a write of `length` bytes at `offset` its first sectors are; nothing where it lies
/// in one, for a sector is written whole or not at all.
pub(super) fn front(offset: u64, length: usize) -> Range<usize> {
    0..border(offset, length).unwrap_or(0)
}

/// Which part its last sectors are.
pub(super) fn back(offset: u64, length: usize) -> Range<usize> {
    border(offset, length).unwrap_or(length)..length
}

/// The border of two sectors that is next to its middle from below, or else from above.
fn border(offset: u64, length: usize) -> Option<usize> {
    let (end, half) = (offset + length as u64, offset + length as u64 / 2);
    let below = half / SECTOR_BYTES * SECTOR_BYTES;
    let within = [below, below + SECTOR_BYTES]
        .into_iter()
        .find(|border| (offset + 1..end).contains(border))?;
    usize::try_from(within - offset).ok()
}
