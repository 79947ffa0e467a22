//! A call of the audit trail on its way through the ledger: asked, admitted, unshown, recorded.
//! Each is made only by the step before, so that what is shown without a record does not compile.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use motlan_api::audit::v1::{Look, Record, RecordKind, Result as Ended, Sealed};
use motlan_audit::{Durable, Entry, RecordId};
use motlan_catalog::{AgencyCode, Role, SystemId};
use tonic::Code;

use super::failure::Failure;
use super::trail::Trails;
use crate::enforced::Enforced;
use crate::identity::{Inquirer, Inquiry};
use crate::lookup::WireError;

/// What can be called, with a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Search,
    SubjectAccesses,
    PlaceHold,
    EndHold,
    Erase,
    RevokeConsent,
    ListReviews,
    CloseReview,
    ListNotices,
    TakeNotice,
    Corrections,
    CloseCorrection,
    Report,
}

impl Call {
    /// The gRPC path, as it stands in records.
    pub(super) fn path(self) -> &'static str {
        match self {
            Call::Search => "/motlan.audit.v1.Audit/Search",
            Call::SubjectAccesses => "/motlan.audit.v1.Audit/SubjectAccesses",
            Call::PlaceHold => "/motlan.audit.v1.Audit/PlaceHold",
            Call::EndHold => "/motlan.audit.v1.Audit/EndHold",
            Call::Erase => "/motlan.audit.v1.Audit/Erase",
            Call::RevokeConsent => "/motlan.policy.v1.Agreements/RevokeConsent",
            Call::ListReviews => "/motlan.policy.v1.Agreements/ListReviews",
            Call::CloseReview => "/motlan.policy.v1.Agreements/CloseReview",
            Call::ListNotices => "/motlan.policy.v1.Agreements/ListNotices",
            Call::TakeNotice => "/motlan.policy.v1.Agreements/TakeNotice",
            Call::Corrections => "/motlan.once.v1.OnceOnly/Corrections",
            Call::CloseCorrection => "/motlan.once.v1.OnceOnly/CloseCorrection",
            Call::Report => "/motlan.once.v1.OnceOnly/Report",
        }
    }

    /// The roles of which a caller needs one.
    fn roles(self) -> &'static [Role] {
        match self {
            Call::Search => &[Role::Auditor],
            Call::SubjectAccesses => &[Role::Auditor, Role::CitizenView],
            Call::PlaceHold | Call::EndHold | Call::Erase => &[Role::DataProtection],
            Call::ListReviews | Call::CloseReview => &[Role::DataProtection],
            Call::ListNotices | Call::TakeNotice => &[Role::CitizenView],
            Call::RevokeConsent => &[Role::Consent],
            Call::Corrections | Call::CloseCorrection => &[Role::Correction],
            Call::Report => &[Role::Report],
        }
    }
}

/// The longest subject that is recorded of a call without the role.
const SUBJECT_BYTES_MAX: usize = 200;

/// What a record says of a request.
#[derive(Default)]
pub(super) struct Request {
    /// Whom it names.
    pub(super) subject: String,
    /// The dataset that it names. The caller's own text: it is recorded only if there is such a
    /// dataset.
    pub(super) dataset: String,
    /// All of it, encoded.
    pub(super) encoded: Vec<u8>,
}

/// A call with a right token, of which nothing is decided yet.
#[must_use]
pub(super) struct Asked {
    /// What was in force when it came: who may look, and in whose words.
    set: Arc<Enforced>,
    call: Call,
    inquirer: Inquirer,
    request: Request,
    record: Record,
    pub(super) now_us: i64,
}

impl Asked {
    pub(super) fn new(
        call: Call,
        inquirer: Inquirer,
        request: Request,
        set: Arc<Enforced>,
    ) -> Asked {
        let known = request.dataset.parse().ok();
        let known = known.and_then(|id| set.catalog.dataset(&id));
        let now_us = now_us();
        let record = Record {
            time_us: now_us,
            caller: inquirer.system().id.to_string(),
            dataset: known.map(|known| known.id.to_string()).unwrap_or_default(),
            method: call.path().to_owned(),
            revision: set.revision().to_string(),
            ..Record::default()
        };
        Asked {
            set,
            call,
            inquirer,
            request,
            record,
            now_us,
        }
    }

    /// R73: lets a system with the role pass. The refusal of another one is on record.
    pub(super) async fn admit(mut self, trails: &Trails) -> Result<Admitted, Failure> {
        if self.has_role() {
            return Ok(Admitted(self));
        }
        // Nobody without a role fills the ledger with texts of their own.
        self.request.encoded.clear();
        if self.request.subject.len() > SUBJECT_BYTES_MAX {
            self.request.subject.clear();
        }
        let system = Arc::clone(self.inquirer.system());
        let due: Vec<&str> = self.call.roles().iter().map(|role| role.as_str()).collect();
        let message = format!(
            "`{}` has not the role that this takes: `{}`",
            system.id,
            due.join("` or `")
        );
        let error = WireError::new(Code::PermissionDenied, "ROLE_NOT_HELD", message);
        Err(Admitted(self).refuse(error, trails).await)
    }

