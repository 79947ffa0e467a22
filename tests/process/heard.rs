//! What callers and owners have heard, held against what the ledger says.

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::RecordId;
use motlan_audit::wire::{Record, RecordKind, Result as Ended, frames_sha256};
use motlan_testkit::client::Reply;
use motlan_testkit::provider::Seen;
use tonic::Code;

use super::deployment::{Entry, Question};

/// An outcome that a caller has heard.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) record: RecordId,
    pub(crate) question: Question,
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) answers: usize,
    /// Of all messages in their frames.
    pub(crate) sha256: Vec<u8>,
}

impl Told {
    /// What `reply` tells; none where the gateway says that nothing is on record. An answer without
    /// a record is an error.
    pub(crate) fn of(question: &Question, reply: &Reply) -> Result<Option<Self>> {
        let messages = reply.messages()?;
        let Some(record) = reply.metadata("motlan-record") else {
            ensure!(reply.code() != Code::Ok, "an answer without a record");
            ensure!(
                messages.is_empty(),
                "data without a record: {:?}",
                reply.status
            );
            return Ok(None);
        };
        Ok(Some(Self {
            record: record.parse()?,
            question: question.clone(),
            code: reply.code(),
            reason: reply.reason().unwrap_or_default(),
            answers: messages.len(),
            sha256: frames_sha256(&messages),
        }))
    }

    fn result(&self) -> Ended {
        match self.code {
            Code::Ok => Ended::Released,
            Code::NotFound => Ended::NotFound,
            Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition => {
                Ended::Refused
            }
            _ => Ended::Failed,
        }
    }
}

/// A question that an owner has heard.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) record: RecordId,
    pub(crate) caller: String,
    pub(crate) path: String,
    /// None where the gateway was killed while it was still sending: its headers came, and not all
    /// of its message.
    pub(crate) subject: Option<String>,
}

impl Asked {
    /// What an owner saw. A question that names no record is an error.
    pub(crate) fn of(seen: &Seen) -> Result<Self> {
        let said = |name: &str| seen.metadata(name).with_context(|| format!("no `{name}`"));
        Ok(Self {
            record: said("motlan-record")?.parse()?,
            caller: said("motlan-caller")?.to_owned(),
            path: seen.path.clone(),
            subject: Some(seen.subject.clone()).filter(|subject| !subject.is_empty()),
        })
    }
}

/// Everything that was heard outside the gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) told: Vec<Told>,
    pub(crate) asked: Vec<Asked>,
}

impl Heard {
    /// What of it the ledger does not bear out. Empty where R31 and R32 hold.
    pub(crate) fn faults(&self, ledger: &[Entry]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut once = HashSet::new();
        for told in &self.told {
            let mut fault = |what: String| faults.push(format!("told {}: {what}", told.record));
            if !once.insert(told.record.index()) {
                fault("two answers have this record".to_owned());
            }
            match found(ledger, &told.record) {
                Some(entry) => check_told(told, entry, ledger, &mut fault),
                None => fault("not in the ledger".to_owned()),
            }
        }
        for asked in &self.asked {
            let mut fault = |what: String| faults.push(format!("asked {}: {what}", asked.record));
            if !once.insert(asked.record.index()) {
                fault("something else was told under this record".to_owned());
            }
            match found(ledger, &asked.record) {
                Some(entry) => check_asked(asked, entry, &mut fault),
                None => fault("not in the ledger".to_owned()),
            }
        }
        faults
    }
}

fn found<'l>(ledger: &'l [Entry], record: &RecordId) -> Option<&'l Entry> {
    let entry = ledger.get(usize::try_from(record.index()).ok()?)?;
    (entry.id == *record).then_some(entry)
}

fn check_told(told: &Told, entry: &Entry, ledger: &[Entry], fault: &mut impl FnMut(String)) {
    let Entry { record, sealed, .. } = entry;
    let Question {
        system,
        procedure,
        path,
        subject,
        ..
    } = &told.question;
    if record.kind() != RecordKind::Outcome || record.result() != told.result() {
        let (kind, result) = (record.kind(), record.result());
        fault(format!(
            "the ledger has {kind:?} {result:?} where {:?} was told",
            told.code
        ));
    }
    if record.reason != told.reason {
        fault(format!(
            "the ledger has the reason `{}`, not `{}`",
            record.reason, told.reason
        ));
    }
    if (record.caller.as_str(), record.procedure.as_str()) != (*system, *procedure) {
        fault(format!(
            "the ledger has it told to `{}` for {}",
            record.caller, record.procedure
        ));
    }
    if record.method != *path || sealed.subject != *subject {
        fault(format!(
            "the ledger has it of `{}` about another or by another",
            record.method
        ));
    }
    if told.code == Code::Ok {
        if sealed.answer_sha256 != told.sha256 {
            fault("the answer is not the one in the ledger".to_owned());
        }
        if usize::try_from(record.answers) != Ok(told.answers) {
            fault(format!(
                "{} messages were told, {} stand",
                told.answers, record.answers
            ));
        }
    }
    if record.result() != Ended::Refused && !has_question(record, ledger) {
        fault("the ledger has no question that it answers".to_owned());
    }
}

fn has_question(outcome: &Record, ledger: &[Entry]) -> bool {
    let index = outcome
        .question
        .and_then(|index| usize::try_from(index).ok());
    let question = index.and_then(|index| ledger.get(index));
    question.is_some_and(|entry| {
        entry.record.kind() == RecordKind::Question && entry.record.method == outcome.method
    })
}

fn check_asked(asked: &Asked, entry: &Entry, fault: &mut impl FnMut(String)) {
    let Entry { record, sealed, .. } = entry;
    if record.kind() != RecordKind::Question {
        fault(format!("the ledger has {:?} there", record.kind()));
    }
    let other = asked
        .subject
        .as_ref()
        .is_some_and(|subject| *subject != sealed.subject);
    if record.method != asked.path || other {
        fault(format!(
            "the ledger has a question to `{}` or about another",
            record.method
        ));
    }
    if record.caller != asked.caller {
        fault(format!("the ledger has a question of `{}`", record.caller));
    }
}
