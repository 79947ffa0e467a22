//! `motlan-audit show`.

mod change;
mod component;
mod links;
mod looks;
mod plain;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended};
use motlan_audit::{
    IdentityError, Ledger, Opened, Quarter, ReadEntry, RecordId, Sealing, VerifyError, read_entries,
};
use serde_json::{Value, json};
use thiserror::Error;

pub(crate) use change::json as change_json;
pub(crate) use component::{ground_name, json as component_json, outcome as ground};
pub(crate) use plain::{plain, plain_json};

use crate::arguments::Which;
use crate::moment::time;

/// Which records to show, and how.
pub(crate) struct Wanted<'a> {
    /// By index; all if there is none.
    pub(crate) index: &'a [u64],
    /// With the personal part, as far as this opens it.
    pub(crate) sealing: Option<&'a Sealing>,
    pub(crate) json: bool,
}

/// Why records were not shown.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Read(#[from] VerifyError),
    #[error("records of two logs: show those of one quarter at a time")]
    TwoLogs,
    #[error("`{wanted}` is a record of another log: this one's are called like `{like}`")]
    OtherLog { wanted: String, like: String },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("there is no record {index}: the ledger holds {size}, counted from 0")]
    NoRecord { index: u64, size: u64 },
    #[error("cannot write the result")]
    Write(#[from] io::Error),
}

/// The quarter of the records that are given by id, if any is.
pub(crate) fn quarter(records: &[Which]) -> Result<Option<Quarter>, Error> {
    let mut quarters = BTreeSet::new();
    for record in records {
        if let Which::Id(id) = record {
            quarters.extend(id.quarter());
        }
    }
    match quarters.len() {
        0 | 1 => Ok(quarters.into_iter().next()),
        _ => Err(Error::TwoLogs),
    }
}

/// Where the records stand in the log of a folder.
pub(crate) fn indices(records: &[Which], folder: &Path) -> Result<Vec<u64>, Error> {
    let (origin, _key) = Ledger::named_in(folder)?;
    let index = |record: &Which| match record {
        Which::Index(index) => Ok(*index),
        Which::Id(id) if origin.record_id(id.index()) == *id => Ok(id.index()),
        Which::Id(id) => {
            let (wanted, like) = (id.to_string(), origin.record_id(0).to_string());
            Err(Error::OtherLog { wanted, like })
        }
    };
    records.iter().map(index).collect()
}

