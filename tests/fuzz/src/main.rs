//! The binary `motlan-fuzz`: fuzzes without a fuzzing engine, and shows what an input does.

mod commands;
mod options;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let done = commands::run(options::Options::parse().command);
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("motlan-fuzz: {error:#}");
            ExitCode::from(2)
        }
    }
}
