//! What the policy refuses, and what a caller can do about it.

use motlan_audit::wire::Result as Ended;
use motlan_testkit::client::Reply;
use tonic::Code;

use crate::system::question::{
    CHEMICALS, DESK, DOSSIER, FUNERAL, OTHER_DESK, Question, birth, death, enterprise, parcel,
    person,
};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};

const SUSPENDED_DESK: &str = "H17/one-stop";

/// In the past, to an agency that has no other agreement on births.
const EXPIRED: &str = r#"
id = "g15-h26-births-2025"
title = "Expired"
provider = "G15"
consumer = "H26"
legal_basis = "Luật Hộ tịch số 60/2014/QH13"
valid_from = 2025-01-01
valid_until = 2025-12-31
[[grant]]
id = "birth"
dataset = "civil_status"
view = "birth_extract"
methods = ["GetBirth"]
procedures = ["1.004222"]
"#;

/// To another system of the same agency.
const OF_ANOTHER_SYSTEM: &str = r#"
id = "g15-h29-deaths-2026"
title = "Only for the archive"
provider = "G15"
consumer = "H29"
legal_basis = "Luật Hộ tịch số 60/2014/QH13"
valid_from = 2026-01-01
valid_until = 2099-12-31
[[grant]]
id = "death"
dataset = "civil_status"
view = "death_extract"
methods = ["GetDeath"]
procedures = ["1.014177"]
systems = ["H29/archive"]
"#;

const ARCHIVE: &str = r#"
[[system]]
id = "H29/archive"
title_vi = "Kho lưu trữ"
"#;

/// The same method for the same purpose as the reference agreement on land, with another view.
const SECOND: &str = r#"
id = "g10-h26-area-2026"
title = "A second agreement"
provider = "G10"
consumer = "H26"
legal_basis = "Luật Đất đai số 31/2024/QH15"
valid_from = 2026-01-01
valid_until = 2099-12-31
[[grant]]
id = "area"
dataset = "land"
view = "area_and_purpose"
methods = ["GetParcel"]
procedures = ["1.004222"]
"#;

/// The reference catalogue, and agreements that are there to refuse.
async fn start() -> Running {
    let laid = Laid::out().await;
    for (path, text) in [
        ("agreements/expired.toml", EXPIRED),
        ("agreements/of-another-system.toml", OF_ANOTHER_SYSTEM),
        ("agreements/second.toml", SECOND),
        ("systems/archive.toml", ARCHIVE),
    ] {
        laid.world.write(&format!("catalog/{path}"), text).unwrap();
    }
    laid.start().await
}

/// One refusal: who asks what, and how it must end.
struct Case {
    system: &'static str,
    question: Question,
    code: Code,
    reason: &'static str,
    /// What the sentence must name, for the reader to act on.
    names: &'static [&'static str],
}

fn case(question: Question, code: Code, reason: &'static str) -> Case {
    Case {
        system: DESK,
        question,
        code,
        reason,
        names: &[],
    }
}

