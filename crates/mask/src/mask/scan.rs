//! Runs a program over a message.

use std::cell::Cell;

use bytes::Bytes;

use super::contest::{Contests, OUTERMOST};
use super::edits::Edits;
use super::program::{Action, NodeId, Program, Shape, Step};
use super::reader::{Reader, Tag, Wire};
use super::{BYTES_MAX, DEPTH_MAX, Masked};
use crate::error::MaskError;
use crate::withheld::{UNNAMED, Withheld};

/// A thread keeps scratch space for this many edits and members of oneofs, so that most messages
/// need none of their own.
const SCRATCH_KEPT_MAX: usize = 4096;

thread_local! {
    static EDITS: Cell<Edits> = Cell::default();
    static CONTESTS: Cell<Contests> = Cell::default();
}

pub(super) fn apply(program: &Program, message: &Bytes) -> Result<Masked, MaskError> {
    if message.len() > BYTES_MAX {
        return Err(MaskError::TooLong {
            bytes: message.len(),
        });
    }
    let mut edits = EDITS.take();
    let masked = run(program, message, &mut edits);
    edits.clear(SCRATCH_KEPT_MAX);
    EDITS.set(edits);
    masked
}

fn run(program: &Program, message: &Bytes, edits: &mut Edits) -> Result<Masked, MaskError> {
    let withheld = match program.node(0).contested {
        true => contested(program, message, edits)?,
        false => scan(program, message, edits, Oneofs::Settled(&[]))?,
    };
    Ok(Masked {
        bytes: edits.apply(message)?,
        withheld,
    })
}

/// Scans a second time where members of a `oneof` that were kept turn out to be unset.
fn contested(program: &Program, message: &[u8], edits: &mut Edits) -> Result<Withheld, MaskError> {
    let mut contests = CONTESTS.take();
    let mut withheld = scan(program, message, edits, Oneofs::Watch(&mut contests));
    if withheld.is_ok() {
        let lost = contests.settle();
        if !lost.is_empty() {
            edits.clear(SCRATCH_KEPT_MAX);
            withheld = scan(program, message, edits, Oneofs::Settled(lost));
        }
    }
    contests.clear(SCRATCH_KEPT_MAX);
    CONTESTS.set(contests);
    withheld
}

fn scan(
    program: &Program,
    message: &[u8],
    edits: &mut Edits,
    oneofs: Oneofs<'_>,
) -> Result<Withheld, MaskError> {
    let mut withheld = Withheld::default();
    Scan {
        program,
        edits,
        withheld: &mut withheld,
        oneofs,
    }
    .outermost(message)?;
    Ok(withheld)
}

struct Scan<'a> {
    program: &'a Program,
    edits: &'a mut Edits,
    withheld: &'a mut Withheld,
    oneofs: Oneofs<'a>,
}

/// What is known of members that a later member unset.
enum Oneofs<'a> {
    /// Nothing yet.
    Watch(&'a mut Contests),
    /// Where they stand, in order.
    Settled(&'a [usize]),
}

/// The message that is being scanned.
#[derive(Clone, Copy)]
struct Place {
    node: NodeId,
    depth: usize,
    /// Of its contested oneofs; see [`Contests`].
    instance: u32,
    /// The number of the group that it is, and whose end ends it.
    group: Option<u32>,
}

impl Scan<'_> {
    fn outermost(mut self, message: &[u8]) -> Result<(), MaskError> {
        let place = Place {
            node: 0,
            depth: 0,
            instance: OUTERMOST,
            group: None,
        };
        self.message(Reader::new(message), place).map(drop)
    }

    /// Scans to the end of the message, or of the group, and says where that is.
    fn message(&mut self, mut reader: Reader<'_>, place: Place) -> Result<usize, MaskError> {
        let node = self.program.node(place.node);
        while !reader.is_empty() {
            let tag = reader.tag()?;
            if tag.wire == Wire::GroupEnd {
                return match place.group == Some(tag.number) {
                    true => Ok(reader.at()),
                    false => Err(MaskError::EndGroup { at: tag.at }),
                };
            }
            let Some(step) = node.step(tag.number) else {
                self.withheld.bits.insert(UNNAMED);
                reader.skip(tag, place.depth)?;
                self.edits.cut(tag.at, reader.at());
                continue;
            };
            if !step.takes(tag.wire) {
                return Err(MaskError::WireType {
                    at: tag.at,
                    number: tag.number,
                });
            }
            let mut action = step.action;
            if let Some(contest) = step.contest
                && self.is_lost(place.instance, contest, step, tag)
            {
                action = Action::Drop;
            } else if let Some(report) = step.report {
                self.withheld.bits.insert(report);
            }
            match action {
                Action::Drop => {
                    reader.skip(tag, place.depth)?;
                    self.edits.cut(tag.at, reader.at());
                }
                Action::Copy => reader.scalar(tag, step.shape)?,
                Action::Descend(node) => self.descend(&mut reader, place, tag, step, node)?,
            }
        }
        match place.group {
            None => Ok(reader.at()),
            Some(_) => Err(MaskError::Truncated { at: reader.at() }),
        }
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
        if let Oneofs::Watch(contests) = &mut self.oneofs
            && self.program.node(node).contested
        {
            place.instance = contests.instance(around.instance, tag.number, step.repeated);
        }
        if step.shape == Shape::Group {
            place.group = Some(tag.number);
            return reader.group(|body| self.message(body, place));
        }
        let length_at = reader.at();
        let body = reader.body()?;
        let opened = self.edits.open(length_at, body.at());
        self.message(body, place)?;
        self.edits.close(&opened, reader.at());
        Ok(())
    }

    /// Whether a later member is known to have unset this one.
    fn is_lost(&mut self, instance: u32, contest: u32, step: &Step, tag: Tag) -> bool {
        match &mut self.oneofs {
            Oneofs::Watch(contests) => {
                contests.see(instance, contest, step.action != Action::Drop, tag.at);
                false
            }
            Oneofs::Settled(lost) => lost.binary_search(&tag.at).is_ok(),
        }
    }
}
