//! Where a witness is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// A witness's submission prefix, e.g. `https://witness.moj.example/audit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: Authority,
    is_tls: bool,
    path: String,
}

/// A text that is no such address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not of the form.
    #[error("no address of a witness: give one such as `https://witness.example/audit`")]
    Malformed,
    /// Anyone on the way could make this gateway stop.
    #[error(
        "`http` reaches a witness on this machine only: its word that a log has forked stops the \
         gateway and is not signed, so it must come over TLS; give an `https` address and `ca`"
    )]
    Plain,
}

impl Address {
    /// Whether it is spoken to over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    pub(super) fn port(&self) -> u16 {
        let usual = if self.is_tls { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    /// What stands in the header `host`.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The path of `add-checkpoint`.
    pub(super) fn path(&self) -> String {
        format!("{}/add-checkpoint", self.path)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let parts = text.parse::<Uri>().unwrap_or_default().into_parts();
        let authority = parts.authority.ok_or(AddressError::Malformed)?;
        let path = parts
            .path_and_query
            .as_ref()
            .map_or("", PathAndQuery::as_str);
        let is_tls = parts.scheme == Some(Scheme::HTTPS);
        let is_known = is_tls || parts.scheme == Some(Scheme::HTTP);
        if !is_known || path.contains('?') || authority.as_str().contains('@') {
            return Err(AddressError::Malformed);
        }
        let address = Self {
            path: path.trim_end_matches('/').to_owned(),
            authority,
            is_tls,
        };
        let ip: Result<IpAddr, _> = address.host().parse();
        let is_here = ip.map_or(address.host() == "localhost", |ip| ip.is_loopback());
        match is_tls || is_here {
            true => Ok(address),
            false => Err(AddressError::Plain),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for (text, host, port, path) in [
            ("https://w.example", "w.example", 443, "/add-checkpoint"),
            (
                "https://w.example:8443/a/b/",
                "w.example",
                8443,
                "/a/b/add-checkpoint",
            ),
            (
                "http://127.0.0.1:9000",
                "127.0.0.1",
                9000,
                "/add-checkpoint",
            ),
            ("http://localhost/w", "localhost", 80, "/w/add-checkpoint"),
            ("http://[::1]:1", "::1", 1, "/add-checkpoint"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port), "{text}");
            assert_eq!(address.path(), path);
            assert_eq!(address.to_string(), text.trim_end_matches('/'));
        }
        for text in [
            "",
            "w.example",
            "ftp://w.example",
            "https://",
            "https://a@b",
            "https://a/?b",
        ] {
            assert_eq!(
                text.parse::<Address>(),
                Err(AddressError::Malformed),
                "{text}"
            );
        }
        for text in [
            "http://w.example",
            "http://10.0.0.1:80",
            "http://localhost.example",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError::Plain), "{text}");
        }
    }
}
