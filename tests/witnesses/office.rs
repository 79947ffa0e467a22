//! `motlan-audit witness serve` as a process of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use motlan_audit::{VerifierKey, WitnessVerifierKey};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::command::{Process, binary, run};

const START_MAX: Duration = Duration::from_secs(30);
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A witness that was made, whether it runs or not.
pub(super) struct Office {
    dir: TempDir,
    pub(super) key: WitnessVerifierKey,
}

/// One that runs.
pub(super) struct Open {
    pub(super) process: Process,
    /// Where it listens.
    pub(super) address: String,
}

impl Office {
    pub(super) fn found(name: &str) -> Result<Self> {
        let dir = TempDir::with_prefix("motlan-witness-")?;
        let mut command = audit(&["witness", "init", "--name", name])?;
        command.arg("--key").arg(dir.path().join("witness.key"));
        command.arg("--state").arg(dir.path().join("state"));
        let made = run(&mut command)?.exited(0)?.out;
        let mut lines = made.lines();
        let key = lines.find_map(|line| line.strip_prefix("verifier"));
        let key = key.and_then(|rest| rest.split_whitespace().next());
        let key = key.context("no verifier key")?.parse()?;
        Ok(Self { dir, key })
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.dir.path().join("witness.key")
    }

    /// Opens it for the log of `key`.
    pub(super) fn open(&self, key: &VerifierKey) -> Result<Open> {
        let mut command = audit(&["witness", "serve", "--listen", "127.0.0.1:0"])?;
        command.arg("--key").arg(self.key_file());
        command.arg("--state").arg(self.state());
        command.arg("--log").arg(key.to_string());
        let mut process = Process::spawn(&mut command)?;
        let Some(line) = process.first_line(START_MAX)? else {
            bail!("it did not start: {:?}", process.wait(START_MAX)?);
        };
        let told: Value = serde_json::from_str(&line)?;
        let address = told.get("listen").and_then(Value::as_str);
        let address = address.context("no address")?.to_owned();
        Ok(Open { process, address })
    }
}

impl Open {
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn close(self) -> Result<String> {
        self.process.signal("TERM")?;
        Ok(self.process.wait(START_MAX)?.exited(0)?.err)
    }
}

/// A command of `motlan-audit`.
pub(super) fn audit(words: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary("motlan-audit")?);
    command.args(words);
    Ok(command)
}

/// `motlan-audit witness check` on a file.
pub(super) fn check(
    file: &Path,
    log: &VerifierKey,
    witness: &WitnessVerifierKey,
) -> Result<Command> {
    let mut command = audit(&["witness", "check"])?;
    command.arg(file);
    command.args(["--key", &log.to_string(), "--witness", &witness.to_string()]);
    Ok(command)
}

/// Posts to `add-checkpoint`: the status and the body.
pub(super) fn post(address: &str, body: &str) -> Result<(u16, String)> {
    let length = body.len();
    let head = format!("POST /add-checkpoint HTTP/1.1\r\nHost: {address}\r\n");
    send(
        address,
        &format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"),
    )
}

/// Sends bytes of whatever kind and takes what comes back as an HTTP response.
pub(super) fn send(address: &str, request: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").context("no response")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
