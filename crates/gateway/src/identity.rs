//! Who is on the other end: the certificate says which system, the token says for whom and why.

mod artefact;
mod certificate;
mod claims;
mod signed;
mod token;

pub use artefact::{
    APPROVAL_LIFETIME_S_MAX, APPROVALS_SHOWN_MAX, Artefact, ArtefactError, ArtefactFault,
    CONSENT_LIFETIME_S_MAX,
};
pub use certificate::{Certificate, Peer, PeerError, THUMBPRINT_BYTES};
pub use claims::{ClaimsError, TOKEN_LIFETIME_S_MAX};
pub use token::{Inquirer, Inquiry, TOKENS_CACHED_MAX, TokenError, Tokens};
