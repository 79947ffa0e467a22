//! What tests and the demo stand on: a throwaway certificate authority, tokens that can be wrong in
//! every way, sample records from a seed, stand-in owners' systems that answer over real gRPC and
//! TLS, and a whole throwaway deployment in a folder.
//!
//! In scope: everything around a gateway. Out of scope: the gateway itself, and its ledger with its
//! key. It is only ever a dev-dependency, or the demo's.
//!
//! - [`World`]: a deployment laid into a folder, with its providers running.
//! - [`pki`]: certificates, right and wrong. [`token`]: tokens, right and wrong.
//! - [`sample`]: people, families, enterprises and land, none of them real.
//! - [`provider`]: an owner's system that answers what it is told to, or misbehaves.
//! - [`client`]: a caller that shows everything that came back.
//! - [`endpoints`]: the `endpoints.json` of a demo that stays up.
//! - [`disk`]: a disk that fails, for a ledger to stand on.
//! - [`contracts`]: the reference contracts as messages and as descriptors.
//!
//! Limits: a request to a provider has at most [`provider::REQUEST_BYTES_MAX`] bytes; a reply that
//! a client takes at most [`client::REPLY_BYTES_MAX`].

pub mod client;
pub mod contracts;
pub mod disk;
pub mod endpoints;
mod frame;
pub mod pki;
pub mod provider;
pub mod sample;
pub mod token;
pub mod world;

pub use client::Client;
pub use disk::FragileDisk;
pub use endpoints::Endpoints;
pub use provider::Provider;
pub use sample::Sample;
pub use token::Token;
pub use world::{System, World, WorldError};
