//! Runs a program over a message.

use std::cell::Cell;

use bytes::Bytes;

use super::contest::{Contests, OUTERMOST};
use super::pieces::Pieces;
use super::program::{Action, NodeId, Program, Shape, Step};
use super::reader::{Reader, Tag, Wire};
use super::{BYTES_MAX, DEPTH_MAX, Masked};
use crate::error::MaskError;
use crate::withheld::{UNNAMED, Withheld};

/// A thread keeps scratch space for this many pieces, so that most messages need none of their own.
const SCRATCH_KEPT_MAX: usize = 4096;

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

#[derive(Default)]
struct Scratch {
    pieces: Pieces,
    contests: Contests,
}

pub(super) fn apply(program: &Program, message: &Bytes) -> Result<Masked, MaskError> {
    if message.len() > BYTES_MAX {
        return Err(MaskError::TooLong {
            bytes: message.len(),
        });
    }
    let mut scratch = SCRATCH.take();
    let masked = run(program, message, &mut scratch);
    scratch.pieces.clear(SCRATCH_KEPT_MAX);
    scratch.contests.clear(SCRATCH_KEPT_MAX);
    SCRATCH.set(scratch);
    masked
}

/// One scan; a second one where members of a `oneof` that were kept turned out to be unset.
fn run(program: &Program, message: &Bytes, scratch: &mut Scratch) -> Result<Masked, MaskError> {
    let Scratch { pieces, contests } = scratch;
    let mut withheld = Withheld::default();
    Scan {
        program,
        pieces,
        withheld: &mut withheld,
        oneofs: Oneofs::Watch(contests),
    }
    .outermost(message)?;
    let lost = contests.settle();
    if !lost.is_empty() {
        withheld = Withheld::default();
        pieces.clear(SCRATCH_KEPT_MAX);
        Scan {
            program,
            pieces,
            withheld: &mut withheld,
            oneofs: Oneofs::Settled(lost),
        }
        .outermost(message)?;
    }
    Ok(Masked {
        bytes: pieces.gather(message)?,
        withheld,
    })
}

struct Scan<'a> {
    program: &'a Program,
    pieces: &'a mut Pieces,
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
        self.message(&mut Reader::new(message), place)
    }

    /// Scans to the end of the message, or of the group.
    fn message(&mut self, reader: &mut Reader<'_>, place: Place) -> Result<(), MaskError> {
        let node = self.program.node(place.node);
        while !reader.is_empty() {
            let tag = reader.tag()?;
            if tag.wire == Wire::GroupEnd {
                return match place.group == Some(tag.number) {
                    true => Ok(()),
                    false => Err(MaskError::EndGroup { at: tag.at }),
                };
            }
            match node.step(tag.number) {
                Some(step) => self.field(reader, place, tag, step)?,
                None => {
                    self.withheld.bits.insert(UNNAMED);
                    self.drop(reader, place, tag)?;
                }
            }
        }
        match place.group {
            None => Ok(()),
            Some(_) => Err(MaskError::Truncated { at: reader.at() }),
        }
    }

    #[inline]
    fn field(
        &mut self,
        reader: &mut Reader<'_>,
        place: Place,
        tag: Tag,
        step: &Step,
    ) -> Result<(), MaskError> {
        if !fits(step, tag.wire) {
            return Err(MaskError::WireType {
                at: tag.at,
                number: tag.number,
            });
        }
        if let Some(contest) = step.contest
            && self.is_lost(place.instance, contest, step, tag)
        {
            return self.drop(reader, place, tag);
        }
        if let Some(report) = step.report {
            self.withheld.bits.insert(report);
        }
        match step.action {
            Action::Drop => self.drop(reader, place, tag),
            Action::Copy => reader.scalar(tag, step.shape),
            Action::Descend(node) => self.descend(reader, place, tag, step, node),
        }
    }

    fn drop(&mut self, reader: &mut Reader<'_>, place: Place, tag: Tag) -> Result<(), MaskError> {
        reader.skip(tag, place.depth)?;
        self.pieces.cut(tag.at, reader.at());
        Ok(())
    }

    fn descend(
        &mut self,
        reader: &mut Reader<'_>,
        place: Place,
        tag: Tag,
        step: &Step,
        node: NodeId,
    ) -> Result<(), MaskError> {
        let depth = place.depth + 1;
        if depth > DEPTH_MAX {
            return Err(MaskError::Depth { at: tag.at });
        }
        let instance = match &mut self.oneofs {
            Oneofs::Watch(contests) if self.program.node(node).contested => {
                contests.instance(place.instance, tag.number, step.repeated)
            }
            Oneofs::Watch(_) | Oneofs::Settled(_) => OUTERMOST,
        };
        if step.shape == Shape::Group {
            let group = Some(tag.number);
            return self.message(
                reader,
                Place {
                    node,
                    depth,
                    instance,
                    group,
                },
            );
        }
        let length_at = reader.at();
        let mut body = reader.body()?;
        let opened = self.pieces.open(length_at, body.at());
        self.message(
            &mut body,
            Place {
                node,
                depth,
                instance,
                group: None,
            },
        )?;
        self.pieces.close(&opened, body.at());
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

/// Whether the wire type is what the descriptor says.
#[inline]
fn fits(step: &Step, wire: Wire) -> bool {
    match wire {
        Wire::Varint => step.shape == Shape::Varint,
        Wire::Fixed32 => step.shape == Shape::Fixed32,
        Wire::Fixed64 => step.shape == Shape::Fixed64,
        Wire::GroupStart => step.shape == Shape::Group,
        Wire::GroupEnd => false,
        Wire::Delimited => match step.shape {
            Shape::Bytes | Shape::Utf8 | Shape::Message => true,
            Shape::Varint | Shape::Fixed32 | Shape::Fixed64 => step.repeated,
            Shape::Group => false,
        },
    }
}
