//! A connection that tells when the server has spoken.

use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::client::TlsStream;

/// Reads and writes as the stream does, and tells how the first read came out.
pub(super) struct Heard {
    stream: TlsStream<TcpStream>,
    tell: Option<oneshot::Sender<Result<()>>>,
}

impl Heard {
    /// The second comes to something once the server has spoken, refused, or gone.
    pub(super) fn new(stream: TlsStream<TcpStream>) -> (Self, oneshot::Receiver<Result<()>>) {
        let (tell, told) = oneshot::channel();
        let tell = Some(tell);
        (Self { stream, tell }, told)
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = into.filled().len();
        let mut read = ready!(Pin::new(&mut self.stream).poll_read(context, into));
        if let Some(tell) = self.tell.take() {
            let first = match read {
                Ok(()) if into.filled().len() > before => Ok(()),
                Ok(()) => Err(ErrorKind::UnexpectedEof.into()),
                Err(error) => {
                    read = Err(error.kind().into());
                    Err(error)
                }
            };
            // Nobody listens any more where it came too late.
            let _told = tell.send(first);
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::ClientConfig;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use crate::client::{Client, ConnectError};
    use crate::pki::{Authority, Leaf};

    const PREFACE_BYTES: usize = 24;
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// A server that reads the client's first word, and then says `word` or nothing and goes.
    async fn server(word: &'static [u8]) -> (String, Arc<ClientConfig>) {
        let authority = Authority::new("of a test").unwrap();
        let leaf = Leaf::client("caller", "spiffe://motlan.example/caller");
        let caller = authority.issue(&leaf).unwrap();
        let identity = authority.issue(&Leaf::server("server")).unwrap();
        let acceptor = TlsAcceptor::from(authority.server_config(&identity).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
            stream.write_all(word).await.unwrap();
            stream.flush().await.unwrap();
            if !word.is_empty() {
                // Until the client is gone.
                let _read = stream.read_to_end(&mut Vec::new()).await;
            }
        });
        (address, authority.client_config(Some(&caller)).unwrap())
    }

    #[tokio::test]
    async fn a_server_that_waits_for_the_clients_first_word_is_heard() {
        let (address, tls) = server(&EMPTY_SETTINGS).await;
        let client = Client::connect(&address, tls).await.unwrap();
        assert!(!client.is_closed());
    }

    #[tokio::test]
    async fn a_server_that_goes_without_a_word_is_no_connection() {
        let (address, tls) = server(&[]).await;
        let connected = Client::connect(&address, tls).await;
        assert!(matches!(connected, Err(ConnectError::Connect(_))));
    }
}
