//! Everything that can be found wrong with a configuration before the first connection is taken,
//! all at once: what it says, what it names, and what it would need of this machine.

mod clock;
mod files;
mod findings;
mod owners;
mod ports;
mod volumes;

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use motlan_audit::OpenError;

use crate::enforced::{Problems, Read};
use crate::ledger::LedgerError;
use crate::owners::Owners;
use crate::settings::{Draft, Settings};
use crate::state::State;
use crate::tls::{self, ClientTls, ServerTls, Side as _};
use crate::{ledger, reload, state, witnesses};
use findings::Findings;
use owners::Dialled;

/// Why a configuration is not started with. Prints one problem a line.
#[derive(Debug, thiserror::Error)]
#[error("{0}; nothing was started\n")]
pub struct Unstarted(Problems);

/// How far a check goes beyond what the configuration and its files say.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Whether a gateway may run on this configuration: then its ports are taken and its ledger is
    /// held, and that is no fault.
    pub running: bool,
    /// Whether owners' systems are dialled.
    pub owners: bool,
    /// Whether room that is wanting on the ledger's disk is a fault. A gateway starts without, and
    /// is not ready.
    pub room: bool,
    /// What this machine takes for the time.
    pub now: SystemTime,
}

impl Scope {
    /// What a gateway that is to start looks at: all that is on this machine.
    #[must_use]
    pub fn start() -> Self {
        Self {
            running: false,
            owners: false,
            room: false,
            now: SystemTime::now(),
        }
    }

    fn now_s(&self) -> i64 {
        let since = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}

/// A configuration in which nothing is wrong, with the set that was read for it: what was checked
/// is what is taken in force, whatever lies in the folder by then.
#[must_use]
pub struct Checked {
    pub(crate) settings: Settings,
    pub(crate) read: Read,
    /// As it was before that was read.
    pub(crate) manifest: reload::Print,
    looked: Vec<String>,
    warnings: Vec<String>,
}

impl Checked {
    /// The configuration.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was looked at and is in order, beside the configuration: a line each.
    #[must_use]
    pub fn looked(&self) -> &[String] {
        &self.looked
    }

    /// What will be wrong if nobody does anything: a line each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// As [`checked`], for whoever wants to know no more than whether anything is wrong.
///
/// # Errors
/// All that is wrong.
pub fn check(config: &Path) -> Result<Settings, Unstarted> {
    checked(config).map(|checked| checked.settings)
}

/// R51, R110: checks a configuration with everything that it names and needs on this machine, and
/// goes on past each fault.
///
/// # Errors
/// All that is wrong.
pub fn checked(config: &Path) -> Result<Checked, Unstarted> {
    Survey::of(config, &Scope::start()).concluded()
}

/// As [`checked`], as far as `scope` says.
///
/// # Errors
/// All that is wrong.
pub async fn examined(config: &Path, scope: &Scope) -> Result<Checked, Unstarted> {
    let mut survey = Survey::of(config, scope);
    if scope.owners {
        survey.owners(scope.now_s()).await;
    }
    survey.concluded()
}

/// The key that a fault of the ledger comes from.
fn key_of(error: &LedgerError) -> &'static str {
    match error {
        LedgerError::Origin(_) => "ledger.origin",
        LedgerError::Key { .. }
        | LedgerError::KeyUsed { .. }
        | LedgerError::KeyOfQuarter { .. }
        | LedgerError::OtherKey { .. } => "ledger.key",
        LedgerError::Open(OpenError::Sealing(_)) => "ledger.sealing",
        LedgerError::Open(OpenError::KnownMissing { .. }) => "ledger.known_checkpoint",
        _ => "ledger.folder",
    }
}

/// What was read of a configuration, and what was found.
struct Survey {
    draft: Draft,
    read: Option<Read>,
    client: Option<Arc<ClientTls>>,
    manifest: Option<reload::Print>,
    findings: Findings,
}

impl Survey {
    fn of(config: &Path, scope: &Scope) -> Self {
        let mut problems = Problems::default();
        let mut draft = Draft::read(config, &mut problems.faults);
        let lines = std::mem::take(&mut draft.lines);
        let mut survey = Self {
            draft,
            read: None,
            client: None,
            manifest: None,
            findings: Findings::new(config, lines, problems),
        };
        survey.tls(scope.now_s());
        survey.catalog(scope.now_s());
        survey.ledger(scope);
        survey.state();
        for error in witnesses::faults(&survey.draft.witnesses) {
            survey.findings.error("witness", &error);
        }
        survey.machine(scope);
        survey
    }

