//! A stand-in for an owner's system: a real gRPC server over TCP and TLS 1.3 that demands a client
//! certificate, holds records by method and subject, writes down what it was asked, and misbehaves
//! on demand.
//!
//! It knows no contract: [`Holdings`] reads from descriptors which methods there are and where
//! their subject stands, so that it serves a dataset that nobody has seen before as well.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

mod holdings;
mod misbehaviour;
mod reply;
mod seen;
mod serve;
mod wire;

pub use holdings::{Holdings, HoldingsError};
pub use misbehaviour::{CHATTER, CHATTER_HEADER, Meeting, Misbehaviour, UNKNOWN_FIELD_TEXT};
pub use seen::Seen;
use serve::State;

/// A request has at most this many bytes, prefix included.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running stand-in. It stops when dropped.
pub struct Provider {
    state: Arc<State>,
    tls: TlsAcceptor,
    address: SocketAddr,
    listening: Listening,
}

enum Listening {
    Running(JoinHandle<()>),
    /// The port is bound but nobody listens: connections are refused, and no one else gets the
    /// port.
    Stopped(TcpSocket),
}

impl Provider {
    /// Starts at a port of its own on the loopback interface, in tasks of the current runtime.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(
        tls: Arc<rustls::ServerConfig>,
        holdings: Holdings,
    ) -> std::io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), tls, holdings).await
    }

    /// Starts at `address`, in tasks of the current runtime.
    ///
    /// # Errors
    /// Where it cannot listen there.
    pub async fn start_at(
        address: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        holdings: Holdings,
    ) -> std::io::Result<Self> {
        let socket = bind(address)?;
        let address = socket.local_addr()?;
        let mut provider = Self {
            state: Arc::new(State::new(holdings)),
            tls: TlsAcceptor::from(tls),
            address,
            listening: Listening::Stopped(socket),
        };
        provider.start_again().await?;
        Ok(provider)
    }

    /// Where it listens. The port stays the same as long as the provider lives.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops at once: every connection breaks, new ones are refused. Does nothing where it is
    /// stopped.
    ///
    /// # Errors
    /// Where the port cannot be kept.
    pub async fn stop(&mut self) -> std::io::Result<()> {
        if let Listening::Running(task) = &mut self.listening {
            task.abort();
            // An aborted task answers with an error; what matters is that its listener is gone.
            let _ended = task.await;
            self.listening = Listening::Stopped(bind(self.address)?);
        }
        Ok(())
    }

    /// Listens again at the same port. Does nothing where it is running.
    ///
    /// # Errors
    /// Where it cannot listen at its port any more.
    pub async fn start_again(&mut self) -> std::io::Result<()> {
        if let Listening::Running(_) = self.listening {
            return Ok(());
        }
        let placeholder = TcpSocket::new_v4()?;
        let held = std::mem::replace(&mut self.listening, Listening::Stopped(placeholder));
        if let Listening::Stopped(socket) = held {
            let listener = socket.listen(BACKLOG)?;
            let task = serve::accept(listener, self.tls.clone(), Arc::clone(&self.state));
            self.listening = Listening::Running(tokio::spawn(task));
        }
        Ok(())
    }

    /// Whether questions are written down, which they are unless told otherwise. Switched off, only
    /// [`Provider::calls`] moves: fit for a load test.
    pub fn record(&self, on: bool) {
        self.state.record(on);
    }

    /// How many questions came.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.calls()
    }

    /// What was asked while recording was on, in the order in which the questions came.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen()
    }

    /// As [`Provider::seen`], and forgets it.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        self.state.take_seen()
    }

    /// From now on it misbehaves when asked by `path` about `subject`, or about anyone where that
    /// is none.
    pub fn misbehave(&self, path: &str, subject: Option<&str>, how: Misbehaviour) {
        self.state.misbehave(path, subject, how);
    }

    /// From now on it behaves.
    pub fn behave(&self) {
        self.state.behave();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Listening::Running(task) = &self.listening {
            task.abort();
        }
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of the last run may still linger on the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
