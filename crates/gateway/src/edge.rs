//! Where a call goes: to a dataset, or to one of the gateway's own services.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::control::Control;
use crate::enforced::InForce;
use crate::identity::{Certificate, Peer};
use crate::lookup::{Lookups, ReplyBody, WireError};

/// The gateway's own services lie below these paths; all others are datasets'.
const CONTROL: [&str; 3] = ["/motlan.", "/grpc.health.", "/grpc.reflection."];

/// The entry of all calls.
#[derive(Clone)]
pub struct Edge {
    in_force: InForce,
    lookups: Arc<Lookups>,
    control: Control,
}

impl Edge {
    /// Puts the two halves together.
    #[must_use]
    pub fn new(in_force: InForce, lookups: Arc<Lookups>, control: Control) -> Self {
        Self {
            in_force,
            lookups,
            control,
        }
    }

    /// Answers one call on a connection with this certificate, or with one that can be no
    /// registered system's.
    ///
    /// # Errors
    /// None.
    pub async fn call(
        self,
        certificate: Result<Arc<Certificate>, Arc<str>>,
        request: Request<Incoming>,
    ) -> Result<Response<ReplyBody>, Infallible> {
        let path = request.uri().path();
        let is_own = CONTROL.iter().any(|prefix| path.starts_with(prefix));
        let response = match certificate {
            Ok(certificate) if is_own => self.own(&certificate, request).await,
            Ok(certificate) => self.lookups.call(certificate, request).await,
            Err(why) => {
                self.lookups.stranger();
                WireError::unregistered(why.to_string()).response(None)
            }
        };
        Ok(response)
    }

    /// Answers a call of one of the gateway's own services.
    async fn own(
        self,
        certificate: &Certificate,
        request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let set = self.in_force.set();
        let peer = match Peer::of(certificate, &set.catalog) {
            Ok(peer) => peer,
            Err(error) => {
                self.lookups.stranger();
                return WireError::unregistered(error.to_string()).response(None);
            }
        };
        // R24: nothing of the gateway's own either.
        if peer.system.suspended {
            return WireError::suspended(&peer.system.id).response(None);
        }
        self.control.call(set, peer, request).await
    }
}
