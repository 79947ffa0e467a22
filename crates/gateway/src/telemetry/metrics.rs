//! The gateway's metrics, by OpenTelemetry, read by Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use motlan_audit::{AppendError, Ledger, OnCommit, Room, State};
use motlan_exchange::Unrecorded;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider as _};
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::exemplars::Exemplars;
use super::exposition;

/// Upper bounds of the buckets of a lookup's duration, in seconds.
const LOOKUP_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0,
    16.0,
];
/// Of a stage's, some of which take microseconds.
const STAGE_SECONDS: &[f64] = &[
    0.000_02, 0.000_1, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5,
    1.0, 4.0, 16.0,
];
/// Of a commit's: one durable write, and a signature.
const COMMIT_SECONDS: &[f64] = &[
    0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5,
    1.0, 4.0,
];
/// Of the records that share one.
const COMMIT_RECORDS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0,
];
/// So many sets of labels are told apart in `motlan_lookups_total`: callers by methods by reasons.
/// What comes after them is counted under `otel_metric_overflow`. Of every other metric it is the
/// SDK's 2,000: datasets by stages, methods by outcomes.
const LOOKUP_SERIES_MAX: usize = 20_000;
const LOOKUPS: &str = "motlan.lookups";

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
    exemplars: Exemplars,
    stages: Histogram<f64>,
    in_flight: Gauge<u64>,
    in_flight_max: Gauge<u64>,
    turned_away: Counter<u64>,
    connections_refused: Counter<u64>,
    unrecorded: Counter<u64>,
    free_bytes: Gauge<u64>,
    free_bytes_min: Gauge<u64>,
    writing: Gauge<u64>,
    queue: Gauge<u64>,
    commit_seconds: Histogram<f64>,
    commit_records: Histogram<u64>,
    ledger_failure_told: AtomicBool,
}

/// The metrics as a scraper is sent them.
pub(crate) struct Exposition {
    pub(crate) content_type: &'static str,
    pub(crate) text: String,
}

impl Exposition {
    /// Why there is none.
    pub(crate) fn of(error: &MetricsError) -> Self {
        Self {
            content_type: exposition::PLAIN_TYPE,
            text: format!("{error}\n"),
        }
    }
}

impl Metrics {
    /// Sets up the counters and the exporter, for a gateway without a name.
    ///
    /// # Errors
    /// [`MetricsError`] where the exporter cannot be made.
    pub fn new() -> Result<Self, MetricsError> {
        Self::of("")
    }

    /// The same for an instance by its name.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(instance: &str) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            // It is the same on every line.
            .scope_info_enabled(false)
            .build()?;
        let provider = SdkMeterProvider::builder()
            .with_reader(exporter)
            .with_resource(super::resource(instance))
            .with_view(lookup_series)
            .build();
        let instruments = Instruments::new(registry, provider);
        // From the first scrape on: what appears as 1 would be no increase.
        instruments.unrecorded.add(0, &[]);
        Ok(Self(Arc::new(instruments)))
    }

    /// For the metrics of one part of the gateway.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.0.provider.meter("motlan")
    }

    /// Counts a lookup that ended, and how long it took.
    pub(super) fn lookup(&self, lookup: &[KeyValue], seconds: f64, duration: &[KeyValue]) {
        self.0.lookups.add(1, lookup);
        self.0.duration.record(seconds, duration);
    }

    /// Remembers by which trace a duration can be looked at.
    pub(super) fn exemplar(&self, labels: String, seconds: f64, span: &SpanContext) {
        self.0.exemplars.keep(labels, seconds, span);
    }

    /// How long a stage of a lookup took.
    pub(super) fn stage(&self, seconds: f64, labels: &[KeyValue]) {
        self.0.stages.record(seconds, labels);
    }

    /// What the ledger tells of its commits. Holds nothing but their two histograms.
    pub(crate) fn on_commit(&self) -> OnCommit {
        let seconds = self.0.commit_seconds.clone();
        let records = self.0.commit_records.clone();
        OnCommit::new(move |count, took| {
            seconds.record(took.as_secs_f64(), &[]);
            records.record(count, &[]);
        })
    }

    /// Takes note of how many lookups are under way, of how many there may be.
    pub(crate) fn in_flight(&self, count: usize, count_max: usize) {
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        self.0.in_flight.record(number(count), &[]);
        self.0.in_flight_max.record(number(count_max), &[]);
    }

    /// Takes note of whether the ledger can write, and of how many records wait for it.
    pub(crate) fn ledger(&self, ledger: &Ledger) {
        let queued = u64::try_from(ledger.queued()).unwrap_or(u64::MAX);
        self.0.queue.record(queued, &[]);
        let writing = matches!(ledger.state(), State::Writing);
        self.0.writing.record(u64::from(writing), &[]);
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
        self.0.free_bytes_min.record(room.free_bytes_min, &[]);
    }

    /// All metrics, for a scraper that accepts these formats.
    ///
    /// # Errors
    /// [`MetricsError`] where they cannot be written.
    pub(crate) fn exposition(&self, accept: &str) -> Result<Exposition, MetricsError> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        let text = String::from_utf8_lossy(&text);
        Ok(match accept.contains(exposition::OPEN) {
            true => Exposition {
                content_type: exposition::OPEN_TYPE,
                text: exposition::open(&text, &self.0.exemplars),
            },
            false => Exposition {
                content_type: exposition::PLAIN_TYPE,
                text: text.into_owned(),
            },
        })
    }
}