/// Shows records; whether the ledger could be read without finding it damaged.
pub(crate) fn show(ledger: &Path, wanted: &Wanted<'_>, out: &mut dyn Write) -> Result<bool, Error> {
    let mut missing: BTreeSet<u64> = wanted.index.iter().copied().collect();
    let (mut written, mut size) = (Ok(()), 0);
    let findings = read_entries(ledger, wanted.sealing, |entry| {
        let index = entry.id.index();
        size = index + 1;
        if wanted.index.is_empty() || missing.remove(&index) {
            written = write_entry(&entry, wanted, out);
        }
        let done = written.is_err() || (missing.is_empty() && !wanted.index.is_empty());
        if done {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    written?;
    if findings.count > 0 {
        // Behind what is shown, so that nobody takes it for the whole.
        eprintln!("motlan-audit: the ledger is damaged; `motlan-audit verify` tells where");
        return Ok(false);
    }
    match missing.first() {
        Some(&index) => Err(Error::NoRecord { index, size }),
        None => Ok(true),
    }
}

fn write_entry(entry: &ReadEntry, wanted: &Wanted<'_>, out: &mut dyn Write) -> io::Result<()> {
    let ReadEntry {
        id, record, sealed, ..
    } = entry;
    if wanted.json {
        let value = entry_json(entry, wanted.sealing.is_some());
        return writeln!(out, "{}", plain_json(&value));
    }
    write!(out, "{}", line(id, record))?;
    if wanted.sealing.is_some() {
        write!(out, "  {}", sealed_line(record, sealed))?;
    }
    writeln!(out)
}

/// A record as JSON, with its personal part if that is asked for.
pub(crate) fn entry_json(entry: &ReadEntry, with_sealed: bool) -> Value {
    let mut value = record_json(&entry.id, &entry.record);
    if let (true, Value::Object(fields)) = (with_sealed, &mut value) {
        let sealed = sealed_json(&entry.record, &entry.sealed);
        fields.insert("sealed".to_owned(), sealed);
    }
    value
}

fn sealed_line(record: &Record, sealed: &Opened) -> String {
    let sealed = match sealed {
        Opened::Sealed(sealed) => &**sealed,
        unread => return unread_word(unread).to_owned(),
    };
    let indices: Vec<_> = sealed.erased.iter().map(u64::to_string).collect();
    let parts = [
        ("subject", sealed.subject.clone()),
        ("dossier", sealed.dossier.clone()),
        ("official", sealed.official.clone()),
        ("basis", sealed.basis.clone()),
        ("erased", indices.join(",")),
    ];
    let words = |parts: Vec<(&str, String)>| {
        let told = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let told: Vec<_> = told
            .map(|(name, text)| format!("{name} {}", plain(&text)))
            .collect();
        told.join("  ")
    };
    let mut line = words(parts.into());
    if let Some(declared) = component::declared(record, sealed) {
        line.push_str(&format!("  declared {}", plain_json(&declared)));
    }
    match words(looks::sealed_words(record, sealed)).as_str() {
        "" => line,
        more if record.kind() == RecordKind::Hold => format!("{line}  held: {more}"),
        more => format!("{line}  looked for: {more}"),
    }
}

pub(crate) fn unread_word(sealed: &Opened) -> &'static str {
    match sealed {
        Opened::Sealed(_) => "",
        Opened::Erased => "erased",
        Opened::NoKey => "sealed",
        Opened::Damaged => "damaged",
    }
}

/// A record on one line, without its personal part.
pub(crate) fn line(id: &RecordId, record: &Record) -> String {
    let mut line = format!("{id}  {}  {}", time(record.time_us), ended(record));
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            line.push_str(&format!(
                "  {name}{}{}",
                if name.is_empty() { "" } else { " " },
                plain(value)
            ));
        }
    };
    add("by", &record.caller);
    add("", &record.method);
    add("procedure", &record.procedure);
    add("grant", &record.grant);
    add("view", &record.view);
    add("cited", &record.grant_cited);
    add(
        "",
        if record.emergency {
            "in an emergency"
        } else {
            ""
        },
    );
    add("", if record.consent { "with consent" } else { "" });
    let approvals = record.approvals;
    add("approvals", &some(approvals > 0, || approvals.to_string()));
    add("asked", &record.fields_asked.join(","));
    add("released", &record.fields_released.join(","));
    add("withheld", &record.fields_withheld.join(","));
    let keep_until_us = record.keep_until_us;
    add(
        "keep until",
        &some(keep_until_us != 0, || time(keep_until_us)),
    );
    if let Some(erasure) = &record.erasure {
        add("of dataset", &record.dataset);
        add("ground", &erasure.ground);
        add("records", &erasure.records.to_string());
    }
    let look = record.look.as_ref().map(looks::look_words);
    let hold = record.hold.as_ref().map(looks::hold_words);
    let dropped = record.erasure.as_ref().and_then(|it| it.log.as_ref());
    let link = record.link.as_ref().or(dropped).map(links::words);
    let component = record.component.as_ref();
    let component = component.map(|it| component::words(record, it));
    let change = record.change.as_ref().map(change::words);
    let told = [look, hold, link, component, change].into_iter().flatten();
    for (name, value) in told.flatten() {
        add(name, &value);
    }
    add(
        "to question",
        &record
            .question
            .map(|question| question.to_string())
            .unwrap_or_default(),
    );
    line
}

fn some(is: bool, text: impl FnOnce() -> String) -> String {
    if is { text() } else { String::new() }
}

pub(crate) fn ended(record: &Record) -> String {
    let what = match (record.kind(), record.result()) {
        (RecordKind::Question, _) => "question",
        (RecordKind::Erasure, _) => "erasure",
        (RecordKind::Look, Ended::Released) => "look",
        (RecordKind::Look, _) => "look refused",
        (RecordKind::Hold, _) if record.hold.as_ref().is_some_and(|hold| hold.until_us == 0) => {
            "hold ended"
        }
        (RecordKind::Hold, _) => "hold",
        (RecordKind::Link, _) => "link",
        (RecordKind::Change, _) => change::ended(&record.change.clone().unwrap_or_default()),
        (RecordKind::Component, _) => {
            return component::ended(&record.component.clone().unwrap_or_default());
        }
        (_, Ended::Released) => "released",
        (_, Ended::Refused) => "refused",
        (_, Ended::Failed) => "failed",
        (_, Ended::NotFound) => "not found",
        (_, Ended::Unspecified) => "unknown",
    };
    match record.reason.as_str() {
        "" => what.to_owned(),
        reason => format!("{what} ({})", plain(reason)),
    }
}

