//! A course of executions without a fuzzing engine: on any toolchain, and the same one for the same
//! seed.
//!
//! It changes inputs of a pool at random and keeps what is well-formed and does something that no
//! input before it did, as far as the harness can tell from the message alone: it does not see the
//! code.

use std::mem::discriminant;
use std::time::{Duration, Instant};

use crate::mask::{Fault, Harness, Mutator};

/// How long an input is, its first two bytes included.
const INPUT_BYTES_MAX: usize = 1024;
/// Seldom one is up to this long, past what the mask keeps scratch space for.
pub const LONG_BYTES_MAX: usize = 16_384;
const LONG_ONCE_IN: u64 = 512;
/// An input is made anew, not from another one.
const NEW_ONCE_IN: usize = 16;
/// An input is checked on a thread of its own, where the mask has no scratch space yet. Odd, so
/// that most of the long ones are checked on a thread that has some.
const AFRESH_ONCE_IN: u64 = 255;
/// How many inputs there are to choose from.
const POOL_MAX: usize = 8192;
/// How many marks are told apart: a power of two.
const MARKS: usize = 1 << 20;
const NEWS_EVERY: u64 = 1024;
const NEWS_AFTER: Duration = Duration::from_secs(10);

/// How a course stands.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Score {
    /// Inputs checked.
    pub executions: u64,
    /// Of them, those whose message the mask accepted.
    pub accepted: u64,
    /// Of them, those whose message it refused.
    pub refused: u64,
    /// Inputs in the pool.
    pub pool: usize,
    /// How long it took.
    pub elapsed: Duration,
}

impl Score {
    /// Executions in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.executions as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// An input that shows a fault of the mask.
#[derive(Debug)]
pub struct Failure {
    /// As it was found.
    pub input: Vec<u8>,
    /// What is wrong.
    pub fault: Fault,
}

/// How a course ended.
#[derive(Debug)]
pub struct Course {
    /// How far it came.
    pub score: Score,
    /// The first fault, if there was one.
    pub failure: Option<Failure>,
}

/// Checks the inputs of `corpus`, and then changed ones until there have been `executions`, or
/// until the first fault. Tells `news` every few seconds.
pub fn run(
    harness: &Harness,
    corpus: &[Vec<u8>],
    (executions, seed): (u64, u64),
    mut news: impl FnMut(&Score),
) -> Course {
    let start = Instant::now();
    let mut told = start;
    let mut score = Score::default();
    let mut pool = Pool::default();
    let mut mutator = Mutator::new(harness, seed, INPUT_BYTES_MAX);
    let mut long = Mutator::new(harness, !seed, LONG_BYTES_MAX);
    while score.executions < executions {
        let number = score.executions;
        let given = usize::try_from(number).ok().and_then(|it| corpus.get(it));
        let input = match given {
            Some(input) => input.clone(),
            None if number.is_multiple_of(LONG_ONCE_IN) => {
                let input = pool.next(&mut mutator);
                long.mutate(&long.stretched(&input), &input)
            }
            None => pool.next(&mut mutator),
        };
        let checked = match number.is_multiple_of(AFRESH_ONCE_IN) {
            true => harness.check_afresh(&input),
            false => harness.check(&input),
        };
        score.executions += 1;
        match checked {
            Ok(checked) => {
                let counter = match checked.is_accepted {
                    true => &mut score.accepted,
                    false => &mut score.refused,
                };
                *counter += 1;
                // Nearly all that is made of a malformed message is malformed.
                if checked.is_accepted {
                    pool.offer(input, &checked.marks, mutator.rng().below(POOL_MAX));
                }
            }
            Err(fault) => {
                (score.elapsed, score.pool) = (start.elapsed(), pool.inputs.len());
                let failure = Some(Failure { input, fault });
                return Course { score, failure };
            }
        }
        if score.executions.is_multiple_of(NEWS_EVERY) && told.elapsed() > NEWS_AFTER {
            told = Instant::now();
            (score.elapsed, score.pool) = (start.elapsed(), pool.inputs.len());
            news(&score);
        }
    }
    (score.elapsed, score.pool) = (start.elapsed(), pool.inputs.len());
    Course {
        score,
        failure: None,
    }
}

/// A smaller input with the same fault, as far as leaving parts out goes.
#[must_use]
pub fn shrunk(harness: &Harness, failure: &Failure) -> Vec<u8> {
    let fault = discriminant(&failure.fault);
    let is_it = |found: Fault| discriminant(&found) == fault;
    let fails = |input: &[u8]| harness.check_afresh(input).is_err_and(is_it);
    let mut input = failure.input.clone();
    let mut length = input.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at + length <= input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..at + length);
            match fails(&shorter) {
                true => input = shorter,
                false => at += length,
            }
        }
        length /= 2;
    }
    input
}

/// The inputs to choose from, and what they do.
#[derive(Debug)]
struct Pool {
    inputs: Vec<Vec<u8>>,
    seen: Vec<bool>,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool {
            inputs: Vec::new(),
            seen: vec![false; MARKS],
        }
    }
}

impl Pool {
    fn next(&self, mutator: &mut Mutator<'_>) -> Vec<u8> {
        // The shorter one of two: it is faster, and a change is likelier to matter.
        let two = [(); 2].map(|()| mutator.rng().one_of(&self.inputs));
        let one = two.into_iter().flatten().min_by_key(|input| input.len());
        let other = mutator.rng().one_of(&self.inputs);
        match (one, other) {
            (Some(one), Some(other)) if !mutator.rng().one_in(NEW_ONCE_IN) => {
                mutator.mutate(one, other)
            }
            _ => mutator.generate(),
        }
    }

    /// Keeps `input` if it has a mark that none had before; `place` is for when the pool is full.
    fn offer(&mut self, input: Vec<u8>, marks: &[u32], place: usize) {
        let mut is_new = false;
        for mark in marks {
            if let Some(seen) = self.seen.get_mut(*mark as usize % MARKS) {
                is_new |= !*seen;
                *seen = true;
            }
        }
        if !is_new {
            return;
        }
        let is_full = self.inputs.len() >= POOL_MAX;
        match self.inputs.get_mut(place).filter(|_| is_full) {
            Some(old) => *old = input,
            None => self.inputs.push(input),
        }
    }
}
