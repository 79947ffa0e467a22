//! What can be wrong with a ground.

use thiserror::Error;

use super::TOKEN_BYTES_MAX;
use crate::ledger::AppendError;
use crate::origin::{Origin, RecordId};

/// Why no ground was signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GroundError {
    /// Its record was not written, or it is not known whether it was.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The caller's: there is no such ground, or it would be too long.
    #[error("not a ground: {0}")]
    Malformed(&'static str),
    /// What was signed does not say what the record says.
    #[error("the ground would not say what its record says")]
    Differs(#[from] GroundFault),
    /// The system gave no randomness for the id.
    #[error("no randomness to be had")]
    Random,
}

/// Why a signed ground is not believed. Never holds anything personal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GroundFault {
    /// It is longer than any.
    #[error("it has {bytes} bytes, and {TOKEN_BYTES_MAX} is the most")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is no compact JWS.
    #[error("it is no compact JWS: three parts of base64url without padding, with points between")]
    Form,
    /// Its header is not that of a ground.
    #[error(
        "its header is not that of a ground: `alg` must be `EdDSA`, `typ` must be \
         `motlan-ground+jwt`, `kid` must name a key, and nothing else may stand there"
    )]
    Header,
    /// Another key signed it.
    #[error("it says that the key `{found}` signed it, and the key given is `{due}`")]
    Key {
        /// The hash of the key given.
        due: String,
        /// What its header says.
        found: String,
    },
    /// The signature does not fit.
    #[error("the signature does not fit: the ground was changed, or signed by another key")]
    Signature,
    /// A claim is missing, or is not what it must be.
    #[error("its claim `{0}` is missing, or is not what it must be")]
    Claim(&'static str),
    /// Its claims are not written as a ledger writes them.
    #[error(
        "its claims are not written as a ledger writes them: one is unknown or stands there \
         twice, or they are not in the canonical form (RFC 8785)"
    )]
    Canonical,
    /// Its claims make no ground.
    #[error("its claims make no ground: {0}")]
    NoGround(&'static str),
    /// The key may not sign for the log.
    #[error("the key `{key}` may not sign for the log `{origin}`")]
    Name {
        /// The key's name.
        key: String,
        /// The log that the ground names.
        origin: Origin,
    },
    /// It was compared with a record of another log.
    #[error("it stands for a record of the log `{due}`, and this one is of `{found}`")]
    OtherLog {
        /// Its own.
        due: Origin,
        /// The other.
        found: Origin,
    },
    /// It was compared with the record of another.
    #[error("it stands for the record `{due}`, and this one is `{found}`")]
    OtherRecord {
        /// Its own.
        due: RecordId,
        /// The other.
        found: RecordId,
    },
    /// Its record says something else.
    #[error("its record says otherwise: {0}")]
    Differs(&'static str),
}