    fn tls(&mut self, now_s: i64) {
        let (draft, findings) = (&self.draft, &mut self.findings);
        if let Some(files) = &draft.tls
            && files::side(&files::CALLERS, files, findings)
        {
            clock::side(&files::CALLERS, files, now_s, findings);
            if let Err(error) = ServerTls::load(files) {
                findings.error(files::CALLERS.certificate, &error);
            }
        }
        if let Some(files) = &draft.provider_tls
            && files::side(&files::OWNERS, files, findings)
        {
            clock::side(&files::OWNERS, files, now_s, findings);
            match ClientTls::load(files) {
                Ok(side) => self.client = Some(Arc::new(side)),
                Err(error) => findings.error(files::OWNERS.certificate, &error),
            }
        }
    }

    fn catalog(&mut self, now_s: i64) {
        let (draft, findings) = (&self.draft, &mut self.findings);
        let Some(place) = &draft.catalog else { return };
        clock::manifest(&place.folder, now_s, findings);
        self.manifest = Some(reload::manifest(&place.folder));
        let audience = draft.audience.as_deref().unwrap_or_default();
        let Some(read) = Read::from(place, audience, &mut findings.problems) else {
            return;
        };
        if draft.state.is_none() {
            findings.problems.note(state::needless(&read.catalog));
        }
        if let Some((client, limits)) = self.client.as_ref().zip(draft.limits) {
            let owners = Owners::new(&read.catalog, client, limits.owners, None);
            let _found_or_told = findings.problems.note(owners);
        }
        self.read = Some(read);
    }

    fn ledger(&mut self, scope: &Scope) {
        let (draft, findings) = (&self.draft, &mut self.findings);
        let Some(settings) = &draft.ledger else {
            return;
        };
        if let Some(instance) = &draft.instance {
            for error in ledger::faults(instance, settings) {
                findings.error(key_of(&error), &error);
            }
        }
        files::ledger(settings, findings);
        volumes::ledger(settings, findings);
        if scope.room {
            volumes::room(settings, findings);
        }
        clock::ledger(settings, scope.now_s(), findings);
    }

    fn state(&mut self) {
        if let Some(Err(error)) = self.draft.state.as_deref().map(State::check) {
            self.findings.error("state.file", &error);
        }
    }

    /// What this machine has to offer beside files.
    fn machine(&mut self, scope: &Scope) {
        let (draft, findings) = (&self.draft, &mut self.findings);
        let state = draft.state.as_deref();
        let known = draft
            .catalog
            .as_ref()
            .map(|place| place.known_revision.as_path());
        volumes::others(known, state, findings);
        if scope.running {
            return;
        }
        volumes::held(draft.ledger.as_ref(), state, findings);
        if let Some(listen) = draft.listen {
            ports::check(listen, findings);
        }
    }

    /// R110: owners' systems, and the time there.
    async fn owners(&mut self, now_s: i64) {
        let place = self.draft.catalog.as_ref().zip(self.draft.limits);
        let (Some((place, limits)), Some(read), Some(client)) = (place, &self.read, &self.client)
        else {
            return;
        };
        let dialled = Dialled {
            catalog: &read.catalog,
            folder: &place.folder,
            client: Arc::clone(&client.config),
            dial_max: limits.owners.dial_max,
        };
        let told_s = owners::check(&dialled, &mut self.findings).await;
        clock::owners(told_s, now_s, &mut self.findings);
    }

    fn concluded(self) -> Result<Checked, Unstarted> {
        let Findings {
            problems,
            mut looked,
            ..
        } = self.findings;
        match self.draft.settings().zip(self.read).zip(self.manifest) {
            Some(((settings, read), manifest)) if problems.is_empty() => {
                looked.push(volumes::looked(&settings));
                let warnings = tls::warnings(&settings);
                Ok(Checked {
                    settings,
                    read,
                    manifest,
                    looked,
                    warnings,
                })
            }
            _ => Err(Unstarted(problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use motlan_testkit::World;

    use super::*;
    use crate::enforced::{InForce, Sources};
    use crate::telemetry::Metrics;
    use crate::tls::ClientCredentials;

    #[tokio::test]
    async fn what_was_checked_is_taken_in_force_whatever_lies_there_by_then() {
        // R51, R85.
        let dir = tempfile::TempDir::with_prefix("motlan-preflight-").unwrap();
        let world = World::lay(dir.path(), 7).await.unwrap();
        let settings = Settings::read(&world.config()).unwrap();
        ledger::init(&settings.instance, &settings.ledger).unwrap();
        let checked = checked(&world.config()).map_err(|it| it.to_string());
        let Checked { settings, read, .. } = checked.unwrap();
        let revision = read.catalog.revision().clone();
        std::fs::write(settings.catalog.folder.join("agencies.csv"), "altered").unwrap();

        let metrics = Metrics::new().unwrap();
        let sources = || {
            let client = ClientCredentials::load(&settings.provider_tls).unwrap();
            Sources::of(&settings, client)
        };
        let in_force = InForce::of(read, sources(), &metrics).unwrap();
        assert_eq!(*in_force.set().revision(), revision);
        assert!(InForce::load(sources(), &metrics).is_err());
    }
}
