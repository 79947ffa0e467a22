//! The mask under libFuzzer: coverage is the guide, and every other change to an input is one of
//! the harness's own, which know the contracts.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};
use motlan_fuzz::mask::{Harness, Mutator};

static HARNESS: LazyLock<Harness> =
    LazyLock::new(|| Harness::new().unwrap_or_else(|error| panic!("{error}")));

fuzz_target!(|input: &[u8]| -> Corpus {
    if HARNESS.case(input).is_none() {
        return Corpus::Reject;
    }
    match HARNESS.check(input) {
        Ok(_) => Corpus::Keep,
        Err(fault) => panic!("{fault}"),
    }
});

fuzz_mutator!(
    |input: &mut [u8], length: usize, length_max: usize, seed: u32| {
        if seed.is_multiple_of(2) {
            return fuzzer_mutate(input, length, length_max);
        }
        let before = input.get(..length).unwrap_or_default();
        let after = changed(before, before, length_max, seed);
        put(&after, input)
    }
);

fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
    let after = changed(one, other, out.len(), seed);
    put(&after, out)
});

fn changed(one: &[u8], other: &[u8], length_max: usize, seed: u32) -> Vec<u8> {
    Mutator::new(&HARNESS, u64::from(seed), length_max).mutate(one, other)
}

/// Returns how many bytes were put.
fn put(bytes: &[u8], place: &mut [u8]) -> usize {
    let Some(place) = place.get_mut(..bytes.len()) else {
        return 0;
    };
    place.copy_from_slice(bytes);
    bytes.len()
}
