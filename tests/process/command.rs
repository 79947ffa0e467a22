//! The binaries, run as an operator runs them: started, read from, signalled, waited for.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// How long a command that ends by itself may take.
const RUN_MAX: Duration = Duration::from_secs(60);

/// A binary of this workspace, which lies beside the test's own folder.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.parent().and_then(Path::parent);
    let file = profile
        .context("the test lies in no profile's folder")?
        .join(name);
    ensure!(
        file.is_file(),
        "`{}` is not there: build it with `cargo build --workspace --bins`, in the profile of the \
         test; `tests/run` does",
        file.display()
    );
    Ok(file)
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Ended> {
    Process::spawn(command)?.wait(RUN_MAX)
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code, or the signal that ended it.
    pub(crate) how: How,
    /// What it wrote to standard output.
    pub(crate) out: String,
    /// What it wrote to standard error.
    pub(crate) err: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Exit(i32),
    Signal(i32),
}

impl Ended {
    /// Nothing, if it exited with `code`; else an error with all that it wrote.
    pub(crate) fn exited(self, code: i32) -> Result<Self> {
        let Self { how, out, err } = &self;
        ensure!(
            *how == How::Exit(code),
            "it ended with {how:?}, not {code}:\n{out}\n{err}"
        );
        Ok(self)
    }
}

/// A child with its output. It is killed when dropped.
pub(crate) struct Process {
    child: Child,
    out: Output,
    err: Output,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let out = Output::collect(child.stdout.take().context("standard output is not ours")?);
        let err = Output::collect(child.stderr.take().context("standard error is not ours")?);
        Ok(Self { child, out, err })
    }

    /// Its first line on standard output; none where it ended without one.
    pub(crate) fn first_line(&mut self, patience: Duration) -> Result<Option<String>> {
        match self.out.more.recv_timeout(patience) {
            Ok(()) => Ok(self.out.lines().first().cloned()),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("no line in {patience:?}: {}", self.log()),
        }
    }

    /// What it has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.err.lines().join("\n")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, e.g. "KILL".
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let pid = self.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
            .status()?;
        ensure!(sent.success(), "the process {pid} is gone");
        Ok(())
    }

    /// Waits for its end, which closes its output.
    pub(crate) fn wait(mut self, patience: Duration) -> Result<Ended> {
        let until = Instant::now() + patience;
        for stream in [&self.out, &self.err] {
            let closed = stream.is_closed_by(until);
            ensure!(closed, "still running after {patience:?}: {}", self.log());
        }
        let status = self.child.wait()?;
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => How::Exit(code),
            (None, Some(signal)) => How::Signal(signal),
            (None, None) => bail!("it ended with {status}"),
        };
        Ok(Ended {
            how,
            out: self.out.lines().join(
                "
",
            ),
            err: self.log(),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors say that it has ended already.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One stream of a child, read by a thread: a child that fills its pipe would stand still.
struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    /// One for each line; closed with the stream.
    more: Receiver<()>,
}

impl Output {
    fn collect(stream: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let (tell, more) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
                // Whoever does not listen any more can still look at the lines.
                let _heard = tell.send(());
            }
        });
        Self { lines, more }
    }

    fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for the end of the stream; false where it has not come by then.
    fn is_closed_by(&self, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.more.recv_timeout(left) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
