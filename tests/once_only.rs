//! Once-only: what a desk is told of the law, what it gets for a dossier, and the grounds with
//! which it may ask.

pub(crate) mod asking;

mod outcomes;
mod planned;
mod refused;
mod together;
mod wrong;
