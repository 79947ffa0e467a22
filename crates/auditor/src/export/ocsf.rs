//! Records as events of the Open Cybersecurity Schema Framework: class API Activity, uid 6003.
//!
//! `docs/security/export.md` has the table of what becomes what. Nothing personal is in an event
//! unless the record's sealed part was opened.

mod verdict;

use jiff::Timestamp;
use motlan_api::audit::v1::{Record, RecordKind, Sealed};
use motlan_audit::{Opened, Origin, ReadEntry, RecordId};
use serde_json::{Value, json};

use verdict::{Named, Verdict};

use crate::show::{change_json, component_json, ground, hex};

/// The version of the schema that events follow.
const SCHEMA: &str = "1.8.0";
const CATEGORY: Named = (6, "Application Activity");
const CLASS: Named = (6003, "API Activity");
const PRODUCT: &str = "Mot Lan";
/// What our own program is called, where it is a service or what acts.
const GATEWAY: &str = "motlan";
/// OCSF's `user.type_id` for a person.
const USER: u32 = 1;

/// A record as an event.
pub(super) fn event(origin: &Origin, entry: &ReadEntry) -> Value {
    let ReadEntry {
        id, record, sealed, ..
    } = entry;
    let about = match sealed {
        Opened::Sealed(sealed) => Some(&**sealed),
        Opened::Erased | Opened::NoKey | Opened::Damaged => None,
    };
    let verdict = Verdict::on(record);
    let (activity_id, activity) = verdict.activity;
    let [time, start] = times_ms(record);
    let correlation = origin.record_id(record.question.unwrap_or(id.index()));
    let mut event = json!({
        "category_uid": CATEGORY.0,
        "category_name": CATEGORY.1,
        "class_uid": CLASS.0,
        "class_name": CLASS.1,
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": CLASS.0 * 100 + activity_id,
        "type_name": format!("{}: {activity}", CLASS.1),
        "severity_id": verdict.severity.0,
        "severity": verdict.severity.1,
        "status_id": verdict.status.0,
        "status": verdict.status.1,
        "status_code": status_code(record),
        "action_id": verdict.action.0,
        "action": verdict.action.1,
        "disposition_id": verdict.disposition.0,
        "disposition": verdict.disposition.1,
        "time": time,
        "start_time": start,
        "end_time": start.map(|_| time),
        "duration": start.map(|_| record.elapsed_us / 1000),
        "message": message(record),
        "metadata": metadata(record, id, origin, &correlation),
        "actor": actor(record, about),
        "api": api(record, &correlation),
        "src_endpoint": source(record, id),
        "dst_endpoint": { "name": instance(id), "svc_name": GATEWAY },
        "resources": resources(record, about),
        "policy": policy(record),
        "trace": { "uid": hex(&record.trace_id) },
        "unmapped": unmapped(record, sealed, origin),
    });
    prune(&mut event);
    event
}

fn metadata(record: &Record, id: &RecordId, origin: &Origin, correlation: &RecordId) -> Value {
    let mut profiles = vec!["security_control"];
    if !record.trace_id.is_empty() {
        profiles.push("trace");
    }
    let made = Timestamp::from_microsecond(record.time_us);
    json!({
        "version": SCHEMA,
        "profiles": profiles,
        "product": { "name": PRODUCT, "vendor_name": PRODUCT },
        "uid": id.to_string(),
        "correlation_uid": correlation.to_string(),
        "event_code": kind(record),
        "log_name": origin.as_str(),
        "log_version": record.format.to_string(),
        "sequence": id.index(),
        "original_time": made.map_or_else(|_| String::new(), |time| time.to_string()),
    })
}

