//! How fast the mask is, beside those who decode: `cargo bench -p motlan-mask --bench speed`.
//!
//! Each case runs over many different records of one kind. In each round all contenders have a
//! turn; ratios are taken within a round, and the table shows medians over the rounds, so that a
//! machine that is busy now and then does not decide. Neither criterion nor divan takes turns or
//! tells ratios: hence this small harness, and no dependency.
//!
//! | contender | what it does with each message |
//! | --- | --- |
//! | mask | [`Mask::apply`](motlan_mask::Mask::apply) |
//! | reflect | prost-reflect: decode, clear, encode |
//! | decode | prost: decode into structs, and nothing else |
//! | recode | prost: decode into structs, and encode; nothing is cleared |
//!
//! `reflect/mask` of 5 means: the mask takes a fifth of the time. Below follow messages made to be
//! slow, at two sizes. Nanoseconds per byte may grow with the size as far as the larger one leaves
//! the processor's caches and the mask's scratch space; sixteen times would be quadratic.
//!
//! A word after `--` picks the cases whose names hold it. With `--test`, or run by `cargo test`,
//! everything runs once and the figures say nothing. That the mask lets out what prost-reflect lets
//! out is checked in any case. Allocations are counted in `tests/allocations.rs`, as counting would
//! slow down those who allocate.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that is wrong had better stop"
)]

use std::hint::black_box;

use bytes::Bytes;

use crate::cases::{Case, cases};
use crate::hostile::{Hostile, shapes};
use crate::rounds::{Effort, Run, Spread, measure};

mod cases;
mod hostile;
mod records;
mod reflect;
mod rounds;

/// The sizes of messages made to be slow.
const SMALL_BYTES: usize = 64 << 10;
const LARGE_BYTES: usize = 1 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let mut names = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"));
    let name = names.next().map_or("", String::as_str);
    // Cargo gives `--bench` when it runs a benchmark, and nothing when it runs a test.
    let effort = match has("--bench") && !has("--test") {
        true => Effort::FULL,
        false => Effort::SMOKE,
    };
    println!(
        "times in ns: median (min–max) of {} rounds\n",
        effort.rounds
    );
    println!(
        "| case | bytes | mask | GB/s | reflect | decode | recode \
         | reflect/mask | decode/mask | recode/mask |"
    );
    println!("|{}", " --- |".repeat(10));
    for case in cases().iter().filter(|case| case.name.contains(name)) {
        check(case);
        println!("{}", row(effort, case));
    }
    println!("\n| made to be slow | ns/byte at 64 KiB | at 1 MiB | growth |");
    println!("|{}", " --- |".repeat(4));
    for shape in shapes().iter().filter(|shape| shape.name.contains(name)) {
        println!("{}", hostile_row(effort, shape));
    }
}

/// The mask and prost-reflect let out the same.
fn check(case: &Case) {
    for message in &case.messages {
        let masked = case.mask.apply(message).unwrap();
        assert_eq!(masked.bytes, case.clearing.apply(message), "{}", case.name);
        assert_eq!(*message, (case.recode)(message), "{}", case.name);
    }
}

fn row(effort: Effort, case: &Case) -> String {
    let messages = &case.messages;
    let mut contenders = [
        turns(messages, |message| {
            drop(black_box(case.mask.apply(message)))
        }),
        turns(messages, |message| {
            drop(black_box(case.clearing.apply(message)))
        }),
        turns(messages, case.decode),
        turns(messages, |message| drop(black_box((case.recode)(message)))),
    ];
    let times = measure(effort, &mut contenders);
    let spread = |at: usize| Spread::of(times[at].iter().copied());
    let ratio = |at: usize| Spread::of(times[at].iter().zip(&times[0]).map(|(a, b)| a / b)).median;
    let bytes = messages.iter().map(|message| message.len()).sum::<usize>() / messages.len();
    let Spread { min, median, max } = spread(0);
    format!(
        "| {} | {bytes} | {median:.0} ({min:.0}–{max:.0}) | {:.2} | {:.0} | {:.0} | {:.0} \
         | {:.1} | {:.2} | {:.2} |",
        case.name,
        bytes as f64 / median,
        spread(1).median,
        spread(2).median,
        spread(3).median,
        ratio(1),
        ratio(2),
        ratio(3),
    )
}

/// Runs over one message at a time, all in turn.
fn turns<'a>(messages: &'a [Bytes], run: impl Fn(&Bytes) + 'a) -> Box<Run<'a>> {
    let mut all = messages.iter().cycle();
    Box::new(move || all.next().into_iter().for_each(&run))
}

/// By the fastest rounds: a run over the larger message is long enough to be interrupted.
fn hostile_row(effort: Effort, shape: &Hostile) -> String {
    let messages = [SMALL_BYTES, LARGE_BYTES].map(|bytes| shape.message(bytes));
    let mut contenders = messages.each_ref().map(|message| -> Box<Run<'_>> {
        assert!(shape.mask.apply(message).is_ok(), "{}", shape.name);
        Box::new(|| drop(black_box(shape.mask.apply(message))))
    });
    let times = measure(effort, &mut contenders);
    let per_byte =
        |at: usize| Spread::of(times[at].iter().copied()).min / messages[at].len() as f64;
    let (small, large) = (per_byte(0), per_byte(1));
    format!(
        "| {} | {small:.3} | {large:.3} | {:.2} |",
        shape.name,
        large / small
    )
}
