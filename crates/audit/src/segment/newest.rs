//! When the newest record of a log was made, read from the end of the log and without opening it.

use std::path::Path;

use prost::Message as _;

use super::{Found, HEADER_BYTES, Scan, list};
use crate::disk::LocalDisk;
use crate::frame::{Parts, Place};
use crate::tree::Hash;
use crate::wire::Record;

/// The time of the newest record of the log in `folder`, in microseconds since the Unix epoch, for
/// whoever wants to know whether a clock went back. Blocking: reads the last segment. Nothing is
/// locked, changed or verified: `None` where there is no record, and where there is damage, which
/// is for the opening to tell.
#[must_use]
pub fn newest_time_us(folder: &Path) -> Option<i64> {
    let (numbers, _) = list(&LocalDisk, folder).ok()?;
    // The newest may have been begun and hold nothing yet.
    numbers.iter().rev().find_map(|it| last_time(folder, *it))
}

fn last_time(folder: &Path, number: u64) -> Option<i64> {
    let (mut scan, header) = Scan::open(&LocalDisk, folder, number).ok()?;
    let header = header?;
    let mut place = Place {
        log: header.log,
        first: header.first,
        root: Hash::default(),
    };
    let (mut offset, mut time) = (HEADER_BYTES as u64, None);
    loop {
        // Each frame follows on another root, which only a reader of the whole log knows.
        let (frame, parts) = match scan.at(offset, &place).ok()? {
            Found::Frame(frame, parts) | Found::Bad(_, Some((frame, parts))) => (frame, parts),
            Found::End | Found::Bad(_, None) => return time,
        };
        time = newest_of(parts).or(time);
        place.first = frame.place.first.saturating_add(u64::from(frame.count));
        offset = offset.saturating_add(frame.frame_len());
    }
}

fn newest_of(parts: Parts<'_>) -> Option<i64> {
    let last = parts.flatten().last()?;
    Some(Record::decode(last.leaf).ok()?.time_us)
}
