//! What is measured of one lookup: how long each stage took, and how it ended.

use std::sync::Arc;
use std::time::Instant;

use motlan_catalog::SystemId;
use motlan_exchange::{Ask, Caller, Denial, ProviderFault, Reply};
use opentelemetry::{KeyValue, StringValue, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::Metrics;
use super::traces::Traced;

/// A stage of a lookup, by its name in metrics and traces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Who calls, and what is asked: the token, the message, a place.
    Receive,
    /// The rules, the limits, and what earlier uses left behind.
    Decide,
    /// The question, until it is durable.
    Announce,
    /// The owner's system, until its answer is whole.
    Fetch,
    /// The mask, and what the grant obliges to.
    Mask,
    /// The outcome, until it is durable.
    Record,
}

impl Stage {
    /// Its name in metrics and traces.
    fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Decide => "decide",
            Self::Announce => "announce",
            Self::Fetch => "fetch",
            Self::Mask => "mask",
            Self::Record => "record",
        }
    }
}

/// A lookup that is under way.
pub(crate) struct Course {
    metrics: Metrics,
    traced: Traced,
    arrived: Instant,
    /// When the stage that is under way began.
    begun: Instant,
    caller: SystemId,
    /// The method's path, without its first `/`.
    method: Arc<str>,
    dataset: Arc<str>,
    /// `dataset` and `stage`: names of the catalogue and ours, never a caller's text.
    labels: [KeyValue; 2],
}

impl Course {
    /// Begins with what arrived. Where traces are collected, the provider is told of the lookup's
    /// span; where not, of the caller's.
    pub(crate) fn begin(metrics: &Metrics, caller: &Caller, ask: &mut Ask) -> Self {
        let traced = Traced::begin(caller, ask);
        let dataset: Arc<str> = ask.method.dataset.as_str().into();
        let labels = [shared("dataset", &dataset), KeyValue::new("stage", "")];
        let arrived = ask.arrived.instant;
        let mut course = Self {
            metrics: metrics.clone(),
            traced,
            arrived,
            begun: arrived,
            caller: caller.system().clone(),
            method: ask.method.path.trim_start_matches('/').into(),
            dataset,
            labels,
        };
        course.passed(Stage::Receive);
        course
    }

    /// The span to be in.
    pub(crate) fn span(&self) -> Span {
        self.traced.span.clone()
    }

    /// A stage is over; the next one begins.
    pub(crate) fn passed(&mut self, stage: Stage) {
        let now = Instant::now();
        let seconds = now.duration_since(self.begun).as_secs_f64();
        self.begun = now;
        let [_, name] = &mut self.labels;
        name.value = stage.name().into();
        self.metrics.stage(seconds, &self.labels);
        if self.traced.context.is_some() {
            let took = KeyValue::new("motlan.stage.duration", seconds);
            self.traced.span.add_event(stage.name(), vec![took]);
        }
    }

    /// It is on record, and what came of it may be told.
    pub(crate) fn ended(self, reply: &Reply) {
        let span = &self.traced.span;
        if self.traced.context.is_some() {
            span.record("motlan.record", reply.record.to_string());
        }
        match &reply.result {
            Ok(_release) => self.count("OK", "released"),
            Err(denial) => {
                span.record("error.type", denial.reason());
                let outcome = outcome(denial);
                if outcome == "failed" {
                    span.record("otel.status_code", "ERROR");
                }
                self.count(denial.reason(), outcome);
            }
        }
    }

    /// R33: the ledger did not take it, so nobody hears anything.
    pub(crate) fn unrecorded(self) {
        const REASON: &str = "LEDGER_UNAVAILABLE";
        self.traced.span.record("error.type", REASON);
        self.traced.span.record("otel.status_code", "ERROR");
        self.count(REASON, "unrecorded");
    }

    fn count(&self, reason: &str, outcome: &'static str) {
        // Sorted by key: else the SDK would keep, and look for, each set twice.
        let lookup = [
            KeyValue::new("caller", self.caller.to_string()),
            shared("dataset", &self.dataset),
            KeyValue::new("reason", reason.to_owned()),
            shared("rpc.method", &self.method),
        ];
        let duration = [
            shared("dataset", &self.dataset),
            KeyValue::new("outcome", outcome),
            shared("rpc.method", &self.method),
        ];
        let seconds = self.arrived.elapsed().as_secs_f64();
        self.metrics.lookup(&lookup, seconds, &duration);
        if let Some(context) = &self.traced.context {
            let (dataset, method) = (&self.dataset, &self.method);
            let labels =
                format!("dataset=\"{dataset}\",outcome=\"{outcome}\",rpc_method=\"{method}\"");
            self.metrics.exemplar(labels, seconds, context);
        }
    }
}

/// A label that costs no copy of its text.
fn shared(key: &'static str, text: &Arc<str>) -> KeyValue {
    KeyValue::new(key, Value::String(StringValue::from(Arc::clone(text))))
}

/// How a lookup without an answer ended: by the gateway's no, or by the owner's system.
fn outcome(denial: &Denial) -> &'static str {
    match denial {
        Denial::Provider(ProviderFault::NotFound) => "not_found",
        Denial::Provider(_) => "failed",
        Denial::Request(_)
        | Denial::Policy(_)
        | Denial::Unbacked { .. }
        | Denial::Duty(_)
        | Denial::Limit(_) => "refused",
    }
}
