//! Judges what a mask made of a message.

use std::cmp::Ordering;

use bytes::Bytes;
use motlan_mask::MaskError;

use super::contracts::Case;
use super::survey::Survey;
use super::types::Types;
use super::view::{Difference, View};
use super::walk::{Item, Walk, What};
use super::wire::Flaw;

/// What a report calls all that has no path.
const UNNAMED: &str = "?";

/// What a mask answered.
#[derive(Debug, Clone)]
pub enum Answer<'a> {
    /// Nothing leaves.
    Refused(MaskError),
    /// Something may.
    Masked {
        /// What leaves.
        left: Bytes,
        /// The names that were reported as dropped.
        dropped: Vec<&'a str>,
        /// The names that were reported as absent.
        absent: Vec<&'a str>,
    },
}

/// What is wrong with a mask, or with what it made of a message.
///
/// Field numbers and positions are those of the message that leaves, except in [`Fault::Lost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The mask panicked.
    #[error("the mask panicked")]
    Panicked,
    /// The same message gave two answers.
    #[error("the same message gives another answer the second time")]
    Unsteady,
    /// A message without flaws was refused.
    #[error("a message without flaws is refused: {0}")]
    Refused(MaskError),
    /// A message with a flaw was not refused.
    #[error("a message with a flaw is not refused: {0}")]
    LetThrough(Flaw),
    /// What leaves is malformed.
    #[error("what leaves is malformed: {0}")]
    Malformed(Flaw),
    /// A field leaves that the contract does not know, or an extension.
    #[error("unknown field {number} leaves, at byte {at}")]
    Unknown {
        /// Its number.
        number: u32,
        /// Where it starts.
        at: usize,
    },
    /// A field leaves that is not granted.
    #[error("field {number} leaves, at byte {at}, and is not granted")]
    NotGranted {
        /// Its number.
        number: u32,
        /// Where it starts.
        at: usize,
    },
    /// An `Any` leaves that no path names.
    #[error("`Any` {number} leaves, at byte {at}, and no path names it")]
    Opaque {
        /// Its number.
        number: u32,
        /// Where it starts.
        at: usize,
    },
    /// Dropping a member of a `oneof` brought back another one.
    #[error("member {0} of a oneof leaves that a denied member had unset")]
    Resurrected(u32),
    /// A `oneof` that is set to a granted member comes out unset.
    #[error("a oneof should be set to member {0}")]
    Unset(u32),
    /// Where a denied member unset another one, a reader finds something else than was granted.
    #[error("a reader finds something else in field {0}")]
    Misread(u32),
    /// Something granted does not leave.
    #[error("field {number}, at byte {at} of the message, is granted and does not leave")]
    Lost {
        /// Its number.
        number: u32,
        /// Where it starts in the message that came.
        at: usize,
    },
    /// Something leaves that did not come, or not there.
    #[error("field {number} leaves, at byte {at}, and did not come there")]
    Strange {
        /// Its number.
        number: u32,
        /// Where it starts.
        at: usize,
    },
    /// Something is dropped, and yet not less leaves than came.
    #[error("{left} bytes leave of {came}, though some are dropped")]
    Longer {
        /// Bytes that leave.
        left: usize,
        /// Bytes that came.
        came: usize,
    },
    /// Nothing is dropped, and yet it is not the message itself that leaves.
    #[error("nothing is dropped, and yet what leaves is a copy")]
    Copied,
    /// The mask reports what it should not, or does not report what it should.
    #[error("`{name}` is {}reported as dropped", if *.told { "wrongly " } else { "not " })]
    Dropped {
        /// The name in question.
        name: String,
        /// Whether it was reported.
        told: bool,
    },
    /// The mask reports what it should not, or does not report what it should.
    #[error("`{name}` is {}reported as absent", if *.told { "wrongly " } else { "not " })]
    Absent {
        /// The name in question.
        name: String,
        /// Whether it was reported.
        told: bool,
    },
    /// A name is reported twice, or `?` not last.
    #[error("a report is out of order")]
    Report,
    /// Masking what leaves once more drops something of it, or reports something else.
    #[error("what leaves is not left alone when it is masked again")]
    NotSettled,
    /// More memory than the message warrants.
    #[error("{bytes} bytes in {count} allocations for a message of {came} bytes")]
    Allocated {
        /// Bytes allocated.
        bytes: u64,
        /// Allocations.
        count: u64,
        /// Bytes of the message.
        came: usize,
    },
}

