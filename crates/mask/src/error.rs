//! What can go wrong, by operation.

use prost_reflect::prost::DecodeError;

use crate::path::PathError;

/// Why a mask could not be compiled. The fault is in the paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A path leads nowhere.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path ends at an `Any`, of whose content nothing is known.
    #[error("`{path}` is a `google.protobuf.Any`: grant `{path}.value` to let out what it holds")]
    Opaque {
        /// The path as given.
        path: String,
    },
    /// A field is to be covered that holds no string.
    #[error("`{path}` cannot be covered: it is not a `string`")]
    NotText {
        /// The path as given.
        path: String,
    },
    /// A field is to be covered that the paths do not grant.
    #[error("`{path}` cannot be covered: it is not granted")]
    CoverNotGranted {
        /// The path as given.
        path: String,
    },
    /// A field is to be covered in two ways.
    #[error("`{path}` is covered twice")]
    CoveredTwice {
        /// The path as given.
        path: String,
    },
}

/// Why a file could not be rewritten without its edition. The fault is in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditionError {
    /// The bytes are none of a file.
    #[error("not a `google.protobuf.FileDescriptorProto`")]
    Malformed(#[from] DecodeError),
    /// The file is in an edition whose defaults are not known here.
    #[error("`{file}` is in `{edition}`; the editions known are 2023 and 2024")]
    Edition {
        /// The file's name.
        file: String,
        /// The edition's name in `google.protobuf.Edition`, or its number where it has none.
        edition: String,
    },
    /// A feature has a value that says nothing, or nothing that is known here.
    #[error("`{element}` has the unknown value {value} for the feature `{feature}`")]
    Feature {
        /// The name of the file, or the full name of the message, `oneof`, field or extension.
        element: String,
        /// The feature's name in `google.protobuf.FeatureSet`.
        feature: &'static str,
        /// The number of the value.
        value: i32,
    },
}

/// Why a message was refused. The fault is in the message: nothing of it may leave.
///
/// Positions are byte offsets in the message; no variant holds a value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The message, or a message in it, ends within a field, or a length reaches past the end.
    #[error("truncated at byte {at}")]
    Truncated {
        /// Where the part that does not fit starts.
        at: usize,
    },
    /// A varint has more than ten bytes or more than 64 bits.
    #[error("overlong varint at byte {at}")]
    Varint {
        /// Where the varint starts.
        at: usize,
    },
    /// A field number is zero or above 2^29 - 1.
    #[error("field number out of range at byte {at}")]
    FieldNumber {
        /// Where the tag starts.
        at: usize,
    },
    /// A tag has one of the reserved wire types 6 and 7.
    #[error("reserved wire type at byte {at}")]
    ReservedWireType {
        /// Where the tag starts.
        at: usize,
    },
    /// A known field does not have the wire type that its descriptor says.
    #[error("field {number} at byte {at} has the wrong wire type")]
    WireType {
        /// Where the tag starts.
        at: usize,
        /// The field's number.
        number: u32,
    },
    /// A group ends that was not begun, or another than the one that was begun last.
    #[error("unmatched end of group at byte {at}")]
    EndGroup {
        /// Where the tag starts.
        at: usize,
    },
    /// A `string` of proto3, of an edition that verifies it, or one that is covered is not UTF-8.
    #[error("field {number} at byte {at} is not utf-8")]
    Utf8 {
        /// Where the tag starts.
        at: usize,
        /// The field's number.
        number: u32,
    },
    /// Messages and groups lie deeper within each other than [`DEPTH_MAX`](crate::DEPTH_MAX).
    #[error("nested too deep at byte {at}")]
    Depth {
        /// Where the tag of the field that is too deep starts.
        at: usize,
    },
    /// The message is longer than [`BYTES_MAX`](crate::BYTES_MAX).
    #[error("message of {bytes} bytes is too long")]
    TooLong {
        /// The length of the message.
        bytes: usize,
    },
    /// What was gathered does not have the length that was planned: a fault of this crate.
    #[error("gathered {written} bytes where {planned} were planned")]
    Miscounted {
        /// Bytes gathered.
        written: usize,
        /// Bytes planned.
        planned: usize,
    },
}
