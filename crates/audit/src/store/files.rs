//! The store of files: frames in zero-filled segments, opened so that each write is synced.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::{Ack, Batch, Position, Positions, Store, StoreError};
use crate::disk::{self, Disk, Inode};
use crate::frame::{self, Header as FrameHeader};
use crate::identity::LogId;
use crate::segment::{self, Header};

/// The name under which the next segment is made ready.
pub(crate) const SPARE: &str = "spare";
/// So much of it is written and synced at once.
const BLANKED_BYTES: u64 = 1 << 20;

/// Segments in a folder.
#[derive(Debug)]
pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    ledger: PathBuf,
    log: LogId,
    segment_bytes: u64,
    /// The segment that is being written; none before the first record.
    current: Option<Current>,
    /// The next segment, once the current one is half full or there is none.
    spare: Option<JoinHandle<io::Result<()>>>,
    /// The frame under way: kept to be filled again.
    frame: Vec<u8>,
    positions: Arc<Positions>,
}

/// The segment that is being written.
#[derive(Debug)]
struct Current {
    path: PathBuf,
    file: File,
    number: u64,
    bytes: u64,
    /// Where the next frame goes.
    offset: u64,
    /// Which file it is, whatever stands under its name.
    inode: Inode,
}

impl Files {
    /// A store that goes on after the last frame: in segment `number` at `offset`, if there is one.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        ledger: &Path,
        log: LogId,
        segment_bytes: u64,
        last: Option<(u64, u64)>,
        positions: Arc<Positions>,
    ) -> Result<Files, StoreError> {
        let current = match last {
            None => None,
            Some((number, offset)) => Some(Current::open(&*disk, ledger, number, offset)?),
        };
        let ledger = ledger.to_owned();
        let (spare, frame) = (None, Vec::new());
        let mut files = Files {
            disk,
            ledger,
            log,
            segment_bytes,
            current,
            spare,
            frame,
            positions,
        };
        files.look_ahead();
        Ok(files)
    }

    /// The current segment, if `bytes` more fit into it; else the next one.
    fn room(&mut self, bytes: u64, first: u64) -> Result<&mut Current, StoreError> {
        let fits = |current: &Current| current.offset.saturating_add(bytes) <= current.bytes;
        let number = match &self.current {
            Some(current) if fits(current) => current.number,
            Some(current) => current.number + 1,
            None => 0,
        };
        if self
            .current
            .as_ref()
            .is_none_or(|current| current.number != number)
        {
            self.current = None;
            self.make(number, first).map_err(|source| {
                StoreError::segment(segment::path(&self.ledger, number), source)
            })?;
            let offset = segment::HEADER_BYTES as u64;
            let current = Current::open(&*self.disk, &self.ledger, number, offset)?;
            self.current = Some(current);
        }
        self.current.as_mut().ok_or_else(|| StoreError::Gone {
            file: segment::path(&self.ledger, number),
        })
    }

    /// Makes segment `number`, whole and lasting before it has its name.
    fn make(&mut self, number: u64, first: u64) -> io::Result<()> {
        match self.spare.take() {
            Some(spare) => spare
                .join()
                .map_err(|_| io::Error::other("the spare segment failed"))??,
            None => prepare(&*self.disk, &self.ledger, self.segment_bytes)?,
        }
        let disk = &*self.disk;
        let spare = segment::folder(&self.ledger).join(SPARE);
        let path = segment::path(&self.ledger, number);
        if fs::exists(&path)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let header = Header {
            log: self.log,
            number,
            first,
            bytes: self.segment_bytes,
        };
        let file = disk.open(&spare)?;
        disk.write(&file, &header.encode(), 0)?;
        disk.sync(&file)?;
        disk.rename(&spare, &path)?;
        disk.sync_folder(&segment::folder(&self.ledger))
    }

    /// Has the next segment made ready by a thread of its own, before it is needed.
    fn look_ahead(&mut self) {
        let half_full = self
            .current
            .as_ref()
            .is_none_or(|current| current.offset > current.bytes / 2);
        if self.spare.is_none() && half_full {
            let (ledger, bytes) = (self.ledger.clone(), self.segment_bytes);
            let disk = Arc::clone(&self.disk);
            let work = Box::new(move || prepare(&*disk, &ledger, bytes));
            // Without a thread the segment is made when it is needed.
            self.spare = self.disk.beside(work).ok();
        }
    }
}

impl Store for Files {
    /// Returns once `batch` would survive a power cut: the file is opened with `O_DSYNC`.
    /// Trusts the file system with the bytes until the next reading, and with nothing else.
    fn commit(&mut self, batch: &Batch) -> Result<Ack, StoreError> {
        let header = FrameHeader::new(batch.place, batch.count, &batch.body);
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.extend_from_slice(&header.encode());
        frame.extend_from_slice(&batch.body);
        frame.push(frame::END_MARK);
        let disk = Arc::clone(&self.disk);
        let current = self.room(frame.len() as u64, batch.first())?;
        current.append(&*disk, &frame)?;
        let (number, offset) = (current.number, current.offset);
        current.offset += frame.len() as u64;
        self.positions.note(Position {
            first: batch.first(),
            segment: number,
            offset,
        });
        self.frame = frame;
        self.look_ahead();
        Ok(Ack::assertion(batch))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // The lock is let go after this: no thread of ours may still be writing then.
        if let Some(spare) = self.spare.take() {
            let _ = spare.join();
        }
    }
}

impl Current {
    fn open(
        disk: &dyn Disk,
        ledger: &Path,
        number: u64,
        offset: u64,
    ) -> Result<Current, StoreError> {
        let path = segment::path(ledger, number);
        let open = || {
            let file = disk.open_synced(&path)?;
            let bytes = disk::length(&file)?;
            let inode = Inode::of(&file)?;
            Ok(Current {
                path: path.clone(),
                file,
                number,
                bytes,
                offset,
                inode,
            })
        };
        open().map_err(|source| StoreError::segment(path.clone(), source))
    }

    /// Writes and syncs; then makes sure that it is the file under its name that was written.
    fn append(&self, disk: &dyn Disk, frame: &[u8]) -> Result<(), StoreError> {
        disk.write(&self.file, frame, self.offset)
            .map_err(|source| StoreError::write(self.path.clone(), source))?;
        if Inode::named(&self.path).is_ok_and(|named| named == self.inode) {
            Ok(())
        } else {
            Err(StoreError::Gone {
                file: self.path.clone(),
            })
        }
    }
}

/// Makes a file of zeroes that lasts. Written, not only reserved: a first write into reserved space
/// would have to change the file's map as well, and take longer to sync.
fn prepare(disk: &dyn Disk, ledger: &Path, bytes: u64) -> io::Result<()> {
    let file = disk.create(&segment::folder(ledger).join(SPARE))?;
    let mut at = 0;
    while at < bytes {
        let to = bytes.min(at.saturating_add(BLANKED_BYTES));
        disk::blank(disk, &file, at, to)?;
        // By and by: a commit must not wait until the disk has taken all of it.
        disk.sync(&file)?;
        at = to;
    }
    Ok(())
}
