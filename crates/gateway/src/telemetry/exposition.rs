//! How the metrics are written: in Prometheus' text format, or in OpenMetrics where that is asked
//! for, with exemplars.

use std::fmt::Write as _;

use super::exemplars::Exemplars;

/// What a scraper that knows OpenMetrics asks for.
pub(super) const OPEN: &str = "application/openmetrics-text";
/// What the two formats are called.
pub(super) const OPEN_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(super) const PLAIN_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The histogram that has exemplars, as its buckets begin.
const BUCKET: &str = "motlan_lookup_duration_seconds_bucket{";

/// Prometheus' text format as OpenMetrics 1.0: families are named without the endings of their
/// samples, bounds are floats, an end mark stands at the end.
pub(super) fn open(plain: &str, exemplars: &Exemplars) -> String {
    let mut open = String::with_capacity(plain.len() * 2);
    for line in plain.lines() {
        // Writing into a string cannot fail.
        let _written = match line.strip_prefix("# ") {
            Some(about) => writeln!(open, "# {}", family(about)),
            None => writeln!(open, "{}", sample(line, exemplars)),
        };
    }
    open.push_str("# EOF\n");
    open
}

/// `HELP name text` or `TYPE name kind`.
fn family(about: &str) -> String {
    let mut words = about.splitn(3, ' ');
    let mut next = || words.next().unwrap_or_default();
    let (what, name, rest) = (next(), next(), next());
    if let Some(name) = name.strip_suffix("_info") {
        let kind = if what == "TYPE" { "info" } else { rest };
        return format!("{what} {name} {kind}");
    }
    let name = name.strip_suffix("_total").unwrap_or(name);
    format!("{what} {name} {rest}")
}

fn sample(line: &str, exemplars: &Exemplars) -> String {
    let Some((before, (bound, after))) = line
        .split_once("le=\"")
        .and_then(|(before, rest)| Some((before, rest.split_once('"')?)))
    else {
        return line.to_owned();
    };
    let float = if bound.bytes().all(|byte| byte.is_ascii_digit()) {
        ".0"
    } else {
        ""
    };
    let mut sample = format!("{before}le=\"{bound}{float}\"{after}");
    let labels = before.strip_prefix(BUCKET);
    let labels = labels.map(|labels| labels.trim_end_matches(','));
    if let Some((labels, bound)) = labels.zip(bound.parse().ok())
        && let Some(exemplar) = exemplars.of(labels, bound)
    {
        sample.push_str(&exemplar.text());
    }
    sample
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    const PLAIN: &str = "\
# HELP motlan_lookups_total Lookups
# TYPE motlan_lookups_total counter
motlan_lookups_total{caller=\"H26/one-stop\"} 2
# HELP motlan_lookup_duration_seconds Time
# TYPE motlan_lookup_duration_seconds histogram
motlan_lookup_duration_seconds_bucket{dataset=\"land\",le=\"0.5\"} 1
motlan_lookup_duration_seconds_bucket{dataset=\"land\",le=\"1\"} 2
motlan_lookup_duration_seconds_bucket{dataset=\"land\",le=\"+Inf\"} 2
motlan_lookup_duration_seconds_sum{dataset=\"land\"} 0.9
motlan_lookup_duration_seconds_count{dataset=\"land\"} 2
# HELP target_info Target metadata
# TYPE target_info gauge
target_info{service_name=\"motlan\"} 1
";

    fn span(flags: TraceFlags) -> SpanContext {
        let (trace, span) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([9; 8]));
        SpanContext::new(trace, span, flags, false, TraceState::NONE)
    }

    #[test]
    fn families_lose_their_endings_bounds_are_floats_and_the_end_is_marked() {
        let open = open(PLAIN, &Exemplars::new(&[0.5, 1.0]));
        for line in [
            "# HELP motlan_lookups Lookups",
            "# TYPE motlan_lookups counter",
            "motlan_lookups_total{caller=\"H26/one-stop\"} 2",
            "motlan_lookup_duration_seconds_bucket{dataset=\"land\",le=\"1.0\"} 2",
            "motlan_lookup_duration_seconds_bucket{dataset=\"land\",le=\"+Inf\"} 2",
            "# TYPE target info",
            "target_info{service_name=\"motlan\"} 1",
        ] {
            assert!(open.lines().any(|it| it == line), "{line}\n{open}");
        }
        assert!(open.ends_with("\n# EOF\n"), "{open}");
    }

    #[test]
    fn an_exemplar_stands_at_the_bucket_that_its_lookup_fell_into_and_nowhere_else() {
        let exemplars = Exemplars::new(&[0.5, 1.0]);
        let labels = || "dataset=\"land\"".to_owned();
        exemplars.keep(labels(), 0.75, &span(TraceFlags::SAMPLED));
        let open = open(PLAIN, &exemplars);
        let with: Vec<_> = open.lines().filter(|line| line.contains(" # {")).collect();
        let [line] = with[..] else {
            panic!("{open}");
        };
        let trace = "trace_id=\"07070707070707070707070707070707\",span_id=\"0909090909090909\"";
        let due = format!("le=\"1.0\"}} 2 # {{{trace}}} 0.75 ");
        assert!(line.contains(&due), "{line}");
    }

    #[test]
    fn a_lookup_whose_trace_is_not_collected_is_no_exemplar() {
        let exemplars = Exemplars::new(&[0.5, 1.0]);
        let labels = "dataset=\"land\"".to_owned();
        exemplars.keep(labels, 0.75, &span(TraceFlags::default()));
        assert!(!open(PLAIN, &exemplars).contains("trace_id"));
    }
}