fn cases(running: &Running) -> Vec<Case> {
    let roles = running.roles();
    let asking_for = |fields| person(&roles.person).with("motlan-fields", fields);
    let citing = |grant| person(&roles.person).with("motlan-grant", grant);
    let denied = Code::PermissionDenied;
    let too_many = vec!["sex"; 129].join(",");
    vec![
        // R23.
        Case {
            names: &[
                "`religion`",
                "`ethnicity`",
                "g01-h26-population-2026/residence",
            ],
            ..case(
                asking_for("full_name,religion,ethnicity"),
                denied,
                "FIELD_NOT_GRANTED",
            )
        },
        // R52: what is unmarked cannot be had by asking for it either.
        Case {
            names: &["`working_note`"],
            ..case(asking_for("working_note"), denied, "FIELD_NOT_GRANTED")
        },
        Case {
            names: &["`full_nam`", "`full_name`"],
            ..case(
                asking_for("full_nam"),
                Code::InvalidArgument,
                "FIELD_UNKNOWN",
            )
        },
        case(
            asking_for(too_many.leak()),
            Code::InvalidArgument,
            "TOO_MANY_FIELDS",
        ),
        Case {
            system: OTHER_DESK,
            names: &["H29"],
            ..case(person(&roles.person), denied, "NO_AGREEMENT")
        },
        // R22: the agreement on deaths covers this purpose, but not this method.
        Case {
            names: &[FUNERAL, "g01-h26-population-2026/residence"],
            ..case(
                person(&roles.person).procedure(FUNERAL),
                denied,
                "PURPOSE_NOT_COVERED",
            )
        },
        // R24.
        Case {
            system: SUSPENDED_DESK,
            names: &[SUSPENDED_DESK],
            ..case(enterprise(&roles.enterprise), denied, "SYSTEM_SUSPENDED")
        },
        Case {
            names: &["g15-h26-births-2025/birth"],
            ..case(birth(&roles.child), denied, "AGREEMENT_NOT_IN_FORCE")
        },
        Case {
            system: OTHER_DESK,
            names: &["g15-h29-deaths-2026/death", OTHER_DESK],
            ..case(death(&roles.deceased), denied, "SYSTEM_NOT_NAMED")
        },
        // R20.
        Case {
            names: &["g10-h26-land-2026/certificate", "g10-h26-area-2026/area"],
            ..case(
                parcel(&roles.certificate),
                Code::FailedPrecondition,
                "GRANT_AMBIGUOUS",
            )
        },
        Case {
            names: &["g01-h26-population-2026/nothing"],
            ..case(
                citing("g01-h26-population-2026/nothing"),
                denied,
                "GRANT_UNKNOWN",
            )
        },
        // R22: a grant of the same agency for another method does not do.
        case(
            citing("g01-h26-population-2026/household"),
            denied,
            "GRANT_UNKNOWN",
        ),
        // R20: the cited grant must fit by itself.
        Case {
            names: &["g10-h26-area-2026/area", CHEMICALS],
            ..case(
                parcel(&roles.certificate)
                    .procedure(CHEMICALS)
                    .with("motlan-grant", "g10-h26-area-2026/area"),
                denied,
                "PURPOSE_NOT_COVERED",
            )
        },
    ]
}

#[tokio::test]
async fn a_refusal_says_why_is_recorded_and_no_provider_hears_of_it() {
    let running = start().await;
    let cases = cases(&running);
    let mut records = Vec::new();
    for case in &cases {
        let reply = running.ask_as(case.system, &case.question).await;
        records.push(refused_on_record(&reply, case.code, case.reason));
        for name in case.names {
            let sentence = reply.status.message();
            assert!(sentence.contains(name), "{sentence}");
        }
        assert_eq!(running.heard(), 0, "{}", case.reason);
    }
    // R12: refusals are recorded too.
    let past = running.stop().await;
    assert_eq!(past.entries.len(), cases.len());
    for (case, record) in cases.iter().zip(&records) {
        let entry = past.assert_refused(record, case.reason);
        assert_eq!(entry.record.caller, case.system);
        assert_eq!(entry.record.method, case.question.path);
        assert_eq!(entry.record.procedure, case.question.procedure);
        assert!(!entry.sealed.subject.is_empty());
        assert_eq!(entry.sealed.dossier, DOSSIER);
    }
}

#[tokio::test]
async fn citing_one_of_two_grants_resolves_them_and_gives_its_view_only() {
    // R20: grants are never unioned.
    let running = start().await;
    let roles = running.roles();
    let mut replies: Vec<(&str, Reply)> = Vec::new();
    for grant in ["g10-h26-land-2026/certificate", "g10-h26-area-2026/area"] {
        let question = parcel(&roles.certificate).with("motlan-grant", grant);
        replies.push((grant, running.ask(&question).await));
    }
    let past = running.stop().await;
    let expected = [
        ("certificate", "holders.full_name"),
        ("area_and_purpose", "legal_area_dm2"),
    ];
    for ((grant, reply), (view, of_this_view_only)) in replies.iter().zip(expected) {
        assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
        let (_, outcome) = past.lookup(reply.metadata("motlan-record").unwrap());
        assert_eq!(outcome.record.result(), Ended::Released);
        assert_eq!(outcome.record.grant, *grant);
        assert_eq!(outcome.record.view, view);
        let released = &outcome.record.fields_released;
        assert!(
            released.contains(&of_this_view_only.to_owned()),
            "{released:?}"
        );
        let other = expected.iter().find(|(other, _)| *other != view).unwrap();
        assert!(!released.contains(&other.1.to_owned()), "{released:?}");
    }
}
