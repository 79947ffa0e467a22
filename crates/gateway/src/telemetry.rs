//! R61: what the gateway tells of itself: logs, metrics, traces. None of it holds a value of a
//! field, a subject, a dossier or an official.

mod course;
mod exemplars;
mod exposition;
mod log;
mod metrics;
mod traces;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

pub(crate) use course::{Course, Stage};
pub use log::{LogError, Telemetered, start};
pub(crate) use metrics::Exposition;
pub use metrics::{Metrics, MetricsError};

/// The target of the lines that agreements oblige to.
pub(crate) const USES: &str = "motlan_uses";
/// Lets all of them through, as a directive of a filter.
const USES_ALL: &str = "motlan_uses=info";

/// What metrics and traces say of where they come from. An instance without a name says none.
fn resource(instance: &str) -> Resource {
    let name =
        (!instance.is_empty()).then(|| KeyValue::new("service.instance.id", instance.to_owned()));
    Resource::builder()
        .with_service_name("motlan")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(name)
        .build()
}

/// An error with all that is behind it, on one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
