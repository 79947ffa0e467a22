//! What the metrics tell of witnesses.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};

use crate::telemetry::{Metrics, with_sources};

pub(super) struct Instruments {
    failures: Counter<u64>,
    size: Gauge<u64>,
    published_size: Gauge<u64>,
    published: Arc<Mutex<Option<Instant>>>,
    /// The witnesses whose last turn failed: what changes is told, not what stays.
    failing: std::collections::BTreeSet<String>,
}

impl Instruments {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let meter = metrics.meter();
        let published = Arc::new(Mutex::new(None::<Instant>));
        let seen = Arc::clone(&published);
        meter
            .f64_observable_gauge("motlan.cosigned.age")
            .with_description("Since a checkpoint of the ledger was last cosigned by enough")
            .with_unit("s")
            .with_callback(move |age| {
                let last = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(last) = last {
                    age.observe(last.elapsed().as_secs_f64(), &[]);
                }
            })
            .build();
        Self {
            failures: meter
                .u64_counter("motlan.witness.failures")
                .with_description(
                    "Turns of a witness that brought no cosignature, by what was wrong",
                )
                .build(),
            size: meter
                .u64_gauge("motlan.witness.size")
                .with_description("Records that a witness has cosigned")
                .build(),
            published_size: meter
                .u64_gauge("motlan.cosigned.size")
                .with_description("Records under the newest checkpoint that is cosigned by enough")
                .build(),
            published,
            failing: std::collections::BTreeSet::new(),
        }
    }

    pub(super) fn cosigned(&mut self, witness: &str, size: u64) {
        self.size.record(size, &[of(witness)]);
        if self.failing.remove(witness) {
            tracing::info!(witness, "a witness cosigns again");
        }
    }

    /// Counts a failure, and says so in the log if the one before went well.
    pub(super) fn failed(&mut self, witness: &str, trouble: &super::Trouble) {
        let labels = [of(witness), KeyValue::new("cause", trouble.label())];
        self.failures.add(1, &labels);
        if self.failing.insert(witness.to_owned()) {
            let error = with_sources(trouble);
            tracing::warn!(witness, error, "a witness does not cosign");
        }
    }

    pub(super) fn published(&self, size: u64) {
        self.published_size.record(size, &[]);
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *published = Some(Instant::now());
    }
}

fn of(witness: &str) -> KeyValue {
    KeyValue::new("witness", witness.to_owned())
}
