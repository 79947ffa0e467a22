//! What a record tells of a component of a dossier.

use motlan_api::audit::v1::{Channel, Component, GroundOutcome, Record};
use serde_json::{Value, json};

use super::hex;
use crate::moment::time;

/// In one word or two: whether there was evidence, or why the document may be asked for.
pub(crate) fn ended(component: &Component) -> String {
    match outcome(component).as_str() {
        "" => "evidence".to_owned(),
        outcome => format!("ground ({outcome})"),
    }
}

/// The ground by its name; empty for evidence. A number for one that a newer gateway writes.
pub(crate) fn outcome(component: &Component) -> String {
    match GroundOutcome::try_from(component.outcome) {
        Ok(GroundOutcome::Unspecified) => String::new(),
        Ok(outcome) => ground_name(outcome).to_owned(),
        Err(_) => component.outcome.to_string(),
    }
}

/// A ground by its name.
pub(crate) fn ground_name(outcome: GroundOutcome) -> &'static str {
    outcome.as_str_name().trim_start_matches("GROUND_OUTCOME_")
}

/// The way by which a dossier came in, by its name.
pub(crate) fn channel_name(channel: Channel) -> &'static str {
    channel.as_str_name().trim_start_matches("CHANNEL_")
}

/// In words. Which clauses, and the commitment, are in the JSON form.
pub(super) fn words(record: &Record, component: &Component) -> Vec<(&'static str, String)> {
    let due = match component.due_us {
        0 => String::new(),
        due_us => time(due_us),
    };
    vec![
        ("of", component.document.clone()),
        ("from", record.dataset.clone()),
        ("to be held by", component.database.clone()),
        ("variant", component.variant.clone()),
        ("fields", component.fields.join(",")),
        ("came in", time(component.received_us)),
        ("", channel_name(component.channel()).to_lowercase()),
        ("told by", due),
        ("lookup", component.lookup.clone()),
    ]
}

pub(crate) fn json(component: &Component) -> Value {
    json!({
        "document": component.document,
        "variant": component.variant,
        "database": component.database,
        "outcome": outcome(component),
        "fields": component.fields,
        "clauses": component.clauses,
        "channel": channel_name(component.channel()),
        "received_us": component.received_us,
        "due_us": component.due_us,
        "lookup": component.lookup,
        "commitment": hex(&component.commitment),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_that_is_not_known_here_is_not_shown_as_evidence() {
        let of = |outcome| {
            ended(&Component {
                outcome,
                ..Component::default()
            })
        };
        assert_eq!(
            [of(0), of(3), of(99)],
            ["evidence", "ground (NOT_FOUND)", "ground (99)"]
        );
    }
}