/// When it was recorded, and when the lookup began if it has ended.
fn times_ms(record: &Record) -> [Option<i64>; 2] {
    let ms = |us: i64| us.div_euclid(1000);
    let elapsed_us = i64::try_from(record.elapsed_us).unwrap_or(i64::MAX);
    let ended = record.kind() == RecordKind::Outcome;
    let began = ended.then(|| ms(record.time_us.saturating_sub(elapsed_us)));
    [Some(ms(record.time_us)), began]
}

fn actor(record: &Record, about: Option<&Sealed>) -> Value {
    // What an operator does at the gateway's own machine has no calling system.
    let system = match record.caller.as_str() {
        "" => GATEWAY,
        caller => caller,
    };
    let official = about.map_or("", |about| &about.official);
    json!({
        "app_uid": system,
        "app_name": system,
        "user": (!official.is_empty()).then(|| json!({ "uid": official, "type_id": USER })),
        "session": { "uid": about.map(|about| &about.token_id) },
    })
}

fn api(record: &Record, correlation: &RecordId) -> Value {
    let (service, operation) = called(record);
    json!({
        "operation": operation,
        "service": { "name": service },
        "request": { "uid": correlation.to_string() },
        "response": { "error": record.reason },
    })
}

/// The service and its method.
fn called(record: &Record) -> (&str, &str) {
    let path = record.method.trim_start_matches('/');
    match path.rsplit_once('/') {
        Some(called) => called,
        None if path.is_empty() => (GATEWAY, kind(record)),
        None => (GATEWAY, path),
    }
}

fn source(record: &Record, id: &RecordId) -> Value {
    match record.caller.as_str() {
        "" => json!({ "name": instance(id), "svc_name": GATEWAY }),
        caller => json!({ "uid": caller, "name": caller }),
    }
}

/// Which gateway wrote the log.
fn instance(id: &RecordId) -> &str {
    let shard = id.shard();
    shard
        .rsplit_once('-')
        .map_or(shard, |(instance, _)| instance)
}

fn resources(record: &Record, about: Option<&Sealed>) -> Vec<Value> {
    let subject = about.map_or("", |about| &about.subject);
    let dossier = about.map_or("", |about| &about.dossier);
    let named = [
        ("dataset", record.dataset.as_str()),
        ("subject", subject),
        ("dossier", dossier),
    ];
    let named = named.into_iter().filter(|(_, uid)| !uid.is_empty());
    named
        .map(|(kind, uid)| json!({ "type": kind, "uid": uid }))
        .collect()
}

fn policy(record: &Record) -> Option<Value> {
    let grant = &record.grant;
    (!grant.is_empty()).then(|| json!({ "uid": grant, "version": record.revision }))
}

/// What the schema has no place for, under the names of our own format.
fn unmapped(record: &Record, sealed: &Opened, origin: &Origin) -> Value {
    let mut more = json!({
        "procedure": record.procedure,
        "revision": record.revision,
        "view": record.view,
        "fields_asked": record.fields_asked,
        "fields_released": record.fields_released,
        "fields_withheld": record.fields_withheld,
        "provider_status": record.provider_status,
        "sealed_sha256": hex(&record.sealed_sha256),
    });
    let mut put = |name: &str, value: Value| {
        if let Value::Object(fields) = &mut more {
            fields.insert(name.to_owned(), value);
        }
    };
    let others = others(record);
    others
        .into_iter()
        .for_each(|(name, value)| put(name, value));
    if let Some(erasure) = &record.erasure {
        let scope = erasure.scope().as_str_name();
        put(
            "erasure_scope",
            scope.trim_start_matches("ERASURE_SCOPE_").into(),
        );
        put("erasure_ground", erasure.ground.as_str().into());
        put("erasure_records", erasure.records.into());
    }
    if let Some(look) = &record.look {
        put("look_filters", look.filters.as_slice().into());
        put("look_size", look.size.into());
        put("look_shown", look.shown.into());
        put("look_quarter", look.quarter.as_str().into());
    }
    if let Some(hold) = &record.hold {
        put("hold_ground", hold.ground.as_str().into());
        put("hold_until_us", hold.until_us.into());
        put("hold_ends", hold.ends.as_str().into());
    }
    let dropped = record.erasure.as_ref().and_then(|it| it.log.as_ref());
    if let Some(link) = record.link.as_ref().or(dropped) {
        let direction = link.direction().as_str_name();
        put(
            "link_direction",
            direction.trim_start_matches("LINK_DIRECTION_").into(),
        );
        put("link_origin", link.origin.as_str().into());
        put("link_size", link.size.into());
        put("link_root", hex(&link.root).into());
    }
    match sealed {
        Opened::NoKey => {}
        Opened::Erased => put("sealed", "erased".into()),
        Opened::Damaged => put("sealed", "damaged".into()),
        Opened::Sealed(about) => {
            put("variant", about.variant.as_str().into());
            put("basis", about.basis.as_str().into());
            let signed = signed(about);
            signed
                .into_iter()
                .for_each(|(name, value)| put(name, value));
            put("answer_sha256", hex(&about.answer_sha256).into());
            let erased = about.erased.iter().map(|&index| origin.record_id(index));
            put("erased", erased.map(|id| id.to_string()).collect());
        }
    }
    more
}

