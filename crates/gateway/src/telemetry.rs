//! R61: what the gateway tells of itself: logs, metrics, traces. None of it holds a value of a
//! field, a subject, a dossier or an official.

mod log;
mod metrics;
pub(crate) mod traces;

pub use log::{LogError, Telemetered, start};
pub use metrics::{LookupEnd, Metrics, MetricsError};
