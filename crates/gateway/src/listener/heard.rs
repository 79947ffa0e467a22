//! A stream that knows how much was heard on it, and that hears the other side out before it
//! closes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long the other side may take to close after us. A socket that is closed with bytes unread
/// resets the connection, and what was sent last may be lost on the way.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// The length of HTTP/2's connection preface (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// Whether the other side has sent as much as a preface.
#[derive(Clone)]
pub(super) struct Heard(Arc<AtomicBool>);

impl Heard {
    pub(super) fn a_preface(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Passes everything through, and counts what is read until it is a preface.
pub(super) struct Listening<S> {
    stream: S,
    bytes: usize,
    heard: Heard,
    /// Set once our side is closed.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S> Listening<S> {
    pub(super) fn on(stream: S) -> (Self, Heard) {
        let heard = Heard(Arc::new(AtomicBool::new(false)));
        (
            Self {
                stream,
                bytes: 0,
                heard: heard.clone(),
                linger: None,
            },
            heard,
        )
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.bytes < PREFACE_BYTES {
            self.bytes += buffer.filled().len() - before;
            if self.bytes >= PREFACE_BYTES {
                self.heard.0.store(true, Ordering::Relaxed);
            }
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let linger = this
            .linger
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER_MAX)));
        let mut unread = [0; 1024];
        while linger.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut unread);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}
