//! The law's tables, read by plain code that shares nothing with the catalogue's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::run::root;

const ANNEX: &str = "deploy/catalog/procedures/procedures_66_7_2025.csv";
const ARTICLE4: &str = "deploy/catalog/procedures/article4_66_7_2025.csv";

/// A row by its columns' names, with the line in which it starts.
pub(crate) struct Row {
    pub(crate) line: usize,
    cells: BTreeMap<String, String>,
}

impl Row {
    /// The text in a column; of no column there is, the empty one.
    pub(crate) fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

pub(crate) fn annex() -> Result<Vec<Row>> {
    rows(&fs::read_to_string(root().join(ANNEX))?)
}

pub(crate) fn article4() -> Result<Vec<Row>> {
    rows(&fs::read_to_string(root().join(ARTICLE4))?)
}

/// How often each text stands in a column, its parts counted one by one.
pub(crate) fn counted(rows: &[Row], column: &str) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for part in rows.iter().flat_map(|row| row.cell(column).split('|')) {
        *counted.entry(part.to_owned()).or_default() += 1;
    }
    counted
}

/// The different texts of a column.
pub(crate) fn different<'r>(rows: &'r [Row], column: &str) -> BTreeSet<&'r str> {
    rows.iter().map(|row| row.cell(column)).collect()
}

/// One letter at a time: quotes, doubled quotes within them, commas, ends of lines.
fn rows(text: &str) -> Result<Vec<Row>> {
    let mut table: Vec<(usize, Vec<String>)> = Vec::new();
    let (mut line, mut start) = (1, 1);
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        line += usize::from(letter == '\n');
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                cells.push(std::mem::take(&mut cell));
                table.push((start, std::mem::take(&mut cells)));
                start = line;
            }
            other => cell.push(other),
        }
    }
    ensure!(
        cells.is_empty() && cell.is_empty() && !quoted,
        "an unfinished row"
    );
    let (_, header) = table.first().context("no header")?.clone();
    let rows = table.into_iter().skip(1).map(|(line, cells)| {
        ensure!(
            cells.len() == header.len(),
            "line {line}: {} cells",
            cells.len()
        );
        let cells = cells.iter().map(|cell| cell.trim().to_owned());
        let cells = header.iter().cloned().zip(cells).collect();
        Ok(Row { line, cells })
    });
    rows.collect()
}