impl Instruments {
    fn new(registry: Registry, provider: SdkMeterProvider) -> Self {
        let meter = provider.meter("motlan");
        let counter = |name, text| meter.u64_counter(name).with_description(text).build();
        let gauge = |name, text| meter.u64_gauge(name).with_description(text).build();
        let seconds = |name, bounds: &[f64], text| {
            let histogram = meter.f64_histogram(name).with_description(text);
            let histogram = histogram.with_boundaries(bounds.to_vec());
            histogram.with_unit("s").build()
        };
        Self {
            lookups: counter(
                LOOKUPS,
                "Lookups by caller, dataset and method, and how they ended",
            ),
            duration: seconds(
                "motlan.lookup.duration",
                LOOKUP_SECONDS,
                "From the arrival of a lookup to its reply",
            ),
            exemplars: Exemplars::new(LOOKUP_SECONDS),
            stages: seconds(
                "motlan.lookup.stage",
                STAGE_SECONDS,
                "How long the stages of lookups took",
            ),
            in_flight: gauge("motlan.in_flight", "Lookups that have a place now"),
            in_flight_max: gauge("motlan.in_flight_max", "How many may have one at once"),
            turned_away: counter("motlan.turned_away", "Calls that were no lookup, by reason"),
            connections_refused: counter(
                "motlan.connections.refused",
                "Connections that came to nothing, by cause",
            ),
            unrecorded: counter(
                "motlan.unrecorded",
                "Lookups and looks that the ledger could not record",
            ),
            free_bytes: gauge(
                "motlan.ledger.free_bytes",
                "Bytes that are free for the gateway on the disk of the ledger",
            ),
            free_bytes_min: gauge(
                "motlan.ledger.free_bytes_min",
                "Below so many free bytes the gateway is not ready",
            ),
            writing: gauge(
                "motlan.ledger.writing",
                "1 while the ledger can write, 0 once it has failed",
            ),
            queue: gauge(
                "motlan.ledger.queue_records",
                "Records that wait to be written",
            ),
            commit_seconds: seconds(
                "motlan.ledger.commit",
                COMMIT_SECONDS,
                "How long commits of the ledger took, until durable and signed",
            ),
            commit_records: meter
                .u64_histogram("motlan.ledger.commit_records")
                .with_description("How many records shared a commit")
                .with_boundaries(COMMIT_RECORDS.to_vec())
                .build(),
            ledger_failure_told: AtomicBool::new(false),
            registry,
            provider,
        }
    }
}

/// Callers are many: the metric that names them has room for them.
fn lookup_series(instrument: &Instrument) -> Option<Stream> {
    let stream = Stream::builder().with_cardinality_limit(LOOKUP_SERIES_MAX);
    (instrument.name() == LOOKUPS).then(|| stream.build().ok())?
}
