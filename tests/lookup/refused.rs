//! What the policy refuses, and what a caller can do about it.

use motlan_audit::wire::Result as Ended;
use motlan_testkit::client::Reply;
use motlan_testkit::sample::Roles;
use tonic::Code;

use crate::system::question::{
    CHEMICALS, DESK, DOSSIER, FUNERAL, OTHER_DESK, Question, RESIDENCE, birth, death, enterprise,
    parcel, person,
};
use crate::system::refused::refused_on_record;
use crate::system::running::{Laid, Running};

const SUSPENDED_DESK: &str = "H17/one-stop";
const RESIDENCE_GRANT: &str = "g01-h26-population-2026/residence";
/// The reference agreement's grant on land, and that of [`SECOND`].
const CERTIFICATE_AND_AREA: [&str; 2] = ["g10-h26-land-2026/certificate", "g10-h26-area-2026/area"];

/// In the past, to an agency that has no other agreement on births.
const EXPIRED: &str = r#"
id = "g15-h26-births-2025"
version = 1
title = "Expired"
provider = "G15"
consumer = "H26"
legal_basis = ["Luật Hộ tịch số 60/2014/QH13"]
valid_from = 2025-01-01
valid_until = 2025-12-31
[[grant]]
id = "birth"
dataset = "civil_status"
view = "birth_extract"
methods = ["GetBirth"]
procedures = ["1.004222"]
[[test]]
name = "allowed"
system = "H26/one-stop"
method = "civil_status/GetBirth"
procedure = "1.004222"
at = 2025-03-03T09:00:00
expect = "allowed"
fields = [
    "child.*", "entry.*", "father.full_name", "father.personal_id", "mother.full_name",
    "mother.personal_id", "place_of_birth.*",
]
[[test]]
name = "refused"
system = "H26/one-stop"
method = "civil_status/GetBirth"
procedure = "1.014177"
at = 2025-03-03T09:00:00
expect = "PURPOSE_NOT_COVERED"
"#;

/// To another system of the same agency.
const OF_ANOTHER_SYSTEM: &str = r#"
id = "g15-h29-deaths-2026"
version = 1
title = "Only for the archive"
provider = "G15"
consumer = "H29"
legal_basis = ["Luật Hộ tịch số 60/2014/QH13"]
valid_from = 2026-01-01
valid_until = 2099-12-31
[[grant]]
id = "death"
dataset = "civil_status"
view = "death_extract"
methods = ["GetDeath"]
procedures = ["1.014177"]
systems = ["H29/archive"]
[[test]]
name = "allowed"
system = "H29/archive"
method = "civil_status/GetDeath"
procedure = "1.014177"
at = 2026-03-02T09:00:00
expect = "allowed"
fields = ["deceased.*", "died_at", "died_on.*", "entry.*", "place_of_death.*"]
[[test]]
name = "refused"
system = "H29/archive"
method = "civil_status/GetDeath"
procedure = "1.004222"
at = 2026-03-02T09:00:00
expect = "PURPOSE_NOT_COVERED"
"#;

const ARCHIVE: &str = r#"
[[system]]
id = "H29/archive"
title_vi = "Kho lưu trữ"
"#;

/// The same method for the same purpose as the reference agreement on land, with another view.
const SECOND: &str = r#"
id = "g10-h26-area-2026"
version = 1
title = "A second agreement"
provider = "G10"
consumer = "H26"
legal_basis = ["Luật Đất đai số 31/2024/QH15"]
valid_from = 2026-01-01
valid_until = 2099-12-31
[[grant]]
id = "area"
dataset = "land"
view = "area_and_purpose"
methods = ["GetParcel"]
procedures = ["1.004222"]
[[test]]
name = "allowed"
system = "H26/one-stop"
method = "land/GetParcel"
procedure = "1.004222"
at = 2026-03-02T09:00:00
expect = "allowed"
fields = [
    "address.*", "area_dm2", "certificate_no", "commune_code", "legal_area_dm2", "parcel_no",
    "purposes.*", "sheet_no",
]
[[test]]
name = "refused"
system = "H26/one-stop"
method = "land/GetParcel"
procedure = "1.014177"
at = 2026-03-02T09:00:00
expect = "PURPOSE_NOT_COVERED"
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

