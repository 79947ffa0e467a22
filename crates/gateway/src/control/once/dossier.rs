//! What all components of one dossier share, and what one of them is.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use motlan_api::audit::v1::{Channel, Component, GroundOutcome, Record, RecordKind, Sealed};
use motlan_audit::{Entry, RecordId};
use motlan_catalog::ProcedureCode;
use motlan_exchange::Statement;
use motlan_once::Piece;

use super::COLLECT;
use crate::enforced::Enforced;
use crate::identity::Peer;
use crate::lookup::TraceParent;

/// Việt Nam keeps UTC+7 all year.
pub(super) const VIETNAM: Offset = Offset::constant(7);

/// The dossier that components are collected for. Personal: does not print.
pub(super) struct Dossier {
    /// What was in force when the call came: one revision decides all of it.
    pub(super) set: Arc<Enforced>,
    pub(super) peer: Peer,
    pub(super) token: String,
    pub(super) statement: Arc<Statement>,
    pub(super) procedure: ProcedureCode,
    pub(super) variant: String,
    pub(super) code: String,
    pub(super) channel: Channel,
    pub(super) received_us: i64,
    /// None where the working days of that time are not settled.
    pub(super) due_us: Option<i64>,
    pub(super) trace: Option<TraceParent>,
    pub(super) begun: Instant,
    /// By then every provider has answered, or has not.
    pub(super) end: Instant,
}

/// The day in Việt Nam.
pub(super) fn today(now_us: i64) -> Date {
    let now = Timestamp::from_microsecond(now_us).unwrap_or_default();
    VIETNAM.to_datetime(now).date()
}

/// One component. Personal: does not print.
pub(super) struct Part {
    /// Its place in the request.
    pub(super) index: u32,
    pub(super) piece: Piece,
    pub(super) grant: Option<String>,
    pub(super) consent: Option<String>,
    pub(super) approvals: Vec<String>,
    /// What the applicant declared, encoded as it was sent.
    pub(super) declared: Option<Vec<u8>>,
}

impl Part {
    /// The kind of document.
    pub(super) fn document(&self) -> String {
        self.piece.kind().code.to_string()
    }

    /// The dataset that holds it, published or not; empty where none does.
    pub(super) fn dataset(&self) -> String {
        let dataset = self.piece.dataset();
        dataset.map(ToString::to_string).unwrap_or_default()
    }

    /// The database that is to hold it, where no dataset does; else empty.
    pub(super) fn database(&self) -> String {
        let database = self.piece.database();
        database.map(ToString::to_string).unwrap_or_default()
    }
}

impl Dossier {
    /// The record of evidence for a component, from the lookup whose outcome is `lookup`.
    pub(super) fn evidence(&self, part: &Part, lookup: &RecordId) -> Entry {
        let mut entry = self.entry();
        entry.record.caller = self.peer.system.id.to_string();
        entry.record.procedure = self.procedure.to_string();
        entry.record.dataset = part.dataset();
        entry.record.component = Some(Component {
            document: part.document(),
            variant: self.variant.clone(),
            database: String::new(),
            outcome: GroundOutcome::Unspecified.into(),
            fields: Vec::new(),
            clauses: part.piece.clauses().to_vec(),
            channel: self.channel.into(),
            received_us: self.received_us,
            due_us: 0,
            lookup: lookup.to_string(),
            commitment: Vec::new(),
        });
        part.piece.subject().clone_into(&mut entry.sealed.subject);
        entry.sealed.dossier.clone_from(&self.code);
        entry
    }

    /// What the records of all components have in common.
    pub(super) fn entry(&self) -> Entry {
        let trace = self.trace.as_ref();
        let record = Record {
            kind: RecordKind::Component.into(),
            time_us: crate::ledger::now_us(),
            method: COLLECT.to_owned(),
            revision: self.set.revision().to_string(),
            trace_id: trace.map(|it| it.trace_id.clone()).unwrap_or_default(),
            ..Record::default()
        };
        let statement = &self.statement;
        let sealed = Sealed {
            official: statement.official.expose().to_owned(),
            token_id: statement.token_id.clone(),
            variant: self.variant.clone(),
            basis: statement.basis.clone().unwrap_or_default(),
            ..Sealed::default()
        };
        Entry { record, sealed }
    }
}
