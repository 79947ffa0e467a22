//! gRPC messages in an HTTP/2 body: a flag, a big-endian length, the message.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The length of a message's prefix in bytes: one flag, four of length.
pub const PREFIX_BYTES: usize = 5;

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message is flagged as compressed, or with an unknown flag.
    #[error("a message is compressed or flagged with an unknown flag")]
    Flag,
    /// A message is longer than the limit.
    #[error("a message is over the limit")]
    TooLong,
    /// There are more messages than the limit.
    #[error("there are more messages than the limit")]
    TooMany,
    /// The body ends inside a message.
    #[error("the body ends inside a message")]
    Truncated,
}

/// How much a body may hold.
#[derive(Debug, Clone, Copy)]
pub struct FrameLimits {
    /// All messages with their prefixes, in bytes.
    pub body_bytes_max: usize,
    /// How many messages.
    pub messages_max: usize,
}

/// Takes a body apart as it comes in, without copying where a message lies within one chunk.
pub struct Deframer {
    limits: FrameLimits,
    seen_bytes: usize,
    /// The beginning of a message that is not whole yet.
    rest: BytesMut,
    messages: Vec<Bytes>,
}

impl Deframer {
    /// Starts at the beginning of a body.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            seen_bytes: 0,
            rest: BytesMut::new(),
            messages: Vec::new(),
        }
    }

    /// Takes in the next chunk.
    ///
    /// # Errors
    /// [`FrameError`] as soon as the body cannot be accepted any more.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<(), FrameError> {
        self.seen_bytes = self.seen_bytes.saturating_add(chunk.len());
        if self.seen_bytes > self.limits.body_bytes_max {
            return Err(FrameError::TooLong);
        }
        if self.rest.is_empty() {
            while let Some(length) = self.next_length(&chunk)? {
                chunk.advance(PREFIX_BYTES);
                self.messages.push(chunk.split_to(length));
            }
            self.rest.extend_from_slice(&chunk);
            return Ok(());
        }
        self.rest.extend_from_slice(&chunk);
        while let Some(length) = self.next_length(&self.rest)? {
            self.rest.advance(PREFIX_BYTES);
            self.messages.push(self.rest.split_to(length).freeze());
        }
        Ok(())
    }

    /// The messages, after the last chunk.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] where the body ended inside a message.
    pub fn finish(self) -> Result<Vec<Bytes>, FrameError> {
        if self.rest.is_empty() {
            Ok(self.messages)
        } else {
            Err(FrameError::Truncated)
        }
    }

    /// The length of the message that `bytes` begin with, if all of it is there and may be taken.
    fn next_length(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *prefix;
        if flag != 0 {
            return Err(FrameError::Flag);
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.limits.body_bytes_max {
            return Err(FrameError::TooLong);
        }
        if self.messages.len() == self.limits.messages_max {
            return Err(FrameError::TooMany);
        }
        Ok((rest.len() >= length).then_some(length))
    }
}

/// Whether a content type is gRPC's, with protobuf within.
pub(crate) fn is_grpc(content_type: &str) -> bool {
    matches!(content_type, "application/grpc" | "application/grpc+proto")
}

/// Frames messages, which the mask has kept under their limit, for one DATA frame.
#[must_use]
pub fn framed(messages: &[Bytes]) -> Bytes {
    let length = messages
        .iter()
        .map(|message| message.len() + PREFIX_BYTES)
        .sum();
    let mut body = BytesMut::with_capacity(length);
    for message in messages {
        body.put_u8(0);
        // A body is limited to far less than 4 GiB.
        body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        body.put_slice(message);
    }
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FrameLimits = FrameLimits {
        body_bytes_max: 64,
        messages_max: 3,
    };

    fn deframe(chunks: &[&[u8]]) -> Result<Vec<Bytes>, FrameError> {
        let mut deframer = Deframer::new(LIMITS);
        for chunk in chunks {
            deframer.push(Bytes::copy_from_slice(chunk))?;
        }
        deframer.finish()
    }

    #[test]
    fn messages_come_out_as_they_went_in_wherever_the_body_is_cut() {
        let messages = vec![Bytes::from("one"), Bytes::new(), Bytes::from("three")];
        let body = framed(&messages);
        for cut in 0..=body.len() {
            for cut_2 in cut..=body.len() {
                let chunks = [&body[..cut], &body[cut..cut_2], &body[cut_2..]];
                assert_eq!(deframe(&chunks), Ok(messages.clone()));
            }
        }
    }

    #[test]
    fn a_body_that_ends_inside_a_message_is_truncated() {
        let body = framed(&[Bytes::from("one")]);
        for cut in 1..body.len() {
            assert_eq!(deframe(&[&body[..cut]]), Err(FrameError::Truncated));
        }
    }

    #[test]
    fn a_compressed_message_a_long_one_and_one_too_many_are_refused() {
        assert_eq!(deframe(&[&[1, 0, 0, 0, 0]]), Err(FrameError::Flag));
        assert_eq!(deframe(&[&[0, 0, 0, 0, 65]]), Err(FrameError::TooLong));
        assert_eq!(
            deframe(&[&[0, 255, 255, 255, 255]]),
            Err(FrameError::TooLong)
        );
        assert_eq!(deframe(&[&[0; 65]]), Err(FrameError::TooLong));
        assert_eq!(deframe(&[&[0; 20]]), Err(FrameError::TooMany));
    }
}
