//! A gateway whose ledger is as slow as can be against everything else in it. Between a record's
//! acknowledgement and its write, or the other way round, there are microseconds else, and a kill
//! seldom meets them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::command::Process;
use super::patience::eventually;

const PATIENCE: Duration = Duration::from_secs(10);
/// What the kernel keeps of the name of the ledger's thread.
const COMMITTER: &str = "ledger-committe";

/// Puts the whole process on one processor, where the ledger's thread has its turn only when nobody
/// else wants it. False where the machine has no `taskset` or no `chrt`.
pub(crate) async fn starve(gateway: &Process) -> Result<bool> {
    let pid = gateway.id().to_string();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = allowed.and_then(|list| list.trim().split(['-', ',']).next());
    let first = first.context("no processor is allowed")?;
    // A thread gives itself its name, once it runs.
    let thread = async || committer(&pid);
    let committer = eventually("the ledger's thread", PATIENCE, thread).await?;
    Ok(did("taskset", &["-a", "-c", "-p", first, &pid])
        && did("chrt", &["-i", "-p", "0", &committer]))
}

fn committer(pid: &str) -> Result<Option<String>> {
    for task in std::fs::read_dir(Path::new("/proc").join(pid).join("task"))? {
        let task = task?;
        // A thread that has just ended has no name.
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim_end() == COMMITTER {
            return Ok(Some(task.file_name().to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

fn did(program: &str, words: &[&str]) -> bool {
    let command = &mut Command::new(program);
    let ended = command
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ended.is_ok_and(|status| status.success())
}