/// Who signed what, and which incident was declared.
fn signed(about: &Sealed) -> [(&'static str, Value); 4] {
    [
        ("consent_id", about.consent.as_str().into()),
        ("consent_issuer", about.consent_issuer.as_str().into()),
        ("approvers", about.approvers.as_slice().into()),
        ("incident", about.incident.as_str().into()),
    ]
}

/// What was answered, what others signed, and until when the answer may be kept; nothing of what
/// is not so.
fn others(record: &Record) -> Vec<(&'static str, Value)> {
    let ended = record.kind() == RecordKind::Outcome;
    let all = [
        ("answers", ended, record.answers.into()),
        ("answer_bytes", ended, record.answer_bytes.into()),
        ("elapsed_us", ended, record.elapsed_us.into()),
        (
            "grant_cited",
            !record.grant_cited.is_empty(),
            record.grant_cited.as_str().into(),
        ),
        ("consent", record.consent, record.consent.into()),
        ("approvals", record.approvals > 0, record.approvals.into()),
        ("emergency", record.emergency, record.emergency.into()),
        (
            "keep_until_us",
            record.keep_until_us != 0,
            record.keep_until_us.into(),
        ),
        (
            "component",
            record.component.is_some(),
            record.component.as_ref().map(component_json).into(),
        ),
        (
            "change",
            record.change.is_some(),
            record.change.as_ref().map(change_json).into(),
        ),
    ];
    let so = all.into_iter().filter(|(_, is_so, _)| *is_so);
    so.map(|(name, _, value)| (name, value)).collect()
}

/// The stable reason of a refusal, a failure or a ground; else how it ended.
fn status_code(record: &Record) -> String {
    match (record.kind(), &record.component) {
        (RecordKind::Outcome, _) if record.reason.is_empty() => {
            let result = record.result().as_str_name();
            result.trim_start_matches("RESULT_").to_owned()
        }
        (RecordKind::Component, Some(component)) => ground(component),
        _ => record.reason.clone(),
    }
}

fn kind(record: &Record) -> &'static str {
    let kind = record.kind().as_str_name();
    kind.trim_start_matches("RECORD_KIND_")
}

fn message(record: &Record) -> String {
    let (service, operation) = called(record);
    let code = status_code(record);
    let ended = if code.is_empty() {
        String::new()
    } else {
        format!(": {code}")
    };
    let caller = match record.caller.as_str() {
        "" => "operator",
        caller => caller,
    };
    format!("{} by {caller}: {service}/{operation}{ended}", kind(record))
}

/// Takes out what says nothing: a consumer tells what is absent from what is empty.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| !is_empty(value));
        }
        Value::Array(values) => values.iter_mut().for_each(prune),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
