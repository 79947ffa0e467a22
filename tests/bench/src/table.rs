//! How figures are printed.

use std::fmt::Write as _;

use crate::figures::Spread;

/// What stands where there is no figure.
pub(crate) const NONE: &str = "—";

/// The median, and in brackets the smallest and the largest where there are several.
pub(crate) fn spread(spread: Option<Spread>, print: fn(f64) -> String) -> String {
    let Some(Spread { median, min, max }) = spread else {
        return NONE.to_owned();
    };
    // As after a single round.
    if min.total_cmp(&max).is_eq() {
        return print(median);
    }
    format!("{} ({}–{})", print(median), print(min), print(max))
}

/// One decimal where it tells something.
pub(crate) fn plain(figure: f64) -> String {
    if figure.abs() < 100.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}

/// A ratio.
pub(crate) fn share(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// Memory, in MiB.
pub(crate) fn mebibytes(kib: u64) -> String {
    let (whole, tenths) = (kib / 1024, kib % 1024 * 10 / 1024);
    format!("{whole}.{tenths}")
}

/// A row of words.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Rows with each column as wide as its widest cell. What ends a shorter row may run on.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    for row in rows {
        let ends_short = row.len() < columns;
        let fixed = row.len() - usize::from(ends_short && !row.is_empty());
        for (at, cell) in row.iter().take(fixed).enumerate() {
            let letters = cell.chars().count();
            match widths.get_mut(at) {
                Some(width) => *width = letters.max(*width),
                None => widths.push(letters),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = widths.get(at).copied().unwrap_or_default();
            // Writing into a string cannot fail.
            let _written = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_one_another_whatever_their_letters() {
        let rows = [row(["µs", "calls"]), row(["12.5", "3"])];
        assert_eq!(aligned(&rows), "µs    calls\n12.5  3\n");
        let rows = [row(["a", "b"]), row(["runs on"])];
        assert_eq!(aligned(&rows), "a  b\nruns on\n");
    }

    #[test]
    fn a_spread_of_one_is_a_figure_and_of_none_a_dash() {
        assert_eq!(spread(Spread::over([2.0]), plain), "2.0");
        assert_eq!(spread(Spread::over([100.0, 300.0]), plain), "200 (100–300)");
        assert_eq!(spread(None, plain), NONE);
        assert_eq!(mebibytes(1536), "1.5");
    }
}
