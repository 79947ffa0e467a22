//! Until when certificates and revocation lists are good.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use super::files::Content;
use super::{TlsError, provider};
use crate::settings::TlsFiles;

/// An operator is warned of a certificate so long before, each day.
pub const WARNED_S: i64 = 30 * DAY_S;
/// Revocation lists live for days: so long before, the next one is late.
const LIST_WARNED_S: i64 = DAY_S;
const DAY_S: i64 = 86_400;
/// What cannot be told from a certificate is asked again after so long.
const UNTOLD_S: u64 = 60;

/// What goes out of date, by the names that metrics have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whats {
    pub(super) certificate: &'static str,
    pub(super) authority: &'static str,
    pub(super) revocation: &'static str,
}

/// When the first of what a file holds goes out of date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// What it is: `server_certificate`, `client_ca` and so on.
    pub what: &'static str,
    /// The file.
    pub file: PathBuf,
    /// When, in seconds since the Unix epoch.
    pub at_s: i64,
}

impl Expiry {
    /// Whether it is time to warn of it.
    #[must_use]
    pub fn is_near(&self, now_s: i64) -> bool {
        let warned_s = match self.what {
            "client_crl" | "provider_crl" => LIST_WARNED_S,
            _ => WARNED_S,
        };
        self.at_s.saturating_sub(now_s) < warned_s
    }

    /// Whole days that are left; below 0 once it is past.
    #[must_use]
    pub fn days_left(&self, now_s: i64) -> i64 {
        self.at_s.saturating_sub(now_s).div_euclid(DAY_S)
    }

    /// What an operator is told of it.
    #[must_use]
    pub fn told(&self, now_s: i64) -> String {
        let Self { what, file, at_s } = self;
        let (file, at) = (file.display(), time(*at_s));
        match self.days_left(now_s) {
            ..0 => format!("`{file}` ({what}) expired at {at}; put a new one in its place"),
            days => format!(
                "`{file}` ({what}) expires in {days} days, at {at}; put a new one in its place"
            ),
        }
    }
}

/// Seconds since the Unix epoch, for people.
pub(crate) fn time(unix_s: i64) -> String {
    let time = Timestamp::from_second(unix_s);
    time.map_or_else(|_| unix_s.to_string(), |time| time.to_string())
}

/// Holds what is to be in force against the clock, and tells until when it is good.
pub(super) fn checked(
    content: &Content,
    files: &TlsFiles,
    whats: Whats,
    now_s: i64,
) -> Result<Vec<Expiry>, TlsError> {
    let mut chain_s = i64::MAX;
    for certificate in &content.chain {
        let (from_s, until_s) = validity(certificate).ok_or_else(|| TlsError::Odd {
            file: files.certificate.clone(),
        })?;
        let file = files.certificate.clone();
        if now_s > until_s {
            let at = time(until_s);
            return Err(TlsError::Expired { file, at });
        }
        if now_s < from_s {
            let at = time(from_s);
            return Err(TlsError::NotYetValid { file, at });
        }
        chain_s = chain_s.min(until_s);
    }
    let expiry = |what, file: &Path, at_s| Expiry {
        what,
        file: file.to_owned(),
        at_s,
    };
    let mut expiries = vec![expiry(whats.certificate, &files.certificate, chain_s)];
    let authorities = content.authorities.iter();
    let authorities = authorities.filter_map(|it| Some(validity(it)?.1)).min();
    expiries.extend(authorities.map(|at_s| expiry(whats.authority, &files.authority, at_s)));
    if let Some(file) = &files.revocation {
        let at_s = checked_lists(content, file, now_s)?;
        expiries.push(expiry(whats.revocation, file, at_s));
    }
    Ok(expiries)
}

/// R105: an expired list is not taken, nor are lists of which an authority has none: each
/// certificate that it signed would be refused. Nor two of one authority: only the first would be
/// asked, whatever the newer one says.
fn checked_lists(content: &Content, file: &Path, now_s: i64) -> Result<i64, TlsError> {
    let mut due_s = i64::MAX;
    for list in &content.lists {
        let at_s = next_update(list).ok_or_else(|| TlsError::Odd {
            file: file.to_owned(),
        })?;
        if now_s >= at_s {
            return Err(TlsError::ListExpired {
                file: file.to_owned(),
                at: time(at_s),
            });
        }
        due_s = due_s.min(at_s);
    }
    for authority in &content.authorities {
        let lists = content.lists.iter();
        let (file, authority, count) = (
            file.to_owned(),
            name(authority),
            lists.filter(|list| is_of(list, authority)).count(),
        );
        match count {
            0 => return Err(TlsError::Unlisted { file, authority }),
            1 => {}
            _ => return Err(TlsError::Twofold { file, authority }),
        }
    }
    Ok(due_s)
}

/// Whether this authority signed the list.
fn is_of(list: &CertificateRevocationListDer<'_>, authority: &CertificateDer<'_>) -> bool {
    let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
        return false;
    };
    let Ok(signer) = EndEntityCert::try_from(authority) else {
        return false;
    };
    let (message, signature) = (list.tbs_cert_list.as_ref(), &list.signature_value.data);
    let algorithms = provider().signature_verification_algorithms.all;
    let is_signed_by = |algorithm| {
        signer
            .verify_signature(algorithm, message, signature)
            .is_ok()
    };
    algorithms.iter().any(|algorithm| is_signed_by(*algorithm))
}

/// Whose certificate it is.
fn name(certificate: &CertificateDer<'_>) -> String {
    let parsed = X509Certificate::from_der(certificate);
    parsed.map_or_else(|_| "?".to_owned(), |(_, it)| it.subject().to_string())
}

/// From when until when a certificate is valid, both seconds included.
fn validity(certificate: &CertificateDer<'_>) -> Option<(i64, i64)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    Some((
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}

/// From when on a list counts no more.
pub(super) fn next_update(list: &CertificateRevocationListDer<'_>) -> Option<i64> {
    let (_, parsed) = CertificateRevocationList::from_der(list).ok()?;
    Some(parsed.next_update()?.timestamp())
}

/// From which second on a chain that is good now has to be verified again, as one of its
/// certificates, or a list, is out of date then.
pub(crate) fn due_s(chain: &[CertificateDer<'_>], lists_s: Option<u64>, now_s: u64) -> u64 {
    let ends = chain.iter().map(|certificate| {
        let (_, until_s) = validity(certificate)?;
        Some(u64::try_from(until_s).unwrap_or(0).saturating_add(1))
    });
    let ends = ends.map(|end_s| end_s.unwrap_or(now_s.saturating_add(UNTOLD_S)));
    let due = ends.chain(lists_s).filter(|end_s| *end_s > now_s).min();
    due.unwrap_or(u64::MAX)
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, time(self.at_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_for_a_month_and_a_list_for_a_day() {
        let expiry = |what| Expiry {
            what,
            file: PathBuf::from("file.pem"),
            at_s: 40 * DAY_S,
        };
        let (certificate, list) = (expiry("server_certificate"), expiry("client_crl"));
        let near = |day: i64| (certificate.is_near(day * DAY_S), list.is_near(day * DAY_S));
        assert_eq!(near(10), (false, false));
        assert_eq!(near(11), (true, false));
        assert_eq!(near(39), (true, false));
        assert!(list.is_near(39 * DAY_S + 1));
        let told = certificate.told(11 * DAY_S);
        assert!(
            told.contains("`file.pem` (server_certificate) expires in 29 days"),
            "{told}"
        );
        let told = certificate.told(40 * DAY_S + 1);
        assert!(told.contains("expired at 1970-02-10T00:00:00Z"), "{told}");
    }
}
