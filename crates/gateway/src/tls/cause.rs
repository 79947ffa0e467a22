//! Why the other side of a connection is not let in.

use std::fmt;
use std::io;

use rustls::{CertificateError, Error};

/// Why somebody is not let in, as far as it is for others to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There was no certificate.
    NoCertificate,
    /// None of the authorities stands behind it, or no list says whether it is revoked.
    UnknownAuthority,
    /// It is out of date, or not valid yet.
    Expired,
    /// It is revoked.
    Revoked,
    /// The list that would say so is out of date.
    ListExpired,
    /// Anything else.
    Handshake,
}

impl Cause {
    /// Why a handshake failed.
    pub(crate) fn of_handshake(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|it| it.downcast_ref());
        inner.map_or(Self::Handshake, Self::of)
    }

    /// Why a certificate was not accepted.
    pub(crate) fn of(error: &Error) -> Self {
        let Error::InvalidCertificate(error) = error else {
            return match error {
                Error::NoCertificatesPresented => Self::NoCertificate,
                _ => Self::Handshake,
            };
        };
        match error {
            CertificateError::Revoked => Self::Revoked,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => Self::ListExpired,
            // A namesake's signature is a bad one.
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnknownRevocationStatus => Self::UnknownAuthority,
            _ => Self::Handshake,
        }
    }

    /// Its name in the metric of refused connections.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::UnknownAuthority => "unknown_authority",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::ListExpired => "crl_expired",
            Self::Handshake => "handshake",
        }
    }
}

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => {
                "the certificate of this connection is revoked; ask its authority for a new one"
            }
            Self::Expired => {
                "the certificate of this connection is out of date; connect with one that is valid"
            }
            Self::ListExpired => {
                "the gateway's revocation list is out of date, so nobody is let in; tell the \
                 operator"
            }
            Self::NoCertificate | Self::UnknownAuthority | Self::Handshake => {
                "the certificate of this connection is not accepted any more; ask the operator \
                 which authorities are"
            }
        })
    }
}
