//! What a caller sends beside its message: the metadata, parsed.

use std::time::Duration;

use http::HeaderMap;
use motlan_policy::asked;

use super::wire_error::WireError;
use crate::identity::{APPROVALS_SHOWN_MAX, TokenError};

/// `motlan-fields`, `motlan-grant` and their like have at most this many bytes.
const METADATA_BYTES_MAX: usize = 8192;

/// A cited grant has at most this many bytes.
pub(crate) const CITED_BYTES_MAX: usize = 256;

/// An incident's name has at most this many bytes.
const INCIDENT_BYTES_MAX: usize = 128;

/// The metadata that the gateway understands, the token apart. All other metadata is ignored and
/// goes nowhere.
pub(super) struct Metadata {
    pub(super) cited: Option<String>,
    pub(super) fields: Vec<String>,
    /// A person's consent, not yet verified.
    pub(super) consent: Option<String>,
    /// Officials' approvals, not yet verified.
    pub(super) approvals: Vec<String>,
    /// The incident, where an emergency is declared.
    pub(super) incident: Option<String>,
    pub(super) full_receipt: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) trace_parent: Option<TraceParent>,
}

impl Metadata {
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, WireError> {
        Ok(Self {
            cited: cited(headers)?,
            fields: fields(headers)?,
            consent: text(headers, "motlan-consent")?.map(str::to_owned),
            approvals: approvals(headers)?,
            incident: incident(headers)?,
            full_receipt: full_receipt(headers)?,
            timeout: patience(headers)?,
            trace_parent: TraceParent::of(headers),
        })
    }
}

/// One value of printable ASCII, or none. Two values of one name are a mistake that must not be
/// guessed at.
fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, WireError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let fits = values.next().is_none() && value.len() <= METADATA_BYTES_MAX;
    match value.to_str() {
        Ok(text) if fits => Ok(Some(text.trim())),
        _ => Err(WireError::metadata(name)),
    }
}

/// The token of `authorization: Bearer <JWT>`, if that is what the header says.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, TokenError> {
    let authorization = text(headers, "authorization")
        .map_err(|_| TokenError::Malformed)?
        .ok_or(TokenError::Missing)?;
    match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(TokenError::Missing),
    }
}

/// The paths of a `google.protobuf.FieldMask` in its JSON-like form: joined by commas.
fn fields(headers: &HeaderMap) -> Result<Vec<String>, WireError> {
    let Some(joined) = text(headers, "motlan-fields")? else {
        return Ok(Vec::new());
    };
    asked::listed(joined).ok_or_else(|| WireError::metadata("motlan-fields"))
}

/// How long the caller waits, where it says.
pub(crate) fn patience(headers: &HeaderMap) -> Result<Option<Duration>, WireError> {
    text(headers, "grpc-timeout")?.map(timeout).transpose()
}

fn cited(headers: &HeaderMap) -> Result<Option<String>, WireError> {
    match text(headers, "motlan-grant")? {
        Some(cited) if cited.len() > CITED_BYTES_MAX => Err(WireError::metadata("motlan-grant")),
        cited => Ok(cited.map(str::to_owned)),
    }
}

/// Values of one name, each of which may hold several: whoever passes metadata on may join them.
fn approvals(headers: &HeaderMap) -> Result<Vec<String>, WireError> {
    let wrong = || WireError::metadata("motlan-approval");
    let mut found = Vec::new();
    for value in headers.get_all("motlan-approval") {
        let joined = value.to_str().map_err(|_| wrong())?;
        for one in joined.split(',').map(str::trim) {
            if one.is_empty() || found.len() == APPROVALS_SHOWN_MAX {
                return Err(wrong());
            }
            found.push(one.to_owned());
        }
    }
    Ok(found)
}

