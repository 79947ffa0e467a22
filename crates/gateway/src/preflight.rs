//! Everything that can be found wrong with a configuration before the first connection is taken,
//! all at once.

use std::path::Path;

use motlan_catalog::SignedFolder;
use rustls::ClientConfig;

use crate::enforced::{Problems, Read};
use crate::owners::Owners;
use crate::settings::{Draft, Settings};
use crate::state::State;
use crate::{ledger, state, tls, witnesses};

/// Why a configuration is not started with. Prints one problem a line.
#[derive(Debug, thiserror::Error)]
#[error("{0}; nothing was started\n")]
pub struct Unstarted(Problems);

/// A configuration in which nothing is wrong, with the set that was read for it: what was checked
/// is what is taken in force, whatever lies in the folder by then.
#[must_use]
pub struct Checked {
    pub(crate) settings: Settings,
    pub(crate) read: Read,
}

impl Checked {
    /// The configuration.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// As [`checked`], for whoever wants to know no more than whether anything is wrong.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Path) -> Result<Settings, Unstarted> {
    checked(config).map(|checked| checked.settings)
}

/// R51: checks a configuration with everything that it names, and goes on past each fault.
///
/// # Errors
/// All that is wrong.
pub fn checked(config: &Path) -> Result<Checked, Unstarted> {
    let mut problems = Problems::default();
    let draft = Draft::read(config, &mut problems.faults);
    let client = check_tls(&draft, &mut problems);
    let place = draft.catalog.as_ref();
    let read = place.and_then(|place| check_catalog(place, &draft, client, &mut problems));
    if let (Some(instance), Some(settings)) = (&draft.instance, &draft.ledger) {
        for error in ledger::faults(instance, settings) {
            problems.other(&error);
        }
    }
    if let Some(Err(error)) = draft.state.as_deref().map(State::check) {
        problems.other(&error);
    }
    for error in witnesses::faults(&draft.witnesses) {
        problems.other(&error);
    }
    match draft.settings().zip(read) {
        Some((settings, read)) if problems.is_empty() => Ok(Checked { settings, read }),
        _ => Err(Unstarted(problems)),
    }
}

fn check_tls(draft: &Draft, problems: &mut Problems) -> Option<ClientConfig> {
    if let Some(Err(error)) = draft.tls.as_ref().map(tls::server) {
        problems.other(&error);
    }
    let client = draft.provider_tls.as_ref().map(tls::client)?;
    problems.note(client)
}

fn check_catalog(
    place: &SignedFolder,
    draft: &Draft,
    client: Option<ClientConfig>,
    problems: &mut Problems,
) -> Option<Read> {
    let audience = draft.audience.as_deref().unwrap_or_default();
    let read = Read::from(place, audience, problems)?;
    if draft.state.is_none() {
        problems.note(state::needless(&read.catalog));
    }
    if let Some((client, limits)) = client.zip(draft.limits) {
        let owners = Owners::new(&read.catalog, &client.into(), limits.owners, None);
        let _found_or_told = problems.note(owners);
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use motlan_testkit::World;

    use super::*;
    use crate::enforced::{InForce, Sources};
    use crate::telemetry::Metrics;

    #[tokio::test]
    async fn what_was_checked_is_taken_in_force_whatever_lies_there_by_then() {
        // R51, R85.
        let dir = tempfile::TempDir::with_prefix("motlan-preflight-").unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let settings = Settings::read(&world.config()).unwrap();
        ledger::init(&settings.instance, &settings.ledger).unwrap();
        let checked = checked(&world.config()).map_err(|it| it.to_string());
        let Checked { settings, read } = checked.unwrap();
        let revision = read.catalog.revision().clone();
        std::fs::write(settings.catalog.folder.join("agencies.csv"), "altered").unwrap();

        let metrics = Metrics::new().unwrap();
        let sources = || {
            let client = Arc::new(tls::client(&settings.provider_tls).unwrap());
            Sources::of(&settings, client)
        };
        let in_force = InForce::of(read, sources(), &metrics).unwrap();
        assert_eq!(*in_force.set().revision(), revision);
        assert!(InForce::load(sources(), &metrics).is_err());
    }
}
