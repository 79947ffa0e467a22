//! The gateway: sockets, TLS, tokens, configuration and telemetry around the stages of
//! `motlan-exchange`.
//!
//! A call comes in through [`listener`] (accept, handshake, who is it), goes through [`edge`] to a
//! dataset ([`lookup`]) or to one of the gateway's own services ([`control`]), and out to the
//! owner's system by [`owners`], all on one of the threads of `workers`. [`gateway`] puts these
//! together from [`settings`].
//!
//! Limits: every one is named where it holds; those that an operator may set are in
//! [`settings::Limits`].

pub mod admin;
pub mod control;
pub mod edge;
pub mod enforced;
mod frames;
pub mod gateway;
mod headers;
pub mod identity;
pub mod index;
pub mod ledger;
pub mod limits;
pub mod listener;
pub mod lookup;
pub mod owners;
pub mod places;
pub mod preflight;
pub mod reload;
pub mod settings;
pub mod shadow;
pub mod state;
pub mod telemetry;
pub mod tls;
pub mod witnesses;
mod workers;

pub use frames::{Deframer, FrameError, FrameLimits, PREFIX_BYTES, framed};
pub use gateway::{Gateway, StartError, StopError};
pub use settings::Settings;
