//! Signatures, manifests and revisions: what is signed is in force, and nothing else.

mod agreements;
mod commands;
mod manifest;
mod revisions;
mod set;
mod weak;
