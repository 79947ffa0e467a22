//! Walks through a message with a case's paths in hand, and notes what stands where.

use std::collections::HashMap;

use super::contracts::Case;
use super::grants::Fate;
use super::types::{Field, Kind, TypeId, Types};
use super::wire::{Cursor, Flaw, Tag, Wire, checked_depth};

/// A message, field by field, as it stands on the wire: up to its end, or to the flaw.
pub(crate) struct Walk<'a> {
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) end: Result<(), Flaw>,
}

/// A field, or the start or end of one that is a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) what: What,
    pub(crate) at: usize,
    pub(crate) number: u32,
    /// Tag and value of a field, and of a message only the tag, as its length may change.
    pub(crate) bytes: &'a [u8],
    /// The type of the message that it stands in.
    pub(crate) within: TypeId,
    pub(crate) repeated: bool,
    /// The oneof that it belongs to: the number of the merged message that holds it, and which of
    /// that message's oneofs.
    pub(crate) oneof: Option<(u32, usize)>,
    /// What it is called in a report: a position among the names.
    pub(crate) name: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Granted, and no message.
    Leaf,
    /// Granted or led through, and a message: what follows up to its leave stands in it.
    Enter,
    Leave,
    /// Known, and not granted.
    Denied,
    /// An `Any` in a message that is granted whole.
    Opaque,
    /// No field that the type knows.
    Unknown,
}

/// Where the walker is.
#[derive(Clone, Copy)]
struct Around {
    of: TypeId,
    /// Whether everything known is granted here.
    whole: bool,
    depth: usize,
    /// The number of the message into which its parts merge when it is read.
    merged: u32,
    group: Option<u32>,
}

struct Walker<'a> {
    types: &'a Types,
    case: &'a Case,
    items: Vec<Item<'a>>,
    numbers: Vec<u32>,
    /// Of singular fields, by the message around and the number.
    merged: HashMap<(u32, u32), u32>,
    merged_last: u32,
}

impl<'a> Walk<'a> {
    pub(crate) fn through(types: &'a Types, case: &'a Case, message: &'a [u8]) -> Walk<'a> {
        let mut walker = Walker {
            types,
            case,
            items: Vec::new(),
            numbers: Vec::new(),
            merged: HashMap::new(),
            merged_last: 0,
        };
        let outermost = Around {
            of: case.root,
            whole: false,
            depth: 0,
            merged: 0,
            group: None,
        };
        let end = walker.message(Cursor::new(message), outermost).map(drop);
        let items = walker.items;
        Walk { items, end }
    }
}

impl<'a> Walker<'a> {
    fn message(&mut self, mut cursor: Cursor<'a>, around: Around) -> Result<Cursor<'a>, Flaw> {
        while !cursor.is_at_end() {
            let tag = cursor.tag()?;
            if tag.wire == Wire::GroupEnd {
                self.note(What::Leave, tag, cursor, around);
                return match around.group == Some(tag.number) {
                    true => Ok(cursor),
                    false => Err(Flaw::Group),
                };
            }
            self.numbers.push(tag.number);
            let field = self.field(&mut cursor, tag, around);
            self.numbers.pop();
            field?;
        }
        match around.group {
            None => Ok(cursor),
            Some(_) => Err(Flaw::Truncated),
        }
    }

    fn field(&mut self, cursor: &mut Cursor<'a>, tag: Tag, around: Around) -> Result<(), Flaw> {
        let Some(field) = self.types.find(around.of, tag.number) else {
            cursor.skip(tag, around.depth)?;
            self.note(What::Unknown, tag, *cursor, around);
            return Ok(());
        };
        let packed = field.repeated && field.kind.is_packable() && tag.wire == Wire::Delimited;
        if tag.wire != field.kind.wire() && !packed {
            return Err(Flaw::WireType);
        }
        let place = self.case.grants.at(&self.numbers).filter(|_| !around.whole);
        let denied = match (around.whole, place.map(|place| place.fate)) {
            (true, _) => self.types.holds_any(field).then_some(What::Opaque),
            (false, Some(Fate::Whole | Fate::Through)) => None,
            (false, Some(Fate::Denied) | None) => Some(What::Denied),
        };
        let whole = place.is_none_or(|place| place.fate == Fate::Whole);
        let noted = self.items.len();
        match denied {
            Some(what) => {
                cursor.skip(tag, around.depth)?;
                self.note(what, tag, *cursor, around);
            }
            None if field.kind.message().is_some() => {
                self.note(What::Enter, tag, *cursor, around);
            }
            None => {
                leaf(cursor, tag, field.kind)?;
                self.note(What::Leaf, tag, *cursor, around);
            }
        }
        if let Some(item) = self.items.get_mut(noted) {
            item.repeated = field.repeated;
            item.oneof = field.oneof.map(|oneof| (around.merged, oneof));
            item.name = place.and_then(|place| place.name);
        }
        match (denied, field.kind.message()) {
            (None, Some(of)) => self.inner(cursor, tag, around, field, (of, whole)),
            _ => Ok(()),
        }
    }

    fn inner(
        &mut self,
        cursor: &mut Cursor<'a>,
        tag: Tag,
        around: Around,
        field: &Field,
        (of, whole): (TypeId, bool),
    ) -> Result<(), Flaw> {
        let next = self.merged_last + 1;
        let merged = match field.repeated {
            true => next,
            false => *self
                .merged
                .entry((around.merged, tag.number))
                .or_insert(next),
        };
        self.merged_last = self.merged_last.max(merged);
        let is_group = tag.wire == Wire::GroupStart;
        let inside = Around {
            of,
            whole,
            depth: checked_depth(around.depth + 1)?,
            merged,
            group: is_group.then_some(tag.number),
        };
        if is_group {
            *cursor = self.message(*cursor, inside)?;
            return Ok(());
        }
        let body = self.message(cursor.body()?, inside)?;
        let end = Tag { at: body.at, ..tag };
        self.note(What::Leave, end, body, inside);
        Ok(())
    }

    fn note(&mut self, what: What, tag: Tag, cursor: Cursor<'a>, around: Around) {
        self.items.push(Item {
            what,
            at: tag.at,
            number: tag.number,
            bytes: cursor.since(tag.at),
            within: around.of,
            repeated: false,
            oneof: None,
            name: None,
        });
    }
}

/// Reads a value that leaves to its last byte.
fn leaf(cursor: &mut Cursor<'_>, tag: Tag, kind: Kind) -> Result<(), Flaw> {
    let one = |cursor: &mut Cursor<'_>| match kind {
        Kind::Varint => cursor.varint().map(drop),
        Kind::Fixed32 => cursor.take(4).map(drop),
        _ => cursor.take(8).map(drop),
    };
    if tag.wire != Wire::Delimited {
        return one(cursor);
    }
    let mut body = cursor.body()?;
    let start = body.at;
    match kind {
        Kind::Text => {
            let text = cursor.since(start);
            std::str::from_utf8(text).map(drop).map_err(|_| Flaw::Utf8)
        }
        Kind::Varint | Kind::Fixed32 | Kind::Fixed64 => {
            while !body.is_at_end() {
                one(&mut body)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
