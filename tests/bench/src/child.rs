//! A process of its own: started, heard, measured, stopped.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::net::TcpStream;

/// Until a process tells its address; a debug build on a busy machine is slow.
pub(crate) const START_MAX: Duration = Duration::from_secs(60);
/// Until a process has ended after SIGTERM: the gateway's drain, and something for the ledger.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(45);
/// How often a server is asked whether it listens.
const LISTENING_EVERY: Duration = Duration::from_millis(5);
/// How much of a log is shown.
const LOG_LINES_SHOWN: usize = 20;

/// A process that has told its first line, or listens. It is killed when dropped.
pub(crate) struct Child {
    process: Option<Process>,
    pid: u32,
    /// It heads a group of processes, its workers.
    heads_group: bool,
    log: PathBuf,
    /// What it said first.
    pub(crate) said: String,
}

impl Child {
    /// Starts `command`, with its standard error into `log`, and waits for its first line. Its
    /// standard input stays open as long as this process lives.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let err = File::create(&log).with_context(|| format!("`{}`", log.display()))?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(err);
        let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
        let out = process.stdout.take().context("no standard output")?;
        let mut child = Self::of(process, false, log);
        child.said = child.first_line(out)?;
        Ok(child)
    }

    /// Starts a server that says nothing, in a group of processes of its own, with all that it
    /// writes into `log`, and waits until it listens at `address`.
    pub(crate) async fn listening(
        command: &mut Command,
        log: PathBuf,
        address: SocketAddr,
    ) -> Result<Self> {
        let written = File::create(&log).with_context(|| format!("`{}`", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(written.try_clone()?)
            .stderr(written)
            .process_group(0);
        let process = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut child = Self::of(process, true, log);
        let mut looks = tokio::time::interval(LISTENING_EVERY);
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            let ended = child.process.as_mut().map(Process::try_wait).transpose()?;
            if let Some(status) = ended.flatten() {
                bail!("it ended with {status}{}", child.log());
            }
            let waits = began.elapsed() < START_MAX;
            ensure!(waits, "it does not listen{}", child.log());
            looks.tick().await;
        }
        Ok(child)
    }

    fn of(process: Process, heads_group: bool, log: PathBuf) -> Self {
        Self {
            pid: process.id(),
            process: Some(process),
            heads_group,
            log,
            said: String::new(),
        }
    }

    fn first_line(&self, out: ChildStdout) -> Result<String> {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut line = String::new();
            let read = out.read_line(&mut line).map(|_| line);
            // Nobody listens any more where it came too late.
            let _told = tell.send(read);
            // A full pipe would hold the process up.
            let _rest = std::io::copy(&mut out, &mut std::io::sink());
        });
        let line = told
            .recv_timeout(START_MAX)
            .with_context(|| format!("no word within {START_MAX:?}{}", self.log()))??;
        ensure!(!line.is_empty(), "it did not start{}", self.log());
        Ok(line.trim_end().to_owned())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The end of what it wrote to standard error, on lines of its own.
    pub(crate) fn log(&self) -> String {
        tail(&self.log)
    }

    /// Ends it as an operator would, and wants it to end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        let Some(process) = self.process.take() else {
            bail!("it was stopped before");
        };
        let pid = Pid::from_child(&process);
        let ended = wait(process);
        kill_process(pid, Signal::TERM).context("it is gone")?;
        let status = ended
            .recv_timeout(STOP_MAX)
            .with_context(|| format!("still running after {STOP_MAX:?}{}", self.log()))??;
        ensure!(status.success(), "it ended with {status}{}", self.log());
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Errors say that it has ended already.
            if self.heads_group {
                let _gone = kill_process_group(Pid::from_child(process), Signal::KILL);
            }
            let _gone = process.kill();
            let _reaped = process.wait();
        }
    }
}

/// How a process ends, once it has.
fn wait(mut process: Process) -> mpsc::Receiver<std::io::Result<ExitStatus>> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more where it came too late.
        let _told = tell.send(process.wait());
    });
    told
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LOG_LINES_SHOWN);
    let shown = lines.iter().skip(first);
    shown.map(|line| format!("\n  {line}")).collect()
}

/// Ends when standard input does, which is when whoever started this process is gone.
pub(crate) async fn until_orphaned() -> Result<()> {
    let end = || std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    tokio::task::spawn_blocking(end).await??;
    Ok(())
}
