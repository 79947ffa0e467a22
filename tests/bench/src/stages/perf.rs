//! The programs that look into a process: `perf` and `addr2line`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// So often a second of its processor time a thread is interrupted. Not a round number, so as not
/// to keep step with the kernel's clock.
const HERTZ: u32 = 997;
/// In a smoke run, where each sample only takes time to read.
const HERTZ_SMOKE: u32 = 97;
/// How stacks are walked: by the tables for unwinding that every build has, over so many bytes of
/// each stack. What ships is measured so, and not a build with frame pointers.
const CALL_GRAPH: &str = "dwarf,8192";
/// Until `perf` has attached itself.
const ATTACH_MAX: Duration = Duration::from_secs(30);
const ATTACH_POLL: Duration = Duration::from_millis(5);
/// How many bytes of a binary are read for its headers.
const HEADERS_BYTES: u64 = 16_384;

/// Why nothing can be recorded here, with what to do about it; nothing where it can.
pub(crate) fn lack(folder: &Path) -> Result<Option<String>> {
    for (program, package) in [("perf", "linux-perf"), ("addr2line", "binutils")] {
        match Command::new(program).arg("--version").output() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = format!("`{program}` is not installed: apt-get install {package}");
                return Ok(Some(text));
            }
            Err(error) => return Err(error).with_context(|| format!("`{program}`")),
        }
    }
    let file = folder.join("lack.data");
    let mut tried = record(std::process::id(), HERTZ, &file);
    let tried = tried.args(["--", "true"]).output()?;
    if tried.status.success() {
        return Ok(None);
    }
    let err = String::from_utf8_lossy(&tried.stderr);
    let mut lines = err.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && *line != "Error:");
    Ok(Some(format!(
        "`perf` cannot record here: {}\nrun this as root, or set kernel.perf_event_paranoid=1",
        first.unwrap_or("no reason given")
    )))
}

fn record(pid: u32, hertz: u32, file: &Path) -> Command {
    let mut command = Command::new("perf");
    command.args(["record", "--quiet", "--event", "cpu-clock"]);
    command.args(["--call-graph", CALL_GRAPH]);
    // Else it copies each binary into the user's home, and waits a second at its end.
    command.args(["--no-buildid", "--no-buildid-cache", "--no-bpf-event"]);
    command.arg("--freq").arg(hertz.to_string());
    command.arg("--pid").arg(pid.to_string());
    command.arg("--output").arg(file);
    command.stdin(Stdio::null());
    command
}

/// `perf record` of one process, which ends when dropped.
pub(crate) struct Recording {
    perf: Child,
    file: PathBuf,
}

impl Recording {
    /// Begins to record all threads of the process.
    pub(crate) async fn start(pid: u32, smoke: bool, file: PathBuf) -> Result<Self> {
        let hertz = if smoke { HERTZ_SMOKE } else { HERTZ };
        let mut command = record(pid, hertz, &file);
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let perf = command.spawn().context("`perf record`")?;
        let mut recording = Self { perf, file };
        let end = Instant::now() + ATTACH_MAX;
        let mut poll = tokio::time::interval(ATTACH_POLL);
        // It writes the file's head once it has attached itself.
        while std::fs::metadata(&recording.file).map_or(0, |file| file.len()) == 0 {
            let ended = recording.perf.try_wait()?;
            ensure!(
                ended.is_none(),
                "`perf record` ended: {}",
                recording.said()?
            );
            ensure!(
                Instant::now() < end,
                "`perf record` recorded nothing in {ATTACH_MAX:?}"
            );
            poll.tick().await;
        }
        Ok(recording)
    }

    /// What it wrote to standard error until it ended.
    fn said(&mut self) -> Result<String> {
        let mut said = String::new();
        if let Some(mut err) = self.perf.stderr.take() {
            err.read_to_string(&mut said)?;
        }
        Ok(said)
    }

