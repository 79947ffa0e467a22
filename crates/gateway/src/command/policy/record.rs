//! What records of the ledger tell of questions that rules decided.

use std::ops::ControlFlow;

use anyhow::{Context as _, bail};
use motlan_audit::wire::{Record, RecordKind, Result as Ended};
use motlan_audit::{Opened, Quarter, ReadEntry, RecordId, Sealing, read_entries};
use motlan_gateway::settings::LedgerSettings;
use motlan_gateway::shadow::{Asked, Decided};
use motlan_policy::Moment;

/// Refusals that are no rule's: the rules were not asked, or had allowed it.
const NOT_OF_RULES: [(&str, &str); 8] = [
    (
        "REQUEST_MALFORMED",
        "the request was malformed, and no rule was asked",
    ),
    ("QUOTA_EXCEEDED", LIMIT),
    ("RATE_EXCEEDED", LIMIT),
    ("LIMITS_FULL", LIMIT),
    ("EMERGENCY_OVER", DUTY),
    ("GRANT_SUSPENDED", DUTY),
    ("REVIEWS_PENDING", DUTY),
    ("OBLIGATION_FAILED", DUTY),
];
const LIMIT: &str = "the rules had allowed it, and a limit was reached";
const DUTY: &str = "the rules had allowed it, and an earlier use or a duty stood in the way";
/// Of these refusals the record does not hold what they were about.
const NOT_ON_RECORD: [(&str, &str); 3] = [
    (
        "GRANT_UNKNOWN",
        "a grant was cited that is none, and it is not on record",
    ),
    (
        "FIELD_UNKNOWN",
        "a field was asked for that is none, and it is not on record",
    ),
    (
        "TOO_MANY_FIELDS",
        "not all fields that were asked for are on record",
    ),
];
/// Ends a list of names that was cut.
const CUT: &str = "...";

/// A question that rules decided, as a record tells of it. Holds an official: does not print.
pub(super) struct Past {
    pub(super) id: RecordId,
    /// The revision that decided.
    pub(super) revision: String,
    pub(super) asked: Asked,
    /// Whether a dossier was named is not known: the sealed part cannot be read.
    pub(super) is_unsealed: bool,
    pub(super) was: Decided,
}

/// What a record tells.
pub(super) enum Tells {
    Decision(Box<Past>),
    /// Of a lookup, and of no decision that can be looked at again: why.
    Other(&'static str),
    /// Of something else, or how a question ended that another record tells of.
    Nothing,
}

/// What `entry` tells of a decision.
pub(super) fn tells(entry: &ReadEntry) -> Tells {
    let record = &entry.record;
    let was = match (record.kind(), record.result(), record.question) {
        (RecordKind::Question, ..) => Decided::Allowed {
            grant: record.grant.clone(),
            terms: None,
            view: record.view.clone(),
            fields: None,
        },
        (RecordKind::Outcome, Ended::Refused, None) => {
            let mut others = NOT_OF_RULES.iter().chain(&NOT_ON_RECORD);
            if let Some((_, why)) = others.find(|(reason, _)| *reason == record.reason) {
                return Tells::Other(why);
            }
            Decided::Refused {
                reason: record.reason.clone(),
            }
        }
        _ => return Tells::Nothing,
    };
    if record.fields_asked.last().is_some_and(|last| last == CUT) {
        return Tells::Other("not all fields that were asked for are on record");
    }
    if record.emergency && entry.sealed.sealed().is_none() {
        return Tells::Other("who declared the emergency cannot be read any more");
    }
    let asked = asked(record, &entry.sealed);
    let Some(asked) = asked else {
        return Tells::Other("its names are none that this program knows");
    };
    Tells::Decision(Box::new(Past {
        id: entry.id.clone(),
        revision: record.revision.clone(),
        asked,
        is_unsealed: entry.sealed.sealed().is_none(),
        was,
    }))
}

fn asked(record: &Record, sealed: &Opened) -> Option<Asked> {
    let sealed = sealed.sealed();
    let official = || {
        sealed
            .map(|sealed| sealed.official.clone())
            .unwrap_or_default()
    };
    Some(Asked {
        system: record.caller.parse().ok()?,
        method: record.method.clone(),
        procedure: record.procedure.parse().ok()?,
        dossier: sealed.is_some_and(|sealed| !sealed.dossier.is_empty()),
        // For which fields it was, is not on record.
        consented: record.consent.then(Vec::new),
        approvals: u8::try_from(record.approvals).ok()?,
        emergency: record.emergency.then(official),
        cited: Some(record.grant_cited.clone()).filter(|cited| !cited.is_empty()),
        fields: record.fields_asked.clone(),
        at: Moment::from_unix_ms(record.time_us.div_euclid(1000)),
    })
}

/// Reads the records of one quarter's log, or of all, the oldest first, until `visit` breaks. False
/// where not all could be read: that is told.
pub(super) fn each(
    ledger: &LedgerSettings,
    quarter: Option<Quarter>,
    mut visit: impl FnMut(ReadEntry) -> ControlFlow<()>,
) -> anyhow::Result<bool> {
    let layout = ledger.layout();
    let kept = layout.quarters()?;
    let wanted: Vec<Quarter> = match quarter {
        None => kept.into_iter().collect(),
        Some(quarter) if kept.contains(&quarter) => vec![quarter],
        Some(quarter) => bail!("there is no log of `{quarter}`"),
    };
    let mut is_whole = true;
    for quarter in wanted {
        let sealing = Sealing::read(&layout.sealing(quarter))?;
        let mut broke = false;
        let findings = read_entries(&layout.ledger(quarter), Some(&sealing), |entry| {
            let next = visit(entry);
            broke = next.is_break();
            next
        })
        .with_context(|| format!("the log of `{quarter}` cannot be read"))?;
        if findings.count > 0 {
            is_whole = false;
            eprintln!(
                "the log of `{quarter}` is damaged, or is being written; `motlan-audit verify` \
                 tells which"
            );
        }
        if broke {
            break;
        }
    }
    Ok(is_whole)
}

/// The entry of one record.
pub(super) fn one(ledger: &LedgerSettings, id: &RecordId) -> anyhow::Result<ReadEntry> {
    let found = at(ledger, id, id.index())?;
    if found.id != *id {
        bail!(
            "there is no record `{id}`: this log's are called like `{}`",
            found.id
        );
    }
    Ok(found)
}

/// The entry at an index of the log that holds `id`.
pub(super) fn at(ledger: &LedgerSettings, id: &RecordId, index: u64) -> anyhow::Result<ReadEntry> {
    let quarter = id
        .quarter()
        .with_context(|| format!("`{id}` names no quarter"))?;
    let mut found = None;
    each(ledger, Some(quarter), |entry| {
        match entry.id.index() == index {
            true => {
                found = Some(entry);
                ControlFlow::Break(())
            }
            false => ControlFlow::Continue(()),
        }
    })?;
    found.with_context(|| format!("there is no record `{id}`"))
}
