//! What the kernel tells: of the machine, and of one process.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
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

    /// What stands above all figures.
    pub(crate) fn text(&self, smoke: bool) -> String {
        let Self {
            cores,
            cpu,
            kernel,
            ledger_on,
            build,
        } = self;
        let mut text = format!(
            "{cores} cores of {cpu}, Linux {kernel}, ledger on {ledger_on}, {build} build\n"
        );
        if smoke || *build != "release" {
            text.push_str("THESE FIGURES MEAN NOTHING: a smoke run or a debug build\n");
        }
        if ledger_on == "tmpfs" {
            text.push_str(
                "THE LEDGER LIES IN MEMORY, where durable writes cost nothing: use --dir\n",
            );
        }
        text
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

/// A process with those that it had started when it was looked at: a server with its workers.
#[derive(Clone, Debug)]
pub(crate) struct Pids(Vec<u32>);

/// How much processor time processes have used, in user mode and in the kernel.
#[derive(Clone, Debug)]
pub(crate) struct CpuTime {
    /// All that each has ever used, in whole ticks.
    ticks: Duration,
    /// The same of the threads that there are, to the nanosecond.
    threads: Duration,
}

impl CpuTime {
    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let coarse = self.ticks.saturating_sub(earlier.ticks);
        let fine = self.threads.saturating_sub(earlier.threads);
        // A thread that has ended has taken its time with it; only the ticks remember.
        if fine + COARSE < coarse { coarse } else { fine }
    }
}

impl Pids {
    /// `pid` and everything that descends from it.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // One that has ended meanwhile is nobody's child.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if let Some(parent) = field(&stat, PARENT) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let (mut found, mut next) = (Vec::new(), vec![pid]);
        while let Some(pid) = next.pop() {
            found.push(pid);
            next.extend(children.remove(&pid).unwrap_or_default());
        }
        Ok(Self(found))
    }

    /// `pid` without what descends from it.
    pub(crate) fn alone(pid: u32) -> Self {
        Self(vec![pid])
    }

    /// The processor time that they have used.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime> {
        let mut time = CpuTime {
            ticks: Duration::ZERO,
            threads: Duration::ZERO,
        };
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        for pid in &self.0 {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .with_context(|| format!("the process {pid} is gone"))?;
            let ticks = ticks(&stat).context("`/proc/PID/stat` has no processor time")?;
            time.ticks += Duration::from_micros(ticks * 1_000_000 / per_second);
            for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
                // One that has just ended has no file any more.
                let file = thread?.path().join("schedstat");
                let stat = std::fs::read_to_string(file).unwrap_or_default();
                time.threads += Duration::from_nanos(nanos(&stat).unwrap_or_default());
            }
        }
        Ok(time)
    }

    /// Their memory that is resident, in KiB, what they share counted once for each.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        self.0.iter().map(|pid| resident_kib(*pid)).sum()
    }
}

/// The field of `/proc/PID/stat` with the parent, counted after the program's name (proc(5)).
const PARENT: usize = 1;
/// The fields with the time in user mode and in the kernel.
const TIMES: [usize; 2] = [11, 12];
/// Ticks are this coarse: one at either end of a window, of each of user mode and kernel.
const COARSE: Duration = Duration::from_millis(40);

fn ticks(stat: &str) -> Option<u64> {
    TIMES.into_iter().map(|at| field::<u64>(stat, at)).sum()
}

fn field<N: FromStr>(stat: &str, at: usize) -> Option<N> {
    // The program's name may hold spaces and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(at)?.parse().ok()
}

/// The first of a thread's figures: its time on a processor.
fn nanos(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
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
        let pids = Pids::of(std::process::id()).unwrap();
        let before = pids.cpu_time().unwrap();
        while pids.cpu_time().unwrap().since(&before).is_zero() {}
        assert!(pids.resident_kib().unwrap() > 100);
    }

    #[test]
    fn the_time_of_a_thread_that_ended_is_not_lost() {
        let time = |ticks, threads| CpuTime {
            ticks: Duration::from_millis(ticks),
            threads: Duration::from_millis(threads),
        };
        let millis = |time: Duration| time.as_millis();
        assert_eq!(millis(time(1_010, 1_004).since(&time(1_000, 1_001))), 3);
        assert_eq!(millis(time(1_500, 1_100).since(&time(1_000, 1_000))), 500);
    }

    #[test]
    fn a_servers_workers_are_measured_with_it() {
        let mut child = std::process::Command::new("sleep");
        let mut child = child.arg("60").spawn().unwrap();
        let Pids(found) = Pids::of(std::process::id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found.first(), Some(&std::process::id()));
        assert!(found.contains(&child.id()), "{found:?}");
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
