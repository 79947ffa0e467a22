//! Every input that is kept is checked again, and a short course that is always the same.

use std::collections::BTreeSet;

use motlan_fuzz::corpus;
use motlan_fuzz::course;

use crate::HARNESS;

const EXECUTIONS: u64 = 20_000;
const SEED: u64 = 0x006d_6f74_6c61_6e00;

fn kept() -> Vec<Vec<u8>> {
    corpus::unpack(corpus::MASK).unwrap()
}

#[test]
fn every_kept_input_is_masked_as_it_should_be() {
    let harness = &*HARNESS;
    for input in kept() {
        for checked in [harness.check(&input), harness.check_afresh(&input)] {
            let shown = corpus::pack(std::slice::from_ref(&input));
            assert!(checked.is_ok(), "{checked:?}: {shown}");
        }
    }
}

#[test]
fn the_kept_inputs_meet_what_they_are_for() {
    let harness = &*HARNESS;
    let (mut messages, mut paths) = (BTreeSet::new(), BTreeSet::new());
    let (mut refused, mut accepted, mut cut) = (0, 0, 0);
    for input in kept() {
        let (case, message) = harness.case(&input).unwrap();
        messages.insert(&case.message);
        paths.insert((&case.message, &case.paths));
        match case.mask().apply(&message.to_vec().into()) {
            Err(_) => refused += 1,
            Ok(masked) if masked.bytes.len() < message.len() => cut += 1,
            Ok(_) => accepted += 1,
        }
    }
    assert_eq!(messages.len(), 10, "{messages:?}");
    assert!(paths.len() > 200, "{}", paths.len());
    assert!(
        refused > 50 && accepted > 50 && cut > 200,
        "{refused} {accepted} {cut}"
    );
}

#[test]
fn a_course_from_a_fixed_seed_finds_no_fault() {
    let harness = &*HARNESS;
    let course = course::run(harness, &kept(), (EXECUTIONS, SEED), |_| {});
    assert!(course.failure.is_none(), "{:?}", course.failure);
    let score = course.score;
    assert_eq!(score.executions, EXECUTIONS);
    assert_eq!(score.accepted + score.refused, EXECUTIONS);
    assert!(score.accepted > 5000 && score.refused > 2000, "{score:?}");
}

#[test]
fn the_same_seed_gives_the_same_course() {
    let harness = &*HARNESS;
    let score = |seed| {
        let score = course::run(harness, &[], (2000, seed), |_| {}).score;
        (score.accepted, score.refused, score.pool)
    };
    assert_eq!(score(1), score(1));
    assert_ne!(score(1), score(2));
}
