//! Reading leaves out of the middle of a log.

use std::path::Path;

use crate::disk::{self, Disk};
use crate::format::Newer;
use crate::frame::{self, Header, Part, Parts};
use crate::identity::LogId;
use crate::ledger::ReadError;
use crate::segment;
use crate::store::Position;

/// Where to look for leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaves<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) folder: &'a Path,
    pub(crate) log: LogId,
}

impl Leaves<'_> {
    /// Gives the leaves `first..end` to `visit`, in order. `near` knows for an index a frame that
    /// holds it or lies before it in the same segment. Gives the position of the last frame that
    /// was read, to look from there for what comes after.
    pub(crate) fn read(
        &self,
        first: u64,
        end: u64,
        near: impl FnMut(u64) -> Option<Position>,
        visit: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<Position>, ReadError> {
        self.parts(first, end, near, &mut |part| visit(part.leaf))
    }

    /// As [`Leaves::read`], with the sealed parts as they stand on disk.
    pub(crate) fn parts(
        &self,
        first: u64,
        end: u64,
        mut near: impl FnMut(u64) -> Option<Position>,
        visit: &mut dyn FnMut(Part<'_>),
    ) -> Result<Option<Position>, ReadError> {
        let mut at = Cursor {
            next: first,
            end,
            last: None,
        };
        let mut before = None;
        while at.next < end {
            let damaged = ReadError::Damaged { index: at.next };
            let from = near(at.next).filter(|near| before != Some(*near));
            let from = from.ok_or(damaged)?;
            before = Some(from);
            self.segment(from, &mut at, visit)?;
        }
        Ok(at.last)
    }

    /// Reads on from a frame to the end of its segment, or of what is wanted.
    fn segment(
        &self,
        from: Position,
        at: &mut Cursor,
        visit: &mut dyn FnMut(Part<'_>),
    ) -> Result<(), ReadError> {
        let path = segment::path(self.folder, from.segment);
        let failed = |source| ReadError::Io {
            file: path.clone(),
            source,
        };
        let file = self.disk.open_to_read(&path).map_err(failed)?;
        let length = disk::length(&file).map_err(failed)?;
        let mut body = Vec::new();
        let Position {
            mut offset,
            first: mut due,
            ..
        } = from;
        while at.next < at.end {
            let mut bytes = [0; frame::HEADER_BYTES];
            let header_end = offset.saturating_add(frame::HEADER_BYTES as u64);
            if header_end > length {
                return Ok(());
            }
            disk::read_exact(self.disk, &file, &mut bytes, offset).map_err(failed)?;
            let Some(header) = Header::decode(&bytes) else {
                let known = frame::VERSION.into();
                let newer = |found: u16| Newer::new(&path, "a frame", found.into(), known);
                // Else behind the last frame of the segment.
                return Header::newer(&bytes).map_or(Ok(()), |found| Err(newer(found).into()));
            };
            let damaged = ReadError::Damaged { index: at.next };
            if header.place.log != self.log || header.place.first != due {
                return Err(damaged);
            }
            if !header.ends_before(at.next) {
                body.resize(header.body_len(), 0);
                disk::read_exact(self.disk, &file, &mut body, header_end).map_err(failed)?;
                if !header.fits(&body) {
                    return Err(damaged);
                }
                let mut leaves = Parts(&body).flatten().map(|part| part.leaf);
                if let Some(newer) = leaves.find_map(|leaf| Newer::leaf(&path, leaf)) {
                    return Err(newer.into());
                }
                if !at.take(&header, &body, visit) {
                    return Err(damaged);
                }
                at.last = Some(Position {
                    first: due,
                    offset,
                    ..from
                });
            }
            due += u64::from(header.count);
            offset += header.frame_len();
        }
        Ok(())
    }
}

/// How far the reading is.
struct Cursor {
    next: u64,
    end: u64,
    last: Option<Position>,
}

impl Cursor {
    /// Takes what is wanted of a frame; whether the frame had it.
    fn take(&mut self, header: &Header, body: &[u8], visit: &mut dyn FnMut(Part<'_>)) -> bool {
        let first = header.place.first;
        let end = self.end.min(first + u64::from(header.count));
        for (part, index) in Parts(body).zip(first..end) {
            let Some(part) = part else {
                return false;
            };
            if index == self.next {
                visit(part);
                self.next += 1;
            }
        }
        self.next == end
    }
}
