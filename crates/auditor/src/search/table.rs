//! Found records as a table.

use std::io::{self, Write};

use motlan_api::audit::v1::{Record, Sealed};
use motlan_audit::{Opened, Page, ReadEntry};

use crate::moment::time;
use crate::show::{ended, plain, unread_word};

/// Writes the records, then how far the answer goes.
pub(super) fn write(page: &Page, with_sealed: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![head(with_sealed)];
    rows.extend(page.records.iter().map(|entry| row(entry, with_sealed)));
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| String::as_str(cell).chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    if !page.records.is_empty() {
        for row in &rows {
            let cells = row.iter().zip(&widths);
            let line: String = cells
                .map(|(cell, width)| format!("{cell:<width$}  "))
                .collect();
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    let (found, indexed_to) = (page.records.len(), page.indexed_to);
    writeln!(
        out,
        "{found} shown; the answer speaks for the first {indexed_to} records."
    )?;
    if let Some(next) = &page.next {
        writeln!(out, "There are more: --page {next}")?;
    }
    Ok(())
}

fn head(with_sealed: bool) -> Vec<String> {
    let public = [
        "RECORD",
        "TIME",
        "WHAT",
        "CALLER",
        "DATASET",
        "PROCEDURE",
        "GRANT",
    ];
    let sealed = ["SUBJECT", "DOSSIER", "OFFICIAL"];
    let sealed = sealed.iter().filter(|_| with_sealed);
    public
        .iter()
        .chain(sealed)
        .map(|name| (*name).to_owned())
        .collect()
}

fn row(entry: &ReadEntry, with_sealed: bool) -> Vec<String> {
    let ReadEntry {
        id, record, sealed, ..
    } = entry;
    let Record {
        caller,
        dataset,
        procedure,
        grant,
        ..
    } = record;
    let mut row = vec![id.to_string(), time(record.time_us), ended(record)];
    row.extend([caller, dataset, procedure, grant].map(|text| cell(text)));
    if !with_sealed {
        return row;
    }
    match sealed {
        Opened::Sealed(sealed) => {
            let Sealed {
                subject,
                dossier,
                official,
                ..
            } = &**sealed;
            row.extend([subject, dossier, official].map(|text| cell(text)));
        }
        unread => row.extend([unread_word(unread), "", ""].map(cell)),
    }
    row
}

/// So that no cell is empty.
fn cell(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => plain(text),
    }
}
