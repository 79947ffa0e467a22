//! The disk by itself.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// As much as a commit of 64 callers writes.
const BYTES: usize = 24 << 10;
/// What is written over and over, one piece after the other.
const FILE_BYTES: u64 = 16 << 20;

/// How long one synchronous write takes, with nothing else to do: the middle one of those that were
/// made in `time`. No log that syncs before it acknowledges answers any sooner.
pub(crate) fn sync_ms(dir: &Path, time: Duration) -> Result<f64> {
    let path = dir.join("probe");
    fill(&path)?;
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(i32::try_from(rustix::fs::OFlags::DSYNC.bits())?)
        .open(&path)?;
    let piece = vec![1; BYTES];
    let mut took = Vec::new();
    let (began, mut at) = (Instant::now(), 0);
    while took.is_empty() || began.elapsed() < time {
        let asked = Instant::now();
        file.write_all_at(&piece, at)?;
        took.push(asked.elapsed());
        at = (at + BYTES as u64) % (FILE_BYTES - BYTES as u64);
    }
    fs::remove_file(&path)?;
    took.sort_unstable();
    let middle = took.get(took.len() / 2).context("nothing was written")?;
    Ok(middle.as_secs_f64() * 1000.0)
}

/// A file whose blocks are all there, like a segment of the ledger.
fn fill(path: &Path) -> Result<()> {
    let file = File::create(path)?;
    let piece = vec![0; 1 << 20];
    let mut at = 0;
    while at < FILE_BYTES {
        file.write_all_at(&piece, at)?;
        at += piece.len() as u64;
    }
    Ok(file.sync_all()?)
}
