//! What the kernel tells: of the machine, and of one process.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What the figures were taken on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// How many threads run at a time.
    pub(crate) cores: usize,
    /// The processor's model, as far as it says.
    pub(crate) cpu: String,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// The kind of file system that the ledger lies on.
    pub(crate) ledger_on: String,
    /// `release` or `debug`.
    pub(crate) build: &'static str,
}

impl Machine {
    /// This machine, with a ledger below `dir`.
    pub(crate) fn this(dir: &Path) -> Result<Self> {
        let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let mounts = std::fs::read_to_string("/proc/mounts")?;
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            cpu: model(&cpus)
                .unwrap_or("a processor without a name")
                .to_owned(),
            kernel: kernel.trim().to_owned(),
            ledger_on: file_system(&mounts, &dir.canonicalize()?)
                .unwrap_or("a file system without a name")
                .to_owned(),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        })
    }
}

fn model(cpus: &str) -> Option<&str> {
    let line = cpus.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The kind of the deepest mount that holds `path`; of two on one folder the later hides the other.
fn file_system<'m>(mounts: &'m str, path: &Path) -> Option<&'m str> {
    let holding = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (folder, kind) = (Path::new(words.next()?), words.next()?);
        let depth = folder.components().count();
        path.starts_with(folder).then_some((depth, kind))
    });
    holding
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, kind)| kind)
}

/// The processor time that a process has used, in user mode and in the kernel, in whole ticks.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("the process {pid} is gone"))?;
    let ticks = ticks(&stat).context("`/proc/PID/stat` has no processor time")?;
    let per_second = rustix::param::clock_ticks_per_second();
    let micros = ticks * 1_000_000 / per_second.max(1);
    Ok(Duration::from_micros(micros))
}

/// `utime` and `stime`, the 14th and 15th field (proc(5)).
fn ticks(stat: &str) -> Option<u64> {
    // The second field, the program's name, may hold spaces and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The memory of a process that is resident, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("the process {pid} is gone"))?;
    resident(&status).context("`/proc/PID/status` has no `VmRSS`")
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_programs_odd_name() {
        let stat = "71 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0 4 0";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("71 (a"), None);
    }

    #[test]
    fn this_process_uses_processor_time_and_memory() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        while cpu_time(pid).unwrap() == before {}
        assert!(resident_kib(pid).unwrap() > 100);
    }

    #[test]
    fn the_file_system_is_that_of_the_deepest_mount() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/x xfs rw 0 0\n";
        let kind = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!(kind("/tmp/y"), Some("tmpfs"));
        assert_eq!(kind("/tmp/x/y"), Some("xfs"));
        assert_eq!(kind("/tmpx"), Some("ext4"));
    }
}
