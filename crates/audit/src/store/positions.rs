//! Where records lie: a sparse index in memory, so that any record is found by reading few headers.

use std::sync::{Mutex, PoisonError};

/// At most one position is kept for this many records.
const RECORDS_PER_POSITION: u64 = 256;

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The index of its first record.
    pub(crate) first: u64,
    /// The number of its segment.
    pub(crate) segment: u64,
    /// Its offset in the segment.
    pub(crate) offset: u64,
}

/// The positions of some frames, the first of each segment among them.
#[derive(Debug, Default)]
pub(crate) struct Positions(Mutex<Vec<Position>>);

impl Positions {
    /// Takes note of a frame that comes after all others.
    pub(crate) fn note(&self, position: Position) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let near = positions.last().is_some_and(|last| {
            last.segment == position.segment && position.first < last.first + RECORDS_PER_POSITION
        });
        if !near {
            positions.push(position);
        }
    }

    /// The last noted frame that does not begin after record `index`. The record is in it or in one
    /// behind it in the same segment.
    pub(crate) fn before(&self, index: u64) -> Option<Position> {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = positions.partition_point(|position| position.first <= index);
        positions.get(after.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_looked_for_from_the_nearest_frame_before_it() {
        let positions = Positions::default();
        assert_eq!(positions.before(0), None);
        for (first, segment) in [(0, 0), (10, 0), (300, 0), (310, 1), (600, 1)] {
            positions.note(Position {
                first,
                segment,
                offset: first,
            });
        }
        let before = |index| positions.before(index).map(|position| position.first);
        assert_eq!(
            before(299),
            Some(0),
            "the frame of record 10 is too near to be kept"
        );
        assert_eq!(before(300), Some(300));
        assert_eq!(before(310), Some(310), "a new segment is always kept");
        assert_eq!(before(9999), Some(600));
    }
}
