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
    let mut lines = Lines {
        content,
        at: 0,
        line: 1,
    };
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
        let start = record
            .position()
            .and_then(|place| usize::try_from(place.byte()).ok());
        let line = lines.line(start.unwrap_or_default());
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

/// Counts lines. The reader's own count is one behind where lines end with `\r\n`: a record of its
/// starts with the `\n` of the line before.
struct Lines<'c> {
    content: &'c [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the first byte from `start` on that ends no line. Starts never fall.
    fn line(&mut self, start: usize) -> usize {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let rest = self.content.get(start..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| is_end(byte)).count();
        let start = start.saturating_add(ends);
        let passed = self.content.get(self.at..start).unwrap_or_default();
        let newlines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(newlines);
        self.at = start;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_line_it_stands_in_however_lines_end() {
        for end in ["\n", "\r\n"] {
            let text = ["a,b", "1,2", "3,\"4", "5\"", "", "6,7"].join(end);
            let mut faults = Faults::new();
            let rows = rows(
                Path::new("a.csv"),
                text.as_bytes(),
                &["a", "b"],
                &mut faults,
            );
            let lines: Vec<usize> = rows.iter().map(|row| row.line).collect();
            assert_eq!(lines, [2, 3, 6], "{end:?}");
        }
    }
}
