//! Where a call goes: to a dataset, or to one of the gateway's own services.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::control::{Admission, Barred, Control};
use crate::enforced::InForce;
use crate::identity::Certificate;
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
            Ok(certificate) if is_own => self.own(certificate, request).await,
            Ok(certificate) => self.lookups.call(certificate, request).await,
            Err(why) => {
                let error = WireError::unregistered(why.to_string());
                self.lookups.turned_away(&error);
                error.response(None)
            }
        };
        Ok(response)
    }

    /// Answers a call of one of the gateway's own services.
    async fn own(
        self,
        certificate: Arc<Certificate>,
        request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let mut admission = Admission::new(certificate, self.in_force.follow());
        if let Err(barred) = admission.peer() {
            let is_known = matches!(barred, Barred::Suspended(_));
            let error = WireError::from(barred);
            if !is_known {
                self.lookups.turned_away(&error);
            }
            return error.response(None);
        }
        let answered = self.control.call(admission, request).await;
        answered.unwrap_or_else(|error| error.response(None))
    }
}
