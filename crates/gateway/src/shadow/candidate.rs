//! A set that is to be tried.

use std::path::Path;

use motlan_catalog::{Catalog, Revision};
use motlan_policy::{Rules, RulesError};

use super::{Asked, Decided};
use crate::enforced::Problems;

/// A set that decides nothing: signed or not, it says what it would decide.
pub struct Candidate {
    catalog: Catalog,
    rules: Rules,
}

impl Candidate {
    /// Loads and checks a folder, signatures apart.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(folder: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let catalog = match Catalog::load(folder) {
            Ok(catalog) => catalog,
            Err(faults) => {
                problems.faults.merge(faults);
                return Err(problems);
            }
        };
        match Rules::new(&catalog) {
            Ok(rules) => {
                // The rules have tried them.
                let catalog = catalog.without_cases();
                return Ok(Self { catalog, rules });
            }
            Err(RulesError::Faults(faults)) => problems.faults.merge(faults),
            Err(error) => problems.other(&error),
        }
        Err(problems)
    }

    /// Its revision.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        self.catalog.revision()
    }

    /// What it holds.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What it decides by.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What it would decide.
    pub fn decides(&self, asked: &Asked) -> Decided {
        asked.decided(&self.catalog, &self.rules)
    }
}
