//! What is wrong with the files an operator wrote: where, what, and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as reached from the folder that was given.
    pub file: PathBuf,
    /// The line in it, counted from 1, where one line is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}; {}", self.what, self.remedy)
    }
}

/// The most faults that are kept; of more, only their number is told.
pub const FAULTS_MAX: usize = 200;
/// A name longer than this, in characters, is cut in what is told.
const NAME_MAX: usize = 200;

/// All that is wrong, in the order of files and lines, up to [`FAULTS_MAX`]. Prints one fault a
/// line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    kept: Vec<Fault>,
    /// How many more were found.
    more: usize,
}

impl Faults {
    /// Nothing is wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one fault. The same fault, found twice, is kept once.
    pub fn push(
        &mut self,
        file: &Path,
        line: impl Into<Option<usize>>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.is_full() {
            self.more = self.more.saturating_add(1);
            return;
        }
        let fault = Fault {
            file: file.to_owned(),
            line: line.into(),
            what: cut(what.into()),
            remedy: cut(remedy.into()),
        };
        if let Err(place) = self.kept.binary_search(&fault) {
            self.kept.insert(place, fault);
        }
    }

    /// Adds all that others found.
    pub fn merge(&mut self, other: Self) {
        self.more = self.more.saturating_add(other.more);
        self.extend(other.kept);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many faults there are, those included that are not kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len().saturating_add(self.more)
    }

    /// Whether further faults are only counted, so that looking for what was meant is in vain.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kept.len() >= FAULTS_MAX
    }

    /// The faults, by file and line.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.kept.iter()
    }

    /// `value` if nothing is wrong, else all that is.
    ///
    /// # Errors
    /// When there is at least one fault.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl Extend<Fault> for Faults {
    fn extend<I: IntoIterator<Item = Fault>>(&mut self, faults: I) {
        for fault in faults {
            self.push(&fault.file, fault.line, fault.what, fault.remedy);
        }
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.kept.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// A sentence with the names in it, which stand between backticks, cut where they are too long.
fn cut(sentence: String) -> String {
    if sentence.len() <= NAME_MAX {
        return sentence;
    }
    let pieces = sentence.split('`').enumerate();
    let pieces = pieces.map(|(index, piece)| match piece.char_indices().nth(NAME_MAX) {
        Some((end, _)) if index % 2 == 1 => format!("{}…", piece.get(..end).unwrap_or_default()),
        _ => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join("`")
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_faults_are_kept_than_people_read_and_names_are_cut() {
        let mut faults = Faults::new();
        for line in 0..FAULTS_MAX + 7 {
            let what = format!("`{}` is unknown", "x".repeat(10_000));
            faults.push(Path::new("a.toml"), line, what, "remove it");
        }
        assert_eq!(faults.len(), FAULTS_MAX + 7);
        assert_eq!(faults.iter().count(), FAULTS_MAX);
        let told = faults.to_string();
        assert!(
            told.ends_with("xx…` is unknown; remove it\nand 7 more"),
            "{told}"
        );
        assert!(told.len() < FAULTS_MAX * 300, "{}", told.len());
    }

    #[test]
    fn faults_print_one_a_line_in_the_order_of_files_and_lines() {
        let mut faults = Faults::new();
        faults.push(Path::new("b.toml"), 2, "`x` is unknown", "remove it");
        faults.push(Path::new("a.toml"), None, "is missing", "write it");
        faults.push(Path::new("b.toml"), 1, "`y` is empty", "fill it in");
        faults.push(Path::new("b.toml"), 2, "`x` is unknown", "remove it");
        assert_eq!(
            faults.to_string(),
            "a.toml: is missing; write it\n\
             b.toml:1: `y` is empty; fill it in\n\
             b.toml:2: `x` is unknown; remove it"
        );
    }
}
