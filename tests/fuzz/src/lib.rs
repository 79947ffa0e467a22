//! Fuzzing: millions of odd inputs, and an oracle that knows what must come of each.
//!
//! - [`mask`]: the harness of the field mask, with its oracle and a mutator that knows contracts.
//! - [`corpus`]: inputs worth keeping, packed into one file.
//! - [`course`]: a course of executions on any toolchain. With coverage as a guide, the same
//!   harness runs under libFuzzer: see `libfuzzer/`.
//! - [`rng`]: numbers from a seed.
//!
//! In scope: that what the mask lets out is exactly what it should, for any bytes. Out of scope:
//! how fast it is, and faults that end the process without a panic, which libFuzzer sees.
//!
//! Limits: a course tries inputs of at most [`course::LONG_BYTES_MAX`] bytes.

pub mod corpus;
pub mod course;
pub mod mask;
pub mod rng;
