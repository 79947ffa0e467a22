//! Which trace shows a lookup of which duration: the newest sampled one of each bucket.
//!
//! The SDK keeps no exemplars, so they are kept here. Where no traces are collected there are none.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

/// So many series have exemplars; those that come later have none.
const SERIES_MAX: usize = 2000;

/// A lookup that was traced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exemplar {
    trace: TraceId,
    span: SpanId,
    seconds: f64,
    at: SystemTime,
}

impl Exemplar {
    /// As it stands behind a sample, by OpenMetrics 1.0.
    pub(super) fn text(&self) -> String {
        let Self { trace, span, .. } = self;
        let at = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, at) = (self.seconds, at.as_secs_f64());
        format!(" # {{trace_id=\"{trace}\",span_id=\"{span}\"}} {seconds} {at:.3}")
    }
}

/// The exemplars of one histogram.
pub(super) struct Exemplars {
    /// The upper bounds of the histogram's buckets but the last, which has none.
    bounds: &'static [f64],
    /// By the labels of the series, as they stand in the exposition, and then by bucket.
    series: Mutex<HashMap<String, Vec<Option<Exemplar>>>>,
}

impl Exemplars {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let series = Mutex::default();
        Self { bounds, series }
    }

    /// Takes note of a lookup, if its trace is collected.
    pub(super) fn keep(&self, labels: String, seconds: f64, span: &SpanContext) {
        if !span.is_sampled() {
            return;
        }
        let exemplar = Exemplar {
            trace: span.trace_id(),
            span: span.span_id(),
            seconds,
            at: SystemTime::now(),
        };
        let mut series = self.lock();
        if series.len() >= SERIES_MAX && !series.contains_key(&labels) {
            return;
        }
        let buckets = series.entry(labels);
        let buckets = buckets.or_insert_with(|| vec![None; self.bounds.len() + 1]);
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(kept) = buckets.get_mut(bucket) {
            *kept = Some(exemplar);
        }
    }

    /// That of one bucket, by its upper bound.
    pub(super) fn of(&self, labels: &str, bound: f64) -> Option<Exemplar> {
        let bucket = self.bounds.partition_point(|it| *it < bound);
        let series = self.lock();
        series.get(labels)?.get(bucket).copied().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Option<Exemplar>>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
