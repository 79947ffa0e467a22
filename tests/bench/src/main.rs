//! The binary `motlan-bench`: what the gateway costs beside what people would pick instead, in one
//! run on one machine.
//!
//! In scope: sections, each of which lays a deployment of its own and prints a table: what the
//! gateway does beside the owner's system itself, a bare tonic pass-through, nginx and HAProxy, and
//! what else an operator asks of it. Owner, proxies and gateway are processes of their own; the
//! callers are this one. Out of scope: judging. It fails where an answer is wrong or a ledger is
//! not whole, never where a figure is bad.
//!
//! - [`options`]: the command line. [`course`]: one section after the other.
//! - [`contest`]: the contenders in turn. [`mixed`], [`saturation`], [`isolation`]: other loads.
//!   [`start`], [`memory`], [`growth`]: what an operator plans with. [`stages`]: where a lookup's
//!   time goes. [`collection`]: the components of a dossier, against the slowest of them.
//! - [`deployment`], [`catalogue`], [`household`] and [`child`]: what is set up. [`owner`],
//!   [`pass_through`] and [`proxy`]: the processes beside the gateway.
//! - [`load`], [`callers`] and [`open_load`]: those who ask. [`expected`] and [`kind`]: what they
//!   must hear.
//! - [`machine`] and [`durable`]: what kernel and disk tell. [`figures`], [`results`] and
//!   [`table`]: what is made of it.
//!
//! Limits: [`options::SECONDS_MAX`], [`options::IN_FLIGHT_MAX`], [`options::CONNECTIONS_MAX`],
//! [`child::START_MAX`], [`child::STOP_MAX`]; a call has the patience of `motlan-testkit`'s client.

mod callers;
mod catalogue;
mod child;
mod collection;
mod contender;
mod contest;
mod course;
mod deployment;
mod durable;
mod expected;
mod figures;
mod growth;
mod household;
mod isolation;
mod kind;
mod load;
mod machine;
mod memory;
mod mixed;
mod open_load;
mod options;
mod owner;
mod pass_through;
mod proxy;
mod results;
mod saturation;
mod stages;
mod start;
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
