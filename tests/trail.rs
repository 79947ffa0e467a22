//! The audit trail: who may look into it, that each look is a record first, what a citizen sees of
//! it, what is held, and what is erased.

pub(crate) mod asking;

mod accesses;
mod erased;
mod held;
mod roles;
mod searched;
mod stalled;
mod unrecorded;
