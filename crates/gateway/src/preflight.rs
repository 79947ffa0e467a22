//! Everything that can be found wrong with a configuration before the first connection is taken,
//! all at once.

use std::fmt;
use std::path::Path;

use motlan_catalog::{Catalog, Faults};
use motlan_policy::{Rules, RulesError};
use rustls::ClientConfig;

use crate::identity::Tokens;
use crate::ledger;
use crate::owners::Owners;
use crate::settings::{Draft, Settings};
use crate::telemetry::with_sources;
use crate::{tls, witnesses};

/// What is wrong. Prints one problem a line.
#[derive(Debug, Default)]
pub struct Problems {
    faults: Faults,
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

    fn other(&mut self, error: &dyn std::error::Error) {
        self.others.push(with_sources(error));
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self.faults.iter() {
            writeln!(f, "{fault}")?;
        }
        for problem in &self.others {
            writeln!(f, "{problem}")?;
        }
        let many = if self.len() == 1 { "" } else { "s" };
        writeln!(f, "{} fault{many}; nothing was started", self.len())
    }
}

/// R51: checks a configuration with everything that it names, and goes on past each fault.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Path) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    let draft = Draft::read(config, &mut problems.faults);
    let client = check_tls(&draft, &mut problems);
    if let Some(folder) = &draft.catalog {
        check_catalog(folder, &draft, client, &mut problems);
    }
    if let (Some(instance), Some(settings)) = (&draft.instance, &draft.ledger) {
        for error in ledger::faults(instance, settings) {
            problems.other(&error);
        }
    }
    for error in witnesses::faults(&draft.witnesses) {
        problems.other(&error);
    }
    match draft.settings() {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems),
    }
}

fn check_tls(draft: &Draft, problems: &mut Problems) -> Option<ClientConfig> {
    if let Some(Err(error)) = draft.tls.as_ref().map(tls::server) {
        problems.other(&error);
    }
    match draft.provider_tls.as_ref().map(tls::client)? {
        Ok(client) => Some(client),
        Err(error) => {
            problems.other(&error);
            None
        }
    }
}

fn check_catalog(
    folder: &Path,
    draft: &Draft,
    client: Option<ClientConfig>,
    problems: &mut Problems,
) {
    let catalog = match Catalog::load(folder) {
        Ok(catalog) => catalog,
        Err(faults) => return problems.faults.extend(faults.iter().cloned()),
    };
    match Rules::new(&catalog) {
        Ok(_) => {}
        // R28: tests that do not hold, each with its line.
        Err(RulesError::Faults(faults)) => problems.faults.extend(faults),
        Err(error) => problems.other(&error),
    }
    if let Err(error) = Tokens::new(&catalog, draft.audience.as_deref().unwrap_or_default()) {
        problems.other(&error);
    }
    let owners = client
        .zip(draft.limits)
        .map(|(client, limits)| Owners::new(&catalog, &client.into(), limits.owners));
    if let Some(Err(error)) = owners {
        problems.other(&error);
    }
}
