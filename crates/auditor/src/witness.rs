//! `motlan-audit witness`: a witness that another agency than the operator runs, and the check of a
//! cosigned checkpoint.

mod check;
mod serve;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Subcommand;
use motlan_audit::witness::{Settings, Witness};
use motlan_audit::{KeyError, VerifierKey, WitnessSignerKey, WitnessVerifierKey};

use crate::arguments::Key;

#[derive(Debug, Subcommand)]
pub(crate) enum WitnessCommand {
    /// Makes the key and the folder of a new witness, and prints the verifier key.
    Init {
        /// The witness's name, like a URL without its scheme: `witness.moj.example/audit`.
        #[arg(long)]
        name: String,
        /// The file for the secret key; must not be there yet.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The folder for what it cosigns; empty, or not there yet. Never put it back from a copy.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
    /// Serves C2SP tlog-witness over plain HTTP/1.1, for loopback or behind a proxy that speaks
    /// TLS. Runs until SIGTERM or SIGINT. Prints one line of JSON once it listens.
    Serve {
        /// The folder that `init` made.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// The secret key that `init` made.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Address and port; port 0 takes a free one.
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// The verifier key of a log to cosign, or `@FILE` with it; may be given again.
        #[arg(long, value_name = "KEY|@FILE", required = true)]
        log: Vec<Key>,
    },
    /// Checks that a checkpoint is signed by a log and cosigned by witnesses.
    Check {
        /// The cosigned checkpoint, as from `/log/checkpoint`.
        file: PathBuf,
        /// The log's verifier key, or `@FILE` with it.
        #[arg(long, value_name = "KEY|@FILE")]
        key: Key,
        /// A witness's verifier key, or `@FILE` with it; may be given again.
        #[arg(long, value_name = "KEY|@FILE", required = true)]
        witness: Vec<WitnessKey>,
        /// How many of them must have cosigned it; all if not given.
        #[arg(long)]
        min: Option<usize>,
    },
}

/// A witness's verifier key, given itself or as a file.
#[derive(Clone, Debug)]
pub(crate) struct WitnessKey(WitnessVerifierKey);

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<WitnessKey, KeyError> {
        match text.strip_prefix('@') {
            Some(file) => WitnessVerifierKey::read(Path::new(file)).map(WitnessKey),
            None => text.parse().map(WitnessKey),
        }
    }
}

/// Whether all is well.
pub(crate) fn run(command: &WitnessCommand, out: &mut dyn Write) -> anyhow::Result<bool> {
    match command {
        WitnessCommand::Init { name, key, state } => init(name, key, state, out),
        WitnessCommand::Serve {
            state,
            key,
            listen,
            log,
        } => {
            let mut settings = Settings::new(state, WitnessSignerKey::read(key)?);
            let verifier = settings.key.verifier().to_string();
            settings.logs = log
                .iter()
                .map(|key: &Key| -> VerifierKey { key.0.clone() })
                .collect();
            serve::serve(Witness::open(settings)?, &verifier, *listen, out)?;
            Ok(true)
        }
        WitnessCommand::Check {
            file,
            key,
            witness,
            min,
        } => {
            let witnesses: Vec<_> = witness.iter().map(|key| key.0.clone()).collect();
            let min = min.unwrap_or(witnesses.len());
            check::check(file, &key.0, witnesses, min, out)
        }
    }
}

fn init(name: &str, key: &Path, state: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    // So that nothing is made where one of the two is in the way.
    let is_there = key.try_exists()?;
    anyhow::ensure!(
        !is_there,
        "`{}` is there already, and a key is never replaced",
        key.display()
    );
    let settings = Settings::new(state, WitnessSignerKey::generate(name)?);
    Witness::create(&settings)?;
    settings.key.write(key)?;
    let verifier = settings.key.verifier();
    writeln!(out, "state     {}", state.display())?;
    writeln!(out, "key       {} (secret)", key.display())?;
    writeln!(
        out,
        "verifier  {verifier} (hand this to the operators of the logs)"
    )?;
    Ok(true)
}
