//! The mask and its twin on random paths and random messages, whole and spoilt. Every run meets the
//! same cases.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use prost_reflect::DynamicMessage;

use crate::contracts;
use crate::messages::{Supply, message, paths, spoil};
use crate::twin::{compare, judge, outside, prune};
use crate::wire::{bytes, int};

const CONTRACTS: [&str; 5] = [
    "sample.Scalars",
    "sample.Lists",
    "sample.Person",
    "sample.Choice",
    "old.Record",
];
const SUPPLY_MAX: usize = 160;

fn config(cases: u32) -> Config {
    let rng_seed = RngSeed::Fixed(0x006d_6f74_6c61_6e00);
    Config {
        cases,
        rng_seed,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Which contract, and the numbers to make paths and a message of.
fn cases() -> impl Strategy<Value = (usize, Vec<u32>)> {
    (0..CONTRACTS.len(), vec(any::<u32>(), 0..SUPPLY_MAX))
}

proptest! {
    #![proptest_config(config(60_000))]

    #[test]
    fn what_leaves_is_what_the_twin_leaves((contract, numbers) in cases()) {
        let desc = contracts::message(CONTRACTS[contract]);
        let mut supply = Supply::new(&numbers);
        let paths = paths(&desc, &mut supply);
        let input = message(&desc, &mut supply);
        let same = compare(&desc, &paths, &paths, &input);
        prop_assert_eq!(same, Ok(true), "{:?} on {:02x?}", paths, input);
    }

    #[test]
    fn of_a_spoilt_message_leaves_nothing_outside_the_mask((contract, numbers) in cases()) {
        let desc = contracts::message(CONTRACTS[contract]);
        let mut supply = Supply::new(&numbers);
        let paths = paths(&desc, &mut supply);
        // Spoil by the numbers that come first: the message may use up all there are.
        let (spoiling, making) = numbers.split_at(numbers.len().min(20));
        let mut input = message(&desc, &mut Supply::new(making));
        spoil(&mut input, &mut Supply::new(spoiling));
        let same = compare(&desc, &paths, &paths, &input);
        prop_assert!(same.is_ok(), "{}\n{:?} on {:02x?}", same.unwrap_err(), paths, input);
    }
}

/// Runs `count` random cases, and counts those of which `check` holds.
fn count(count: u32, check: impl Fn(&str, &[u32]) -> bool) -> usize {
    let mut runner = TestRunner::new(config(count));
    let strategy = cases();
    let trees = (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    trees
        .filter(|(contract, numbers)| check(CONTRACTS[*contract], numbers))
        .count()
}

#[test]
fn a_mask_with_one_path_too_many_is_found_out() {
    let found = count(500, |contract, numbers| {
        let desc = contracts::message(contract);
        let mut supply = Supply::new(numbers);
        let paths = paths(&desc, &mut supply);
        let input = message(&desc, &mut supply);
        desc.fields().any(|field| {
            let one_more = [paths.clone(), vec![format!("{}", field.name())]].concat();
            let compiles = motlan_mask::Mask::compile(&desc, one_more.iter().map(String::as_str));
            compiles.is_ok() && compare(&desc, &one_more, &paths, &input).is_err()
        })
    });
    assert!(found > 300, "found out in {found} of 500 cases only");
}

#[test]
fn a_mask_that_lets_an_unknown_field_or_an_unset_member_through_is_found_out() {
    let desc = contracts::message("sample.Person");
    let paths = ["phone".to_owned()];
    let input = [bytes(20, "p"), int(22, 1)].concat();
    let mut twin = DynamicMessage::decode(desc.clone(), &*input).unwrap();
    prune(&mut twin, &paths);
    assert_eq!(judge(&desc, &Bytes::new(), &twin), Ok(()));
    for leak in [int(99, 1), bytes(20, "p"), bytes(23, "")] {
        assert!(
            judge(&desc, &leak.clone().into(), &twin).is_err(),
            "{leak:?}"
        );
        if leak != bytes(20, "p") {
            assert!(
                outside(&desc, &paths, &leak.clone().into()).is_err(),
                "{leak:?}"
            );
        }
    }
}

#[test]
fn the_random_messages_meet_what_they_are_for() {
    let apply = |contract: &str, numbers: &[u32]| {
        let desc = contracts::message(contract);
        let mut supply = Supply::new(numbers);
        let paths = paths(&desc, &mut supply);
        let input = message(&desc, &mut supply);
        let mask = motlan_mask::Mask::compile(&desc, paths.iter().map(String::as_str)).unwrap();
        let masked = mask.apply(&input.clone().into()).unwrap();
        let unnamed = mask.dropped(&masked.withheld).any(|path| path == "?");
        (input.len(), masked.bytes.len(), unnamed)
    };
    let some_leaves = count(500, |contract, numbers| {
        let (input, left, _) = apply(contract, numbers);
        0 < left && left < input
    });
    let unknown = count(500, |contract, numbers| apply(contract, numbers).2);
    assert!(some_leaves > 150, "{some_leaves}");
    assert!(unknown > 150, "{unknown}");
}

#[test]
fn spoilt_messages_are_both_refused_and_let_through() {
    let refused = count(500, |contract, numbers| {
        let desc = contracts::message(contract);
        let (spoiling, making) = numbers.split_at(numbers.len().min(20));
        let mut input = message(&desc, &mut Supply::new(making));
        spoil(&mut input, &mut Supply::new(spoiling));
        compare(&desc, &[], &[], &input) == Ok(false)
    });
    assert!((50..450).contains(&refused), "{refused}");
}
