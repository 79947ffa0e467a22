//! How long a file, a line and a function may be.

use super::finding::Finding;
use super::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
/// In characters, not bytes: Vietnamese takes up to three bytes for a letter.
const LINE_COLUMNS_MAX: usize = 100;

pub(crate) fn source(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut breach = |line, what: String| findings.push(Finding::new(source.path, line, what));
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        breach(
            FILE_LINES_MAX + 1,
            format!("{lines} lines, at most {FILE_LINES_MAX}: split it"),
        );
    }
    for (at, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > LINE_COLUMNS_MAX {
            breach(
                at + 1,
                format!("{columns} columns, at most {LINE_COLUMNS_MAX}"),
            );
        }
    }
    for function in source.functions() {
        let lines = 1 + function.lines.end() - function.lines.start();
        if lines > FUNCTION_LINES_MAX {
            let name = function.name;
            let what = format!("`fn {name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
            breach(*function.lines.start(), what);
        }
    }
    findings
}

mod tests {
    use super::*;
    use crate::tidy::finding::printed;

    fn found(text: &str) -> Vec<String> {
        printed(&source(&Source::new("a.rs", text)))
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(found(&"\n".repeat(600)).is_empty());
        assert_eq!(
            found(&"\n".repeat(601)),
            ["a.rs:601: 601 lines, at most 600: split it"]
        );
    }

    #[test]
    fn a_long_line_is_found_by_its_letters() {
        assert!(found(&"đ".repeat(100)).is_empty());
        assert_eq!(
            found(&format!("\n{}", "đ".repeat(101))),
            ["a.rs:2: 101 columns, at most 100"]
        );
    }

    #[test]
    fn a_long_function_is_found() {
        let function =
            |lines: usize| format!("\nfn a() {{{}}}\nfn b() {{}}\n", "\n".repeat(lines - 1));
        assert!(found(&function(70)).is_empty());
        assert_eq!(
            found(&function(71)),
            ["a.rs:2: `fn a` has 71 lines, at most 70"]
        );
    }
}
