//! Everything that can be found wrong with a configuration before the first connection is taken,
//! all at once.

use std::fmt;
use std::path::{Path, PathBuf};

use motlan_audit::{Origin, SignerKey};
use motlan_catalog::document::Document;
use motlan_catalog::{Catalog, Faults};
use motlan_policy::Rules;

use crate::identity::Tokens;
use crate::ledger_init::this_quarter;
use crate::owners::Owners;
use crate::settings::Settings;
use crate::tls;

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
        let mut line = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            source = cause.source();
        }
        self.others.push(line);
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

/// R51: checks a configuration with everything that it names.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Path) -> Result<Settings, Problems> {
    let mut problems = Problems::default();
    let settings = match Settings::read(config) {
        Ok(settings) => {
            check_catalog(&settings.catalog, Some(&settings), &mut problems);
            check_files(&settings, &mut problems);
            Some(settings)
        }
        Err(faults) => {
            problems.faults.extend(faults.iter().cloned());
            // The catalogue's faults can be told all the same, if its folder is named.
            if let Some(folder) = catalog_folder(config) {
                check_catalog(&folder, None, &mut problems);
            }
            None
        }
    };
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems),
    }
}

fn catalog_folder(config: &Path) -> Option<PathBuf> {
    let mut seen_already = Faults::new();
    let document = Document::read(config, &mut seen_already)?;
    document
        .root()
        .opt_path("catalog", &mut seen_already)
        .map(|folder| folder.value)
}

fn check_catalog(folder: &Path, settings: Option<&Settings>, problems: &mut Problems) {
    let catalog = match Catalog::load(folder) {
        Ok(catalog) => catalog,
        Err(faults) => return problems.faults.extend(faults.iter().cloned()),
    };
    if let Err(error) = Rules::new(&catalog) {
        problems.other(&error);
    }
    let Some(settings) = settings else { return };
    if let Err(error) = Tokens::new(&catalog, &settings.audience) {
        problems.other(&error);
    }
    match tls::client(&settings.provider_tls) {
        Ok(client) => {
            let owners = Owners::new(&catalog, &client.into(), settings.limits.owners);
            if let Err(error) = owners {
                problems.other(&error);
            }
        }
        Err(error) => problems.other(&error),
    }
}

fn check_files(settings: &Settings, problems: &mut Problems) {
    if let Err(error) = tls::server(&settings.tls) {
        problems.other(&error);
    }
    let ledger = &settings.ledger;
    let origin = Origin::new(&ledger.origin, &settings.instance, this_quarter());
    if let Err(error) = origin {
        problems.other(&error);
    }
    if let Err(error) = SignerKey::read(&ledger.key) {
        problems.other(&error);
        problems
            .others
            .push("the ledger's key is made by `motlan ledger init`".to_owned());
    }
    if !ledger.folder.is_dir() {
        let folder = ledger.folder.display();
        problems.others.push(format!(
            "`{folder}` is no folder; `motlan ledger init` makes it"
        ));
    }
}
