//! What one durable write costs on the ledger's disk.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use rustix::fs::OFlags;

use crate::figures::quantile;

/// About what one record takes.
const WRITE_BYTES: usize = 1024;
/// So many are timed.
const WRITES: usize = 300;

/// The median of some hundred appends, each durable when it returns, into a file below `folder`
/// that is filled with zeros beforehand, as the ledger's segments are.
pub(crate) fn write_us(folder: &Path) -> Result<f64> {
    let file = folder.join("durable-write");
    let took = timed(&file);
    let removed = std::fs::remove_file(&file);
    let mut took = took.with_context(|| format!("`{}`", file.display()))?;
    removed?;
    took.sort_unstable();
    let median = quantile(&took, 500).context("nothing was written")?;
    Ok(median.as_secs_f64() * 1e6)
}

fn timed(file: &Path) -> std::io::Result<Vec<std::time::Duration>> {
    let mut zeros = std::fs::File::create(file)?;
    zeros.write_all(&vec![0; WRITE_BYTES * WRITES])?;
    zeros.sync_all()?;
    let mut durable = OpenOptions::new()
        .write(true)
        .custom_flags(OFlags::DSYNC.bits().cast_signed())
        .open(file)?;
    let record = [0x5a; WRITE_BYTES];
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        durable.write_all(&record)?;
        took.push(began.elapsed());
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_durable_write_takes_time_and_leaves_nothing_behind() {
        let dir = tempfile::TempDir::with_prefix("motlan-bench-").unwrap();
        assert!(write_us(dir.path()).unwrap() > 0.0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
