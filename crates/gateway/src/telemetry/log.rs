//! Logs as JSON lines on standard error, and traces to a collector where one is configured.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt as _, FilterFn, LevelFilter, ParseError, Targets};
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

/// What is logged. R95: what an agreement obliges to log is not for the operator to silence.
fn filter(log: &str) -> Result<EnvFilter, ParseError> {
    Ok(EnvFilter::try_new(log)?.add_directive(USES_ALL.parse()?))
}

/// Sets up logs and, where a collector is configured, traces. Once per process, within a runtime.
///
/// # Errors
/// [`LogError`], naming the setting.
pub fn start(instance: &str, settings: &Telemetry) -> Result<Telemetered, LogError> {
    let filter = filter(&settings.log)?;
    // Spans are for the collector; a log line says what it has to say by itself.
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_filter(events().and(filter));
    let collected = settings.otlp.as_deref();
    let collected = collected.map(|address| collector(instance, address));
    let traces = collected.transpose()?;
    let spans = traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("motlan"))
            .with_location(false)
            .with_threads(false)
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

/// Lets no span through, and nothing of libraries below a warning, whatever is set: what they say
/// of their work may hold headers, tokens and messages. As one filter with the lines' own, so that
/// where no traces are collected a span is nothing but a look at a flag; and with a level, for
/// without one the two together would have every trace line of every library be looked at.
fn events() -> FilterFn {
    // R112: at no level does a line of a library's work pass.
    let passes: fn(&Metadata<'_>) -> bool = |metadata| {
        let is_ours = metadata.target().starts_with("motlan");
        metadata.is_event() && (is_ours || *metadata.level() <= tracing::Level::WARN)
    };
    FilterFn::new(passes).with_max_level_hint(LevelFilter::TRACE)
}

fn collector(instance: &str, address: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(address)
        .build()?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(super::resource(instance))
        .build())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::telemetry::USES;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_span_is_made_and_no_library_traced_where_nothing_collects_them() {
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let lines = lines.with_filter(events().and(filter("info").unwrap()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            assert!(tracing::info_span!(target: LOOKUP_TARGET, "lookup").is_disabled());
            assert!(!tracing::event_enabled!(tracing::Level::DEBUG));
            assert!(tracing::event_enabled!(tracing::Level::INFO));
        });
    }

    /// R61, R112.
    #[test]
    fn what_libraries_say_of_their_work_is_logged_at_no_level() {
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let lines = lines.with_filter(events().and(filter("trace").unwrap()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            for enabled in [
                tracing::event_enabled!(target: "h2::codec", tracing::Level::TRACE),
                tracing::event_enabled!(target: "hyper::proto", tracing::Level::DEBUG),
                tracing::event_enabled!(target: "rustls", tracing::Level::INFO),
            ] {
                assert!(!enabled);
            }
            assert!(tracing::event_enabled!(target: "h2", tracing::Level::WARN));
            assert!(tracing::event_enabled!(target: "motlan_gateway", tracing::Level::TRACE));
        });
    }

    /// R95.
    #[test]
    fn what_an_agreement_obliges_to_log_is_logged_however_quiet_the_rest() {
        for log in ["error", "off", "motlan_gateway=warn"] {
            let lines = Lines::default();
            let writer = lines.clone();
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(move || writer.clone())
                .with_filter(filter(log).unwrap());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                tracing::info!(target: USES, "a grant was used");
                tracing::info!("a lookup ended");
            });
            let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert!(said.contains("a grant was used"), "{log}: {said}");
            assert!(!said.contains("a lookup ended"), "{log}: {said}");
        }
    }
}
