//! What is delivered beside the gateway: the dashboard, the alerts with their pages, and the page
//! of all metrics, each held against what the gateway really tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::emitted::emitted;

const DASHBOARD: &str = "deploy/grafana/motlan.json";
const RULES: &str = "deploy/prometheus/rules/motlan.yml";
const PAGE: &str = "docs/operator/monitoring.md";
const RUNBOOKS: &str = "docs/operator/runbooks";
/// Prometheus' own labels, and the one by which the SDK tells of too many series.
const BESIDES: [&str; 3] = ["instance", "job", "otel_metric_overflow"];
/// Endings of a histogram's samples.
const ENDINGS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// Metrics with their labels.
type Named = BTreeMap<String, BTreeSet<String>>;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metrics that a text names, with the labels that it names in braces behind them.
fn named(text: &str) -> Named {
    let mut named = Named::new();
    let is_name = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    for (at, _) in text.match_indices("motlan_") {
        let before = text.get(..at).and_then(|it| it.chars().next_back());
        if before.is_some_and(|it| is_name(it) || it == '/' || it == '.') {
            continue;
        }
        let rest = &text[at..];
        let end = rest.find(|it| !is_name(it)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let braces = rest.strip_prefix('{').and_then(|it| it.split_once('}'));
        let inner = braces.map(|(inner, _)| inner).unwrap_or_default();
        let labels = named.entry(name.to_owned()).or_default();
        labels.extend(labels_of(inner));
    }
    named
}

/// The names of `a="x",b=~"y"`, or of `a,b`.
fn labels_of(inner: &str) -> impl Iterator<Item = String> {
    let mut quoted = false;
    let outside = inner.chars().filter(move |it| {
        quoted ^= *it == '"';
        !quoted && *it != '"'
    });
    let outside: String = outside.collect();
    let names = outside.split(',').map(|pair| {
        let name = pair.split(['=', '!']).next().unwrap_or_default();
        name.trim().to_owned()
    });
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.into_iter()
}

/// The labels of all `by (…)`.
fn grouped_by(text: &str) -> BTreeSet<String> {
    let groups = text.split("by (").skip(1);
    let groups = groups.filter_map(|rest| Some(rest.split_once(')')?.0));
    groups.flat_map(labels_of).collect()
}

/// All texts of a document that are queries.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(text) if key == "expr" || key == "query" || key == "definition" => {
                        found.push(text.to_owned());
                    }
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

/// What is wrong with what `text` names.
fn unknown(text: &str, real: &Named) -> Vec<String> {
    let mut unknown = Vec::new();
    for (name, labels) in named(text) {
        let Some(own) = real.get(&name) else {
            unknown.push(name);
            continue;
        };
        let is_known = |label: &&String| own.contains(*label) || BESIDES.contains(&label.as_str());
        let strange = labels.iter().filter(|label| !is_known(label));
        unknown.extend(strange.map(|label| format!("{name}{{{label}}}")));
    }
    let all: BTreeSet<&String> = real.values().flatten().collect();
    let groups = grouped_by(text).into_iter();
    unknown.extend(groups.filter(|it| !all.contains(it) && !BESIDES.contains(&it.as_str())));
    unknown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_and_the_alerts_name_only_metrics_and_labels_that_there_are() {
    // R112.
    let real = named(&emitted().await.metrics);
    let rules: Vec<_> = read(RULES).lines().map(str::to_owned).collect();
    let texts = rules.iter().filter(|line| !line.trim().starts_with('#'));
    let texts = texts.filter(|line| !line.contains("- name:") && !line.contains("runbook:"));
    let rules = texts.map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(named(&rules).len() > 15, "{:?}", named(&rules));
    assert_eq!(unknown(&rules, &real), Vec::<String>::new());

    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut found = Vec::new();
    queries(&dashboard, &mut found);
    let found = found.join("\n");
    assert!(named(&found).len() > 20, "{:?}", named(&found));
    assert_eq!(unknown(&found, &real), Vec::<String>::new());
}

#[test]
fn a_metric_or_a_label_that_is_not_there_is_found() {
    let real = named("motlan_lookups_total{dataset=\"a\",reason=\"b,c\"} 1");
    let all = "sum by (dataset) (rate(motlan_lookups_total{reason=~\"x|y\",job=\"z\"}[5m]))";
    assert_eq!(unknown(all, &real), Vec::<String>::new());
    for (text, due) in [
        ("motlan_lookup_total", "motlan_lookup_total"),
        (
            "motlan_lookups_total{cause=\"a\"}",
            "motlan_lookups_total{cause}",
        ),
        ("sum by (stage) (motlan_lookups_total)", "stage"),
    ] {
        assert_eq!(unknown(text, &real), [due], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_lists_every_metric_with_its_labels_and_no_other() {
    // R112.
    let mut real = Named::new();
    for (name, mut labels) in named(&emitted().await.metrics) {
        let is_histogram = labels.remove("le") || ENDINGS.iter().any(|it| name.ends_with(it));
        let family = ENDINGS.iter().find_map(|it| name.strip_suffix(it));
        let family = family.filter(|_| is_histogram).unwrap_or(&name);
        real.entry(family.to_owned()).or_default().extend(labels);
    }
    let page = read(PAGE);
    let rows = page.lines().filter(|line| line.starts_with("| `motlan_"));
    let listed = named(&rows.collect::<Vec<_>>().join("\n"));
    let missing: Vec<_> = real.keys().filter(|it| !listed.contains_key(*it)).collect();
    assert!(missing.is_empty(), "not listed: {missing:?}");
    for (name, labels) in &listed {
        assert_eq!(real.get(name), Some(labels), "{name}");
    }
}

#[test]
fn each_alert_has_a_page_and_each_page_an_alert() {
    let rules = read(RULES);
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: BTreeSet<String> = alerts.map(str::to_owned).collect();
    let files = fs::read_dir(root(RUNBOOKS)).unwrap().map(|it| it.unwrap());
    let names = files.map(|it| it.file_name().into_string().unwrap());
    let pages: BTreeSet<_> = names
        .map(|it| it.trim_end_matches(".md").to_owned())
        .collect();
    assert_eq!(alerts, pages);
    assert!(alerts.len() > 20, "{}", alerts.len());
    let monitoring = read(PAGE);
    for alert in alerts {
        let page = format!("{RUNBOOKS}/{alert}.md");
        assert!(rules.contains(&format!("runbook: {page}\n")), "{alert}");
        assert!(
            monitoring.contains(&format!("(runbooks/{alert}.md)")),
            "{alert}"
        );
        let text = read(&page);
        for part in ["# ", "## Look", "## Do", "## Do not"] {
            assert!(
                text.lines().any(|line| line.starts_with(part)),
                "{alert}: {part}"
            );
        }
    }
}

#[test]
fn the_rules_the_configuration_and_the_tests_of_the_rules_pass_promtool() {
    let found = Command::new("promtool").arg("--version").output();
    if found.is_err() {
        eprintln!("NOT CHECKED: no `promtool` here; `tests/setup-promtool` brings it");
        return;
    }
    for words in [
        ["check", "rules", "rules/motlan.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "tests/motlan.yml"],
    ] {
        let mut promtool = Command::new("promtool");
        let ended = promtool.args(words).current_dir(root("deploy/prometheus"));
        let ended = ended.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{words:?}: {said}");
    }
}
