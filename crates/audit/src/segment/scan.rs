//! Reading a segment from front to back, and telling a whole frame, the end, a torn write and
//! damage apart. Opening and verifying the ledger share it; only opening may cut what is torn.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{self, Disk};
use crate::format::Newer;
use crate::frame::{self, Header as FrameHeader, Parts, Place};
use crate::identity::LogId;
use crate::segment::{self, Header};
use crate::tree::Hash;

/// How much is read at once; more than the longest frame.
const WINDOW_BYTES: usize = 2 << 20;
/// The smallest piece that a disk writes or loses whole.
const SECTOR_BYTES: u64 = 512;
/// How long a frame can be.
const FRAME_BYTES_MAX: u64 = (frame::HEADER_BYTES + frame::BODY_BYTES_MAX + 1) as u64;

/// An open segment.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    file: File,
    /// The length that the file has now.
    bytes: u64,
    /// The length that its header gives.
    bytes_due: u64,
    /// The version of its header, where that is a newer one.
    newer: Option<u16>,
    window: Vec<u8>,
    window_at: u64,
}

/// What stands at an offset.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A frame whose CRCs hold and that stands where it belongs.
    Frame(FrameHeader, Parts<'a>),
    /// Nothing: zeroes to the end of the file.
    End,
    /// Something else.
    Bad(Fault, Option<(FrameHeader, Parts<'a>)>),
}

/// What is wrong with a place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No whole frame header, and not only zeroes.
    NoHeader,
    /// A whole frame header of this version, which only a newer program reads.
    Newer(u16),
    /// A frame of another log.
    Foreign,
    /// A frame that begins with another record than is due.
    Misplaced { first: u64, due: u64 },
    /// A frame that was written on top of other records than those before it.
    Forked,
    /// The frame runs over the end of the file.
    CutOff,
    /// The body does not fit its CRC.
    BadBody,
    /// The body fits its CRC, and still does not hold the records that the header counts.
    BadCount,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoHeader => f.write_str("bytes that are no frame of a ledger"),
            Fault::Newer(version) => write!(f, "a frame of format {version}"),
            Fault::Foreign => f.write_str("a frame of another log"),
            Fault::Misplaced { first, due } => {
                write!(
                    f,
                    "a frame that begins with record {first} where record {due} is due"
                )
            }
            Fault::Forked => {
                f.write_str("a frame written after other records than those before it")
            }
            Fault::CutOff => f.write_str("a frame that runs over the end of the file"),
            Fault::BadBody => f.write_str("a frame whose content does not fit its checksum"),
            Fault::BadCount => f.write_str("a frame that does not hold the records it counts"),
        }
    }
}

/// A torn write: what a crash can leave of the last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tear {
    /// The bytes from the frame's offset that are not zero: up to here.
    pub(crate) end: u64,
}

