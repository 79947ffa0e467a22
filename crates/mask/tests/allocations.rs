//! How often memory is allocated; nothing is timed. The cases are those of the benchmark.

use allocation_counter::measure;
use bytes::Bytes;

use crate::cases::{Case, cases};

#[cfg(test)]
#[path = "../benches/speed/cases.rs"]
mod cases;
#[cfg(test)]
#[path = "../benches/speed/records.rs"]
mod records;
#[cfg(test)]
#[path = "../benches/speed/reflect.rs"]
mod reflect;

/// The most allocations that `run` made on any message of `case`, once the thread is warm.
fn most(case: &Case, run: impl Fn(&Bytes)) -> u64 {
    case.messages.iter().for_each(&run);
    let counts = case
        .messages
        .iter()
        .map(|message| measure(|| run(message)).count_total);
    counts.fold(0, u64::max)
}

#[test]
fn nothing_is_allocated_where_nothing_is_dropped_and_only_the_output_otherwise() {
    for case in cases() {
        let count = most(&case, |message| drop(case.mask.apply(message).unwrap()));
        let expected = u64::from(case.name.contains("half granted"));
        assert_eq!(count, expected, "{}", case.name);
    }
}

#[test]
fn the_counter_sees_that_those_who_decode_allocate() {
    for case in cases() {
        let decode = most(&case, |message| (case.decode)(message));
        let recode = most(&case, |message| drop((case.recode)(message)));
        let reflect = most(&case, |message| drop(case.clearing.apply(message)));
        assert!(decode > 15, "{}: {decode}", case.name);
        assert!(recode > decode, "{}: {recode}", case.name);
        assert!(reflect > decode, "{}: {reflect}", case.name);
    }
}
