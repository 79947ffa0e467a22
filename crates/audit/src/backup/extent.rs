//! How far a segment goes, by the headers of its frames alone, and copying that much of it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{self, Disk};
use crate::frame::{self, Header as FrameHeader};
use crate::segment::{self, Header};

/// How much is copied at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The frames of a segment that end before a size of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) header: Header,
    /// Where the last of them ends.
    pub(super) end: u64,
    /// The index after that of their last record.
    pub(super) next: u64,
}

impl Extent {
    /// Looks through an open segment. `None` where it has no header, or begins behind `size`. What
    /// a checkpoint speaks for is whole on disk, whoever writes behind it meanwhile; the rest is
    /// for verification to find.
    pub(super) fn of(disk: &dyn Disk, file: &File, size: u64) -> io::Result<Option<Extent>> {
        let mut bytes = [0; segment::HEADER_BYTES];
        if !read(disk, file, &mut bytes, 0)? {
            return Ok(None);
        }
        let Some(header) = Header::decode(&bytes).filter(|header| header.first < size) else {
            return Ok(None);
        };
        let (mut end, mut next) = (segment::HEADER_BYTES as u64, header.first);
        let mut bytes = [0; frame::HEADER_BYTES];
        while end < header.bytes && read(disk, file, &mut bytes, end)? {
            let Some(frame) = FrameHeader::decode(&bytes) else {
                break;
            };
            if frame.place.log != header.log || !frame.ends_before(size) {
                break;
            }
            next = frame.place.first.saturating_add(u64::from(frame.count));
            end = end.saturating_add(frame.frame_len());
        }
        Ok(Some(Extent { header, end, next }))
    }

    /// Copies it, and gives the copy the length that a segment has; what is behind is zero.
    pub(super) fn copy(&self, disk: &dyn Disk, from: &File, to: &File) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut at = 0;
        while at < self.end {
            let length = usize::try_from(self.end - at).map_or(CHUNK_BYTES, |n| n.min(CHUNK_BYTES));
            let Some(chunk) = buffer.get_mut(..length) else {
                break;
            };
            disk::read_exact(disk, from, chunk, at)?;
            disk.write(to, chunk, at)?;
            at += length as u64;
        }
        disk.set_len(to, self.header.bytes)
    }
}

/// Reads all of `bytes`; false where the file ends before.
fn read(disk: &dyn Disk, file: &File, bytes: &mut [u8], at: u64) -> io::Result<bool> {
    match disk::read_exact(disk, file, bytes, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The segments of a log that hold records below `size`, in order. What is missing between them is
/// for verification to find.
pub(super) fn segments(
    disk: &dyn Disk,
    ledger: &Path,
    size: u64,
) -> io::Result<Vec<(PathBuf, File, Extent)>> {
    let (numbers, _strangers) = segment::list(disk, ledger)?;
    let mut found = Vec::new();
    for number in numbers {
        let path = segment::path(ledger, number);
        let file = disk.open_to_read(&path)?;
        if let Some(extent) = Extent::of(disk, &file, size)? {
            found.push((path, file, extent));
        }
    }
    Ok(found)
}

/// How many records have frames on disk: all that were acknowledged by now, or more.
pub(super) fn records_on_disk(disk: &dyn Disk, ledger: &Path) -> io::Result<u64> {
    let (numbers, _strangers) = segment::list(disk, ledger)?;
    let Some(last) = numbers.last() else {
        return Ok(0);
    };
    let file = disk.open_to_read(&segment::path(ledger, *last))?;
    let extent = Extent::of(disk, &file, u64::MAX)?;
    Ok(extent.map_or(0, |extent| extent.next))
}
