//! Which bytes of a protobuf message may leave: a field mask that runs over the wire format.
//!
//! A [`Mask`] is compiled once from a message's descriptor and the field paths that are granted,
//! and is then applied to encoded messages without decoding them. It is an allow-list that fails
//! closed: what is not granted, not known or not well-formed does not leave.
//!
//! # In scope
//!
//! - Paths as in `google.protobuf.FieldMask`, through nested and repeated messages, groups and the
//!   values of maps: for `map<string, Address> homes` the path `homes.street` keeps every key and
//!   the street of every value. A path to a message covers everything *known* beneath it.
//! - Dropped, at every depth: fields not granted, unknown fields, extensions, and a
//!   `google.protobuf.Any` unless a path names what it holds (`detail.value`).
//! - [`Cover`]: a `string` of which only the first or the last characters leave, and `*` for each
//!   of the others. Every occurrence is covered, whichever of them a reader takes.
//! - Refused, and then nothing leaves: everything in [`MaskError`].
//! - A message that a path leads through stays present, even if nothing of it is left: the caller
//!   may learn that it is there, and how often. Order and duplicates on the wire are kept.
//! - A `oneof` whose last member is denied comes out unset, also where its message is split over
//!   several occurrences: dropping the last member alone would bring an earlier one back.
//! - [`Withheld`]: which present paths were dropped and which granted paths were absent.
//! - proto2, proto3 and the editions 2023 and 2024. `prost-reflect` refuses files in an edition
//!   when a pool is built: [`editions::lower`] rewrites them for it.
//!
//! # Out of scope
//!
//! - The content of a field that is dropped: its wire type and its length are checked, not more.
//! - A `oneof` member that the descriptor does not know: it is dropped like any unknown field, and
//!   an earlier member that is granted leaves.
//! - Required fields of proto2: a mask may drop them, and strict readers then refuse the message.
//! - Enums: a number that a closed enum does not have stays with its field, though strict readers
//!   take it for an unknown one; in a `oneof` it counts as that member, so an earlier granted
//!   member may be lost, never gained.
//! - UTF-8 in strings for which it is not promised: those of proto2, and in an edition those with
//!   `utf8_validation = NONE`. One that is covered must be UTF-8 nonetheless, or is refused: what
//!   has no characters cannot be covered by the character.
//! - The default that a field of proto2 declares: it stands in the contract and not in the
//!   message, and is never covered.
//!
//! # Limits
//!
//! | limit | value | of what | past it |
//! | --- | --- | --- | --- |
//! | [`DEPTH_MAX`] | 100 | messages and groups within each other | [`MaskError::Depth`] |
//! | [`DEPTH_MAX`] | 100 | steps of a path | [`PathError::TooDeep`] |
//! | [`BYTES_MAX`] | 2^31 - 1 | bytes of a message | [`MaskError::TooLong`] |
//!
//! Memory is linear in the message and time nearly so, whatever it holds. Once a thread has its
//! scratch space, nothing is allocated when nothing is dropped, and otherwise only the bytes that
//! leave; a mask with more than 255 names to report takes one allocation more, with more than 2,303
//! a few.

mod bits;
mod cover;
pub mod editions;
mod error;
mod mask;
mod path;
mod withheld;

pub use cover::{Cover, Keep};
pub use error::{CompileError, EditionError, MaskError};
pub use mask::{BYTES_MAX, DEPTH_MAX, Mask, Masked};
pub use path::{PathError, covers, resolve};
pub use withheld::Withheld;