impl Scan<'_> {
    /// Opens segment `number` and reads its header; `None` where there is no whole one.
    pub(crate) fn open<'a>(
        disk: &'a dyn Disk,
        ledger: &Path,
        number: u64,
    ) -> io::Result<(Scan<'a>, Option<Header>)> {
        let path = segment::path(ledger, number);
        let file = disk.open_to_read(&path)?;
        let bytes = file.metadata()?.len();
        let mut scan = Scan {
            disk,
            path,
            file,
            bytes,
            bytes_due: bytes,
            newer: None,
            window: Vec::new(),
            window_at: 0,
        };
        let header_bytes = scan.read(0, segment::HEADER_BYTES)?.first_chunk();
        let header = header_bytes.and_then(Header::decode);
        scan.newer = header_bytes.and_then(Header::newer);
        scan.bytes_due = header.map_or(bytes, |header| header.bytes);
        Ok((scan, header))
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the header says, where a newer program wrote it.
    pub(crate) fn newer_header(&self) -> Option<Newer> {
        let version = u32::from(self.newer?);
        let known = segment::VERSION.into();
        Some(Newer::new(&self.path, "a segment", version, known))
    }

    /// What a frame says, where a newer program wrote it.
    pub(crate) fn newer_frame(&self, version: u16) -> Newer {
        let known = frame::VERSION.into();
        Newer::new(&self.path, "a frame", version.into(), known)
    }

    /// Whether the segment has a record of `log`; what of it a newer program wrote. Up to the first
    /// damage.
    pub(crate) fn look(&mut self, log: LogId) -> io::Result<Result<bool, Newer>> {
        let mut place = Place {
            log,
            first: 0,
            root: Hash::default(),
        };
        let (mut offset, mut has_record) = (segment::HEADER_BYTES as u64, false);
        loop {
            let path = self.path.clone();
            // Each frame follows on another root, which only a reader of the whole log knows.
            let (header, mut parts) = match self.at(offset, &place)? {
                Found::Bad(Fault::Newer(version), _) => return Ok(Err(self.newer_frame(version))),
                Found::Frame(header, parts)
                | Found::Bad(Fault::Misplaced { .. } | Fault::Forked, Some((header, parts)))
                    if header.fits(parts.0) =>
                {
                    (header, parts)
                }
                Found::End | Found::Frame(..) | Found::Bad(..) => return Ok(Ok(has_record)),
            };
            let newer = parts.find_map(|part| Newer::leaf(&path, part?.leaf));
            if let Some(newer) = newer {
                return Ok(Err(newer));
            }
            has_record = true;
            place.first = header.place.first.saturating_add(u64::from(header.count));
            offset += header.frame_len();
        }
    }

    /// The file's length.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What stands at `offset`, where a frame at `place` is due.
    pub(crate) fn at(&mut self, offset: u64, place: &Place) -> io::Result<Found<'_>> {
        let header_bytes = self.read(offset, frame::HEADER_BYTES)?;
        let Some(header) = header_bytes.first_chunk().and_then(FrameHeader::decode) else {
            if let Some(version) = header_bytes.first_chunk().and_then(FrameHeader::newer) {
                return Ok(Found::Bad(Fault::Newer(version), None));
            }
            let blank = header_bytes.iter().all(|byte| *byte == 0);
            let end = blank && self.last_nonzero(offset)?.is_none();
            return Ok(if end {
                Found::End
            } else {
                Found::Bad(Fault::NoHeader, None)
            });
        };
        let fault = if header.place.log != place.log {
            Some(Fault::Foreign)
        } else if header.place.first != place.first {
            Some(Fault::Misplaced {
                first: header.place.first,
                due: place.first,
            })
        } else if header.place.root != place.root {
            Some(Fault::Forked)
        } else {
            None
        };
        let rest = self.read(offset + frame::HEADER_BYTES as u64, header.body_len() + 1)?;
        let (body, end) = rest
            .split_at_checked(header.body_len())
            .unwrap_or((rest, &[]));
        let fault = fault.or_else(|| body_fault(&header, body, end));
        Ok(match fault {
            None => Found::Frame(header, Parts(body)),
            Some(fault) => Found::Bad(fault, Some((header, Parts(body)))),
        })
    }

    /// Whether the bad frame at `offset` is a torn write, that is: what is there of its header is
    /// what must stand there, a piece of it is missing (still zero), and no frame lies after it.
    pub(crate) fn tear(
        &mut self,
        offset: u64,
        place: &Place,
        fault: Fault,
    ) -> io::Result<Option<Tear>> {
        let may_be_torn = match fault {
            Fault::NoHeader | Fault::BadBody => true,
            Fault::CutOff => self.bytes < self.bytes_due,
            Fault::Newer(_)
            | Fault::Foreign
            | Fault::Misplaced { .. }
            | Fault::Forked
            | Fault::BadCount => false,
        };
        if !may_be_torn {
            return Ok(None);
        }
        let Some(end) = self.last_nonzero(offset)?.map(|last| last + 1) else {
            return Ok(None);
        };
        let header_bytes = self.read(offset, frame::HEADER_BYTES)?;
        if !frame::is_torn_header(header_bytes, place) {
            return Ok(None);
        }
        // Up to where the frame can reach, and up to where it must.
        let (most, least) = match header_bytes.first_chunk().and_then(FrameHeader::decode) {
            Some(header) => (header.frame_len(), header.frame_len()),
            None => (FRAME_BYTES_MAX, frame::HEADER_BYTES as u64),
        };
        if end > offset + most {
            return Ok(None);
        }
        let Ok(length) = usize::try_from(end - offset) else {
            return Ok(None);
        };
        let bytes = self.read(offset, length)?;
        let hole = end < offset + least || has_blank_sector(bytes, offset);
        let frame_after = frame::find_header(bytes.get(1..).unwrap_or_default(), place.log);
        Ok((hole && frame_after.is_none()).then_some(Tear { end }))
    }

    /// The offset of the next frame of `log` after `offset`, for those who read on behind damage.
    pub(crate) fn next_frame(&mut self, offset: u64, log: LogId) -> io::Result<Option<u64>> {
        let mut at = offset + 1;
        while at < self.bytes {
            let bytes = self.read(at, WINDOW_BYTES)?;
            if let Some(found) = frame::find_header(bytes, log) {
                return Ok(Some(at + found as u64));
            }
            let overlap = frame::HEADER_BYTES - 1;
            at += bytes.len().saturating_sub(overlap).max(1) as u64;
        }
        Ok(None)
    }

    /// The offset of the last byte from `offset` on that is not zero.
    fn last_nonzero(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let mut last = None;
        let mut at = offset;
        while at < self.bytes {
            let bytes = self.read(at, WINDOW_BYTES)?;
            if let Some(index) = bytes.iter().rposition(|byte| *byte != 0) {
                last = Some(at + index as u64);
            }
            at += bytes.len().max(1) as u64;
        }
        Ok(last)
    }

    /// `count` bytes from `offset`, or fewer at the end of the file.
    fn read(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let end = offset.saturating_add(count as u64).min(self.bytes);
        let window_end = self.window_at + self.window.len() as u64;
        if offset < self.window_at || end > window_end {
            let length = (self.bytes.saturating_sub(offset)).min(count.max(WINDOW_BYTES) as u64);
            self.window
                .resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
            self.window_at = offset;
            let read = disk::read_exact(self.disk, &self.file, &mut self.window, offset);
            // Nobody may take for the file's what a failed reading left here.
            read.inspect_err(|_| self.window.clear())?;
        }
        let from = usize::try_from(offset - self.window_at).unwrap_or(usize::MAX);
        let length = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        Ok(self
            .window
            .get(from..from.saturating_add(length))
            .unwrap_or_default())
    }
}

fn body_fault(header: &FrameHeader, body: &[u8], end: &[u8]) -> Option<Fault> {
    if end.is_empty() {
        return Some(Fault::CutOff);
    }
    if !header.fits(body) || end != [frame::END_MARK] {
        return Some(Fault::BadBody);
    }
    let count = Parts(body).filter(Option::is_some).count();
    let whole = Parts(body).all(|part| part.is_some());
    let counted = u64::try_from(count) == Ok(u64::from(header.count));
    (!(whole && counted)).then_some(Fault::BadCount)
}

/// Whether a sector of the file that lies, in whole or with its end, in `bytes` (from `offset` of
/// the file) is still all zero.
fn has_blank_sector(bytes: &[u8], offset: u64) -> bool {
    let first = usize::try_from(SECTOR_BYTES - offset % SECTOR_BYTES).unwrap_or_default();
    let (head, rest) = bytes.split_at_checked(first).unwrap_or((bytes, &[]));
    let blank = |sector: &[u8]| !sector.is_empty() && sector.iter().all(|byte| *byte == 0);
    blank(head) || rest.chunks(SECTOR_BYTES as usize).any(blank)
}
