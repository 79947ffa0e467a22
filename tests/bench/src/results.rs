//! Everything that was measured, as it is written to a file.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::collection::Collection;
use crate::contest::Contest;
use crate::growth::Growth;
use crate::isolation::Isolation;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::mixed::Mixed;
use crate::saturation::Saturation;
use crate::stages::Stages;
use crate::start::Start;

/// Raised whenever a field changes its meaning or goes away.
const FORMAT: u32 = 1;

/// One run: the sections that were run.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    format: u32,
    pub(crate) machine: Machine,
    /// A smoke run: the figures mean nothing.
    pub(crate) smoke: bool,
    pub(crate) contest: Option<Contest>,
    pub(crate) mixed: Option<Mixed>,
    pub(crate) saturation: Option<Saturation>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) start: Option<Start>,
    pub(crate) memory: Option<Memory>,
    pub(crate) stages: Option<Stages>,
    pub(crate) growth: Option<Growth>,
    pub(crate) collection: Option<Collection>,
}

impl Results {
    /// Nothing yet.
    pub(crate) fn on(machine: Machine, smoke: bool) -> Self {
        Self {
            format: FORMAT,
            machine,
            smoke,
            contest: None,
            mixed: None,
            saturation: None,
            isolation: None,
            start: None,
            memory: None,
            stages: None,
            growth: None,
            collection: None,
        }
    }

    /// Writes it all as JSON.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(file, text).with_context(|| format!("`{}`", file.display()))
    }
}
