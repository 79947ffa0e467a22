//! Files in an edition by hand, as `google.protobuf.FileDescriptorProto` on the wire.

use bytes::Bytes;
use motlan_mask::editions::lower;
use motlan_mask::{Mask, MaskError};
use prost_reflect::DescriptorPool;

use crate::wire::{bytes, int};

pub(crate) const OPTIONAL: u64 = 1;
pub(crate) const REPEATED: u64 = 3;

pub(crate) const STRING: u64 = 9;
pub(crate) const GROUP: u64 = 10;
pub(crate) const MESSAGE: u64 = 11;
pub(crate) const UINT32: u64 = 13;
pub(crate) const ENUM: u64 = 14;

pub(crate) const PRESENCE: u32 = 1;
pub(crate) const REPETITION: u32 = 3;
pub(crate) const UTF8: u32 = 4;
pub(crate) const ENCODING: u32 = 5;

/// A field or extension; `kind` and, for messages and enums, the name of the type.
pub(crate) fn field(
    name: &str,
    number: u64,
    label: u64,
    kind: (u64, &str),
    more: &[Vec<u8>],
) -> Vec<u8> {
    let named = match kind.1 {
        "" => Vec::new(),
        name => bytes(6, name),
    };
    let shape = [int(3, number), int(4, label), int(5, kind.0), named];
    [bytes(1, name), shape.concat(), more.concat()].concat()
}

/// The options of a field with these features.
pub(crate) fn features(features: &[(u32, u64)]) -> Vec<u8> {
    bytes(8, bytes(21, set(features)))
}

pub(crate) fn set(features: &[(u32, u64)]) -> Vec<u8> {
    let features = features.iter().map(|(number, value)| int(*number, *value));
    features.collect::<Vec<_>>().concat()
}

/// A message with these fields, and more of it.
pub(crate) fn message(name: &str, fields: &[Vec<u8>], more: &[Vec<u8>]) -> Vec<u8> {
    let fields = fields.iter().map(|field| bytes(2, field));
    let fields = fields.collect::<Vec<_>>().concat();
    [bytes(1, name), fields, more.concat()].concat()
}

/// A file of package `e` in `edition`, with these messages and more of it.
pub(crate) fn file(edition: u64, messages: &[Vec<u8>], more: &[Vec<u8>]) -> Vec<u8> {
    let messages = messages.iter().map(|message| bytes(4, message));
    let messages = messages.collect::<Vec<_>>().concat();
    let head = [bytes(1, "e.proto"), bytes(2, "e")].concat();
    let edition = [bytes(12, "editions"), int(14, edition)].concat();
    [head, messages, more.concat(), edition].concat()
}

/// A file whose only message `e.M` has these fields; `e.Place` has `street` and `within`.
pub(crate) fn fields(fields: &[Vec<u8>]) -> Vec<u8> {
    let place = [
        field("street", 1, OPTIONAL, (STRING, ""), &[]),
        field("within", 2, OPTIONAL, (MESSAGE, ".e.Place"), &[]),
    ];
    let messages = [message("M", fields, &[]), message("Place", &place, &[])];
    file(1000, &messages, &[])
}

/// The lowered files in a pool that has the well-known ones.
pub(crate) fn pool(files: &[Vec<u8>]) -> DescriptorPool {
    let mut pool = DescriptorPool::global();
    for file in files {
        let lowered = lower(file).unwrap();
        pool.decode_file_descriptor_proto(lowered.as_ref()).unwrap();
    }
    pool
}

pub(crate) fn through(
    pool: &DescriptorPool,
    name: &str,
    paths: &[&str],
    input: &[Vec<u8>],
) -> Result<Vec<u8>, MaskError> {
    let message = pool.get_message_by_name(name).unwrap();
    let mask = Mask::compile(&message, paths.iter().copied()).unwrap();
    Ok(mask.apply(&Bytes::from(input.concat()))?.bytes.to_vec())
}

#[track_caller]
pub(crate) fn leaves(
    pool: &DescriptorPool,
    name: &str,
    paths: &[&str],
    input: &[Vec<u8>],
    expected: &[Vec<u8>],
) {
    let left = through(pool, name, paths, input).unwrap();
    assert_eq!(left, expected.concat());
}
