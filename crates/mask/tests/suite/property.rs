//! The mask and its twin on random contracts, paths and messages, whole and spoilt. Every run meets
//! the same cases.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use motlan_mask::{Mask, covers};
use prost_reflect::DynamicMessage;

use crate::cases::{self, CONTRACTS, Case};
use crate::contracts::{self, Contract};
use crate::corpus::{Corpus, case_line, contract_line};
use crate::twin::{Outcome, compare, judge, outside, prune};
use crate::wire::{bytes, int};

/// What came of all cases.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    spoilt: usize,
    refused: usize,
    /// Some bytes leave, and some do not.
    parted: usize,
    /// Something that has no path was dropped.
    unnamed: usize,
}

impl Tally {
    fn count(&mut self, case: &Case, outcome: &Outcome) {
        self.cases += 1;
        self.spoilt += usize::from(case.is_spoilt);
        match outcome {
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Left { bytes, dropped, .. } => {
                let is_parted = !bytes.is_empty() && bytes.len() < case.input.len();
                self.parted += usize::from(is_parted);
                self.unnamed += usize::from(dropped.iter().any(|path| path == "?"));
            }
        }
    }

    fn add(&mut self, other: &Tally) {
        self.cases += other.cases;
        self.spoilt += other.spoilt;
        self.refused += other.refused;
        self.parted += other.parted;
        self.unnamed += other.unnamed;
    }
}

/// Mask and twin agree, and neither refuses what is whole.
fn check(contract: &Contract, case: &Case) -> Result<Outcome, String> {
    let outcome = compare(contract, &case.paths, &case.paths, &case.input)?;
    let is_read = matches!(
        &outcome,
        Outcome::Left {
            is_read_by_twin: true,
            ..
        }
    );
    match is_read || case.is_spoilt {
        true => Ok(outcome),
        false => Err("a well-formed message was refused".to_owned()),
    }
}

/// All cases of one contract, and their lines for the corpus. The error tells the smallest failure.
fn run_contract(number: u64) -> Result<(Tally, String), String> {
    let contract = cases::contract(number);
    let mut tally = Tally::default();
    let mut lines = String::new();
    contract_line(number, &contract, &mut lines);
    for number in cases::numbers_of(number) {
        let case = Case::new(&contract, number);
        let Ok(outcome) = check(&contract, &case) else {
            let case = case.shrink(&contract, |case| check(&contract, case).is_err());
            let why = check(&contract, &case).err().unwrap_or_default();
            return Err(format!("{}\n{why}", case.tell(&contract)));
        };
        tally.count(&case, &outcome);
        case_line(&case, &outcome, &mut lines);
    }
    Ok((tally, lines))
}

/// Takes contracts until none is left.
fn run(next: &AtomicU64, corpus: &Corpus) -> Result<Tally, String> {
    let mut tally = Tally::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= CONTRACTS {
            return Ok(tally);
        }
        let (of_contract, lines) = run_contract(number)?;
        tally.add(&of_contract);
        corpus.add(&lines);
    }
}

#[test]
fn what_leaves_is_what_the_twin_leaves() {
    let corpus = Corpus::begin();
    let next = AtomicU64::new(0);
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let run = || run(&next, &corpus);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        for worker in workers {
            match worker.join().unwrap() {
                Ok(of_worker) => tally.add(&of_worker),
                Err(failure) => panic!("{failure}"),
            }
        }
    });
    corpus.finish();
    // The cases are what they are for.
    assert!(tally.cases >= 100_000, "{tally:?}");
    assert!(tally.spoilt * 3 > tally.cases, "{tally:?}");
    assert!(tally.parted * 4 > tally.cases, "{tally:?}");
    assert!(tally.unnamed * 4 > tally.cases, "{tally:?}");
    let refused_of_spoilt = tally.refused * 100 / tally.spoilt;
    assert!((10..90).contains(&refused_of_spoilt), "{tally:?}");
}

/// Counts the cases of which `finds` holds, among the first whole ones of some contracts.
fn count(finds: impl Fn(&Contract, &Case) -> bool) -> (usize, usize) {
    let (mut found, mut cases) = (0, 0);
    for number in 0..100 {
        let contract = cases::contract(number);
        for number in cases::numbers_of(number).take(10) {
            let case = Case::new(&contract, number);
            if !case.is_spoilt {
                cases += 1;
                found += usize::from(finds(&contract, &case));
            }
        }
    }
    (found, cases)
}

#[test]
fn a_mask_with_one_path_too_many_is_found_out() {
    let (found, cases) = count(|contract, case| {
        let fields: Vec<_> = contract.mask.fields().collect();
        fields.iter().any(|field| {
            let one_more = [case.paths.clone(), vec![field.name().to_owned()]].concat();
            let compiles = Mask::compile(&contract.mask, one_more.iter().map(String::as_str));
            compiles.is_ok() && compare(contract, &one_more, &case.paths, &case.input).is_err()
        })
    });
    assert!(
        found * 2 > cases,
        "found out in {found} of {cases} cases only"
    );
}

#[test]
fn whatever_a_broken_mask_adds_to_what_leaves_is_found_out() {
    let leaves = |contract: &Contract, case: &Case, leak: &[u8]| {
        let Ok(Outcome::Left { bytes, .. }) = check(contract, case) else {
            return false;
        };
        let left = Bytes::from([&bytes[..], leak].concat());
        let mut twin = DynamicMessage::decode(contract.twin.clone(), &*case.input).unwrap();
        prune(&mut twin, &case.paths);
        judge(&contract.twin, &left, &twin).is_err()
            && outside(&contract.twin, &case.paths, &left).is_err()
    };
    let (found, cases) = count(|contract, case| leaves(contract, case, &int(123_456_780, 1)));
    assert_eq!(found, cases, "an unknown field got by");

    let (found, cases) = count(|contract, case| {
        let fields: Vec<_> = contract.twin.fields().collect();
        let mut denied = fields.iter().filter(|field| {
            let is_touched = |path: &String| covers(field.name(), path);
            !case.paths.iter().any(is_touched)
        });
        denied.all(|field| leaves(contract, case, &crate::messages::one(field)))
    });
    assert_eq!(found, cases, "a field that was not granted got by");
}

#[test]
fn a_mask_that_lets_an_unset_member_through_is_found_out() {
    let contract = contracts::written("sample.Person");
    let paths = ["phone".to_owned()];
    let input = [bytes(20, "p"), int(22, 1)].concat();
    let mut twin = DynamicMessage::decode(contract.twin.clone(), &*input).unwrap();
    prune(&mut twin, &paths);
    assert_eq!(judge(&contract.twin, &Bytes::new(), &twin), Ok(()));
    let leak = Bytes::from(bytes(20, "p"));
    assert!(judge(&contract.twin, &leak, &twin).is_err());
}
