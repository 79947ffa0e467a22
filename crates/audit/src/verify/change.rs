//! What a record of kind CHANGE must say.

use motlan_api::audit::v1::{Change, ChangeSubject, Record};

/// How long a revision of the catalogue is: 16 bytes in hexadecimal.
const REVISION_DIGITS: usize = 32;
/// How long a SHA-256 is in hexadecimal.
const SHA256_DIGITS: usize = 64;

/// Whether a record of kind CHANGE says of what, from what, and either to what or how many faults
/// it was refused for; and nothing else, for nobody asked for it.
pub(crate) fn tells_a_change(record: &Record) -> bool {
    let bare = Record {
        format: record.format,
        kind: record.kind,
        time_us: record.time_us,
        sealed_sha256: record.sealed_sha256.clone(),
        change: record.change.clone(),
        ..Record::default()
    };
    *record == bare && record.time_us > 0 && record.change.as_ref().is_some_and(is_whole)
}

fn is_whole(change: &Change) -> bool {
    let digits = match change.subject() {
        ChangeSubject::Catalog => REVISION_DIGITS,
        ChangeSubject::ServerTls | ChangeSubject::ClientTls => SHA256_DIGITS,
        ChangeSubject::Unspecified => return false,
    };
    let is_digest = |text: &str| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == digits && text.bytes().all(is_hex)
    };
    let came_to = match change.faults {
        0 => is_digest(&change.after),
        _ => change.after.is_empty(),
    };
    is_digest(&change.before) && came_to
}

#[cfg(test)]
mod tests {
    use motlan_api::audit::v1::{RecordKind, Result as Ended};

    use super::*;

    fn record(subject: ChangeSubject, before: &str, after: &str, faults: u32) -> Record {
        Record {
            kind: RecordKind::Change.into(),
            time_us: 1,
            change: Some(Change {
                subject: subject.into(),
                before: before.into(),
                after: after.into(),
                faults,
            }),
            ..Record::default()
        }
    }

    #[test]
    fn a_change_says_of_what_from_what_and_to_what_or_why_not() {
        let (revision, sha256) = ("0a".repeat(16), "9f".repeat(32));
        let (catalog, server) = (ChangeSubject::Catalog, ChangeSubject::ServerTls);
        let client = ChangeSubject::ClientTls;
        for right in [
            record(catalog, &revision, &revision, 0),
            record(catalog, &revision, "", 3),
            record(server, &sha256, &sha256, 0),
            record(client, &sha256, "", 1),
        ] {
            assert!(tells_a_change(&right), "{right:?}");
        }
        let mut of_another = record(catalog, &revision, &revision, 0);
        of_another.change.as_mut().unwrap().subject = 99;
        let timeless = Record {
            time_us: 0,
            ..record(catalog, &revision, &revision, 0)
        };
        for wrong in [
            record(ChangeSubject::Unspecified, &revision, &revision, 0),
            record(catalog, "", &revision, 0),
            record(catalog, &revision, "", 0),
            record(catalog, &revision, &revision, 1),
            record(catalog, &sha256, &sha256, 0),
            record(server, &revision, &revision, 0),
            record(server, &sha256.to_uppercase(), &sha256, 0),
            record(server, &sha256, &sha256.replace('9', "g"), 0),
            of_another,
            timeless,
            Record {
                change: None,
                ..record(catalog, &revision, &revision, 0)
            },
        ] {
            assert!(!tells_a_change(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn nobody_asked_for_a_change_and_it_is_about_nobody() {
        let change = || record(ChangeSubject::Catalog, &"0a".repeat(16), "", 1);
        let changed = |change_it: fn(&mut Record)| {
            let mut record = change();
            change_it(&mut record);
            record
        };
        for wrong in [
            changed(|it| it.caller = "H26/one-stop".into()),
            changed(|it| it.dataset = "population".into()),
            changed(|it| it.method = "/x/Y".into()),
            changed(|it| it.question = Some(0)),
            changed(|it| it.result = Ended::Released.into()),
            changed(|it| it.reason = "BAD".into()),
        ] {
            assert!(!tells_a_change(&wrong), "{wrong:?}");
        }
    }
}
