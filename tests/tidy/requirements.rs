//! Each number in `docs/REQUIREMENTS.md` is quoted by code and by a test, and no quote is without a
//! row.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::source::Source;

pub(crate) const PAGE: &str = "docs/REQUIREMENTS.md";

/// Its samples quote numbers of their own.
const SAMPLES: &str = "tests/tidy/";

/// Files that may quote a number, by their endings.
const QUOTING: [&str; 3] = [".rs", ".cedar", ".py"];

/// `page` is the text of the requirements, if there is one; `files` are paths with texts.
pub(crate) fn check(page: Option<&str>, files: &[(&str, &str)]) -> Vec<Finding> {
    let Some(page) = page else {
        return vec![Finding::new(PAGE, 1, "there is no page of requirements")];
    };
    let (rows, mut findings) = rows(page);
    let quotes = quotes(files);
    for (number, line) in &rows {
        for (by_test, by) in [(false, "code"), (true, "a test")] {
            if !quotes
                .iter()
                .any(|it| it.number == *number && it.by_test == by_test)
            {
                findings.push(Finding::new(
                    PAGE,
                    *line,
                    format!("`R{number}` is not quoted by {by}"),
                ));
            }
        }
    }
    let unknown: BTreeSet<_> = quotes
        .iter()
        .filter(|it| !rows.contains_key(&it.number))
        .collect();
    findings.extend(unknown.into_iter().map(|it| {
        Finding::new(
            it.file,
            it.line,
            format!("`R{}` is not in `{PAGE}`", it.number),
        )
    }));
    findings
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Quote<'a> {
    file: &'a str,
    line: usize,
    number: u32,
    by_test: bool,
}

/// The numbers of the page, each with the line of its row.
fn rows(page: &str) -> (BTreeMap<u32, usize>, Vec<Finding>) {
    let mut rows = BTreeMap::new();
    let mut findings = Vec::new();
    for (at, text) in page.lines().enumerate() {
        let line = at + 1;
        let cell = text
            .strip_prefix('|')
            .and_then(|rest| rest.split('|').next())
            .unwrap_or_default();
        let Some(number) = number(cell.trim()) else {
            continue;
        };
        if let Some(first) = rows.insert(number, line) {
            let what = format!("`R{number}` has a row already, in line {first}");
            findings.push(Finding::new(PAGE, line, what));
        }
    }
    if rows.is_empty() {
        findings.push(Finding::new(PAGE, 1, "no row names a requirement"));
    }
    (rows, findings)
}

fn quotes<'a>(files: &[(&'a str, &'a str)]) -> Vec<Quote<'a>> {
    let mut quotes = Vec::new();
    for (file, text) in files {
        let ours = file.starts_with("crates/") || file.starts_with("tests/");
        let quoting = QUOTING.iter().any(|ending| file.ends_with(ending));
        if !ours || !quoting || file.starts_with(SAMPLES) {
            continue;
        }
        let source = Source::new(file, if file.ends_with(".rs") { text } else { "" });
        for (at, words) in text.lines().enumerate() {
            let line = at + 1;
            let numbers = words.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            quotes.extend(numbers.filter_map(number).map(|number| Quote {
                file,
                line,
                number,
                by_test: source.is_test(line),
            }));
        }
    }
    quotes
}

/// `R12` is 12, and `R012` and `SR12` are nothing.
fn number(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('R')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

mod tests {
    use super::*;
    use crate::tidy::finding::printed;

    const TABLE: &str =
        "# R9\n\n| number | requirement |\n| --- | --- |\n| R1 | One. |\n| R20 | R3. |\n";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        printed(&check(Some(TABLE), files))
    }

    #[test]
    fn a_number_that_code_and_a_test_quote_is_clean() {
        let rust = "// R1: one.\n#[cfg(test)]\nmod tests {\n    // R1, R20\n}\n";
        let cedar = (
            "crates/policy/src/rules/guards.cedar",
            "// (R20)\nforbid();",
        );
        assert!(found(&[("crates/a/src/lib.rs", rust), cedar]).is_empty());
        let python = ("tests/python/test_way.py", "# R1 R20");
        assert!(found(&[("crates/a/src/lib.rs", "// R1, R20"), python]).is_empty());
    }

    #[test]
    fn a_number_that_nothing_quotes_is_found() {
        let what = [
            "docs/REQUIREMENTS.md:5: `R1` is not quoted by a test",
            "docs/REQUIREMENTS.md:6: `R20` is not quoted by code",
        ];
        let files = [
            ("crates/a/src/lib.rs", "// R1"),
            ("crates/a/tests/a.rs", "// R20"),
        ];
        assert_eq!(found(&files), what);
    }

    #[test]
    fn a_part_of_a_word_is_no_quote() {
        let files = [
            ("crates/a/src/a.rs", "// R10 R2 R201 R1x"),
            ("tests/a.rs", "R1_0 xR20 R020"),
        ];
        let missing = found(&files)
            .into_iter()
            .filter(|it| it.contains("is not quoted by"));
        assert_eq!(missing.count(), 4);
    }

    #[test]
    fn a_quote_without_a_row_is_found() {
        let both = "// R1 R20\n#[cfg(test)]\n// R1 R20\nmod tests;\n// R7\n";
        let what = "crates/a/src/a.rs:5: `R7` is not in `docs/REQUIREMENTS.md`";
        assert_eq!(found(&[("crates/a/src/a.rs", both)]), [what]);
    }

    #[test]
    fn a_page_without_rows_or_no_page_is_found() {
        let what = "docs/REQUIREMENTS.md:1: there is no page of requirements";
        assert_eq!(printed(&check(None, &[])), [what]);
        let what = "docs/REQUIREMENTS.md:1: no row names a requirement";
        assert_eq!(printed(&check(Some("# R1\n"), &[])), [what]);
    }

    #[test]
    fn a_number_with_two_rows_is_found() {
        let page = "| R1 | a |\n| R1 | b |\n";
        let files = [("crates/a/src/a.rs", "// R1"), ("tests/a.rs", "// R1")];
        let what = "docs/REQUIREMENTS.md:2: `R1` has a row already, in line 1";
        assert_eq!(printed(&check(Some(page), &files)), [what]);
    }
}
