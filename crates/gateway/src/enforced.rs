//! What is in force: everything that one revision of the catalogue comes to, loaded in one place
//! and immutable. A lookup that holds it is decided, asked, masked and recorded by it alone.

mod in_force;
mod problems;

use std::cmp::Ordering;

use motlan_catalog::{Revision, SignedCatalog, SignedFolder};
use motlan_policy::{Rules, RulesError};

use crate::control::Reflection;
use crate::identity::Tokens;
use crate::owners::{OwnerLimits, Owners};
use crate::settings::Settings;
use crate::state;
use crate::tls::ClientCredentials;
pub(crate) use in_force::Following;
pub use in_force::{Failed, InForce, Reloaded, Standing};
pub use problems::Problems;

/// What a set is loaded from, and with.
pub struct Sources {
    /// The catalogue, and what tells whether it may be in force.
    pub catalog: SignedFolder,
    /// `aud` of callers' tokens.
    pub audience: String,
    /// How hands are shaken with owners' systems.
    pub client: ClientCredentials,
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
    pub fn of(settings: &Settings, client: ClientCredentials) -> Self {
        Self {
            catalog: settings.catalog.clone(),
            audience: settings.audience.clone(),
            client,
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
        Self::of(read, sources, before, problems)
    }

    /// As [`Self::load`] a first set, which was read already.
    fn take(read: Read, sources: &Sources) -> Result<Self, Problems> {
        Self::of(Some(read), sources, None, Problems::default())
    }

    /// What was read, checked to the end, `problems` being what was wrong so far.
    fn of(
        read: Option<Read>,
        sources: &Sources,
        before: Option<&Self>,
        mut problems: Problems,
    ) -> Result<Self, Problems> {
        if let Some(read) = read.as_ref().filter(|_| !sources.has_state) {
            problems.note(state::needless(&read.catalog));
        }
        if let (Some(read), Some(before)) = (&read, before) {
            let (next, before) = (&read.catalog, &before.catalog);
            let is_same = next.revision() == before.revision();
            let (found, known) = (next.sealed_revision(), before.sealed_revision());
            problems.note(follows(found, known, is_same));
        }
        let owners = read.as_ref().map(|read| {
            let before = before.map(|before| &before.owners);
            let tls = sources.client.newest();
            Owners::new(&read.catalog, &tls, sources.owners, before)
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

/// Why a set may not follow on the one in force.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    /// It is older.
    #[error("the set is revision {found}, but revision {known} is in force")]
    RolledBack { found: u64, known: u64 },
    /// It is another of the same number.
    #[error("the set is another revision {0} than the one that is in force")]
    Twofold(u64),
}

/// R86: nothing older than what is in force, and nothing else under its number, whatever the file
/// says that remembers it.
fn follows(found: u64, known: u64, is_same: bool) -> Result<(), FollowError> {
    match found.cmp(&known) {
        Ordering::Less => Err(FollowError::RolledBack { found, known }),
        Ordering::Equal if !is_same => Err(FollowError::Twofold(found)),
        Ordering::Equal | Ordering::Greater => Ok(()),
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
                problems.faults.merge(faults);
                return None;
            }
        };
        let rules = match Rules::new(&catalog) {
            Ok(rules) => Some(rules),
            // R28: tests that do not hold, each with its line.
            Err(RulesError::Faults(faults)) => {
                problems.faults.merge(faults);
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
            // The rules have tried them.
            catalog: catalog.without_cases(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_set_in_force_or_a_later_one_follows_on_it() {
        // R86.
        assert!(follows(3, 3, true).is_ok() && follows(4, 3, false).is_ok());
        let back = follows(2, 3, false);
        assert!(matches!(back, Err(FollowError::RolledBack { .. })));
        let twofold = follows(3, 3, false);
        assert!(matches!(twofold, Err(FollowError::Twofold(3))));
    }
}
