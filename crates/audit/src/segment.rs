//! Segments: zero-filled files of fixed length, `segments/<number>`, that hold frames one after the
//! other. A segment begins with a header of 64 bytes, which lasts before the file gets its name.
//!
//! | bytes | header |
//! | --- | --- |
//! | 0..4 | magic `MLsg` |
//! | 4..6 | version, 1 |
//! | 6..8 | zero |
//! | 8..24 | id of the log |
//! | 24..32 | number of the segment, from 0 |
//! | 32..40 | index of its first record |
//! | 40..48 | length of the file |
//! | 48..60 | zero |
//! | 60..64 | CRC-32C of bytes 0..60 |
//!
//! In every version magic, version, id of the log and CRC stand where they do, and the header is as
//! long.

mod newest;
mod scan;

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{self, Disk};
use crate::frame::{self, Reader, is_sealed, seal};
use crate::identity::LogId;

pub use newest::newest_time_us;
pub(crate) use scan::{Fault, Found, Scan};

/// The length of a segment's header.
pub(crate) const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 4] = *b"MLsg";
pub(crate) const VERSION: u16 = 1;
/// Numbers are padded so that names sort.
const NAME_DIGITS: usize = 8;

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) log: LogId,
    pub(crate) number: u64,
    pub(crate) first: u64,
    pub(crate) bytes: u64,
}

impl Header {
    /// As it stands on disk.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let parts: [&[u8]; 7] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &[0; 2],
            &self.log.0,
            &self.number.to_le_bytes(),
            &self.first.to_le_bytes(),
            &self.bytes.to_le_bytes(),
        ];
        out.iter_mut()
            .zip(parts.into_iter().flatten())
            .for_each(|(to, from)| *to = *from);
        seal(&mut out);
        out
    }

    /// Reads a header. `None` where there is none, whole, of this version.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        if !is_sealed(bytes) {
            return None;
        }
        let mut reader = Reader(bytes);
        if reader.array()? != MAGIC || reader.u16()? != VERSION || reader.u16()? != 0 {
            return None;
        }
        let header = Header {
            log: LogId(reader.array()?),
            number: reader.u64()?,
            first: reader.u64()?,
            bytes: reader.u64()?,
        };
        (reader.array()? == [0; 12]).then_some(header)
    }

    /// The version of a whole header that a newer program wrote; `None` where it is none.
    pub(crate) fn newer(bytes: &[u8; HEADER_BYTES]) -> Option<u16> {
        frame::newer(bytes, MAGIC, VERSION)
    }
}

/// The log that segment 0 says it is of, by a header of any version; `None` where there is no whole
/// one.
pub(crate) fn log_of_first(disk: &dyn Disk, ledger: &Path) -> Option<LogId> {
    let mut bytes = [0; HEADER_BYTES];
    let file = disk.open_to_read(&path(ledger, 0)).ok()?;
    disk::read_exact(disk, &file, &mut bytes, 0).ok()?;
    let mut reader = Reader(&bytes);
    let is_whole = is_sealed(&bytes) && reader.array()? == MAGIC;
    let (_version, _zero) = (reader.u16()?, reader.u16()?);
    let log = LogId(reader.array()?);
    is_whole.then_some(log)
}

/// The folder of segments of the ledger in `ledger`.
pub(crate) fn folder(ledger: &Path) -> PathBuf {
    ledger.join("segments")
}

/// The file of segment `number`.
pub(crate) fn path(ledger: &Path, number: u64) -> PathBuf {
    folder(ledger).join(format!("{number:0NAME_DIGITS$}"))
}

/// The numbers of the segments that are there, sorted, and the files that are none.
pub(crate) fn list(disk: &dyn Disk, ledger: &Path) -> io::Result<(Vec<u64>, Vec<PathBuf>)> {
    let (mut numbers, mut strangers) = (Vec::new(), Vec::new());
    for file in disk.list(&folder(ledger))? {
        let name = file.file_name().and_then(|name| name.to_str());
        match name.and_then(|name| name.parse().ok()) {
            Some(number) if path(ledger, number) == file => numbers.push(number),
            _ => strangers.push(file),
        }
    }
    numbers.sort_unstable();
    Ok((numbers, strangers))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::LocalDisk;

    #[test]
    fn a_header_reads_back_and_any_changed_bit_is_seen() {
        let header = Header {
            log: LogId([3; 16]),
            number: 5,
            first: 70,
            bytes: 4096,
        };
        assert_eq!(Header::decode(&header.encode()), Some(header));
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = header.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn only_files_with_a_number_for_a_name_are_segments() {
        let ledger = tempfile::tempdir().unwrap();
        fs::create_dir(folder(ledger.path())).unwrap();
        for name in ["00000001", "00000000", "spare", "2", "+0000002"] {
            fs::write(folder(ledger.path()).join(name), "").unwrap();
        }
        let (numbers, mut strangers) = list(&LocalDisk, ledger.path()).unwrap();
        strangers.sort();
        assert_eq!(numbers, [0, 1]);
        assert_eq!(strangers.len(), 3);
    }
}
