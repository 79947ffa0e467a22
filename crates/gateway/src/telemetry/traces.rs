//! One span per lookup, joined to the caller's trace and handed on to the provider (W3C Trace
//! Context).

use std::collections::HashMap;

use motlan_exchange::{Ask, Caller};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of lookups' spans.
pub(crate) const LOOKUP_TARGET: &str = "motlan::lookup";

const TRACE_PARENT: &str = "traceparent";

/// A lookup's span.
pub(super) struct Traced {
    /// It says nothing where no traces are collected.
    pub(super) span: Span,
    /// By what it is known to others; none where no traces are collected.
    pub(super) context: Option<SpanContext>,
}

impl Traced {
    /// The span of a lookup, by the RPC conventions. Where traces are collected, the lookup's trace
    /// parent becomes this span; where not, the caller's is passed on as it is.
    pub(super) fn begin(caller: &Caller, ask: &mut Ask) -> Self {
        let span = tracing::info_span!(
            target: LOOKUP_TARGET,
            "lookup",
            otel.kind = "server",
            otel.name = ask.method.path.trim_start_matches('/'),
            otel.status_code = tracing::field::Empty,
            rpc.system.name = "grpc",
            rpc.method = ask.method.path.trim_start_matches('/'),
            motlan.dataset = ask.method.dataset.as_str(),
            motlan.caller = caller.system().as_str(),
            motlan.record = tracing::field::Empty,
            error.type = tracing::field::Empty,
        );
        if span.is_disabled() {
            return Self {
                span,
                context: None,
            };
        }
        let propagator = TraceContextPropagator::new();
        let mut carrier = HashMap::new();
        if let Some(parent) = ask.trace_parent.take() {
            carrier.insert(TRACE_PARENT.to_owned(), parent);
            // Only a span that has begun cannot be given a parent.
            let _fresh = span.set_parent(propagator.extract(&carrier));
        }
        carrier.clear();
        let context = span.context();
        propagator.inject_context(&context, &mut carrier);
        ask.trace_parent = carrier.remove(TRACE_PARENT);
        let context = Some(context.span().span_context().clone());
        Self { span, context }
    }
}
