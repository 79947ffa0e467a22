//! What a collector of traces is sent.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::emitted::{Emitted, emitted};
use super::traffic::{PARENT, PERSON, TRACE};

fn told<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|it| it.key == key)?;
    match found.value.as_ref() {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => Some(text),
        _ => None,
    }
}

fn spans(emitted: &Emitted) -> impl Iterator<Item = &Span> {
    let resources = emitted.spans.iter().flat_map(|it| &it.resource_spans);
    let scopes = resources.flat_map(|it| &it.scope_spans);
    scopes.flat_map(|it| &it.spans)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_goes_on_with_the_callers_trace_and_the_owner_with_the_lookups() {
    let emitted = emitted().await;
    let span = spans(emitted).find(|it| hex(&it.trace_id) == TRACE);
    let span = span.expect("the span of the lookup");
    assert_eq!(hex(&span.parent_span_id), PARENT);
    let due = format!("00-{TRACE}-{}-01", hex(&span.span_id));
    assert_eq!(emitted.heard.trace_parent, due);
    assert_eq!(span.name, PERSON.trim_start_matches('/'));
    assert_eq!(told(&span.attributes, "motlan.dataset"), Some("population"));
    assert_eq!(
        told(&span.attributes, "motlan.caller"),
        Some("H26/one-stop")
    );
    let record = told(&span.attributes, "motlan.record").expect("its record");
    assert!(record.starts_with("demo-"), "{record}");
    assert_eq!(told(&span.attributes, "error.type"), None);
    let stages: Vec<_> = span.events.iter().map(|it| it.name.as_str()).collect();
    let due = ["receive", "decide", "announce", "fetch", "mask", "record"];
    assert_eq!(stages, due);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_says_how_it_ended_and_is_an_error_only_where_the_owner_or_we_failed() {
    let emitted = emitted().await;
    let of = |reason: &str| {
        let is = |it: &&Span| told(&it.attributes, "error.type") == Some(reason);
        spans(emitted)
            .find(is)
            .unwrap_or_else(|| panic!("no span of {reason}"))
    };
    let code = |span: &Span| span.status.clone().unwrap_or_default().code();
    assert_eq!(code(of("PURPOSE_NOT_COVERED")), StatusCode::Unset);
    assert_eq!(code(of("SUBJECT_NOT_FOUND")), StatusCode::Unset);
    for failed in ["PROVIDER_MALFORMED", "PROVIDER_FAILED", "PROVIDER_SILENT"] {
        assert_eq!(code(of(failed)), StatusCode::Error, "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_say_which_gateway_they_come_from_and_none_is_lost_at_a_stop() {
    let emitted = emitted().await;
    for one in emitted.spans.iter().flat_map(|it| &it.resource_spans) {
        let of = &one.resource.as_ref().expect("a resource").attributes;
        assert_eq!(told(of, "service.name"), Some("motlan"));
        assert_eq!(told(of, "service.instance.id"), Some("demo"));
        assert!(told(of, "service.version").is_some_and(|it| it.contains('.')));
    }
    let counted: u64 = emitted
        .metrics
        .lines()
        .filter(|line| line.starts_with("motlan_lookups_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(spans(emitted).count() as u64, counted);
}
