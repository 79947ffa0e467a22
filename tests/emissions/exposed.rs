//! `/metrics`, as scrapers read it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::emitted::emitted;

const PARSER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
samples = [s for f in text_string_to_metric_families(sys.stdin.read()) for s in f.samples]
print(len(samples), sum(s.exemplar is not None for s in samples))
";

fn values<'a>(metrics: &'a str, name: &str, label: &str) -> BTreeSet<&'a str> {
    let begins = format!("{name}{{");
    let lines = metrics.lines().filter(|line| line.starts_with(&begins));
    let label = format!("{label}=\"");
    let value = |line: &'a str| line.split_once(label.as_str())?.1.split_once('"');
    lines.filter_map(|line| Some(value(line)?.0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_are_counted_by_caller_dataset_method_and_reason_and_timed_by_stage() {
    let metrics = &emitted().await.metrics;
    let of = |label| values(metrics, "motlan_lookups_total", label);
    assert_eq!(of("caller"), ["H26/one-stop"].into());
    assert_eq!(
        of("dataset"),
        [
            "business_registration",
            "civil_status",
            "land",
            "population"
        ]
        .into()
    );
    for reason in [
        "OK",
        "PURPOSE_NOT_COVERED",
        "SUBJECT_NOT_FOUND",
        "PROVIDER_SILENT",
    ] {
        assert!(of("reason").contains(reason), "{reason}");
    }
    let outcomes = values(metrics, "motlan_lookup_duration_seconds_count", "outcome");
    assert_eq!(
        outcomes,
        ["failed", "not_found", "refused", "released"].into()
    );
    let stages = values(metrics, "motlan_lookup_stage_seconds_count", "stage");
    let due = ["announce", "decide", "fetch", "mask", "receive", "record"];
    assert_eq!(stages, due.into());
    let commits = metrics
        .lines()
        .find_map(|line| line.strip_prefix("motlan_ledger_commit_seconds_count "));
    assert!(commits.is_some_and(|count| count != "0"), "{metrics}");
    assert!(metrics.contains("motlan_ledger_writing 1\n"), "{metrics}");
    assert!(metrics.contains("motlan_in_flight 0\n"), "{metrics}");
    assert!(
        metrics.contains("service_instance_id=\"demo\""),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exemplars_lead_from_a_duration_to_a_trace_that_was_collected() {
    let emitted = emitted().await;
    let resources = emitted.spans.iter().flat_map(|it| &it.resource_spans);
    let spans = resources
        .flat_map(|it| &it.scope_spans)
        .flat_map(|it| &it.spans);
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect::<String>()
    };
    let traces: BTreeSet<_> = spans.map(|span| hex(&span.trace_id)).collect();
    let shown: BTreeSet<_> = emitted
        .open
        .split("# {trace_id=\"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    assert!(!shown.is_empty(), "{}", emitted.open);
    assert!(shown.is_subset(&traces), "{shown:?}\n{traces:?}");
    assert!(!emitted.metrics.contains("trace_id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openmetrics_page_is_read_by_the_parser_of_pythons_client() {
    let emitted = emitted().await;
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    if !python.is_file() {
        eprintln!("NOT CHECKED: no OpenMetrics parser here; `tests/setup-python` brings one");
        return;
    }
    let mut parser = Command::new(python)
        .args(["-c", PARSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut page = parser.stdin.take().unwrap();
    page.write_all(emitted.open.as_bytes()).unwrap();
    drop(page);
    let read = parser.wait_with_output().unwrap();
    assert!(read.status.success(), "{}", emitted.open);
    let read = String::from_utf8(read.stdout).unwrap();
    let (samples, exemplars) = read.trim().split_once(' ').unwrap();
    let lines = emitted.open.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(samples.parse::<usize>().unwrap(), lines.count());
    let due = emitted.open.matches("# {trace_id=").count();
    assert_eq!(exemplars.parse::<usize>().unwrap(), due);
}