    /// Whether the system has a role that this takes.
    pub(super) fn has_role(&self) -> bool {
        let system = self.inquirer.system();
        let mut due = self.call.roles().iter();
        !system.suspended && due.any(|role| system.roles.contains(role))
    }

    /// The system that calls.
    pub(super) fn system(&self) -> &SystemId {
        &self.inquirer.system().id
    }

    fn inquiry(&self) -> &Inquiry {
        self.inquirer.inquiry()
    }

    /// The sealed part of its record.
    fn sealed(&self) -> Sealed {
        let inquiry = self.inquiry();
        Sealed {
            subject: self.request.subject.clone(),
            dossier: inquiry.dossier.clone().unwrap_or_default(),
            official: inquiry.official.clone(),
            token_id: inquiry.token_id.clone(),
            basis: inquiry.basis.clone(),
            query: self.request.encoded.clone(),
            ..Sealed::default()
        }
    }
}

/// A call whose system has the role. One call, one record.
#[must_use]
pub(super) struct Admitted(Asked);

impl Admitted {
    /// When it came, in microseconds since the Unix epoch.
    pub(super) fn now_us(&self) -> i64 {
        self.0.now_us
    }

    /// What was in force then.
    pub(super) fn set(&self) -> Arc<Enforced> {
        Arc::clone(&self.0.set)
    }

    /// The official who calls.
    pub(super) fn official(&self) -> &str {
        &self.0.inquiry().official
    }

    /// The agency of the system that calls.
    pub(super) fn agency(&self) -> AgencyCode {
        self.0.system().agency()
    }

    /// The system that calls.
    pub(super) fn caller(&self) -> String {
        self.0.record.caller.clone()
    }

    /// The record is about this subject of a dataset, and can be erased with it.
    pub(super) fn about(mut self, dataset: &str, subject: String) -> Self {
        dataset.clone_into(&mut self.0.record.dataset);
        self.0.request.subject = subject;
        self
    }

    /// What was found, as long as nobody may see it.
    pub(super) fn found<T>(self, found: T, look: Look) -> Unshown<T> {
        let mut entry = self.look(Ended::Released);
        entry.record.look = Some(look);
        Unshown { entry, found }
    }

    /// As [`Admitted::found`], where the record must not name whom it was about.
    pub(super) fn found_nobody<T>(mut self, found: T, look: Look) -> Unshown<T> {
        self.0.request = Request::default();
        self.found(found, look)
    }

    /// A record of kind HOLD in place of the look's.
    pub(super) fn hold<T>(
        self,
        found: T,
        hold: motlan_api::audit::v1::Hold,
        held: Option<motlan_api::audit::v1::Held>,
    ) -> Unshown<T> {
        let mut sealed = self.0.sealed();
        sealed.query = Vec::new();
        sealed.held = held;
        let mut record = self.0.record;
        record.kind = RecordKind::Hold.into();
        record.hold = Some(hold);
        let entry = Entry { record, sealed };
        Unshown { entry, found }
    }

    /// Has it refused, and recorded that it was about `subject`, who can have that erased.
    pub(super) fn refused(mut self, error: WireError, subject: String) -> Refused {
        self.0.request.subject = subject;
        Refused(Box::new((self, error)))
    }

    /// Records that nothing is shown or done, and gives what the caller is told then.
    async fn refuse(self, error: WireError, trails: &Trails) -> Failure {
        let mut entry = self.look(Ended::Refused);
        error.reason().clone_into(&mut entry.record.reason);
        match trails.append(entry).await {
            Ok(recorded) => Failure::on_record(error, recorded.id().clone()),
            Err(error) => Failure::unrecorded(&error),
        }
    }

    fn look(self, result: Ended) -> Entry {
        let sealed = self.0.sealed();
        let mut record = self.0.record;
        record.kind = RecordKind::Look.into();
        record.result = result.into();
        Entry { record, sealed }
    }
}

/// A call that is refused, which is to be recorded before it is told.
#[must_use]
pub(super) struct Refused(Box<(Admitted, WireError)>);

impl Refused {
    /// Records it, and gives what the caller is told then.
    pub(super) async fn record(self, trails: &Trails) -> Failure {
        let (admitted, error) = *self.0;
        admitted.refuse(error, trails).await
    }
}

/// What was found and nobody has seen: it opens only through the ledger.
#[must_use]
pub(super) struct Unshown<T> {
    entry: Entry,
    found: T,
}

impl<T> Unshown<T> {
    /// Writes the record; resolves once it is durable.
    pub(super) async fn record(self, trails: &Trails) -> Result<Recorded<T>, Failure> {
        // R74: on record before anything is shown or done; else nothing is.
        match trails.append(self.entry).await {
            Ok(proof) => Ok(Recorded {
                proof,
                found: self.found,
            }),
            Err(error) => Err(Failure::unrecorded(&error)),
        }
    }
}

/// What was found, with the proof that the ledger holds the look. Only this can be shown.
#[must_use]
pub(super) struct Recorded<T> {
    proof: Durable,
    found: T,
}

impl<T> Recorded<T> {
    /// The record's name, and what was found.
    pub(super) fn show(self) -> (RecordId, T) {
        (self.proof.id().clone(), self.found)
    }
}

/// Now, in microseconds since the Unix epoch.
fn now_us() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}
