//! What a record of kind COMPONENT must say.

use motlan_api::audit::v1::{Channel, Component, GroundOutcome, Record, Result as Ended};

use crate::origin::RecordId;

/// How long a commitment is.
pub(crate) const COMMITMENT_BYTES: usize = 32;

/// Whether a record of kind COMPONENT says of what, and either that evidence was given or why the
/// document may be asked for.
pub(crate) fn tells_a_component(record: &Record) -> bool {
    let is_bare = record.question.is_none()
        && record.result() == Ended::Unspecified
        && record.reason.is_empty()
        && record.fields_released.is_empty();
    let names_whose = !record.caller.is_empty() && !record.procedure.is_empty();
    let told = record.component.as_ref();
    is_bare && names_whose && told.is_some_and(|component| is_whole(record, component))
}

fn is_whole(record: &Record, component: &Component) -> bool {
    // An outcome that this program does not know is no evidence.
    let Ok(outcome) = GroundOutcome::try_from(component.outcome) else {
        return false;
    };
    let asks = outcome != GroundOutcome::Unspecified;
    let was_looked_up = outcome != GroundOutcome::NotPublished;
    let names_fields = matches!(outcome, GroundOutcome::Incomplete | GroundOutcome::Mismatch);
    let has_dataset = !record.dataset.is_empty();
    let has_lookup = component.lookup.parse::<RecordId>().is_ok();
    let is_due = component.due_us == 0 || asks && component.due_us >= component.received_us;
    !component.document.is_empty()
        && !component.clauses.is_empty()
        && component.channel() != Channel::Unspecified
        && component.received_us > 0
        && is_due
        && has_dataset == component.database.is_empty()
        && (has_dataset || !was_looked_up)
        && (if was_looked_up {
            has_lookup
        } else {
            component.lookup.is_empty()
        })
        && component.fields.is_empty() != names_fields
        && component.commitment.len() == if asks { COMMITMENT_BYTES } else { 0 }
}
