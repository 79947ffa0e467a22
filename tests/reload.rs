//! Sets taken in force while callers ask: one at a time, whole or not at all.

mod callers;
mod judged;
mod mixed;
mod open;
mod refused;
mod sets;
mod shadowed;
mod slow;
