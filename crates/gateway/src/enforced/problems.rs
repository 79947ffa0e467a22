//! All that is wrong, at once.

use std::fmt;

use motlan_catalog::Faults;

use crate::telemetry::with_sources;

/// What is wrong. Prints one problem a line.
#[derive(Debug, Default)]
pub struct Problems {
    pub(crate) faults: Faults,
    others: Vec<String>,
}

impl Problems {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.faults.len() + self.others.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them on one line; in the last one how many more there are, if not all were kept.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let faults = self.faults.iter().map(ToString::to_string);
        let lines = faults.chain(self.others.iter().cloned());
        let more = self.faults.len().saturating_sub(self.faults.iter().len());
        lines.chain((more > 0).then(|| format!("and {more} more")))
    }

    /// The check itself broke off.
    pub(crate) fn lost() -> Self {
        Self {
            faults: Faults::new(),
            others: vec!["the gateway could not check the set to its end".to_owned()],
        }
    }

    pub(crate) fn other(&mut self, error: &dyn std::error::Error) {
        self.others.push(with_sources(error));
    }

    /// A line that says what is wrong and what to do.
    pub(crate) fn told(&mut self, line: String) {
        self.others.push(line);
    }

    /// What came out well; what did not is taken note of.
    pub(crate) fn note<T, E: std::error::Error>(&mut self, found: Result<T, E>) -> Option<T> {
        found.map_err(|error| self.other(&error)).ok()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{line}")?;
        }
        let many = if self.len() == 1 { "" } else { "s" };
        write!(f, "{} fault{many}", self.len())
    }
}
