//! `motlan serve` as a process of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::command::{Ended, Process};

/// Until it tells its addresses; a debug build on a busy machine is slow.
const START_MAX: Duration = Duration::from_secs(60);
/// Until it has ended after a signal: the usual drain and something for the ledger.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(45);
/// Until the operator's listener answers.
const ADMIN_MAX: Duration = Duration::from_secs(10);

/// A gateway that has told where it listens.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    /// Where callers connect, as the certificate names it.
    pub(crate) address: String,
    /// The operator's listener.
    pub(crate) admin: String,
}

impl Gateway {
    /// Starts `command`, which must come to `motlan serve`, and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut process = Process::spawn(command)?;
        let Some(line) = process.first_line(START_MAX)? else {
            bail!("the gateway did not start: {:?}", process.wait(START_MAX)?);
        };
        let told: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        let address = |name: &str| told.get(name).and_then(Value::as_str).context("no address");
        let (_, port) = address("gateway")?.rsplit_once(':').context("no port")?;
        let (gateway, admin) = (format!("localhost:{port}"), address("admin")?.to_owned());
        let (status, text) = get(&admin, "/readyz")?;
        ensure!(status == 200, "not ready after the start: {status} {text}");
        Ok(Self {
            process,
            address: gateway,
            admin,
        })
    }

    /// Stops it as an operator does, and wants it to stop well: exit code 0 and no error logged.
    pub(crate) fn stop(self) -> Result<Ended> {
        self.process.signal("TERM")?;
        let ended = self.process.wait(STOP_MAX)?.exited(0)?;
        let errors = logged(&ended.err, "ERROR");
        ensure!(errors.is_empty(), "it logged {errors:?}");
        Ok(ended)
    }
}

/// The lines of a log that are of this level.
pub(crate) fn logged(log: &str, level: &str) -> Vec<String> {
    let is_of_level = |line: &&str| {
        let line: Option<Value> = serde_json::from_str(line).ok();
        line.is_some_and(|line| line.get("level").and_then(Value::as_str) == Some(level))
    };
    log.lines().filter(is_of_level).map(str::to_owned).collect()
}

/// Asks the operator's listener: the status and the body.
pub(crate) fn get(admin: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(ADMIN_MAX))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response
        .split_once("\r\n\r\n")
        .context("no HTTP response")?;
    let status = head.split(' ').nth(1).context("no status line")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("no `content-length`")?.parse()?;
    ensure!(body.len() == length, "{} bytes of {length}", body.len());
    Ok((status.parse()?, body.to_owned()))
}
