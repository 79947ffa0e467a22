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

/// R51: checks a configuration with everything that it names, and goes on past each fault.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Path) -> Result<Settings, Unstarted> {
    let mut problems = Problems::default();
    let draft = Draft::read(config, &mut problems.faults);
    let client = check_tls(&draft, &mut problems);
    if let Some(place) = &draft.catalog {
        check_catalog(place, &draft, client, &mut problems);
    }
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
    match draft.settings() {
        Some(settings) if problems.is_empty() => Ok(settings),
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
) {
    let audience = draft.audience.as_deref().unwrap_or_default();
    let Some(read) = Read::from(place, audience, problems) else {
        return;
    };
    if draft.state.is_none() {
        problems.note(state::needless(&read.catalog));
    }
    if let Some((client, limits)) = client.zip(draft.limits) {
        let owners = Owners::new(&read.catalog, &client.into(), limits.owners, None);
        let _found_or_told = problems.note(owners);
    }
}
