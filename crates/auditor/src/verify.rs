//! `motlan-audit verify`.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use motlan_audit::{Report, SealedParts, Sealing, VerifierKey, VerifyError};
use thiserror::Error;

/// Why a ledger was not verified, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Verifies and tells; whether all is well.
pub(crate) fn verify(
    ledger: &Path,
    key: &VerifierKey,
    sealing: Option<&Sealing>,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    let bar = progress_bar();
    let report = motlan_audit::verify_with(ledger, key, sealing, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report?;
    tell(&report, ledger, out)?;
    Ok(report.is_sound())
}

/// Drawn on a terminal only.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(report: &Report, ledger: &Path, out: &mut dyn Write) -> io::Result<()> {
    let name = match &report.origin {
        Some(origin) => origin.to_string(),
        None => format!("in {}", ledger.display()),
    };
    match report.findings.count {
        0 => writeln!(out, "The ledger {name} is sound.\n")?,
        1 => writeln!(out, "The ledger {name} is NOT sound: 1 finding.\n")?,
        count => writeln!(out, "The ledger {name} is NOT sound: {count} findings.\n")?,
    }
    let mut line =
        |what: &str, count: u64, more: &str| writeln!(out, "  {what:<10} {count:>12}  {more}");
    let (segments, frames) = (report.segments, report.frames);
    line(
        "records",
        report.records,
        &format!("in {segments} segments, written by {frames} commits"),
    )?;
    line(
        "questions",
        report.questions,
        &format!("{} without an outcome", report.open_questions),
    )?;
    line("outcomes", report.outcomes, "")?;
    line("erasures", report.erasures, "")?;
    match report.sealed {
        Some(SealedParts { opened, erased, .. }) => line(
            "opened",
            opened,
            &format!("sealed parts are what their records commit to; {erased} were erased"),
        )?,
        None => line(
            "opened",
            0,
            "sealed parts: NOT checked, give --sealing FILE for that",
        )?,
    }
    match report.checkpoint_size {
        Some(size) => line("signed", size, "records stand under the signed checkpoint")?,
        None => line("signed", 0, "there is no checkpoint to be believed")?,
    }
    line(
        "unsigned",
        report.after_checkpoint,
        "newer; signed within a second, or when it is closed",
    )?;
    line(
        "tiles",
        report.tiles,
        &format!("fit; {} to be rebuilt", report.tiles_missing),
    )?;
    if report.is_sound() {
        return Ok(());
    }
    writeln!(out, "\nWhat is wrong:")?;
    for finding in &report.findings.first {
        writeln!(out, "  {finding}")?;
    }
    let more = report.findings.count - report.findings.first.len() as u64;
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    let advice = "Keep the folder as it is, as evidence. Compare it with a copy, and with the \
                  receipts that callers hold.";
    writeln!(out, "\n{advice}")
}