fn record_json(id: &RecordId, record: &Record) -> Value {
    json!({
        "record": id.to_string(),
        "index": id.index(),
        "kind": record.kind().as_str_name().trim_start_matches("RECORD_KIND_"),
        "time": time(record.time_us),
        "time_us": record.time_us,
        "question": record.question,
        "caller": record.caller,
        "dataset": record.dataset,
        "method": record.method,
        "procedure": record.procedure,
        "revision": record.revision,
        "grant": record.grant,
        "view": record.view,
        "grant_cited": record.grant_cited,
        "consent": record.consent,
        "approvals": record.approvals,
        "emergency": record.emergency,
        "fields_asked": record.fields_asked,
        "result": record.result().as_str_name().trim_start_matches("RESULT_"),
        "reason": record.reason,
        "fields_released": record.fields_released,
        "fields_withheld": record.fields_withheld,
        "answers": record.answers,
        "answer_bytes": record.answer_bytes,
        "provider_status": record.provider_status,
        "elapsed_us": record.elapsed_us,
        "keep_until_us": record.keep_until_us,
        "trace_id": hex(&record.trace_id),
        "sealed_sha256": hex(&record.sealed_sha256),
        "erasure": record.erasure.as_ref().map(|erasure| json!({
            "scope": erasure.scope().as_str_name().trim_start_matches("ERASURE_SCOPE_"),
            "ground": erasure.ground,
            "before": erasure.before,
            "records": erasure.records,
            "log": erasure.log.as_ref().map(links::json),
        })),
        "look": record.look.as_ref().map(looks::look_json),
        "hold": record.hold.as_ref().map(looks::hold_json),
        "link": record.link.as_ref().map(links::json),
        "component": record.component.as_ref().map(component::json),
        "change": record.change.as_ref().map(change::json),
    })
}

fn sealed_json(record: &Record, sealed: &Opened) -> Value {
    let sealed = match sealed {
        Opened::Sealed(sealed) => &**sealed,
        unread => return json!(unread_word(unread)),
    };
    let told = looks::sealed_json(record, sealed);
    let when = |kind| (record.kind() == kind).then(|| told.clone());
    json!({
        "salt": hex(&sealed.salt),
        "subject": sealed.subject,
        "dossier": sealed.dossier,
        "official": sealed.official,
        "token_id": sealed.token_id,
        "answer_sha256": hex(&sealed.answer_sha256),
        "variant": sealed.variant,
        "erased": sealed.erased,
        "basis": sealed.basis,
        "consent": sealed.consent,
        "consent_issuer": sealed.consent_issuer,
        "approvers": sealed.approvers,
        "incident": sealed.incident,
        "query": when(RecordKind::Look),
        "held": when(RecordKind::Hold),
        "declared": component::declared(record, sealed),
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_others_signed_and_until_when_the_answer_may_be_kept() {
        let id: RecordId = "hn1-2026q4-8".parse().unwrap();
        let record = Record {
            kind: 2,
            result: 1,
            consent: true,
            approvals: 2,
            emergency: true,
            keep_until_us: 61_200_000_000,
            ..Record::default()
        };
        assert_eq!(
            line(&id, &record),
            "hn1-2026q4-8  1970-01-01T07:00:00.000000+07:00  released  in an emergency  \
             with consent  approvals 2  keep until 1970-01-02T00:00:00.000000+07:00"
        );
        let json = record_json(&id, &record);
        assert_eq!(
            (&json["consent"], &json["approvals"], &json["emergency"]),
            (&json!(true), &json!(2), &json!(true))
        );
    }

    #[test]
    fn a_line_holds_nothing_of_the_personal_part_and_json_only_if_asked() {
        let id: RecordId = "hn1-2026q4-7".parse().unwrap();
        let record = Record {
            caller: "H26/one-stop".into(),
            kind: 1,
            ..Record::default()
        };
        assert_eq!(
            line(&id, &record),
            "hn1-2026q4-7  1970-01-01T07:00:00.000000+07:00  question  by H26/one-stop"
        );
        assert_eq!(record_json(&id, &record)["kind"], "QUESTION");
        assert!(record_json(&id, &record).get("sealed").is_none());
    }
}
