//! The commands.

mod check;
mod config;
mod health;
mod init;
mod ledger;
mod once;
mod pki;
mod policy;
mod preview;
mod sample;
mod serve;
mod state;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::demo::Demo;

/// The gateway through which a state's agencies ask each other, so that citizens are not asked
/// again for what the state already holds.
#[derive(Parser)]
#[command(name = "motlan", version)]
pub(crate) struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Play a one-stop desk against sample providers, with everything made on the spot.
    Demo(Demo),
    /// Make a folder to begin with: a commented configuration, an empty catalogue, the folders.
    Init(init::Init),
    /// Make certificates for a try, or requests for a real authority.
    #[command(subcommand)]
    Pki(pki::Pki),
    /// Tell the form of the configuration.
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Run the gateway.
    Serve(Config),
    /// Name every fault of a configuration, of what it names and of what it needs of this machine,
    /// and exit non-zero if there is one.
    Check(check::Check),
    /// Ask the gateway of a configuration whether it is ready: exit with 0 if it is, 1 if it is
    /// not, 2 if it could not be asked.
    Health(Config),
    /// Show what each agreement's view would let out of a sample message, side by side.
    Preview(preview::Preview),
    /// Try, show, compare and explain what agreements allow.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// What the law lets a desk ask for.
    #[command(subcommand)]
    Once(once::Once),
    /// Make and care for the ledger.
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// Make what outlasts a lookup beside its records.
    #[command(subcommand)]
    State(StateVerb),
    /// Mint a token for a command-line client from the folder of `motlan demo --keep`.
    Token(token::Token),
    /// Lay and run a sample deployment in containers, for a first try. Not for use.
    #[command(subcommand)]
    Sample(sample::Sample),
}

#[derive(Subcommand)]
enum LedgerVerb {
    /// Make the ledger and, where there is none yet, its signing key. Never done silently at start.
    Init(Config),
    /// Tell the log of the next quarter, for whoever must know it before it begins.
    Next(Config),
    /// Begin the log of the quarter that it is, however long the gateway was off. The gateway must
    /// be stopped; it does this by itself where the last log is at most a year old.
    Turn(Config),
    /// Drop the log of a quarter whose time is over. The gateway must be stopped.
    Drop(ledger::Drop),
    /// Make the reserve anew, once there is room on the ledger's disk again: it holds room for the
    /// last records, and was given back when the disk was full.
    Reserve(Config),
    /// Make the key that signs from the next quarter's log on, while the gateway runs or not.
    RotateKey(Config),
    /// Copy all logs to another place, while the gateway runs, and verify the copy.
    Backup(ledger::Backup),
    /// Put a backup back, if nothing was recorded after it. The gateway must be stopped.
    Restore(ledger::Restore),
    /// Make whatever is recorded of a subject unreadable for good, and record that. Reads the
    /// subject from standard input. The gateway must be stopped.
    Erase(ledger::Erase),
    /// Make what is past its retention (`[[ledger.retain]]`) unreadable for good, and record that.
    /// The gateway must be stopped.
    Retain(Config),
}

#[derive(Subcommand)]
enum StateVerb {
    /// Make the file that `[state]` names. Never done silently at start.
    Init(Config),
}

/// Which configuration.
#[derive(clap::Args)]
pub(crate) struct Config {
    /// The configuration.
    #[arg(long, default_value = "motlan.toml")]
    config: PathBuf,
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Demo(demo) => demo.run(),
            Verb::Init(init) => init.run(),
            Verb::Pki(pki) => pki.run(),
            Verb::Config(verb) => Ok(verb.run()),
            Verb::Serve(config) => serve::run(&config.config),
            Verb::Check(check) => check.run(),
            Verb::Health(config) => health::run(&config.config),
            Verb::Preview(preview) => preview.run(),
            Verb::Policy(policy) => policy.run(),
            Verb::Once(once) => once.run(),
            Verb::Ledger(LedgerVerb::Init(config)) => ledger::init(&config.config),
            Verb::Ledger(LedgerVerb::Next(config)) => ledger::next(&config.config),
            Verb::Ledger(LedgerVerb::Turn(config)) => ledger::turn(&config.config),
            Verb::Ledger(LedgerVerb::Drop(drop)) => drop.run(),
            Verb::Ledger(LedgerVerb::Reserve(config)) => ledger::reserve(&config.config),
            Verb::Ledger(LedgerVerb::RotateKey(config)) => ledger::rotate_key(&config.config),
            Verb::Ledger(LedgerVerb::Backup(backup)) => backup.run(),
            Verb::Ledger(LedgerVerb::Restore(restore)) => restore.run(),
            Verb::Ledger(LedgerVerb::Erase(erase)) => erase.run(),
            Verb::Ledger(LedgerVerb::Retain(config)) => ledger::retain(&config.config),
            Verb::State(StateVerb::Init(config)) => state::init(&config.config),
            Verb::Token(token) => token.run(),
            Verb::Sample(sample) => sample.run(),
        }
    }
}

/// SIGTERM and SIGINT, from the moment that they are listened for.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            terminate,
            interrupt,
        })
    }

    /// Resolves at the next of them.
    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A runtime with a thread per core.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}
