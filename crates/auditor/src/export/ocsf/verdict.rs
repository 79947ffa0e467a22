//! What a record comes to in OCSF's own words.

use motlan_api::audit::v1::{Record, RecordKind, Result as Ended};

/// A value of an enumeration of OCSF: its id and its caption.
pub(super) type Named = (u32, &'static str);

const UNKNOWN: Named = (0, "Unknown");
const OTHER: u32 = 99;

const CREATE: Named = (1, "Create");
const READ: Named = (2, "Read");
const UPDATE: Named = (3, "Update");
const DELETE: Named = (4, "Delete");

const INFORMATIONAL: Named = (1, "Informational");
const LOW: Named = (2, "Low");
const MEDIUM: Named = (3, "Medium");

const SUCCESS: Named = (1, "Success");
const FAILURE: Named = (2, "Failure");
/// How a question ends is told by its outcome.
const ANNOUNCED: Named = (OTHER, "Announced");

const ALLOW: Named = (1, "Allowed");
const DENY: Named = (2, "Denied");

const ALLOWED: Named = (1, "Allowed");
const BLOCKED: Named = (2, "Blocked");
const DELETED: Named = (5, "Deleted");
const ERROR: Named = (27, "Error");

/// The enumerations of API Activity and of the profile Security Control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) activity: Named,
    pub(super) severity: Named,
    pub(super) status: Named,
    pub(super) action: Named,
    pub(super) disposition: Named,
}

/// Evidence was given, or a ground was made.
fn component(record: &Record) -> Verdict {
    let told = record.component.as_ref();
    let is_evidence = told.is_none_or(|component| component.outcome == 0);
    Verdict {
        activity: if is_evidence { READ } else { CREATE },
        severity: INFORMATIONAL,
        status: SUCCESS,
        action: ALLOW,
        disposition: ALLOWED,
    }
}

/// Other settings are in force, or were refused.
fn change(record: &Record) -> Verdict {
    let told = record.change.as_ref();
    let is_refused = told.is_some_and(|change| change.faults > 0);
    let (severity, status, action, disposition) = match is_refused {
        true => (MEDIUM, FAILURE, DENY, BLOCKED),
        false => (LOW, SUCCESS, ALLOW, ALLOWED),
    };
    Verdict {
        activity: UPDATE,
        severity,
        status,
        action,
        disposition,
    }
}

impl Verdict {
    pub(super) fn on(record: &Record) -> Verdict {
        let read = |severity, status, action, disposition| Verdict {
            activity: READ,
            severity,
            status,
            action,
            disposition,
        };
        match (record.kind(), record.result()) {
            (RecordKind::Question, _) => read(INFORMATIONAL, ANNOUNCED, ALLOW, ALLOWED),
            (RecordKind::Outcome, Ended::Released) => read(INFORMATIONAL, SUCCESS, ALLOW, ALLOWED),
            (RecordKind::Outcome, Ended::NotFound) => read(INFORMATIONAL, FAILURE, ALLOW, ALLOWED),
            (RecordKind::Outcome, Ended::Refused) => read(LOW, FAILURE, DENY, BLOCKED),
            (RecordKind::Outcome, Ended::Failed) => read(LOW, FAILURE, ALLOW, ERROR),
            (RecordKind::Erasure, _) => Verdict {
                activity: DELETE,
                severity: MEDIUM,
                status: SUCCESS,
                action: ALLOW,
                disposition: DELETED,
            },
            (RecordKind::Look, Ended::Released) => read(LOW, SUCCESS, ALLOW, ALLOWED),
            (RecordKind::Look, Ended::Refused) => read(MEDIUM, FAILURE, DENY, BLOCKED),
            (RecordKind::Hold, _) => Verdict {
                activity: CREATE,
                severity: MEDIUM,
                status: SUCCESS,
                action: ALLOW,
                disposition: ALLOWED,
            },
            (RecordKind::Component, _) => component(record),
            (RecordKind::Change, _) => change(record),
            // Also of kinds that a newer gateway writes.
            (kind, _) => Verdict {
                activity: (OTHER, kind.as_str_name()),
                severity: UNKNOWN,
                status: UNKNOWN,
                action: UNKNOWN,
                disposition: UNKNOWN,
            },
        }
    }
}
