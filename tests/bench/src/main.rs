//! The binary `motlan-bench`: what the gateway costs beside what people would pick instead, in one
//! run on one machine.
//!
//! In scope: one lookup of one person, asked over and over, of three contenders in turn: the
//! owner's system itself, a bare tonic pass-through before it, and `motlan serve` with everything
//! on. Owner, pass-through and gateway are processes of their own; the callers are this one. Out of
//! scope: judging. It fails where a call fails or the ledger is not whole, never where a figure is
//! bad.
//!
//! - [`options`]: the command line. [`course`]: the rounds, from set-up to the verified ledger.
//! - [`deployment`] and [`child`]: what is set up. [`owner`] and [`pass_through`]: two of the
//!   processes.
//! - [`collection`]: the components of a dossier, against the slowest of them.
//! - [`load`]: the callers, and what they measure. [`machine`]: what the kernel tells.
//! - [`figures`], [`results`] and [`table`]: what is made of it.
//!
//! Limits: [`options::SECONDS_MAX`], [`options::IN_FLIGHT_MAX`], [`child::START_MAX`],
//! [`child::STOP_MAX`]; a call has the patience of `motlan-testkit`'s client.

mod child;
mod collection;
mod contender;
mod course;
mod deployment;
mod expected;
mod figures;
mod load;
mod machine;
mod options;
mod owner;
mod pass_through;
mod results;
mod table;

use std::process::ExitCode;

use clap::Parser as _;
use options::{Command, Role};

fn main() -> ExitCode {
    let command = Command::parse();
    let done = match command.role {
        None => course::run(&command.options),
        Some(Role::Owner(owner)) => owner::run(&owner),
        Some(Role::PassThrough(pass_through)) => pass_through::run(&pass_through),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("motlan-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A runtime with a thread per core.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}
