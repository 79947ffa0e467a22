//! Who is on the other end: the certificate says which system, the token says for whom and why.

mod certificate;
mod claims;
mod token;

pub use certificate::{Peer, PeerError, THUMBPRINT_BYTES};
pub use claims::{ClaimsError, TOKEN_LIFETIME_S_MAX};
pub use token::{Inquirer, Inquiry, TOKENS_CACHED_MAX, TokenError, Tokens};
