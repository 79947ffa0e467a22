//! A preview for people: one table, what its columns are, and what to look at.

use std::fmt::Write as _;

use motlan_mask::covers;
use unicode_width::UnicodeWidthStr as _;

use super::column::{Column, Granted, Purpose, Released};
use super::report::{Label, Report, Row};
use super::sample::shortened;

/// The longest shown value of the sample, in characters.
const SAMPLE_WIDTH_MAX: usize = 32;

/// Where lists of paths go on in the next line, in columns.
const LINE_WIDTH_MAX: usize = 100;

/// The longest shown name of a procedure, in characters.
const NAME_WIDTH_MAX: usize = 70;

/// A report as text.
pub(super) fn printed(report: &Report) -> String {
    let mut text = head(report);
    text.push_str(&table(report));
    text.push_str("\n✓ leaves   – is withheld\n");
    let mut covered = report.columns.iter().filter_map(|it| it.released.as_ref());
    if covered.any(|released| !released.covered.is_empty()) {
        text.push_str("◐ leaves with a part of the value covered\n");
    }
    let mut cells = report
        .fields
        .iter()
        .flat_map(|row| row.leaves.iter().map(move |it| (row, *it)));
    if cells.any(|(row, leaves)| leaves > 0 && leaves < row.occurrences) {
        text.push_str("2/3 leaves in 2 of 3 elements\n");
    }
    if report.columns.iter().any(|column| column.refused.is_some()) {
        text.push_str("✗ the caller is refused, and nothing is asked of the owner\n");
    }
    if report.columns.iter().any(|column| !is_in_force(column)) {
        text.push_str("(1) under no grant in force that day\n");
    }
    for (column, number) in report.columns.iter().zip(1_usize..) {
        text.push_str(&legend(column, number, report));
    }
    text.push_str(&notes(report));
    text
}

fn head(report: &Report) -> String {
    let mut head = format!("{}, answering with {}\n", report.method, report.message);
    if let Some(contract) = &report.contract {
        line(
            &mut head,
            &format!("under the draft `{contract}`, not the catalogue's contract"),
        );
    }
    if let Some(asked) = &report.asked {
        line(
            &mut head,
            &format!("for a caller who asks for {}", asked.join(", ")),
        );
    }
    head.push('\n');
    head
}

fn table(report: &Report) -> String {
    let mut head = vec!["field".to_owned(), "class".to_owned(), "sample".to_owned()];
    for (column, number) in report.columns.iter().zip(1_usize..) {
        head.push(match is_in_force(column) {
            true => number.to_string(),
            false => format!("({number})"),
        });
    }
    let mut lines = vec![head];
    for row in &report.fields {
        let fixed = [row.path.clone(), class(row.class).to_owned(), sample(row)];
        let cells = row.leaves.iter().zip(&report.columns);
        let cells = cells.map(|(leaves, column)| match column.refused {
            Some(_) => "✗".to_owned(),
            None if *leaves > 0 && is_covered(column, &row.path) => "◐".to_owned(),
            None => cell(row.occurrences, *leaves),
        });
        lines.push(fixed.into_iter().chain(cells).collect());
    }
    aligned(&lines)
}

/// Lines of cells with two spaces between the columns.
fn aligned(lines: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for cells in lines {
        let mut padded = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            padded.push_str(cell);
            padded.push_str(&" ".repeat(width.saturating_sub(cell.width()).saturating_add(2)));
        }
        line(&mut text, padded.trim_end());
    }
    text
}

fn class(label: Label) -> &'static str {
    match label {
        Label::Public => "PUBLIC",
        Label::Personal => "PERSONAL",
        Label::Sensitive => "SENSITIVE",
        Label::Secret => "SECRET",
        Label::Unmarked => "unmarked",
        Label::Extension => "extension",
        Label::Unknown => "unknown",
    }
}

/// Equal neighbours are told once: of messages there is no more to tell than how many they are.
fn sample(row: &Row) -> String {
    let mut values: Vec<String> = row.sample.iter().map(|it| it.replace('\n', "⏎")).collect();
    values.dedup();
    let values = values.join(", ");
    match row.occurrences {
        1 => shortened(&values, SAMPLE_WIDTH_MAX),
        many => shortened(&format!("{many} × {values}"), SAMPLE_WIDTH_MAX),
    }
}

fn cell(occurrences: usize, leaves: usize) -> String {
    match leaves {
        0 => "–".to_owned(),
        all if all == occurrences => "✓".to_owned(),
        some => format!("{some}/{occurrences}"),
    }
}

/// Whether part of the value was covered.
fn is_covered(column: &Column, path: &str) -> bool {
    let released = column.released.iter();
    released.flat_map(|it| &it.covered).any(|it| it == path)
}

fn is_in_force(column: &Column) -> bool {
    column.grants.iter().any(|grant| grant.in_force)
}

