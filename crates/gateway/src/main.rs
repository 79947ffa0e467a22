//! The binary `motlan`: the gateway, and what an operator does around it.

mod command;
mod demo;

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;

/// A lookup takes and gives back some hundred small pieces of memory, often on different threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = command::Command::parse();
    match command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("motlan: {error:#}");
            ExitCode::FAILURE
        }
    }
}
