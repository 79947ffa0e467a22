//! Sets and credentials taken in force while callers ask: one at a time, whole or not at all.

mod callers;
mod certificates;
mod hundred;
mod judged;
mod mixed;
mod open;
mod recorded;
mod refused;
mod revoked;
mod rotated;
mod sets;
mod shadowed;
mod slow;
mod watched;
