//! `motlan-audit witness check`.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use motlan_audit::witness::Policy;
use motlan_audit::{VerifierKey, WitnessVerifierKey};

use crate::file;

/// Checks and tells; whether all is well.
pub(super) fn check(
    note: &Path,
    key: &VerifierKey,
    witnesses: Vec<WitnessVerifierKey>,
    min: usize,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let policy = Policy::new(witnesses, min)?;
    let cosigned = match policy.check(&file::text(note)?, key) {
        Ok(cosigned) => cosigned,
        Err(error) => {
            file::tell_wrong("The checkpoint is NOT cosigned", &error, out)?;
            return Ok(false);
        }
    };
    let checkpoint = cosigned.checkpoint();
    let (origin, size) = (checkpoint.origin(), checkpoint.size());
    writeln!(
        out,
        "The checkpoint of {origin} for {size} records is cosigned.\n"
    )?;
    for (witness, time_s) in cosigned.by() {
        let time = i64::try_from(*time_s)
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok());
        let time = time.map_or_else(|| time_s.to_string(), |time| time.to_string());
        writeln!(out, "  {witness}  {time}")?;
    }
    Ok(true)
}
