//! When the records of a block were made: the first and the last time, then each as the difference
//! to the one before it.

use super::set::{put_number, take_number};

/// How many records share an entry.
pub(super) const BLOCK: u64 = 1024;

/// As it stands in the file. Empty for no times.
pub(super) fn encode(times: &[i64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 * times.len());
    let mut last = 0_i64;
    for time in times {
        let step = time.wrapping_sub(last);
        // The sign goes to the lowest bit, so that a small step back is short as well.
        put_number(&mut out, ((step << 1) ^ (step >> 63)).cast_unsigned());
        last = *time;
    }
    out
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<i64>> {
    let (mut times, mut last) = (Vec::new(), 0_i64);
    while !bytes.is_empty() {
        let coded = take_number(&mut bytes)?;
        let step = (coded >> 1).cast_signed() ^ -((coded & 1).cast_signed());
        last = last.wrapping_add(step);
        times.push(last);
    }
    (times.len() as u64 <= BLOCK).then_some(times)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_read_back(times in prop::collection::vec(any::<i64>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&times)), Some(times));
        }
    }

    #[test]
    fn near_times_are_short() {
        let times: Vec<i64> = (0..1000).map(|n| 1_790_787_600_000_000 + n * 50).collect();
        assert!(encode(&times).len() < 2 * times.len());
    }
}
