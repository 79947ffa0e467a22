//! Rows of comma-separated values, each with its line.

use std::path::Path;

use crate::fault::Faults;

/// The most rows of one file.
pub(super) const ROWS_MAX: usize = 100_000;

/// One row: as many texts as the header has, without the white space around them.
pub(super) struct Row {
    pub(super) line: usize,
    cells: Vec<String>,
}

impl Row {
    /// The text in this column; the empty text where there is none.
    pub(super) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// As many texts as are asked for, from the first column on.
    pub(super) fn cells<const N: usize>(&self) -> [&str; N] {
        std::array::from_fn(|column| self.cell(column))
    }
}

/// The header of a file, or nothing where there is none.
pub(super) fn header(content: &[u8]) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(content);
    let header = reader.byte_headers().ok();
    let cells = header.into_iter().flatten();
    cells
        .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
        .collect()
}

/// The rows of a file that has these columns. A row with a fault is reported and left out.
pub(super) fn rows(file: &Path, content: &[u8], columns: &[&str], faults: &mut Faults) -> Vec<Row> {
    if header(content) != columns {
        let remedy = format!("write the first line as `{}`", columns.join(","));
        faults.push(file, 1, "does not have the columns expected", remedy);
        return Vec::new();
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(content);
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(file, None, format!("cannot be read: {error}"), "correct it");
                break;
            }
        };
        if rows.len() == ROWS_MAX {
            faults.push(
                file,
                None,
                format!("has more than {ROWS_MAX} rows"),
                "split it",
            );
            break;
        }
        let line = record
            .position()
            .and_then(|place| usize::try_from(place.line()).ok());
        let line = line.unwrap_or_default();
        if record.len() != columns.len() {
            let what = format!("has {} columns, not {}", record.len(), columns.len());
            faults.push(file, line, what, "check the commas and quotes of the row");
            continue;
        }
        let cells = record
            .iter()
            .map(|cell| std::str::from_utf8(cell).map(str::trim));
        match cells.map(|cell| cell.map(str::to_owned)).collect() {
            Ok(cells) => rows.push(Row { line, cells }),
            Err(_not_text) => faults.push(file, line, "is not UTF-8", "save the file as UTF-8"),
        }
    }
    rows
}