fn incident(headers: &HeaderMap) -> Result<Option<String>, WireError> {
    let fits = |name: &str| {
        (1..=INCIDENT_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
    };
    match text(headers, "motlan-emergency")? {
        Some(name) if !fits(name) => Err(WireError::metadata("motlan-emergency")),
        name => Ok(name.map(str::to_owned)),
    }
}

fn full_receipt(headers: &HeaderMap) -> Result<bool, WireError> {
    match text(headers, "motlan-receipt")? {
        None => Ok(false),
        Some("full") => Ok(true),
        Some(_) => Err(WireError::metadata("motlan-receipt")),
    }
}

/// `grpc-timeout`: up to eight digits and a unit.
fn timeout(value: &str) -> Result<Duration, WireError> {
    let wrong = || WireError::metadata("grpc-timeout");
    let (digits, unit) = value
        .split_at_checked(value.len().wrapping_sub(1))
        .ok_or_else(wrong)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let amount: u64 = digits.parse().map_err(|_| wrong())?;
    match unit {
        "H" => Ok(Duration::from_secs(amount * 3600)),
        "M" => Ok(Duration::from_secs(amount * 60)),
        "S" => Ok(Duration::from_secs(amount)),
        "m" => Ok(Duration::from_millis(amount)),
        "u" => Ok(Duration::from_micros(amount)),
        "n" => Ok(Duration::from_nanos(amount)),
        _ => Err(wrong()),
    }
}

/// A W3C `traceparent`, version 00. One that is malformed is dropped, as that recommendation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceParent {
    /// As it came in.
    pub(crate) text: String,
    /// 16 bytes.
    pub(crate) trace_id: Vec<u8>,
}

impl TraceParent {
    /// What a caller sent.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get("traceparent")?.to_str().ok()?;
        Self::parse(value)
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace, span, flags] = parts.as_slice() else {
            return None;
        };
        let shape = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
        let hex = text
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        let zero = |part: &str| part.bytes().all(|b| b == b'0');
        if !shape || !hex || *version != "00" || zero(trace) || zero(span) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok()?.to_be_bytes().to_vec();
        Some(Self {
            text: text.to_owned(),
            trace_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(pairs: &[(&'static str, &str)]) -> Result<Vec<String>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let parsed = Metadata::parse(&headers).map(|metadata| metadata.fields);
        parsed.map_err(|error| error.reason().to_owned())
    }

    #[test]
    fn fields_are_split_at_commas_and_empty_ones_are_refused() {
        let both = Ok(vec!["full_name".to_owned(), "sex".to_owned()]);
        assert_eq!(parse(&[("motlan-fields", "full_name, sex")]), both);
        for wrong in ["", " ", "full_name,", "full name", "*", "a;b"] {
            assert_eq!(
                parse(&[("motlan-fields", wrong)]),
                Err("METADATA_MALFORMED".to_owned()),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn one_name_with_two_values_is_refused() {
        let twice = [("motlan-grant", "a/1"), ("motlan-grant", "a/2")];
        assert_eq!(parse(&twice), Err("METADATA_MALFORMED".to_owned()));
    }

    #[test]
    fn a_token_comes_once_and_behind_its_scheme() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("authorization", HeaderValue::from_str(value).unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer a.b.c"]), Ok("a.b.c".to_owned()));
        assert_eq!(read(&["bearer  a.b.c"]), Ok("a.b.c".to_owned()));
        assert_eq!(read(&[]), Err(TokenError::Missing));
        assert_eq!(read(&["Basic abc"]), Err(TokenError::Missing));
        assert_eq!(read(&["Bearer"]), Err(TokenError::Missing));
        assert_eq!(read(&["Bearer a", "Bearer b"]), Err(TokenError::Malformed));
        assert_eq!(read(&["Bearer \u{e9}"]), Err(TokenError::Malformed));
    }

    #[test]
    fn timeouts_are_read_in_every_unit_and_nothing_else_is() {
        let read = |text| timeout(text).ok();
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("4S"), Some(Duration::from_secs(4)));
        assert_eq!(read("5m"), Some(Duration::from_millis(5)));
        assert_eq!(read("6u"), Some(Duration::from_micros(6)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for wrong in ["", "S", "1", "1s", "-1S", "+1S", "123456789S", "1 S", "é"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_trace_parent_is_taken_whole_or_not_at_all() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(TraceParent::parse(good).map(|t| t.trace_id[0]), Some(0x0a));
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong}");
        }
    }
}
