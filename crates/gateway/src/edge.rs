//! Where a call goes: to a dataset, or to one of the gateway's own services.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::control::Control;
use crate::identity::Peer;
use crate::lookup::{Lookups, ReplyBody, WireError};

/// The gateway's own services lie below these paths; all others are datasets'.
const CONTROL: [&str; 3] = ["/motlan.", "/grpc.health.", "/grpc.reflection."];

/// The entry of all calls.
#[derive(Clone)]
pub struct Edge {
    lookups: Arc<Lookups>,
    control: Control,
}

impl Edge {
    /// Puts the two halves together.
    #[must_use]
    pub fn new(lookups: Arc<Lookups>, control: Control) -> Self {
        Self { lookups, control }
    }

    /// Answers one call on the connection of `peer`, or of a certificate that is no registered
    /// system's.
    ///
    /// # Errors
    /// None.
    pub async fn call(
        self,
        peer: Result<Arc<Peer>, Arc<str>>,
        request: Request<Incoming>,
    ) -> Result<Response<ReplyBody>, Infallible> {
        let peer = match peer {
            Ok(peer) => peer,
            Err(why) => {
                self.lookups.stranger();
                return Ok(WireError::unregistered(why.to_string()).response(None));
            }
        };
        let path = request.uri().path();
        if CONTROL.iter().any(|prefix| path.starts_with(prefix)) {
            // R24: nothing of the gateway's own either.
            if peer.system.suspended {
                return Ok(WireError::suspended(&peer.system.id).response(None));
            }
            return Ok(self.control.call(peer, request).await);
        }
        Ok(self.lookups.call(peer, request).await)
    }
}