/// Compares `answer` with what must come of `message`, and of `walk`, which is its walk.
pub(crate) fn judge(
    types: &Types,
    case: &Case,
    (message, walk): (&Bytes, &Walk<'_>),
    answer: &Answer<'_>,
) -> Result<(), Fault> {
    let (left, dropped, absent) = match (answer, walk.end) {
        (Answer::Refused(_), Err(_)) => return Ok(()),
        (Answer::Refused(error), Ok(())) => return Err(Fault::Refused(*error)),
        (Answer::Masked { .. }, Err(flaw)) => return Err(Fault::LetThrough(flaw)),
        (
            Answer::Masked {
                left,
                dropped,
                absent,
            },
            Ok(()),
        ) => (left, dropped, absent),
    };
    let after = Walk::through(types, case, left);
    after.end.map_err(Fault::Malformed)?;
    after.items.iter().try_for_each(is_granted)?;
    let survey = Survey::of(&walk.items, case.grants.names().len());
    let is_contested = |item: &Item<'_>| item.oneof.is_some() && item.is_denied();
    if walk.items.iter().any(is_contested) {
        reads_alike(&walk.items, &after.items)?;
    }
    is_all(&survey.left, &after.items)?;
    match survey.is_cut {
        true if left.len() >= message.len() => {
            return Err(Fault::Longer {
                left: left.len(),
                came: message.len(),
            });
        }
        false if left.as_ptr() != message.as_ptr() => return Err(Fault::Copied),
        _ => {}
    }
    let due = due(case, &survey);
    reported(dropped, due.dropped, |name, told| Fault::Dropped {
        name,
        told,
    })?;
    reported(absent, due.absent, |name, told| Fault::Absent {
        name,
        told,
    })
}

/// What must be reported.
struct Due<'a> {
    dropped: Vec<&'a str>,
    absent: Vec<&'a str>,
}

fn due<'a>(case: &'a Case, survey: &Survey<'_>) -> Due<'a> {
    let (mut dropped, mut absent) = (Vec::new(), Vec::new());
    for (name, seen) in case.grants.names().iter().zip(&survey.seen) {
        match (name.is_granted, seen) {
            (false, true) => dropped.push(&*name.path),
            (true, false) => absent.push(&*name.path),
            _ => {}
        }
    }
    dropped.extend(survey.is_unnamed_cut.then_some(UNNAMED));
    Due { dropped, absent }
}

/// Whether what leaves here may.
fn is_granted(item: &Item<'_>) -> Result<(), Fault> {
    let (number, at) = (item.number, item.at);
    match item.what {
        What::Leaf | What::Enter | What::Leave => Ok(()),
        What::Denied => Err(Fault::NotGranted { number, at }),
        What::Opaque => Err(Fault::Opaque { number, at }),
        What::Unknown => Err(Fault::Unknown { number, at }),
    }
}

fn reads_alike(came: &[Item<'_>], left: &[Item<'_>]) -> Result<(), Fault> {
    match View::of(came).difference(&View::of(left)) {
        None => Ok(()),
        Some(Difference::Resurrected(member)) => Err(Fault::Resurrected(member)),
        Some(Difference::Unset(member)) => Err(Fault::Unset(member)),
        Some(Difference::Content(number)) => Err(Fault::Misread(number)),
    }
}

/// Whether exactly what should leave does: the same bytes in the same order and at the same places.
fn is_all(due: &[Item<'_>], left: &[Item<'_>]) -> Result<(), Fault> {
    let is_same =
        |(due, left): &(&Item<'_>, &Item<'_>)| (due.what, due.bytes) == (left.what, left.bytes);
    let same = due.iter().zip(left).take_while(is_same).count();
    let (due, left) = (due.get(same..), left.get(same..));
    let (due, left) = (due.unwrap_or_default(), left.unwrap_or_default());
    let comes_later = |left: &Item<'_>| due.iter().skip(1).any(|due| is_same(&(due, left)));
    let is_strange = |it: &Item<'_>| match left.len().cmp(&due.len()) {
        Ordering::Greater => true,
        Ordering::Equal => !comes_later(it),
        Ordering::Less => false,
    };
    match (due.first(), left.first()) {
        (_, Some(left)) if is_strange(left) => Err(Fault::Strange {
            number: left.number,
            at: left.at,
        }),
        (Some(due), _) => Err(Fault::Lost {
            number: due.number,
            at: due.at,
        }),
        (None, _) => Ok(()),
    }
}

/// Whether the names that were `told` are those that are `due`, each once, and `?` the last.
fn reported(
    told: &[&str],
    mut due: Vec<&str>,
    fault: impl Fn(String, bool) -> Fault,
) -> Result<(), Fault> {
    let mut sorted = told.to_vec();
    sorted.sort_unstable();
    due.sort_unstable();
    if sorted != due {
        let missed = due.iter().find(|name| !told.contains(name));
        let wrong = told.iter().find(|name| !due.contains(name));
        return match (missed, wrong) {
            (Some(name), _) => Err(fault((*name).to_owned(), false)),
            (None, Some(name)) => Err(fault((*name).to_owned(), true)),
            (None, None) => Err(Fault::Report),
        };
    }
    let unnamed = told.iter().position(|name| *name == UNNAMED);
    let is_last = unnamed.is_none_or(|at| at + 1 == told.len());
    is_last.then_some(()).ok_or(Fault::Report)
}
