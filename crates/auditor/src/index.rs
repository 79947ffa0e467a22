//! `motlan-audit index`: the search index, made anew and compared with its log.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use motlan_audit::{FolderError, Index, IndexError, LogFolder};
use thiserror::Error;

use crate::log::{self, Log, LogError};

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Makes the index of a ledger anew, in place of the one that is there.
    Rebuild(Place),
    /// Compares the index with every record of its log, and names what is missing or too much.
    Check(Place),
}

/// Which index.
#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) log: Log,
    /// The index; that of the quarter in `<ledger>.index` if not given. One that a gateway has open
    /// cannot be used: give another file to work beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// The log's sealing file, or the folder of all. Subjects, dossiers and officials are found
    /// only with it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sealing: Option<PathBuf>,
}

/// Why nothing was done with an index.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

impl Place {
    /// The index's file, and the log, with its secrets where they are given.
    pub(crate) fn open(&self) -> Result<(PathBuf, LogFolder), Error> {
        let folder = self.log.folder_told()?;
        let sealing = log::sealing(self.sealing.as_deref(), &folder)?;
        let file = self
            .index
            .clone()
            .unwrap_or_else(|| log::index_file(&folder));
        Ok((file, LogFolder::open(&folder, sealing)?))
    }
}

/// Whether the index is what its log says.
pub(crate) fn run(command: &IndexCommand, out: &mut dyn Write) -> Result<bool, Error> {
    match command {
        IndexCommand::Rebuild(place) => rebuild(place, out),
        IndexCommand::Check(place) => check(place, out),
    }
}

fn rebuild(place: &Place, out: &mut dyn Write) -> Result<bool, Error> {
    let (file, log) = place.open()?;
    let index = with_progress(|progress| Index::rebuild(log, &file, progress))?;
    let records = index.indexed_to();
    drop(index);
    let bytes = size_of(&file)?;
    writeln!(out, "{}: {records} records, {bytes} bytes", file.display())?;
    if place.sealing.is_none() {
        let lacks =
            "made without --sealing: subjects, dossiers and officials cannot be found by it";
        writeln!(out, "{lacks}")?;
    }
    Ok(true)
}

fn size_of(file: &Path) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

fn check(place: &Place, out: &mut dyn Write) -> Result<bool, Error> {
    let (file, log) = place.open()?;
    let index = Index::open(log, &file)?;
    let differences = with_progress(|progress| index.check(progress))?;
    let (indexed_to, size) = (differences.indexed_to, differences.size);
    let file = file.display();
    match differences.count {
        0 => writeln!(
            out,
            "{file} is what the log says of its first {indexed_to} records."
        )?,
        count => writeln!(out, "{file} is NOT what the log says: {count} differences.")?,
    }
    if size > indexed_to {
        let newer = size - indexed_to;
        writeln!(out, "  {newer} newer records are not in it yet")?;
    }
    if !differences.is_keyed {
        writeln!(out, "  it was made without --sealing and finds no subjects")?;
    }
    for difference in &differences.first {
        writeln!(out, "  {difference}")?;
    }
    let more = differences.count - differences.first.len() as u64;
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    if differences.count > 0 {
        writeln!(
            out,
            "Keep it as evidence, then have `motlan-audit index rebuild` make it anew."
        )?;
    }
    Ok(differences.count == 0)
}

/// With a bar that is drawn on a terminal only.
pub(crate) fn with_progress<T>(work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T) -> T {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} records {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    let done = work(&mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    done
}
