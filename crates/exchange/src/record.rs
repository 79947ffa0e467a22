//! What each step writes to the ledger: names and codes in the leaf, what is personal in the sealed
//! part.

use motlan_audit::Entry;
use motlan_audit::wire::{Record, RecordKind, Result as Ended, Sealed, frames_sha256};
use motlan_catalog::Revision;
use motlan_policy::Permit;

use crate::outcome::{Denial, Release};
use crate::permitted::Announced;
use crate::provider::ProviderFault;
use crate::question::Question;

/// The names of one list in a record, with what encoding adds to each.
const NAMES_BYTES_MAX: usize = 20_000;
const NAME_OVERHEAD_BYTES: usize = 4;

/// A question that was permitted.
pub(crate) fn question(question: &Question, permit: &Permit) -> Entry {
    let mut record = common(question, permit.revision());
    record.kind = RecordKind::Question.into();
    record.time_us = question.ask.arrived.now_us();
    name_grant(&mut record, permit);
    Entry {
        record,
        sealed: sealed(question),
    }
}

/// A question that was refused, of which no provider heard.
pub(crate) fn refused(question: &Question, revision: &Revision, denial: &Denial) -> Entry {
    let mut record = ended(question, revision, Ended::Refused);
    denial.reason().clone_into(&mut record.reason);
    Entry {
        record,
        sealed: sealed(question),
    }
}

/// A question that a provider was asked without an answer that may leave.
pub(crate) fn failed(announced: &Announced, denial: &Denial) -> Entry {
    let (result, status) = match denial {
        Denial::Provider(ProviderFault::NotFound) => (Ended::NotFound, Some(5)),
        Denial::Provider(fault) => (Ended::Failed, fault.status()),
        Denial::Request(_)
        | Denial::Policy(_)
        | Denial::Unbacked { .. }
        | Denial::Duty(_)
        | Denial::Limit(_) => (Ended::Failed, None),
    };
    let mut record = announced_outcome(announced, result);
    denial.reason().clone_into(&mut record.reason);
    record.provider_status = status;
    Entry {
        record,
        sealed: sealed(&announced.question),
    }
}

/// A question that was answered.
pub(crate) fn answered(announced: &Announced, release: &Release, released: Vec<String>) -> Entry {
    let mut record = announced_outcome(announced, Ended::Released);
    record.provider_status = Some(0);
    record.keep_until_us = release.keep_until_us.unwrap_or_default();
    record.fields_released = capped(released);
    record.fields_withheld = capped(release.withheld.clone());
    record.answers = u32::try_from(release.messages.len()).unwrap_or(u32::MAX);
    record.answer_bytes = release
        .messages
        .iter()
        .map(|message| message.len() as u64)
        .sum();
    let mut sealed = sealed(&announced.question);
    sealed.answer_sha256 = frames_sha256(&release.messages);
    Entry { record, sealed }
}

fn announced_outcome(announced: &Announced, result: Ended) -> Record {
    let mut record = ended(&announced.question, announced.permit.revision(), result);
    record.question = Some(announced.index());
    name_grant(&mut record, &announced.permit);
    record
}

fn ended(question: &Question, revision: &Revision, result: Ended) -> Record {
    let mut record = common(question, revision);
    record.kind = RecordKind::Outcome.into();
    record.result = result.into();
    record.time_us = question.ask.arrived.now_us();
    record.elapsed_us = question.ask.arrived.elapsed_us();
    record
}

fn common(question: &Question, revision: &Revision) -> Record {
    let statement = &question.caller.statement;
    let method = &question.ask.method;
    Record {
        caller: question.caller.system.id.to_string(),
        dataset: method.dataset.to_string(),
        method: method.path.clone(),
        procedure: statement.procedure.to_string(),
        revision: revision.to_string(),
        fields_asked: known_fields(question),
        trace_id: question.ask.trace_id.clone(),
        grant_cited: question.ask.cited.clone().unwrap_or_default(),
        // R29: that others signed, never who.
        consent: question.weighed.consent.is_some(),
        approvals: question.weighed.approvals().into(),
        emergency: statement.incident.is_some(),
        ..Record::default()
    }
}

/// As many names as a record has room for: a leaf has at most 65,535 bytes, and a record that does
/// not fit would leave its question without an outcome.
fn capped(mut names: Vec<String>) -> Vec<String> {
    let mut left = NAMES_BYTES_MAX;
    let fits = |name: &&String| {
        left = left.saturating_sub(name.len() + NAME_OVERHEAD_BYTES);
        left > 0
    };
    let count = names.iter().take_while(fits).count();
    if count < names.len() {
        names.truncate(count);
        names.push("...".to_owned());
    }
    names
}

/// The fields asked for that the answer has. What is no field is the caller's own text, and the
/// leaf is public.
fn known_fields(question: &Question) -> Vec<String> {
    let answer = &question.ask.method.response;
    let known = |field: &&String| motlan_mask::resolve(answer, field).is_ok();
    capped(question.ask.fields.iter().filter(known).cloned().collect())
}

fn name_grant(record: &mut Record, permit: &Permit) {
    record.grant = permit.grant().to_string();
    record.view = permit.view().to_string();
}

fn sealed(question: &Question) -> Sealed {
    let statement = &question.caller.statement;
    let consent = question.weighed.consent.as_ref();
    Sealed {
        subject: question
            .subject
            .as_ref()
            .map(|s| s.expose().to_owned())
            .unwrap_or_default(),
        dossier: statement.dossier.clone().unwrap_or_default(),
        official: statement.official.expose().to_owned(),
        token_id: statement.token_id.clone(),
        variant: statement.variant.clone().unwrap_or_default(),
        basis: statement.basis.clone().unwrap_or_default(),
        consent: consent.map(|it| it.id.clone()).unwrap_or_default(),
        consent_issuer: consent.map(|it| it.issuer.clone()).unwrap_or_default(),
        approvers: question.weighed.approvers.clone(),
        incident: statement.incident.clone().unwrap_or_default(),
        ..Sealed::default()
    }
}
