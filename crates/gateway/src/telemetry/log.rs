//! Logs as JSON lines on standard error, and traces to a collector where one is configured.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{FilterFn, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _};

use super::USES_ALL;
use super::traces::LOOKUP_TARGET;
use crate::settings::Telemetry;

/// Why there are no logs or traces.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `telemetry.log` is no filter.
    #[error("`telemetry.log` is no filter; give a level such as \"info\"")]
    Filter(#[from] ParseError),
    /// `telemetry.otlp` is no address of a collector.
    #[error("`telemetry.otlp` cannot be used")]
    Otlp(#[from] ExporterBuildError),
    /// Another subscriber was set up before.
    #[error("logging was set up twice")]
    Twice(#[from] TryInitError),
}

/// Telemetry that was set up; what is left of the traces is sent when it is dropped.
#[must_use]
pub struct Telemetered(Option<SdkTracerProvider>);

impl Drop for Telemetered {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// Sets up logs and, where a collector is configured, traces. Once per process, within a runtime.
///
/// # Errors
/// [`LogError`], naming the setting.
pub fn start(settings: &Telemetry) -> Result<Telemetered, LogError> {
    // R95: what an agreement obliges to log is not for the operator to silence.
    let filter = EnvFilter::try_new(&settings.log)?.add_directive(USES_ALL.parse()?);
    // Spans are for the collector; a log line says what it has to say by itself.
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_filter(FilterFn::new(|metadata| metadata.is_event()))
        .with_filter(filter);
    let traces = settings.otlp.as_deref().map(collector).transpose()?;
    let spans = traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("motlan"))
            // Only lookups: the exporter's own HTTP/2 would otherwise trace itself.
            .with_filter(Targets::new().with_target(LOOKUP_TARGET, tracing::Level::INFO))
    });
    // The place of a panic only: its text may hold anything.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .try_init()?;
    Ok(Telemetered(traces))
}

fn collector(address: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(address)
        .build()?;
    let resource = Resource::builder().with_service_name("motlan").build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}
