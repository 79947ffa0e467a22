//! A mask: compiled once, applied to any number of messages.

mod compile;
mod contest;
mod edits;
mod program;
mod reader;
mod scan;
mod utf8;

use bytes::Bytes;
use prost_reflect::MessageDescriptor;

pub(crate) use self::compile::MAP_VALUE;
use self::program::{Name, Program};
use crate::cover::Cover;
use crate::error::{CompileError, MaskError};
use crate::withheld::{UNNAMED, Withheld};

/// How deep messages and groups may lie within each other, and how many steps a path may have.
pub const DEPTH_MAX: usize = 100;

/// How long a message may be, in bytes: what protobuf itself allows.
pub const BYTES_MAX: usize = i32::MAX as usize;

/// A field mask, compiled: says which bytes of a message may leave. Immutable.
///
/// ```
/// use bytes::Bytes;
/// use motlan_mask::Mask;
/// use prost_reflect::DescriptorPool;
///
/// let pool = DescriptorPool::global();
/// let file = pool.get_message_by_name("google.protobuf.EnumValueDescriptorProto");
/// let mask = Mask::compile(&file.expect("well known"), ["number"])?;
///
/// // { name: "SEX_MALE", number: 1 }
/// let masked = mask.apply(&Bytes::from_static(b"\x0a\x08SEX_MALE\x10\x01"))?;
/// assert_eq!(masked.bytes, Bytes::from_static(b"\x10\x01"));
/// assert_eq!(mask.dropped(&masked.withheld).collect::<Vec<_>>(), ["name"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Mask {
    program: Program,
}

/// A message as it may leave.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Masked {
    /// The encoded message: the input itself, not a copy, where nothing was dropped.
    pub bytes: Bytes,
    /// What was kept back.
    pub withheld: Withheld,
}

/// Tells the length, never the content.
impl std::fmt::Debug for Masked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut masked = f.debug_struct("Masked");
        masked
            .field("bytes_len", &self.bytes.len())
            .field("withheld", &self.withheld)
            .finish()
    }
}

impl Mask {
    /// Compiles `paths`, which start at `message`. A path that another one covers adds nothing; no
    /// paths at all grant nothing.
    ///
    /// # Errors
    ///
    /// The first path that leads nowhere (see [`resolve`](crate::resolve)), or that ends at a
    /// `google.protobuf.Any`.
    pub fn compile<'a>(
        message: &MessageDescriptor,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> Result<Mask, CompileError> {
        Mask::compile_with(message, paths, &[])
    }

    /// Compiles `paths` as [`compile`](Mask::compile) does, and covers parts of some values.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use motlan_mask::{Cover, Keep, Mask};
    /// use prost_reflect::DescriptorPool;
    ///
    /// let pool = DescriptorPool::global();
    /// let file = pool.get_message_by_name("google.protobuf.EnumValueDescriptorProto");
    /// let name = Cover {
    ///     path: "name".to_owned(),
    ///     keep: Keep::Last(4),
    /// };
    /// let mask = Mask::compile_with(&file.expect("well known"), ["name"], &[name])?;
    ///
    /// // { name: "SEX_MALE", number: 1 }
    /// let masked = mask.apply(&Bytes::from_static(b"\x0a\x08SEX_MALE\x10\x01"))?;
    /// assert_eq!(masked.bytes, Bytes::from_static(b"\x0a\x08****MALE"));
    /// assert_eq!(mask.covered(&masked.withheld).collect::<Vec<_>>(), ["name"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`compile`](Mask::compile); and the first of `covers` that leads nowhere, to what
    /// is not a string or to what `paths` do not grant, or that covers what another one covers.
    pub fn compile_with<'a>(
        message: &MessageDescriptor,
        paths: impl IntoIterator<Item = &'a str>,
        covers: &[Cover],
    ) -> Result<Mask, CompileError> {
        Ok(Mask {
            program: compile::compile(message, paths, covers)?,
        })
    }

    /// What of `message` may leave.
    ///
    /// # Errors
    ///
    /// The message is malformed, too deep or too long: nothing of it may leave.
    pub fn apply(&self, message: &Bytes) -> Result<Masked, MaskError> {
        scan::apply(&self.program, message)
    }

    /// The paths that were present and were dropped, each once, as `permanent_residence.street`;
    /// and `?`, last, if anything was dropped that has no path: an unknown field, an extension, an
    /// `Any` beneath a message that is granted whole.
    ///
    /// A path is present if it stands anywhere on the wire, be it empty. What lies beneath a
    /// dropped message is not listed.
    pub fn dropped<'m>(&'m self, withheld: &Withheld) -> impl Iterator<Item = &'m str> {
        let unnamed = withheld.bits.contains(UNNAMED).then_some("?");
        let named = self.program.names().filter_map(|(bit, name)| match name {
            Name::Dropped(path) if withheld.bits.contains(bit) => Some(&**path),
            Name::Dropped(_) | Name::Granted(_) | Name::Covered { .. } => None,
        });
        named.chain(unnamed)
    }

    /// The paths that were present and of whose values a part was covered, each once, however short
    /// the values were.
    pub fn covered<'m>(&'m self, withheld: &Withheld) -> impl Iterator<Item = &'m str> {
        self.program.names().filter_map(|(bit, name)| match name {
            Name::Covered { path, .. } if withheld.bits.contains(bit) => Some(&**path),
            Name::Dropped(_) | Name::Granted(_) | Name::Covered { .. } => None,
        })
    }

    /// The granted paths that were absent, each once. Where one granted path covers another, only
    /// the wider one counts. Where a path leads through repeated messages, it is absent if none of
    /// them has it.
    pub fn absent<'m>(&'m self, withheld: &Withheld) -> impl Iterator<Item = &'m str> {
        self.program.names().filter_map(|(bit, name)| match name {
            Name::Granted(path)
            | Name::Covered {
                path,
                is_granted: true,
            } if !withheld.bits.contains(bit) => Some(&**path),
            Name::Dropped(_) | Name::Granted(_) | Name::Covered { .. } => None,
        })
    }
}
