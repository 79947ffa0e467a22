//! R106: what is taken in force, or refused, is on record first.

use motlan_api::audit::v1::{Change, ChangeSubject, Record, RecordKind, Sealed};
use motlan_audit::{AppendError, Entry, Shards};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use crate::ledger::now_us;
use crate::telemetry::Metrics;

/// What is loaded anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The catalogue with its agreements.
    Catalog,
    /// What callers meet.
    ServerTls,
    /// What owners meet.
    ClientTls,
}

impl What {
    /// Its name in metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::ServerTls => "server_tls",
            Self::ClientTls => "client_tls",
        }
    }

    fn subject(self) -> ChangeSubject {
        match self {
            Self::Catalog => ChangeSubject::Catalog,
            Self::ServerTls => ChangeSubject::ServerTls,
            Self::ClientTls => ChangeSubject::ClientTls,
        }
    }
}

/// Where changes are recorded and counted. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Changes {
    /// None in tests that have no ledger.
    shards: Option<Shards>,
    tries: Counter<u64>,
}

impl Changes {
    pub(crate) fn new(shards: Shards, metrics: &Metrics) -> Self {
        Self {
            shards: Some(shards),
            tries: counter(metrics),
        }
    }

    #[cfg(test)]
    pub(crate) fn off_record(metrics: &Metrics) -> Self {
        Self {
            shards: None,
            tries: counter(metrics),
        }
    }

    /// Records that `after` will be in force in place of `before`. Resolves once that is durable.
    pub(crate) async fn taken(
        &self,
        what: What,
        before: &str,
        after: &str,
    ) -> Result<(), AppendError> {
        self.record(Change {
            subject: what.subject().into(),
            before: before.to_owned(),
            after: after.to_owned(),
            faults: 0,
        })
        .await
    }

    /// Records that something was refused, and `before` stays in force.
    pub(crate) async fn refused(&self, what: What, before: &str, faults: usize) {
        let change = Change {
            subject: what.subject().into(),
            before: before.to_owned(),
            after: String::new(),
            faults: u32::try_from(faults.max(1)).unwrap_or(u32::MAX),
        };
        if let Err(error) = self.record(change).await {
            let what = what.as_str();
            tracing::error!(what, %error, "a refused change could not be recorded");
        }
    }

    pub(crate) fn count(&self, what: What, result: &'static str) {
        self.tries.add(1, &labels(what, result));
    }

    async fn record(&self, change: Change) -> Result<(), AppendError> {
        let Some(shards) = &self.shards else {
            return Ok(());
        };
        let record = Record {
            kind: RecordKind::Change.into(),
            time_us: now_us(),
            change: Some(change),
            ..Record::default()
        };
        let sealed = Sealed::default();
        // Held until it is durable, so that the record stands in a log that goes on.
        let shard = shards.current().await;
        let recorded = shard.ledger().append(Entry { record, sealed }).await?;
        drop(shard);
        tracing::info!(record = %recorded.id(), "a change is on record");
        Ok(())
    }
}

fn counter(metrics: &Metrics) -> Counter<u64> {
    let meter = metrics.meter();
    let counter = meter.u64_counter("motlan.reloads");
    let text = "Tries to take something else in force, by what it was and what came of it";
    let tries = counter.with_description(text).build();
    // From the start on: of a count that begins with the first refusal no alert sees an increase.
    for what in [What::Catalog, What::ServerTls, What::ClientTls] {
        for result in ["taken", "unchanged", "refused"] {
            tries.add(0, &labels(what, result));
        }
    }
    tries
}

fn labels(what: What, result: &'static str) -> [KeyValue; 2] {
    [
        KeyValue::new("what", what.as_str()),
        KeyValue::new("result", result),
    ]
}
