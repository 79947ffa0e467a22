//! Values of headers that we set. All that comes in them was parsed as printable ASCII.

use http::{HeaderMap, HeaderName, HeaderValue};

/// A value that may come again. One that were not printable ASCII is left out rather than sent.
pub(crate) fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// As [`insert`], one that is hardly ever the same again: it takes no place in the connection's
/// table of headers (RFC 7541, section 6.2.3), where it would put out what does come again.
pub(crate) fn insert_passing(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
}