impl Case {
    /// Asked by the desk, refused with `PERMISSION_DENIED`.
    fn new(question: Question, reason: &'static str, names: &'static [&'static str]) -> Self {
        Self {
            system: DESK,
            question,
            code: Code::PermissionDenied,
            reason,
            names,
        }
    }

    fn by(self, system: &'static str) -> Self {
        Self { system, ..self }
    }

    fn code(self, code: Code) -> Self {
        Self { code, ..self }
    }
}

/// Fields that cannot be had.
fn for_fields(roles: &Roles) -> Vec<Case> {
    let asking_for = |fields: &str| person(&roles.person).with("motlan-fields", fields);
    vec![
        // R23.
        Case::new(
            asking_for("full_name,religion,ethnicity"),
            "FIELD_NOT_GRANTED",
            &["`religion`", "`ethnicity`", RESIDENCE_GRANT],
        ),
        // R52: what is unmarked cannot be had by asking for it either.
        Case::new(
            asking_for("working_note"),
            "FIELD_NOT_GRANTED",
            &["`working_note`"],
        ),
        Case::new(
            asking_for("full_nam"),
            "FIELD_UNKNOWN",
            &["`full_nam`", "`full_name`"],
        )
        .code(Code::InvalidArgument),
        Case::new(
            asking_for(&vec!["sex"; 129].join(",")),
            "TOO_MANY_FIELDS",
            &["128"],
        )
        .code(Code::InvalidArgument),
    ]
}

/// Agreements that do not cover the question.
fn for_agreements(roles: &Roles) -> Vec<Case> {
    vec![
        Case::new(person(&roles.person), "NO_AGREEMENT", &["H29"]).by(OTHER_DESK),
        // R22: the agreement on deaths covers this purpose, but not this method.
        Case::new(
            person(&roles.person).procedure(FUNERAL),
            "PURPOSE_NOT_COVERED",
            &[FUNERAL, RESIDENCE_GRANT],
        ),
        // R24.
        Case::new(
            enterprise(&roles.enterprise),
            "SYSTEM_SUSPENDED",
            &[SUSPENDED_DESK],
        )
        .by(SUSPENDED_DESK),
        Case::new(
            birth(&roles.child),
            "AGREEMENT_NOT_IN_FORCE",
            &["g15-h26-births-2025/birth"],
        ),
        Case::new(
            death(&roles.deceased),
            "SYSTEM_NOT_NAMED",
            &["g15-h29-deaths-2026/death", OTHER_DESK],
        )
        .by(OTHER_DESK),
    ]
}

/// Grants between which the caller must choose, or did not choose well.
fn for_grants(roles: &Roles) -> Vec<Case> {
    let citing = |grant| person(&roles.person).with("motlan-grant", grant);
    vec![
        // R20.
        Case::new(
            parcel(&roles.certificate),
            "GRANT_AMBIGUOUS",
            &CERTIFICATE_AND_AREA,
        )
        .code(Code::FailedPrecondition),
        Case::new(
            citing("g01-h26-population-2026/nothing"),
            "GRANT_UNKNOWN",
            &["g01-h26-population-2026/nothing"],
        ),
        // R22: a grant of the same agency for another method does not do.
        Case::new(
            citing("g01-h26-population-2026/household"),
            "GRANT_UNKNOWN",
            &["g01-h26-population-2026/household"],
        ),
        // R20: the cited grant must fit by itself.
        Case::new(
            parcel(&roles.certificate)
                .procedure(CHEMICALS)
                .with("motlan-grant", CERTIFICATE_AND_AREA[1]),
            "PURPOSE_NOT_COVERED",
            &[CERTIFICATE_AND_AREA[1], CHEMICALS],
        ),
    ]
}

#[tokio::test]
async fn a_refusal_says_why_is_recorded_and_no_provider_hears_of_it() {
    let running = start().await;
    let roles = running.roles();
    let mut cases = for_fields(&roles);
    cases.extend(for_agreements(&roles));
    cases.extend(for_grants(&roles));
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
    for grant in CERTIFICATE_AND_AREA {
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

#[tokio::test]
async fn what_a_caller_makes_up_does_not_reach_the_public_part_of_a_record() {
    // R61. `stop` looks for the person's number in every leaf.
    let running = Running::start().await;
    let roles = running.roles();
    let person_as_field = person(&roles.person).with("motlan-fields", &roles.person);
    let reply = running.ask(&person_as_field).await;
    assert_eq!(reply.reason().as_deref(), Some("FIELD_UNKNOWN"));
    let desk = running.world().system(DESK).unwrap();
    let token = desk.token(RESIDENCE).unwrap().variant(&roles.person);
    let person_as_variant = person(&roles.person).bearing(&desk.sign(&token).unwrap());
    let reply = running.desk.call(&person_as_variant).await.unwrap();
    assert_eq!(reply.code(), Code::Ok);
    let past = running.stop().await;
    let sealed = past.entries.iter().map(|entry| &entry.sealed.variant);
    assert_eq!(
        sealed.filter(|variant| **variant == roles.person).count(),
        2
    );
}
