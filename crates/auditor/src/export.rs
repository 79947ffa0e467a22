//! `motlan-audit export`: records in a form that other programs know.

mod ocsf;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use motlan_api::audit::v1::Record;
use motlan_audit::{IdentityError, Ledger, ReadEntry, VerifyError, read_entries};
use thiserror::Error;

use crate::log::{self, Log, LogError};
use crate::moment::Moment;

/// What to export, and where to.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    log: Log,
    /// The form: `ocsf` is OCSF 1.8.0, class API Activity (6003), one JSON object on each line.
    #[arg(long)]
    format: Format,
    /// Only records made at this time or later: `2026-10-01` (from midnight in Viet Nam) or
    /// `2026-10-01T08:00:00+07:00`.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only records made before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only records about this dataset.
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Only records of this calling system, e.g. `H26/one-stop`.
    #[arg(long, value_name = "SYSTEM")]
    caller: Option<String>,
    /// With the personal part: whom a record is about, the dossier, and the official who asked.
    /// Whoever receives it must delete it when it is erased here.
    #[arg(long, requires = "sealing")]
    with_subjects: bool,
    /// The log's sealing file, or the folder of all, which opens the personal part.
    #[arg(long, value_name = "FILE", requires = "with_subjects")]
    sealing: Option<PathBuf>,
    /// Where to write it, readable for its owner alone; a new file. To the output if not given.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Ocsf,
}

/// Why records were not exported.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("nothing lies between `--since` and `--until`: the first must be the earlier")]
    Times,
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Read(#[from] VerifyError),
    #[error("cannot make `{}`, which must not be there yet", file.display())]
    Output { file: PathBuf, source: io::Error },
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Exports; whether the ledger could be read without finding it damaged.
pub(crate) fn export(export: &Export, out: &mut dyn Write) -> Result<bool, Error> {
    let Some(file) = &export.output else {
        return events(export, out).map(|(_, well)| well);
    };
    let mut new = File::options();
    let made = new.write(true).create_new(true).mode(0o600).open(file);
    let made = made.map_err(|source| Error::Output {
        file: file.clone(),
        source,
    })?;
    let mut buffered = BufWriter::new(made);
    let written = events(export, &mut buffered).and_then(|written| {
        buffered.flush()?;
        buffered.get_ref().sync_all()?;
        Ok(written)
    });
    match written {
        Ok((count, well)) => {
            writeln!(out, "{count} events in {}", file.display())?;
            Ok(well)
        }
        Err(error) => {
            // A piece would be taken for the whole. That it cannot be removed is the lesser news.
            let _ = fs::remove_file(file);
            Err(error)
        }
    }
}

/// How many events were written, and whether the ledger was read without finding it damaged.
fn events(export: &Export, out: &mut dyn Write) -> Result<(u64, bool), Error> {
    export.check_times()?;
    let folder = export.log.folder_told()?;
    let (origin, _) = Ledger::named_in(&folder)?;
    let sealing = log::sealing(export.sealing.as_deref(), &folder)?;
    let (mut written, mut count) = (Ok(()), 0);
    let findings = read_entries(&folder, sealing.as_ref(), |entry| {
        if export.wants(&entry.record) {
            written = write_event(export.format, &origin, &entry, out);
            count += 1;
        }
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    written?;
    let well = findings.count == 0;
    if !well {
        eprintln!("motlan-audit: the ledger is damaged; `motlan-audit verify` tells where");
    }
    Ok((count, well))
}

fn write_event(
    format: Format,
    origin: &motlan_audit::Origin,
    entry: &ReadEntry,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Ocsf => writeln!(out, "{}", ocsf::event(origin, entry)),
    }
}

impl Export {
    fn check_times(&self) -> Result<(), Error> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since.time_us >= until.time_us => Err(Error::Times),
            _ => Ok(()),
        }
    }

    fn wants(&self, record: &Record) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        self.since
            .is_none_or(|since| record.time_us >= since.time_us)
            && self
                .until
                .is_none_or(|until| record.time_us < until.time_us)
            && is(&self.dataset, &record.dataset)
            && is(&self.caller, &record.caller)
    }
}
