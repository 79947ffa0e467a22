//! Who is let in to the gateway's own services, and until when.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status};

use crate::enforced::{Enforced, Following};
use crate::identity::{Certificate, Peer, PeerError};
use crate::lookup::WireError;
use crate::tls::Cause;

/// A certificate, held against each set that is in force while a call lasts.
pub(crate) struct Admission {
    certificate: Arc<Certificate>,
    following: Following,
}

/// Why a caller gets nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Barred {
    /// The certificate would not be accepted any more.
    #[error(transparent)]
    Fallen(#[from] Cause),
    /// The certificate is no registered system's.
    #[error(transparent)]
    Stranger(#[from] PeerError),
    /// The system is suspended.
    #[error("the system is suspended")]
    Suspended(Arc<motlan_catalog::System>),
}

impl From<Barred> for WireError {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Fallen(cause) => Self::fallen(cause),
            Barred::Stranger(error) => Self::unregistered(error.to_string()),
            Barred::Suspended(system) => Self::suspended(&system.id),
        }
    }
}

impl Admission {
    pub(crate) fn new(certificate: Arc<Certificate>, following: Following) -> Self {
        Self {
            certificate,
            following,
        }
    }

    /// Who calls, by the set that is in force now.
    ///
    /// # Errors
    /// [`Barred`], where that set lets nobody of this certificate in.
    pub(crate) fn peer(&mut self) -> Result<(Arc<Enforced>, Peer), Barred> {
        // R105: also on a connection that was made while it was good.
        self.certificate.stands()?;
        let set = self.following.set();
        let peer = Peer::of(&self.certificate, &set.catalog)?;
        // R24: nothing of the gateway's own either.
        if peer.system.suspended {
            return Err(Barred::Suspended(peer.system));
        }
        Ok((set, peer))
    }

    /// Looks again, if another set is in force than [`Self::peer`] looked at last, or the
    /// certificate does not stand any more.
    pub(super) fn confirm(&mut self) -> Result<(), Barred> {
        self.certificate.stands()?;
        match self.following.is_behind() {
            true => self.peer().map(drop),
            false => Ok(()),
        }
    }

    /// The rest of an answer, which breaks off once the caller is not let in any more; and, where
    /// it `is_of_set`, once another set is in force than [`Self::peer`] looked at last.
    pub(super) fn attend(mut self, body: tonic::body::Body, is_of_set: bool) -> tonic::body::Body {
        let ended = async move {
            loop {
                let is_other = tokio::select! {
                    () = self.following.changed() => true,
                    () = self.certificate.unsettled() => false,
                };
                if let Err(barred) = self.peer() {
                    return barred.into();
                }
                if is_of_set && is_other {
                    let message = "another set is in force; ask again";
                    return WireError::new(Code::Unavailable, "GATEWAY_BUSY", message);
                }
            }
        };
        tonic::body::Body::new(Attended {
            body: Some(body),
            ended: Box::pin(ended),
        })
    }
}

/// R87: an answer that lasts no longer than its caller is let in.
struct Attended {
    /// None once it was broken off.
    body: Option<tonic::body::Body>,
    ended: Pin<Box<dyn Future<Output = WireError> + Send>>,
}

impl Body for Attended {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let error = match (&mut this.body, this.ended.as_mut().poll(context)) {
            (None, _) => return Poll::Ready(None),
            (Some(body), Poll::Pending) => return Pin::new(body).poll_frame(context),
            (Some(_), Poll::Ready(error)) => error,
        };
        this.body = None;
        let mut trailers = HeaderMap::new();
        let told = error.status().add_header(&mut trailers);
        Poll::Ready(Some(told.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        // It may break off, so no size is promised.
        SizeHint::default()
    }
}
