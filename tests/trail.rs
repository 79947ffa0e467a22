//! The audit trail: who may look into it, that each look is a record first, what a citizen sees of
//! it, what is held, and what is erased.

pub(crate) mod asking;
pub(crate) mod held;
pub(crate) mod unrecorded;

mod accesses;
mod erased;
mod roles;
mod searched;
mod stalled;
