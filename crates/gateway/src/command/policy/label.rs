//! How things are written in what people read.

use jiff::Timestamp;
use motlan_catalog::{Method, Validity};
use motlan_policy::Offer;

use super::VIETNAM;

/// `population/GetPerson`.
pub(super) fn method(method: &Method) -> String {
    format!("{}/{}", method.dataset, method.name)
}

/// `2026-01-01 to 2027-02-28, mon tue 07:30-11:30, with a dossier`.
pub(super) fn terms(offer: &Offer) -> String {
    format!("{}, {}", validity(offer.valid), offer.terms)
}

fn validity(valid: Validity) -> String {
    // The first instant after it is the last day's midnight.
    let last_ms = valid.until_ms.saturating_sub(1);
    format!("{} to {}", day(valid.from_ms), day(last_ms))
}

fn day(unix_ms: i64) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(instant) => VIETNAM.to_datetime(instant).date().to_string(),
        Err(_) => "beyond the calendar".to_owned(),
    }
}

/// Words, in lines of at most 100 columns behind an indent.
pub(super) fn wrapped<T: AsRef<str>>(indent: usize, words: &[T]) -> String {
    const COLUMNS_MAX: usize = 100;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words {
        let word = word.as_ref();
        let length = line.chars().count() + word.chars().count();
        if !line.is_empty() && indent + length >= COLUMNS_MAX {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let pad = " ".repeat(indent);
    let lines = lines.iter().map(|line| format!("{pad}{line}\n"));
    lines.collect()
}
