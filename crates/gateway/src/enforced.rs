//! What is in force: everything that one revision of the catalogue comes to, loaded in one place
//! and immutable. A lookup that holds it is decided, asked, masked and recorded by it alone.

mod in_force;
mod problems;

use std::sync::Arc;

use motlan_catalog::{Revision, SignedCatalog, SignedFolder};
use motlan_policy::{Rules, RulesError};
use rustls::ClientConfig;

use crate::control::Reflection;
use crate::identity::Tokens;
use crate::owners::{OwnerLimits, Owners};
use crate::settings::Settings;
use crate::state;
pub use in_force::{Failed, InForce, Reloaded, Standing};
pub use problems::Problems;

/// What a set is loaded from, and with.
pub struct Sources {
    /// The catalogue, and what tells whether it may be in force.
    pub catalog: SignedFolder,
    /// `aud` of callers' tokens.
    pub audience: String,
    /// How hands are shaken with owners' systems.
    pub client_tls: Arc<ClientConfig>,
    /// How much may be asked of them.
    pub owners: OwnerLimits,
    /// Whether there is a state for what uses of grants leave behind.
    pub has_state: bool,
}

/// The set that is in force.
pub struct Enforced {
    pub(crate) catalog: SignedCatalog,
    pub(crate) rules: Rules,
    pub(crate) tokens: Tokens,
    pub(crate) owners: Owners,
    pub(crate) reflection: Reflection,
}

/// A set that was read and found good, but for the owners' addresses.
pub(crate) struct Read {
    pub(crate) catalog: SignedCatalog,
    rules: Rules,
    tokens: Tokens,
    reflection: Reflection,
}

impl Sources {
    /// Those that a configuration names.
    #[must_use]
    pub fn of(settings: &Settings, client_tls: Arc<ClientConfig>) -> Self {
        Self {
            catalog: settings.catalog.clone(),
            audience: settings.audience.clone(),
            client_tls,
            owners: settings.limits.owners,
            has_state: settings.state.is_some(),
        }
    }
}

impl Enforced {
    /// Loads and checks the whole set. Connections to owners' systems whose addresses are those of
    /// the set `before` go on.
    ///
    /// # Errors
    /// All that is wrong with it; nothing of such a set is usable.
    pub fn load(sources: &Sources, before: Option<&Self>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let read = Read::from(&sources.catalog, &sources.audience, &mut problems);
        if let Some(read) = read.as_ref().filter(|_| !sources.has_state) {
            problems.note(state::needless(&read.catalog));
        }
        let owners = read.as_ref().map(|read| {
            let before = before.map(|before| &before.owners);
            Owners::new(&read.catalog, &sources.client_tls, sources.owners, before)
        });
        let owners = owners.and_then(|owners| problems.note(owners));
        match (read, owners) {
            // R86: nothing older is taken from here on, not even after a crash.
            (Some(read), Some(owners))
                if problems.is_empty() && problems.note(read.catalog.remember()).is_some() =>
            {
                Ok(Self {
                    catalog: read.catalog,
                    rules: read.rules,
                    tokens: read.tokens,
                    owners,
                    reflection: read.reflection,
                })
            }
            _ => Err(problems),
        }
    }

    /// The revision that decides.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        self.catalog.revision()
    }
}

impl Read {
    /// Reads a set, and goes on past each fault.
    pub(crate) fn from(
        place: &SignedFolder,
        audience: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        let catalog = match SignedCatalog::load(place) {
            Ok(catalog) => catalog,
            Err(faults) => {
                problems.faults.extend(faults);
                return None;
            }
        };
        let rules = match Rules::new(&catalog) {
            Ok(rules) => Some(rules),
            // R28: tests that do not hold, each with its line.
            Err(RulesError::Faults(faults)) => {
                problems.faults.extend(faults);
                None
            }
            Err(error) => problems.note(Err(error)),
        };
        let tokens = problems.note(Tokens::new(&catalog, audience));
        let reflection = problems.note(Reflection::new(&catalog));
        Some(Self {
            rules: rules?,
            reflection: reflection?,
            tokens: tokens?,
            catalog,
        })
    }
}
