//! One call of a dataset: from the HTTP/2 request to the reply, through the stages of `exchange`.

mod reply;
mod request;
mod sentence;
mod service;
mod wire_error;

pub use reply::ReplyBody;
pub(crate) use request::bearer;
pub use service::{LookupLimits, Lookups};
pub use wire_error::{DOMAIN, WireError};
