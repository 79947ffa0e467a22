//! `[telemetry]`: what is logged, and where traces go.

use motlan_catalog::Faults;
use motlan_catalog::document::Table;
use tracing_subscriber::EnvFilter;

/// `[telemetry]`.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// `log`: a filter as of `tracing_subscriber::EnvFilter`, e.g. "info".
    pub log: String,
    /// `otlp`: where traces go, e.g. `http://127.0.0.1:4317`; none are made without it.
    pub otlp: Option<String>,
}

pub(super) fn read(table: Option<Table<'_>>, faults: &mut Faults) -> Telemetry {
    let mut telemetry = Telemetry {
        log: "info".to_owned(),
        otlp: None,
    };
    let Some(mut table) = table else {
        return telemetry;
    };
    if let Some(log) = table.opt_string("log", faults) {
        if let Err(error) = EnvFilter::try_new(&log.value) {
            let remedy = "give a level such as \"info\", or directives as in \"warn,motlan=info\"";
            table.fault(
                log.line,
                format!("`log` is no filter: {error}"),
                remedy,
                faults,
            );
        }
        telemetry.log = log.value;
    }
    if let Some(otlp) = table.opt_string("otlp", faults) {
        let parsed: Option<http::Uri> = otlp.value.parse().ok();
        let scheme = parsed.as_ref().and_then(|uri| uri.scheme_str());
        if !matches!(scheme, Some("http" | "https")) {
            let what = format!("`otlp` is `{}`, which is no address", otlp.value);
            table.fault(
                otlp.line,
                what,
                "give one such as \"http://127.0.0.1:4317\"",
                faults,
            );
        }
        telemetry.otlp = Some(otlp.value);
    }
    table.finish(faults);
    telemetry
}
