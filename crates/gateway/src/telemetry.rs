//! R61: what the gateway tells of itself: logs, metrics, traces. None of it holds a value of a
//! field, a subject, a dossier or an official.

mod log;
mod metrics;
pub(crate) mod traces;

pub use log::{LogError, Telemetered, start};
pub use metrics::{LookupEnd, Metrics, MetricsError};

/// The target of the lines that agreements oblige to.
pub(crate) const USES: &str = "motlan_uses";
/// Lets all of them through, as a directive of a filter.
const USES_ALL: &str = "motlan_uses=info";

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
