//! The wire format, read strictly and without haste: what the oracle takes for true.

/// How deep messages and groups may lie within each other.
const DEPTH_MAX: usize = 100;
const VARINT_BYTES_MAX: usize = 10;

/// What is wrong with a message, as the oracle sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It ends within a field or a group, or a length reaches past its end.
    #[error("truncated")]
    Truncated,
    /// A varint has more than ten bytes or more than 64 bits.
    #[error("overlong varint")]
    Varint,
    /// A field number or a wire type that there is not.
    #[error("bad tag")]
    Tag,
    /// A field's wire type is not that of its kind.
    #[error("wrong wire type")]
    WireType,
    /// A group ends that was not begun last.
    #[error("unmatched end of group")]
    Group,
    /// A string of proto3 is not UTF-8.
    #[error("not utf-8")]
    Utf8,
    /// Messages and groups lie too deep within each other.
    #[error("nested too deep")]
    Depth,
}

/// A wire type, as its tag has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint,
    Fixed64,
    Delimited,
    GroupStart,
    GroupEnd,
    Fixed32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    pub(crate) at: usize,
    pub(crate) number: u32,
    pub(crate) wire: Wire,
}

/// A place in a message, and where the message or a part of it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'m> {
    message: &'m [u8],
    pub(crate) at: usize,
    end: usize,
}

/// Whether a message or group may lie at `depth`.
pub(crate) fn checked_depth(depth: usize) -> Result<usize, Flaw> {
    if depth > DEPTH_MAX {
        return Err(Flaw::Depth);
    }
    Ok(depth)
}

impl<'m> Cursor<'m> {
    pub(crate) fn new(message: &'m [u8]) -> Cursor<'m> {
        Cursor {
            message,
            at: 0,
            end: message.len(),
        }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    /// The bytes from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'m [u8] {
        self.message.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Flaw> {
        let rest = self.message.get(self.at..self.end).unwrap_or_default();
        let few = rest.get(..VARINT_BYTES_MAX).unwrap_or(rest);
        let Some(last) = few.iter().position(|byte| *byte < 0x80) else {
            return Err(match rest.len() < VARINT_BYTES_MAX {
                true => Flaw::Truncated,
                false => Flaw::Varint,
            });
        };
        let digits = few.iter().take(last + 1).rev();
        let value = digits.fold(0_u128, |value, byte| value << 7 | u128::from(byte & 0x7f));
        self.at += last + 1;
        u64::try_from(value).map_err(|_| Flaw::Varint)
    }

    pub(crate) fn tag(&mut self) -> Result<Tag, Flaw> {
        let at = self.at;
        let value = u32::try_from(self.varint()?).map_err(|_| Flaw::Tag)?;
        let wires = [
            Wire::Varint,
            Wire::Fixed64,
            Wire::Delimited,
            Wire::GroupStart,
            Wire::GroupEnd,
            Wire::Fixed32,
        ];
        let wire = wires.get(value as usize % 8).ok_or(Flaw::Tag)?;
        let tag = Tag {
            at,
            number: value / 8,
            wire: *wire,
        };
        (tag.number > 0).then_some(tag).ok_or(Flaw::Tag)
    }

    pub(crate) fn take(&mut self, length: u64) -> Result<&'m [u8], Flaw> {
        let start = self.at;
        if length > (self.end - start) as u64 {
            return Err(Flaw::Truncated);
        }
        self.at += usize::try_from(length).map_err(|_| Flaw::Truncated)?;
        Ok(self.since(start))
    }

    /// What a length tells of, to be read from its start.
    pub(crate) fn body(&mut self) -> Result<Cursor<'m>, Flaw> {
        let length = self.varint()?;
        let at = self.at;
        self.take(length)?;
        let (message, end) = (self.message, self.at);
        Ok(Cursor { message, at, end })
    }

    /// Passes over a value of which only the frame matters. `depth` is that of the message around.
    pub(crate) fn skip(&mut self, tag: Tag, depth: usize) -> Result<(), Flaw> {
        let mut open: Vec<u32> = Vec::new();
        let mut tag = tag;
        loop {
            match tag.wire {
                Wire::Varint => drop(self.varint()?),
                Wire::Fixed64 => drop(self.take(8)?),
                Wire::Fixed32 => drop(self.take(4)?),
                Wire::Delimited => drop(self.body()?),
                Wire::GroupStart => {
                    open.push(tag.number);
                    checked_depth(depth + open.len())?;
                }
                Wire::GroupEnd => {
                    if open.pop() != Some(tag.number) {
                        return Err(Flaw::Group);
                    }
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            if self.is_at_end() {
                return Err(Flaw::Truncated);
            }
            tag = self.tag()?;
        }
    }
}