fn legend(column: &Column, number: usize, report: &Report) -> String {
    let mut text = String::new();
    line(&mut text, "");
    line(
        &mut text,
        &format!("{number}  view `{}`: {}", column.view, column.title_vi),
    );
    if let Some(released) = &column.released {
        text.push_str(&outcome(released, report.bytes));
    }
    if let Some(refused) = &column.refused {
        line(
            &mut text,
            &format!("   a caller is refused, {}", refused.reason),
        );
        for sentence in &refused.sentences {
            line(&mut text, &format!("     {sentence}"));
        }
    }
    for granted in &column.grants {
        text.push_str(&grant(granted, &report.on));
    }
    if column.grants.is_empty() {
        line(&mut text, "   no agreement grants it for this method");
    }
    text
}

fn outcome(released: &Released, sample_bytes: usize) -> String {
    let mut text = String::new();
    line(
        &mut text,
        &format!("   bytes     {sample_bytes} in, {} out", released.bytes),
    );
    for (what, paths) in [
        ("withheld", &released.withheld),
        ("covered", &released.covered),
        ("absent", &released.absent),
    ] {
        if !paths.is_empty() {
            text.push_str(&wrapped(&format!("   {what:<8}  "), paths));
        }
    }
    text
}

fn grant(grant: &Granted, on: &str) -> String {
    let mut text = String::new();
    let force = match grant.in_force {
        true => format!("in force on {on}"),
        false => format!("NOT in force on {on}"),
    };
    line(&mut text, &format!("   grant `{}`, {force}", grant.id));
    line(
        &mut text,
        &format!(
            "     from      {} to {}",
            grant.valid_from, grant.valid_until
        ),
    );
    line(
        &mut text,
        &format!("     consumer  {} {}", grant.consumer, grant.consumer_name),
    );
    let systems = grant.systems.iter().map(|system| match system.suspended {
        true => format!("{} (suspended)", system.id),
        false => system.id.clone(),
    });
    let systems = systems.collect::<Vec<_>>().join(", ");
    let systems = if systems.is_empty() {
        "none is registered"
    } else {
        &systems
    };
    line(&mut text, &format!("     systems   {systems}"));
    for procedure in &grant.procedures {
        line(&mut text, &format!("     for       {}", purpose(procedure)));
    }
    text
}

/// The code with the first of its names: several variants of a procedure may bear one code.
fn purpose(procedure: &Purpose) -> String {
    let first = procedure.names.first().map_or("", String::as_str);
    let name = shortened(first, NAME_WIDTH_MAX);
    match procedure.names.len().saturating_sub(1) {
        0 => format!("{} {name}", procedure.code),
        more => format!("{} {name} (and {more} more)", procedure.code),
    }
}

/// What no column lets out: as far as an agreement could, and what none ever can.
fn notes(report: &Report) -> String {
    let mut text = String::new();
    if report.columns.iter().all(|column| column.refused.is_some()) {
        return text;
    }
    let secret = |label| matches!(label, Label::Unmarked);
    let foreign = |label| matches!(label, Label::Extension | Label::Unknown);
    for (what, paths) in [
        (
            "leaves under none of these",
            kept(report, |label| !label.never_leaves()),
        ),
        (
            "unmarked, so that no view can give it",
            kept(report, secret),
        ),
        (
            "not in the contract, so that it is always dropped",
            kept(report, foreign),
        ),
    ] {
        if !paths.is_empty() {
            line(&mut text, &format!("\n{what}:"));
            text.push_str(&wrapped("   ", &paths));
        }
    }
    text
}

/// The paths of some classes that leave under no column that answers. What lies beneath one of them
/// needs no word of its own.
fn kept(report: &Report, of: impl Fn(Label) -> bool) -> Vec<String> {
    let rows = report.fields.iter().filter(|row| of(row.class));
    let stays = |row: &&Row| {
        let cells = row.leaves.iter().zip(&report.columns);
        let mut cells = cells.filter(|(_, column)| column.refused.is_none());
        cells.all(|(leaves, _)| *leaves == 0)
    };
    let rows = rows.filter(stays);
    let mut kept: Vec<String> = Vec::new();
    for row in rows {
        // What lies in a field comes after it.
        if !kept.iter().any(|wide| covers(wide, &row.path)) {
            kept.push(row.path.clone());
        }
    }
    kept
}

/// Paths behind a head, on as many lines as they take.
fn wrapped(head: &str, paths: &[String]) -> String {
    let mut text = String::new();
    let mut started = head.to_owned();
    for (path, left) in paths.iter().zip((0..paths.len()).rev()) {
        let comma = if left > 0 { ", " } else { "" };
        let width = started
            .width()
            .saturating_add(path.width())
            .saturating_add(1);
        if width > LINE_WIDTH_MAX && started.trim() != head.trim() {
            line(&mut text, started.trim_end());
            started = " ".repeat(head.width());
        }
        started.push_str(path);
        started.push_str(comma);
    }
    line(&mut text, &started);
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _written = writeln!(text, "{line}");
}
