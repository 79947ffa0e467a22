//! The gateway's metrics, by OpenTelemetry, read by Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use motlan_audit::{AppendError, Room};
use motlan_exchange::{Ask, Unrecorded};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder as _, Registry, TextEncoder};

/// Upper bounds of the duration's buckets, in seconds.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 4.0, 16.0,
];

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The exporter could not be made.
    #[error("the metrics exporter could not be made")]
    Exporter(#[from] OTelSdkError),
    /// The metrics could not be written as text.
    #[error("the metrics could not be written")]
    Text(#[from] prometheus::Error),
}

/// The gateway's counters. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Instruments>);

struct Instruments {
    registry: Registry,
    provider: SdkMeterProvider,
    lookups: Counter<u64>,
    duration: Histogram<f64>,
    turned_away: Counter<u64>,
    connections_refused: Counter<u64>,
    unrecorded: Counter<u64>,
    free_bytes: Gauge<u64>,
    ledger_failure_told: AtomicBool,
}

/// One lookup that is under way, for when it ends.
pub struct LookupEnd {
    arrived: Instant,
    dataset: String,
    method: String,
}

impl LookupEnd {
    /// Remembers what the metrics tell of a lookup.
    #[must_use]
    pub fn new(ask: &Ask) -> Self {
        Self {
            arrived: ask.arrived.instant,
            dataset: ask.method.dataset.to_string(),
            method: ask.method.path.trim_start_matches('/').to_owned(),
        }
    }
}

impl Metrics {
    /// Sets up the counters and the exporter.
    ///
    /// # Errors
    /// [`MetricsError`] where the exporter cannot be made.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build()?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let meter = provider.meter("motlan");
        let counter = |name, text| meter.u64_counter(name).with_description(text).build();
        Ok(Self(Arc::new(Instruments {
            lookups: counter(
                "motlan.lookups",
                "Lookups by dataset, method and how they ended",
            ),
            duration: meter
                .f64_histogram("motlan.lookup.duration")
                .with_description("From the arrival of a lookup to its reply")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            turned_away: counter("motlan.turned_away", "Calls that were no lookup, by reason"),
            connections_refused: counter(
                "motlan.connections.refused",
                "Connections that came to nothing, by cause",
            ),
            unrecorded: counter(
                "motlan.unrecorded",
                "Lookups and looks that the ledger could not record",
            ),
            free_bytes: meter
                .u64_gauge("motlan.ledger.free_bytes")
                .with_description("Bytes that are free for the gateway on the disk of the ledger")
                .build(),
            ledger_failure_told: AtomicBool::new(false),
            registry,
            provider,
        })))
    }

    /// For the metrics of one part of the gateway.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.0.provider.meter("motlan")
    }

    /// Counts a lookup that ended with `reason`, or `OK`.
    pub fn ended(&self, end: &LookupEnd, reason: &str) {
        let labels = [
            KeyValue::new("dataset", end.dataset.clone()),
            KeyValue::new("rpc.method", end.method.clone()),
            KeyValue::new("reason", reason.to_owned()),
        ];
        self.0.lookups.add(1, &labels);
        self.0
            .duration
            .record(end.arrived.elapsed().as_secs_f64(), &labels);
    }

    /// Counts a call that was turned away before it was a lookup.
    pub fn turned_away(&self, reason: &str) {
        self.0
            .turned_away
            .add(1, &[KeyValue::new("reason", reason.to_owned())]);
    }

    /// Counts a connection that came to nothing.
    pub fn connection_refused(&self, cause: &'static str) {
        self.0
            .connections_refused
            .add(1, &[KeyValue::new("cause", cause)]);
    }

    /// Counts a lookup that could not be recorded, and says so in the log the first time: a ledger
    /// that failed once has failed for good.
    pub fn unrecorded(&self, error: &Unrecorded) {
        self.0.unrecorded.add(1, &[]);
        let AppendError::Failed(_) = &error.0 else {
            tracing::error!(error = %error.0, "a call could not be recorded, and got no answer");
            return;
        };
        if !self.0.ledger_failure_told.swap(true, Ordering::Relaxed) {
            let cause = error.0.to_string();
            tracing::error!(
                cause,
                "the ledger cannot write: nobody gets an answer until restart"
            );
        }
    }

    /// Takes note of how much room the ledger has left.
    pub fn room(&self, room: Room) {
        self.0.free_bytes.record(room.free_bytes, &[]);
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// [`MetricsError`] where they cannot be written.
    pub fn text(&self) -> Result<String, MetricsError> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
