//! Performing what grants oblige to, on top of the state.

use motlan_audit::RecordId;
use motlan_catalog::{LogLevel, SystemId};
use motlan_exchange::{Duties, DutyFault, Use};

use super::State;
use crate::telemetry::USES;

/// The state, where there is one. Without it nothing is permitted that needs one: such agreements
/// do not load.
#[derive(Clone)]
pub struct Upkeep(Option<State>);

impl Upkeep {
    /// With the state that is configured, if one is.
    #[must_use]
    pub fn new(state: Option<State>) -> Self {
        Self(state)
    }

    /// The state.
    pub(crate) fn state(&self) -> Option<&State> {
        self.0.as_ref()
    }

    /// Whether a consent was taken back. Where that cannot be told it is taken for so.
    pub(crate) fn is_revoked(&self, issuer: &SystemId, id: &str) -> bool {
        // Without a state nobody can take a consent back: none counts.
        let Some(state) = &self.0 else {
            return true;
        };
        state
            .is_revoked(issuer.as_str(), id)
            .unwrap_or_else(|error| {
                tracing::error!(%error, "the state cannot tell whether a consent was revoked");
                true
            })
    }

    /// Works on the state beside the lookups.
    async fn on<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, DutyFault> {
        let Some(state) = self.0.clone() else {
            tracing::error!("a grant was used that needs a state, and there is none");
            return Err(DutyFault::Failed);
        };
        let worked = tokio::task::spawn_blocking(move || work(&state)).await;
        match worked {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                tracing::error!(%error, "the state could not be written");
                Err(DutyFault::Failed)
            }
            Err(_panicked) => Err(DutyFault::Failed),
        }
    }
}

impl Duties for Upkeep {
    async fn admit(&self, made: &Use) -> Result<(), DutyFault> {
        if !made.is_reviewed() {
            // R96: suspended it is also where its terms, since a reload, oblige to no review. A
            // read, as brief as that for a consent: it waits for no use that is written.
            let admitted = self.0.as_ref().map(|state| state.admit(made));
            return admitted.unwrap_or(Ok(Ok(()))).unwrap_or_else(|error| {
                tracing::error!(%error, "the state cannot tell whether a grant is suspended");
                Err(DutyFault::Failed)
            });
        }
        let made = made.clone();
        self.on(move |state| state.admit(&made)).await?
    }

    async fn open(&self, made: &Use, question: &RecordId) -> Result<(), DutyFault> {
        let (made, record) = (made.clone(), question.clone());
        self.on(move |state| state.open_case(&made, &record))
            .await?
    }

    async fn notify(&self, question: &RecordId) -> Result<(), DutyFault> {
        let record = question.to_string();
        let now_us = crate::ledger::now_us();
        self.on(move |state| state.notify(&record, now_us)).await
    }

    fn log(&self, level: LogLevel, made: &Use, question: &RecordId) {
        let (grant, method) = (made.grant.as_str(), made.method.as_str());
        // R95: names of records and grants, never of people.
        match level {
            LogLevel::Info => {
                tracing::info!(target: USES, %question, grant, method, "a grant was used");
            }
            LogLevel::Warn => {
                tracing::warn!(target: USES, %question, grant, method, "a grant was used");
            }
            LogLevel::Error => {
                tracing::error!(target: USES, %question, grant, method, "a grant was used");
            }
        }
    }
}
