//! What a record tells of a change.

use motlan_api::audit::v1::{Change, ChangeSubject};
use serde_json::{Value, json};

/// In one word or two: whether it was taken in force.
pub(super) fn ended(change: &Change) -> &'static str {
    match change.faults {
        0 => "change",
        _ => "change refused",
    }
}

/// What was changed, by its name.
fn subject(change: &Change) -> &'static str {
    let name = change.subject().as_str_name();
    name.trim_start_matches("CHANGE_SUBJECT_")
}

/// In words.
pub(super) fn words(change: &Change) -> Vec<(&'static str, String)> {
    let of = match change.subject() {
        ChangeSubject::Catalog => "the catalogue",
        ChangeSubject::ServerTls => "what callers are shown",
        ChangeSubject::ClientTls => "what owners are shown",
        ChangeSubject::Unspecified => "what this program does not know",
    };
    let faults = match change.faults {
        0 => String::new(),
        faults => faults.to_string(),
    };
    vec![
        ("of", of.to_owned()),
        ("from", change.before.clone()),
        ("to", change.after.clone()),
        ("faults", faults),
    ]
}

pub(crate) fn json(change: &Change) -> Value {
    json!({
        "subject": subject(change),
        "before": change.before,
        "after": change.after,
        "faults": change.faults,
    })
}

#[cfg(test)]
mod tests {
    use motlan_api::audit::v1::{Record, RecordKind};

    use super::super::line;
    use super::*;

    #[test]
    fn a_change_tells_what_was_in_force_and_what_is_or_that_it_was_refused() {
        let taken = Change {
            subject: ChangeSubject::Catalog.into(),
            before: "0a".into(),
            after: "0b".into(),
            faults: 0,
        };
        let told = |change: &Change| {
            let record = Record {
                kind: RecordKind::Change.into(),
                change: Some(change.clone()),
                ..Record::default()
            };
            let id = "hn1-2026q4-8".parse().unwrap();
            line(&id, &record)
                .split_once("+07:00  ")
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(told(&taken), "change  of the catalogue  from 0a  to 0b");
        let refused = Change {
            subject: ChangeSubject::ServerTls.into(),
            after: String::new(),
            faults: 2,
            ..taken
        };
        let due = "change refused  of what callers are shown  from 0a  faults 2";
        assert_eq!(told(&refused), due);
        assert_eq!(json(&refused)["subject"], "SERVER_TLS");
    }
}
