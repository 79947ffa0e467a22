//! How an owner's system can go wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::sync::Barrier;
use tonic::Code;

use crate::frame;

/// What a chatty provider says in its status message, its metadata and its details: look for it in
/// what a caller got.
pub const CHATTER: &str = "owner-internal host db-7.registry.internal";
/// The metadatum under which a chatty provider says it, in headers and in trailers.
pub const CHATTER_HEADER: &str = "x-owner-internal";
/// What stands in the unknown fields of [`Misbehaviour::UnknownFields`].
pub const UNKNOWN_FIELD_TEXT: &str = "field that no contract names";
/// The number of the first unknown field: in no contract.
const UNKNOWN_FIELD: u64 = 18_900;
/// How long garbage is.
const GARBAGE_BYTES: usize = 64;

/// Where questions wait for each other, whichever owners' systems they came to.
#[derive(Clone, Debug)]
pub struct Meeting(Arc<Barrier>);

impl Meeting {
    /// Of so many questions.
    #[must_use]
    pub fn of(questions: usize) -> Self {
        Self(Arc::new(Barrier::new(questions)))
    }

    pub(super) async fn met(&self) {
        self.0.wait().await;
    }
}

impl PartialEq for Meeting {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Meeting {}

/// One way to misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Takes the question and never says a word.
    Silent,
    /// Sends headers and nothing more.
    SilentAfterHeaders,
    /// Answers rightly, but only after this long.
    Slow(Duration),
    /// Answers rightly, but only once as many questions have come as meet there.
    Meets(Meeting),
    /// Misbehaves in this way at the next question, and behaves from then on.
    Once(Box<Misbehaviour>),
    /// Answers with this message in place of what it holds.
    Instead(Bytes),
    /// Answers rightly, but waits this long before each message.
    Trickle(Duration),
    /// One message in a right frame that is no protobuf.
    Garbage,
    /// One well-formed message of this many bytes or a few more.
    Oversized(usize),
    /// A gRPC error, with [`CHATTER`] in message, metadata and details.
    Status(Code),
    /// The right answer, with [`CHATTER`] in headers and trailers.
    Chatty,
    /// So many of the right messages, then `INTERNAL`, with [`CHATTER`].
    Truncated(usize),
    /// The right answer, gzipped, whatever the caller said it accepts.
    Compressed,
    /// So many of the right messages, then the stream is reset; with none, before any header.
    Reset(usize),
    /// The right messages with fields added that no contract names.
    UnknownFields,
    /// The right messages, each prefix declaring a length that is wrong by so much.
    WrongLength(i32),
    /// The right messages and an end without trailers.
    NoStatus,
    /// An answer that is not gRPC at all, with this HTTP status.
    NotGrpc(u16),
}

/// Bytes that no protobuf parser takes, in a right frame.
pub(super) fn garbage() -> Bytes {
    frame::frame(&[0xff; GARBAGE_BYTES])
}

/// A message whose only content is its first field, long.
pub(super) fn oversized(bytes: usize) -> Bytes {
    let mut message = BytesMut::with_capacity(bytes.saturating_add(8));
    put_text(&mut message, 1, &vec![b'x'; bytes]);
    frame::frame(&message)
}

/// The message of a frame, with unknown fields of every kind around it.
pub(super) fn with_unknown_fields(message: &[u8]) -> Bytes {
    let mut more = BytesMut::new();
    put_text(&mut more, UNKNOWN_FIELD, UNKNOWN_FIELD_TEXT.as_bytes());
    more.put_slice(message);
    put_varint(&mut more, (UNKNOWN_FIELD + 1) << 3);
    put_varint(&mut more, 7);
    put_varint(&mut more, (UNKNOWN_FIELD + 2) << 3 | 1);
    more.put_u64_le(7);
    put_varint(&mut more, (UNKNOWN_FIELD + 3) << 3 | 5);
    more.put_u32_le(7);
    frame::frame(&more)
}

fn put_text(message: &mut BytesMut, number: u64, text: &[u8]) {
    put_varint(message, number << 3 | 2);
    put_varint(message, text.len() as u64);
    message.put_slice(text);
}

fn put_varint(message: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        message.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    message.put_u8(value as u8);
}

/// `content` as a gzip member (RFC 1952) of stored blocks (RFC 1951): real gzip, without a
/// compressor.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = content.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        member.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        member.push(u8::from(blocks.peek().is_none()));
        member.extend(length.to_le_bytes());
        member.extend((!length).to_le_bytes());
        member.extend(block);
    }
    member.extend(crc32(content).to_le_bytes());
    member.extend((content.len() as u32).to_le_bytes());
    member
}

fn crc32(content: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in content {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc = (crc >> 1) ^ (0xEDB8_8320 * carry);
        }
    }
    !crc
}