    /// Ends it, and gives what was recorded as text.
    pub(crate) fn stop(mut self) -> Result<String> {
        if self.perf.try_wait()?.is_none() {
            kill_process(Pid::from_child(&self.perf), Signal::INT).context("`perf` is gone")?;
        }
        // Until its end, which is the end of that.
        self.said()?;
        self.perf.wait()?;
        let mut script = Command::new("perf");
        // Inlined functions are found by `addr2line` for all at once; perf asks for each anew.
        script.args([
            "script",
            "--no-inline",
            "--fields",
            "comm,ip,sym,dso",
            "--input",
        ]);
        text_of(script.arg(&self.file))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Errors say that it has ended already.
        let _gone = self.perf.kill();
        let _reaped = self.perf.wait();
        let _removed = std::fs::remove_file(&self.file);
    }
}

/// Has `addr2line` print what stands at these addresses of a binary, as `perf` counts them.
pub(crate) fn addr2line(binary: &Path, addresses: &BTreeSet<u64>, folder: &Path) -> Result<String> {
    let segments = segments(binary)?;
    let list = folder.join("addresses");
    let mut file = File::create(&list)?;
    for address in addresses {
        writeln!(file, "{:#x}", in_memory(&segments, *address))?;
    }
    let mut command = Command::new("addr2line");
    command.args(["-a", "-i", "-f", "-C", "-e"]).arg(binary);
    text_of(command.stdin(File::open(&list)?))
}

fn text_of(command: &mut Command) -> Result<String> {
    let done = command.stderr(Stdio::piped()).output();
    let done = done.with_context(|| format!("{command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// A part of a file, and where it lies in memory before it is moved.
#[derive(Debug, PartialEq, Eq)]
struct Segment {
    file: u64,
    memory: u64,
    bytes: u64,
}

/// `perf` tells where something stands in the file, `addr2line` wants to know where in memory.
fn in_memory(segments: &[Segment], address: u64) -> u64 {
    let held = |one: &&Segment| address >= one.file && address - one.file < one.bytes;
    match segments.iter().find(held) {
        Some(segment) => address - segment.file + segment.memory,
        None => address,
    }
}

fn segments(binary: &Path) -> Result<Vec<Segment>> {
    let mut bytes = Vec::new();
    let file = File::open(binary).with_context(|| format!("`{}`", binary.display()))?;
    file.take(HEADERS_BYTES).read_to_end(&mut bytes)?;
    let parsed = parse(&bytes);
    parsed.with_context(|| format!("`{}` is no binary for 64 bits", binary.display()))
}

/// The segments that are loaded (elf(5)), of a little-endian file.
fn parse(elf: &[u8]) -> Option<Vec<Segment>> {
    const LOAD: u64 = 1;
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, entry, entries) = (long(elf, 0x20)?, short(elf, 0x36)?, short(elf, 0x38)?);
    let mut segments = Vec::new();
    for number in 0..entries {
        let at = usize::try_from(table + number * entry).ok()?;
        if long(elf, at)? & 0xffff_ffff == LOAD {
            segments.push(Segment {
                file: long(elf, at + 8)?,
                memory: long(elf, at + 16)?,
                bytes: long(elf, at + 32)?,
            });
        }
    }
    Some(segments)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(part.try_into().ok()?))
}

fn short(bytes: &[u8], at: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(2)?)?;
    Some(u64::from(u16::from_le_bytes(part.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_where_the_segment_lies_in_memory() {
        let segments = [
            Segment {
                file: 0,
                memory: 0,
                bytes: 0x7f4,
            },
            Segment {
                file: 0xcc0,
                memory: 0x1cc0,
                bytes: 0x100,
            },
        ];
        let found = [0x10, 0xcc1, 0xdc0].map(|address| in_memory(&segments, address));
        assert_eq!(found, [0x10, 0x1cc1, 0xdc0]);
    }

    #[test]
    fn this_binary_has_segments_and_a_text_has_none() {
        let own = segments(&std::env::current_exe().unwrap()).unwrap();
        assert!(
            own.iter()
                .any(|segment| segment.file != 0 && segment.bytes > 0x1000)
        );
        assert_eq!(parse(b"#!/bin/sh"), None);
        assert_eq!(parse(b"\x7fELF\x02\x01"), None);
    }
}
