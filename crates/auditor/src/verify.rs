//! `motlan-audit verify`.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use motlan_audit::{Newer, Quarter, Report, SealedParts, ShardsReport, VerifierKey, VerifyError};
use thiserror::Error;

use crate::log::{self, Log, LogError};

/// Why a ledger was not verified, or the result not written.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("`{0}` is one file: give the folder of the sealing files of all quarters")]
    OneSealing(String),
    #[error("`--from` leaves out the older of all logs: give the folder of all quarters")]
    FromOne,
    #[error("not all of the ledger could be verified")]
    Newer(#[source] Newer),
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// Verifies and tells; whether all is well.
pub(crate) fn verify(
    log: &Log,
    key: &VerifierKey,
    sealing: Option<&Path>,
    from: Option<Quarter>,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    if from.is_some() && (log.is_one() || log.quarter.is_some()) {
        return Err(Error::FromOne);
    }
    if !log.is_one() && log.quarter.is_none() {
        // Says what is wrong where there is no log at all.
        log.folder(None)?;
        return all(&log.ledger, key, sealing, from, out);
    }
    let folder = log.folder(None)?;
    let sealing = log::sealing(sealing, &folder)?;
    let bar = progress_bar();
    let report = motlan_audit::verify_with(&folder, key, sealing.as_ref(), |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report?;
    tell(&report, &folder, out)?;
    judged(report.is_sound(), report.findings.count, [&report])
}

/// Whether all is well. Where only what a newer program wrote stands against it, that is no finding
/// and no assurance either.
fn judged<'r>(
    is_sound: bool,
    findings: u64,
    reports: impl IntoIterator<Item = &'r Report>,
) -> Result<bool, Error> {
    let newer = reports.into_iter().find_map(|report| report.newer.clone());
    match newer {
        Some(newer) if findings == 0 => Err(Error::Newer(newer)),
        _ => Ok(is_sound),
    }
}

/// Verifies the logs of all quarters.
fn all(
    ledgers: &Path,
    key: &VerifierKey,
    sealings: Option<&Path>,
    from: Option<Quarter>,
    out: &mut dyn Write,
) -> Result<bool, Error> {
    if let Some(file) = sealings.filter(|it| it.is_file()) {
        return Err(Error::OneSealing(file.display().to_string()));
    }
    let bar = progress_bar();
    let report = motlan_audit::verify_shards(
        ledgers,
        std::slice::from_ref(key),
        sealings,
        from,
        |_, done, total| {
            bar.set_length(total);
            bar.set_position(done);
        },
    );
    bar.finish_and_clear();
    let report = report?;
    for (quarter, found) in &report.logs {
        tell(found, &ledgers.join(quarter.to_string()), out)?;
        writeln!(out)?;
    }
    tell_links(&report, out)?;
    let of_logs = report.logs.iter().map(|(_, log)| log);
    let findings = of_logs.clone().map(|log| log.findings.count).sum::<u64>();
    judged(report.is_sound(), report.links.count + findings, of_logs)
}

fn tell_links(report: &ShardsReport, out: &mut dyn Write) -> io::Result<()> {
    let count = report.logs.len();
    match (report.links.count, count) {
        (0, 1) => {}
        (0, _) => writeln!(out, "The {count} logs go on from each other, none missing.")?,
        (1, _) => writeln!(out, "The logs do NOT go on from each other: 1 finding.")?,
        (wrong, _) => writeln!(
            out,
            "The logs do NOT go on from each other: {wrong} findings."
        )?,
    }
    for finding in &report.links.first {
        writeln!(out, "  {finding}")?;
    }
    if report.is_turning {
        let turning = "The newest does not say yet where the one before it ended: the quarter is \
                       turning, or the gateway stopped meanwhile and will finish it.";
        writeln!(out, "{turning}")?;
    }
    if let Some((oldest, _)) = report.logs.first()
        && let Some(before) = &report.before
    {
        let why = match report.before_was_dropped {
            true => "was dropped, as is on record",
            false => "is not here, and not on record as dropped",
        };
        writeln!(
            out,
            "They begin with {oldest}; the log `{before}` before it {why}."
        )?;
    }
    Ok(())
}

/// Drawn on a terminal only.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell_whether(report: &Report, ledger: &Path, out: &mut dyn Write) -> io::Result<()> {
    let name = match &report.origin {
        Some(origin) => origin.to_string(),
        None => format!("in {}", ledger.display()),
    };
    match report.findings.count {
        0 if report.newer.is_some() => writeln!(
            out,
            "Of the ledger {name} NOT all is verified: a newer motlan wrote some of it.\n"
        ),
        0 => writeln!(out, "The ledger {name} is sound.\n"),
        1 => writeln!(out, "The ledger {name} is NOT sound: 1 finding.\n"),
        count => writeln!(out, "The ledger {name} is NOT sound: {count} findings.\n"),
    }
}

fn tell(report: &Report, ledger: &Path, out: &mut dyn Write) -> io::Result<()> {
    tell_whether(report, ledger, out)?;
    let mut line =
        |what: &str, count: u64, more: &str| writeln!(out, "  {what:<10} {count:>12}  {more}");
    let (segments, frames) = (report.segments, report.frames);
    line(
        "records",
        report.records,
        &format!("in {segments} segments, written by {frames} commits"),
    )?;
    tell_kinds(report, &mut line)?;
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
    if report.findings.count == 0 {
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

/// How many records there are of each kind.
fn tell_kinds(
    report: &Report,
    line: &mut dyn FnMut(&str, u64, &str) -> io::Result<()>,
) -> io::Result<()> {
    line(
        "questions",
        report.questions,
        &format!("{} without an outcome", report.open_questions),
    )?;
    if let Some(newer) = &report.newer {
        let checked = match report.newer_records {
            0 => "what comes after it was not read",
            _ => "only their hashes were checked",
        };
        let more = format!(
            "{} of format {}; this program reads up to {}: {checked}",
            newer.what, newer.format, newer.known
        );
        line("newer", report.newer_records, &more)?;
    }
    line("outcomes", report.outcomes, "")?;
    line("erasures", report.erasures, "")?;
    line("looks", report.looks, "into the audit trail")?;
    line("holds", report.holds, "begun or ended")?;
    line("links", report.links, "to the logs before and after")?;
    line(
        "components",
        report.components,
        "of dossiers: evidence or a ground",
    )?;
    line("changes", report.changes, "of what is in force, or refused")
}
