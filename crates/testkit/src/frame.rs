//! gRPC's framing: one byte that says whether the message is compressed, four for its length.

use bytes::{BufMut as _, Bytes, BytesMut};

/// The bytes before each message.
pub(crate) const PREFIX_BYTES: usize = 5;

/// A message in its frame.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    frame_as(message, false, 0)
}

/// A frame whose prefix says what it is told to: `compressed`, and a length that is wrong by
/// `off_by`.
pub(crate) fn frame_as(message: &[u8], compressed: bool, off_by: i32) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(u8::from(compressed));
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    framed.put_u32(length.saturating_add_signed(off_by));
    framed.put_slice(message);
    framed.freeze()
}

/// One message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether the prefix says that it is compressed.
    pub compressed: bool,
    /// The content.
    pub bytes: Bytes,
}

/// The body ends within a prefix or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body ends within a message")]
pub struct Unfinished;

/// Takes a body apart, without copying.
pub(crate) fn split(body: &Bytes) -> Result<Vec<Message>, Unfinished> {
    let mut messages = Vec::new();
    let mut rest = body.clone();
    while !rest.is_empty() {
        let (flag, length) = prefix(&rest).ok_or(Unfinished)?;
        let end = PREFIX_BYTES.checked_add(length).ok_or(Unfinished)?;
        if rest.len() < end {
            return Err(Unfinished);
        }
        let bytes = rest.slice(PREFIX_BYTES..end);
        messages.push(Message {
            compressed: flag != 0,
            bytes,
        });
        rest = rest.slice(end..);
    }
    Ok(messages)
}

fn prefix(bytes: &[u8]) -> Option<(u8, usize)> {
    let (prefix, _) = bytes.split_first_chunk::<PREFIX_BYTES>()?;
    let [flag, length @ ..] = prefix;
    Some((*flag, usize::try_from(u32::from_be_bytes(*length)).ok()?))
}
