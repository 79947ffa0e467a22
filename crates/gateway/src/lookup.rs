//! One call of a dataset: from the HTTP/2 request to the reply, through the stages of `exchange`.
//! The gateway's own services make lookups the same way.

mod outlive;
mod reply;
mod request;
mod sentence;
mod service;
mod way;
mod wire_error;

pub use reply::ReplyBody;
pub(crate) use request::{CITED_BYTES_MAX, TraceParent, bearer, patience};
pub(crate) use way::{Answered, Asked, Unanswered, arrival, receipt};
pub use way::{LookupLimits, Lookups};
pub use wire_error::{DOMAIN, WireError};
