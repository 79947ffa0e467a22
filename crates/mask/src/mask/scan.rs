//! Runs a program over a message.

use std::cell::Cell;

use bytes::Bytes;

use super::contest::{Contests, OUTERMOST};
use super::edits::Edits;
use super::program::{Action, NodeId, Program, Shape, Step};
use super::reader::{GROUP_END, Reader, Tag};
use super::{BYTES_MAX, DEPTH_MAX, Masked};
use crate::cover::Keep;
use crate::error::MaskError;
use crate::withheld::{UNNAMED, Withheld};

/// A thread keeps scratch space for this many edits and members of oneofs, so that most messages
/// need none of their own.
const SCRATCH_KEPT_MAX: usize = 4096;

thread_local! {
    static EDITS: Cell<Edits> = Cell::default();
    static CONTESTS: Cell<Option<Box<Contests>>> = Cell::default();
}

pub(super) fn apply(program: &Program, message: &Bytes) -> Result<Masked, MaskError> {
    if message.len() > BYTES_MAX {
        return Err(MaskError::TooLong {
            bytes: message.len(),
        });
    }
    let contested = program.node(0).contested;
    let mut scan = Scan {
        program,
        edits: EDITS.take(),
        withheld: Withheld::default(),
        contests: contested.then(|| CONTESTS.take().unwrap_or_default()),
    };
    let scanned = scan.outermost(message);
    let bytes = scanned.and_then(|()| scan.edits.apply(message));
    scan.edits.clear(SCRATCH_KEPT_MAX);
    EDITS.set(scan.edits);
    if let Some(mut contests) = scan.contests {
        contests.clear(SCRATCH_KEPT_MAX);
        CONTESTS.set(Some(contests));
    }
    Ok(Masked {
        bytes: bytes?,
        withheld: scan.withheld,
    })
}

struct Scan<'a> {
    program: &'a Program,
    edits: Edits,
    withheld: Withheld,
    /// Where any can be met.
    contests: Option<Box<Contests>>,
}

/// The message that is being scanned.
#[derive(Clone, Copy)]
struct Place {
    node: NodeId,
    depth: usize,
    /// Of its contested oneofs; see [`Contests`].
    instance: u32,
    /// The number of the group that it is, and whose end ends it.
    group: Option<u64>,
}

impl Scan<'_> {
    /// Scans the message: a second time where members of a `oneof` that were kept turn out to be
    /// unset.
    fn outermost(&mut self, message: &[u8]) -> Result<(), MaskError> {
        let place = Place {
            node: 0,
            depth: 0,
            instance: OUTERMOST,
            group: None,
        };
        self.message(Reader::new(message), place)?;
        let lost = self.contests.as_mut().map(|contests| contests.settle());
        if lost == Some(true) {
            self.withheld = Withheld::default();
            self.edits.clear(SCRATCH_KEPT_MAX);
            self.message(Reader::new(message), place)?;
        }
        Ok(())
    }

    /// Scans to the end of the message, or of the group, and says where that is.
    fn message(&mut self, reader: Reader<'_>, place: Place) -> Result<usize, MaskError> {
        // A copy lives in registers, an argument does not: a twentieth of the time.
        let mut reader = reader;
        let node = self.program.node(place.node);
        while !reader.is_empty() {
            let tag = reader.tag()?;
            let step = node.step(tag.number());
            if !step.takes(tag.wire()) {
                if place.group.is_some_and(|group| tag.ends(group)) {
                    return Ok(reader.at());
                }
                reader.resume(self.unfit(reader, place, tag, step)?);
                continue;
            }
            if let Some(contest) = step.contest
                && let Some(contests) = &mut self.contests
                && contests.is_lost(place.instance, contest, step.action != Action::Drop, tag.at)
            {
                reader.resume(self.lost(reader, place, tag)?);
                continue;
            }
            if let Some(report) = step.report {
                self.withheld.bits.insert(report);
            }
            match step.action {
                Action::Drop => {
                    reader.skip(tag, place.depth)?;
                    self.edits.cut(tag.at, reader.at());
                }
                Action::Copy => reader.scalar(tag, step.shape)?,
                Action::Cover(keep) => reader.resume(self.cover(reader, tag, keep)?),
                Action::Descend(node) => self.descend(&mut reader, place, tag, step, node)?,
            }
        }
        match place.group {
            None => Ok(reader.at()),
            Some(_) => Err(MaskError::Truncated { at: reader.at() }),
        }
    }

    /// Drops a field that is not known; refuses one that is, with a wire type that it cannot have.
    #[inline(never)]
    fn unfit(
        &mut self,
        reader: Reader<'_>,
        place: Place,
        tag: Tag,
        step: &Step,
    ) -> Result<usize, MaskError> {
        tag.check()?;
        if step.is_known() && tag.wire() != GROUP_END {
            return Err(MaskError::WireType {
                at: tag.at,
                number: tag.known_number(),
            });
        }
        self.withheld.bits.insert(UNNAMED);
        self.lost(reader, place, tag)
    }

    /// Drops a field, and says where it ends.
    fn lost(&mut self, mut reader: Reader<'_>, place: Place, tag: Tag) -> Result<usize, MaskError> {
        reader.skip(tag, place.depth)?;
        self.edits.cut(tag.at, reader.at());
        Ok(reader.at())
    }

    /// Covers a part of a string, and says where it ends.
    // Cold, so that a scan that covers nothing is laid out as if there were no covers.
    #[cold]
    fn cover(&mut self, reader: Reader<'_>, tag: Tag, keep: Keep) -> Result<usize, MaskError> {
        let mut reader = reader;
        let length_at = reader.at();
        let body = reader.body()?;
        // R92: what is covered does not leave, whichever occurrence a reader takes.
        let covered = keep.covered(body.text(tag)?);
        let opened = self.edits.open(length_at, body.at());
        self.edits.cover(body.at(), &covered);
        self.edits.close(&opened, reader.at());
        Ok(reader.at())
    }

    #[inline]
    fn descend(
        &mut self,
        reader: &mut Reader<'_>,
        around: Place,
        tag: Tag,
        step: &Step,
        node: NodeId,
    ) -> Result<(), MaskError> {
        let mut place = Place {
            node,
            depth: around.depth + 1,
            instance: OUTERMOST,
            group: None,
        };
        if place.depth > DEPTH_MAX {
            return Err(MaskError::Depth { at: tag.at });
        }
        if let Some(contests) = &mut self.contests
            && self.program.node(node).contested
        {
            place.instance = contests.instance(around.instance, step.number, step.repeated);
        }
        if step.shape == Shape::Group {
            place.group = Some(tag.number());
            reader.resume(self.message(*reader, place)?);
            return Ok(());
        }
        let length_at = reader.at();
        let body = reader.body()?;
        let opened = self.edits.open(length_at, body.at());
        self.message(body, place)?;
        self.edits.close(&opened, reader.at());
        Ok(())
    }
}
