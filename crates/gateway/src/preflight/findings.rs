//! What was found: faults, each with the line of the key that it comes from, and what was looked at
//! and is in order.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::enforced::Problems;
use crate::telemetry::with_sources;

/// What was found so far.
pub(super) struct Findings {
    config: PathBuf,
    lines: BTreeMap<String, usize>,
    /// What is wrong.
    pub(super) problems: Problems,
    /// What was looked at and is in order, a line each.
    pub(super) looked: Vec<String>,
}

impl Findings {
    pub(super) fn new(config: &Path, lines: BTreeMap<String, usize>, problems: Problems) -> Self {
        Self {
            config: config.to_owned(),
            lines,
            problems,
            looked: Vec::new(),
        }
    }

    /// What the key `key` names is wrong.
    pub(super) fn fault(&mut self, key: &str, what: impl Display, remedy: impl Into<String>) {
        let (line, what) = (self.lines.get(key).copied(), format!("`{key}`: {what}"));
        self.problems.faults.push(&self.config, line, what, remedy);
    }

    /// As [`Self::fault`], where the error itself says what to do.
    pub(super) fn error(&mut self, key: &str, error: &dyn std::error::Error) {
        let line = self.lines.get(key).map(|line| format!("{line}:"));
        let place = format!("{}:{}", self.config.display(), line.unwrap_or_default());
        let told = format!("{place} `{key}`: {}", with_sources(error));
        self.problems.told(told);
    }
}
